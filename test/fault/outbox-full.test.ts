import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mllpFrame } from '../../agent/framing/mllp.ts';
import { formatHl7Time } from '../../agent/hl7/time.ts';
import { createIntake } from '../../agent/intake.ts';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { hl7Stream } from '../../agent/sources/hl7-stream.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS } from '../../agent/sources/mllp-server.ts';
import { dial, started, testEnvironment } from '../agent/sources/support.ts';
import { markedRecord } from '../contract/outbox.ts';
import { verifies } from '../requirements.ts';
import { hl7Pcd01 } from '../support/hl7.ts';

const LIMIT = 512 * 1024;

/** A PCD-01 message with one SpO2 (IHE PCD TF-2, DEC); synthetic. */
function oru(id: number, sentAt: number): Uint8Array {
  const message = [
    `MSH|^~\\&|SIM^00A037FFFE000001^EUI-64|SIM|VITALMESH|GATEWAY|${formatHl7Time(sentAt)}||ORU^R01^ORU_R01|M-${id}|P|2.6`,
    'PID|||P-0001^^^HOSP^MR',
    'OBR|1|1^SIM|1^SIM|182777000^monitoring of patient^SCT|||20261121100000+0000',
    `OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.150456|${id % 100}|262688^MDC_DIM_PERCENT^MDC|||||R|||20261121100000+0000`,
    '',
  ];
  return mllpFrame(Buffer.from(message.join('\r')));
}

const codes = (text: string): string[] => [...text.matchAll(/\rMSA\|([A-Z]{2})\|/g)].map(([, code = '']) => code);

/** Fills it with what is never given up; how many rows went in. */
async function fill(outbox: Outbox): Promise<number> {
  for (let rows = 0; ; rows += 1) {
    try {
      await outbox.append([
        { ...markedRecord(rows), class: 'movement', readings: [{ vital: 'spo2', value: rows, limits: 'l'.repeat(900) }] },
      ]);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'OUTBOX-FULL');
      return rows;
    }
  }
}

test('a monitor at a gateway that is full gets AE for each message, AA once the hub took what waits, and nothing is lost or stored twice', async () => {
  verifies('OUTBOX-ALARM', 'ACK-AFTER-COMMIT', 'STORED-ONCE');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-filled-'));
  try {
    const environment = testEnvironment();
    const { clock, log, metrics } = environment;
    const [path, keyFile] = [join(folder, 'outbox.db'), join(folder, 'outbox.key')];
    await using outbox = await openOutbox({ path, keyFile, clock, log, metrics, limits: { maxBytes: LIMIT } });
    const intake = createIntake({ outbox, metrics, clock });
    const context = { source: 'icu', zone: 'UTC', test: true, maxFrameBytes: 4096 };
    const options = { ...MLLP_SERVER_DEFAULTS, name: 'icu', host: '127.0.0.1', port: 0, decoder: () => hl7Stream(hl7Pcd01, context) };
    await using source = await started(createMllpServer(options, { ...environment, intake }));
    const before = await fill(outbox);
    const sentAt = clock.now();
    const messages = Array.from({ length: 20 }, (_, i) => oru(i + 1, sentAt));
    const wire = await dial(source);
    wire.send(Buffer.concat(messages));
    assert.deepEqual(codes(await wire.until((text) => codes(text).length >= 20)), Array(20).fill('AE'));
    assert.equal((await outbox.status()).pending, before);
    // The hub is back.
    await outbox.complete(await outbox.pending(0, 10_000));
    const again = await dial(source);
    again.send(Buffer.concat([...messages, ...messages]));
    assert.deepEqual(codes(await again.until((text) => codes(text).length >= 40)), Array(40).fill('AA'));
    assert.equal((await outbox.waiting(0, 100)).filter(({ record }) => record.source === 'icu').length, 20);
    assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).code], [20, null]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
