import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client, Message } from 'node-hl7-client';
import type { Hl7Profile } from '../../../agent/decoding.ts';
import { mllpFrame } from '../../../agent/framing/mllp.ts';
import { formatHl7Time } from '../../../agent/hl7/time.ts';
import { createIntake } from '../../../agent/intake.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { profile } from '../../../agent/profiles.ts';
import { hl7Stream } from '../../../agent/sources/hl7-stream.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS, type MllpServerOptions } from '../../../agent/sources/mllp-server.ts';
import type { SourceEnvironment } from '../../../agent/sources/source.ts';
import { verifies } from '../../requirements.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { dial, started, type TestEnvironment, testEnvironment } from './support.ts';

const MAX = 4096;
/** MSH-7: what came at another time is no repetition. */
const SENT = formatHl7Time(Date.now());

function server(environment: SourceEnvironment, limits: Partial<MllpServerOptions> = {}) {
  const context = { source: 'icu', zone: 'UTC', test: true, maxFrameBytes: MAX };
  return createMllpServer(
    { ...MLLP_SERVER_DEFAULTS, name: 'icu', host: '127.0.0.1', port: 0, decoder: () => hl7Stream(hl7Pcd01, context), ...limits },
    environment,
  );
}

/** A PCD-01 message with one SpO2 (IHE PCD TF-2, DEC); synthetic. */
function oru(id: string, { type = 'ORU^R01^ORU_R01', version = '2.6', padding = '' } = {}): string {
  return [
    `MSH|^~\\&|SIM^00A037FFFE000001^EUI-64|SIM|VITALMESH|GATEWAY|${SENT}||${type}|${id}|P|${version}|||NE|AL||UNICODE UTF-8`,
    'PID|||P-0001^^^HOSP^MR',
    'PV1||I|ICU^^BED-1',
    'OBR|1|1^SIM|1^SIM|182777000^monitoring of patient^SCT|||20261121100000+0000',
    'OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||00A037FFFE000001^^00A037FFFE000001^EUI-64',
    `OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.150456|97|262688^MDC_DIM_PERCENT^MDC|||||R|||20261121100000+0000${padding}`,
    '',
  ].join('\r');
}

const frame = (text: string): Uint8Array => mllpFrame(Buffer.from(text));

/** MSA-1 and MSA-2 of every acknowledgement received. */
function acknowledgements(received: string): string[] {
  return [...received.matchAll(/\rMSA\|([A-Z]{2})\|([^\r|]*)/g)].map(([, code, id]) => `${code} ${id}`);
}

test('pipelined messages are each acknowledged once, in order', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  const ids = Array.from({ length: 50 }, (_, i) => `M-${i}`);
  wire.send(Buffer.concat(ids.map((id) => frame(oru(id)))));
  const received = await wire.until((text) => acknowledgements(text).length >= 50);
  assert.deepEqual(
    acknowledgements(received),
    ids.map((id) => `AA ${id}`),
  );
  assert.equal(source.status().readings, 50);
});

test('a message that comes byte by byte is acknowledged once', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  for (const byte of frame(oru('M-1'))) await new Promise((sent) => wire.socket.write(Buffer.of(byte), sent));
  const received = await wire.until((text) => text.endsWith('\u001c\r'));
  assert.deepEqual(acknowledgements(received), ['AA M-1']);
});

test('garbage, a lost trailer and interleaved frames cost only themselves', async () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  const whole = frame(oru('M-2'));
  wire.send(
    Buffer.concat([
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      frame(oru('M-1')),
      // The end of this one never comes; the next begins in the middle of it.
      whole.subarray(0, 100),
      frame(oru('M-3')),
      // Without the last CR.
      frame(oru('M-4')).subarray(0, -1),
      frame(oru('M-5')),
    ]),
  );
  const received = await wire.until((text) => acknowledgements(text).length >= 4);
  assert.deepEqual(acknowledgements(received), ['AA M-1', 'AA M-3', 'AA M-4', 'AA M-5']);
  assert.deepEqual(
    environment.intake.rejections.map(({ code }) => code),
    ['DECODE-GARBAGE', 'DECODE-TRUNCATED'],
  );
});

test('an oversized message is refused for good, so that its sender goes on to the next', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  wire.send(frame(oru('BIG', { padding: 'x'.repeat(3 * MAX) })));
  wire.send(frame(oru('NEXT')));
  const received = await wire.until((text) => acknowledgements(text).length >= 2);
  assert.deepEqual(acknowledgements(received), ['AR BIG', 'AA NEXT']);
  assert.equal(environment.intake.rejections[0]?.code, 'DECODE-OVERSIZED');
});

test('what is no HL7 of ours is refused with its reason, and kept', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  wire.send(frame(oru('OLD', { version: '9.9' })));
  wire.send(frame(oru('ADT', { type: 'ADT^A01^ADT_A01' })));
  wire.send(frame('no message at all'));
  wire.send(frame(oru('GOOD')));
  const received = await wire.until((text) => text.includes('|GOOD'));
  assert.deepEqual(
    acknowledgements(received).filter((text) => !text.endsWith(' ')),
    ['AR OLD', 'AR ADT', 'AA GOOD'],
  );
  assert.deepEqual(
    environment.intake.rejections.map(({ code, raw }) => [code, raw !== undefined]),
    [
      ['HL7-VERSION', true],
      ['HL7-TYPE', true],
      ['HL7-NO-MSH', true],
    ],
  );
});

test('blocks without a message are neither answered nor borne without end', async () => {
  verifies('NO-SILENT-DROP');
  for (const block of ['\x0b\x1c', '\x0bx\x1c\r']) {
    const environment = testEnvironment();
    await using source = await started(server(environment, { maxNoiseBytes: 16_384 }));
    const wire = await dial(source);
    wire.send(block.repeat(1000));
    wire.send(frame(oru('M-1')));
    const received = await wire.until((text) => acknowledgements(text).length > 0);
    assert.deepEqual(acknowledgements(received), ['AA M-1']);
    assert.ok(environment.intake.rejections.length < 10, 'they are told of in runs');
    wire.send(block.repeat(20_000));
    await wire.closed();
    assert.equal(environment.metrics.get('source_cut_total', 'icu/garbage'), 1);
  }
});

test('messages that a dialect leaves aside are answered, however many there are', async () => {
  const environment = testEnvironment();
  const context = { source: 'adt', zone: 'UTC', test: true, maxFrameBytes: MAX };
  const feed = profile('hl7-adt') as Hl7Profile;
  const options = { maxNoiseBytes: 1000, decoder: () => hl7Stream(feed, context) };
  await using source = await started(server(environment, options));
  const wire = await dial(source);
  const ids = Array.from({ length: 30 }, (_, i) => `A-${i}`);
  wire.send(Buffer.concat(ids.map((id) => frame(oru(id, { type: 'ADT^A60' })))));
  const received = await wire.until((text) => acknowledgements(text).length === 30);
  assert.deepEqual(
    acknowledgements(received),
    ids.map((id) => `AA ${id}`),
  );
  assert.equal(environment.metrics.get('source_cut_total', 'icu/garbage'), 0);
});

test('a message that cannot be stored is answered AE, and its sender may try again', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  environment.intake.fail();
  wire.send(frame(oru('M-1')));
  await wire.until((text) => text.includes('AE|M-1'));
  environment.intake.release();
  wire.send(frame(oru('M-1')));
  const received = await wire.until((text) => acknowledgements(text).length === 2);
  assert.deepEqual(acknowledgements(received), ['AE M-1', 'AA M-1']);
});

test('a sender that breaks off in the middle of a message loses nothing before it', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  wire.send(Buffer.concat([frame(oru('M-1')), frame(oru('M-2')).subarray(0, 200)]));
  await wire.until((text) => acknowledgements(text).length === 1);
  wire.socket.resetAndDestroy();
  await environment.intake.until(({ rejections }) => rejections.length === 1);
  assert.equal(environment.intake.rejections[0]?.code, 'DECODE-TRUNCATED');
  const again = await dial(source);
  again.send(frame(oru('M-2')));
  assert.deepEqual(acknowledgements(await again.until((text) => text.endsWith('\u001c\r'))), ['AA M-2']);
});

/** An outbox and the intake before it, in a folder of their own. */
async function onDisk(folder: string, { metrics, clock, log }: TestEnvironment) {
  const outbox = await openOutbox({ path: join(folder, 'outbox.db'), keyFile: join(folder, 'key'), clock, log, metrics });
  return { outbox, intake: createIntake({ outbox, metrics, clock }) };
}

test('a sender whose acknowledgement was lost is answered again, and its message stored once, over a restart too', async () => {
  verifies('STORED-ONCE', 'ACK-AFTER-COMMIT');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-again-'));
  try {
    {
      const environment = testEnvironment();
      const { outbox, intake } = await onDisk(folder, environment);
      await using _outbox = outbox;
      const committed = Promise.withResolvers<void>();
      outbox.onAppend(() => committed.resolve());
      await using source = await started(server({ ...environment, intake }));
      const wire = await dial(source);
      // It is gone before anything can be written to it.
      wire.socket.pause();
      wire.send(frame(oru('M-1')));
      await committed.promise;
      wire.socket.resetAndDestroy();
    }
    const environment = testEnvironment();
    const { outbox, intake } = await onDisk(folder, environment);
    await using _outbox = outbox;
    await using source = await started(server({ ...environment, intake }));
    const wire = await dial(source);
    wire.send(Buffer.concat([frame(oru('M-1')), frame(oru('M-1')), frame(oru('M-2'))]));
    const received = await wire.until((text) => acknowledgements(text).length === 3);
    assert.deepEqual(acknowledgements(received), ['AA M-1', 'AA M-1', 'AA M-2']);
    assert.equal((await outbox.status()).pending, 2);
    assert.equal(environment.metrics.get('source_repeated_total', 'icu'), 2);
    assert.equal(source.status().records, 1);
    assert.equal(environment.metrics.get('intake_observations_total'), 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('another message under the id of an earlier one is stored, and told of', async () => {
  verifies('STORED-ONCE', 'NO-SILENT-DROP');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-again-'));
  try {
    const environment = testEnvironment();
    const { outbox, intake } = await onDisk(folder, environment);
    await using _outbox = outbox;
    await using source = await started(server({ ...environment, intake }));
    const wire = await dial(source);
    for (const text of [oru('M-1'), oru('M-1').replace('|97|', '|91|'), oru('M-1')]) wire.send(frame(text));
    await wire.until((text) => acknowledgements(text).length === 3);
    assert.deepEqual(
      (await outbox.pending(0, 10)).map(({ record }) => record.readings[0]?.value),
      [97, 91],
    );
    assert.equal(environment.metrics.get('source_stored_again_total', 'icu'), 1);
    assert.deepEqual([source.status().rejected, source.status().storedAgain], [0, 1]);
    assert.equal(environment.metrics.get('intake_rejected_total', 'icu/HL7-DUPLICATE-ID'), 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('messages without blocks are read where the configuration says so, and answered without blocks', async () => {
  verifies('UNFRAMED-BY-CONFIGURATION');
  const environment = testEnvironment();
  const context = { source: 'icu', zone: 'UTC', test: true, maxFrameBytes: MAX };
  await using source = await started(server(environment, { quietMs: 20, decoder: () => hl7Stream(hl7Pcd01, context, 'none') }));
  const wire = await dial(source);
  wire.send(oru('M-1') + oru('M-2'));
  const received = await wire.until((text) => acknowledgements(text).length === 2);
  assert.deepEqual(acknowledgements(received), ['AA M-1', 'AA M-2']);
  assert.doesNotMatch(received, /[\u000b\u001c]/);
  // A pause within a line is no end: the last value is not whole.
  const message = oru('M-3');
  const cut = message.indexOf('|97|') + 2;
  wire.send(message.slice(0, cut));
  const other = await dial(source);
  other.send(oru('O-1'));
  await other.until((text) => acknowledgements(text).length === 1);
  wire.send(message.slice(cut));
  await wire.until((text) => acknowledgements(text).includes('AA M-3'));
  wire.socket.end(message.slice(0, cut));
  await wire.closed();
  assert.deepEqual(
    environment.intake.rejections.map(({ code }) => code),
    ['DECODE-TRUNCATED'],
  );
  assert.equal(source.status().readings, 4);
});

test('a message without blocks that ends while the disk is slow is taken when it is quick again', async () => {
  verifies('UNFRAMED-BY-CONFIGURATION');
  const environment = testEnvironment();
  const context = { source: 'icu', zone: 'UTC', test: true, maxFrameBytes: MAX };
  const options = { quietMs: 5, maxPending: 1, decoder: () => hl7Stream(hl7Pcd01, context, 'none') };
  await using source = await started(server(environment, options));
  const wire = await dial(source);
  environment.intake.hold();
  wire.send(oru('M-1') + oru('M-2'));
  await environment.intake.until(({ offered }) => offered === 1);
  // Another sender's turn shows that the pause has had its time.
  const other = await dial(source);
  other.send(oru('O-1'));
  await environment.intake.until(({ offered }) => offered === 2);
  environment.intake.release();
  const received = await wire.until((text) => acknowledgements(text).length === 2);
  assert.deepEqual(acknowledgements(received), ['AA M-1', 'AA M-2']);
});

test('messages without blocks are no messages where blocks were promised', async () => {
  verifies('UNFRAMED-BY-CONFIGURATION', 'NO-SILENT-DROP');
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  wire.send(oru('M-1'));
  wire.send(frame(oru('M-2')));
  assert.deepEqual(acknowledgements(await wire.until((text) => acknowledgements(text).length > 0)), ['AA M-2']);
  assert.deepEqual(
    environment.intake.rejections.map(({ code, bytes }) => [code, bytes]),
    [['DECODE-GARBAGE', oru('M-1').length]],
  );
});

test('node-hl7-client as a sender understands every acknowledgement', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const { endpoint } = source.status();
  const client = new Client({ host: '127.0.0.1', version: '2.6' });
  let acknowledged = Promise.withResolvers<string>();
  const connection = client.createConnection({ port: Number(endpoint.split(':')[1]), version: '2.6' }, async (answer) => {
    const message = answer.getMessage();
    acknowledged.resolve(`${message.get('MSA.1').toString()} ${message.get('MSA.2').toString()}`);
  });
  // Its own queue of unsent messages never ends while it waits for an acknowledgement, so it gets one at a time.
  await once(connection, 'connect');
  for (const id of ['C-1', 'C-2', 'C-3']) {
    acknowledged = Promise.withResolvers();
    await connection.sendMessage(new Message({ text: oru(id) }));
    assert.equal(await acknowledged.promise, `AA ${id}`);
  }
  await connection.close();
});
