// Replays quarantine, as a process to be killed: `node outbox-replayer.ts FOLDER COUNT [LINES]`. At its first start it puts COUNT refused rows and
// COUNT whole messages into quarantine and prints `READY`. Then it replays all of it, and prints `OUT id outcome` for each entry once that is on disk. After so many
// lines it waits to be killed.
import { join } from 'node:path';
import type { Replayed } from '../../agent/outbox/operator.ts';
import { outboxCommands } from '../../agent/outbox/operator.ts';
import type { Origin } from '../../agent/outbox/outbox.ts';
import { openOutboxInThread } from '../../agent/outbox/thread/thread-outbox.ts';
import { systemClock } from '../../shared/clock.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { markedRecord } from '../contract/outbox.ts';
import { hl7Pcd01 } from '../support/hl7.ts';

const [folder = '', count = '1', lines = 'Infinity'] = process.argv.slice(2);
const outbox = await openOutboxInThread({
  path: join(folder, 'outbox.db'),
  keyFile: join(folder, 'outbox.key'),
  clock: systemClock,
  log: silentLogger,
  metrics: new Metrics(),
});
const context = { source: 'monitors', zone: 'UTC', test: true, maxFrameBytes: 65_536 };
const origin: Origin = { profile: 'hl7-pcd01', kind: 'hl7', context, doubtful: false };

let said = 0;
/** Resolves when the pipe has it. */
const say = async (line: string): Promise<void> => {
  await new Promise<void>((resolve) => void process.stdout.write(`${line}\n`, () => resolve()));
  said += 1;
  while (said >= Number(lines)) await pause(60_000);
};

const message = (mark: number): Buffer =>
  Buffer.from(
    `MSH|^~\\&|SIM||||20261121100000+0000||ORU^R01^ORU_R01|M-${mark}|P|2.6\rPID|||P-${mark}^^^HOSP\r` +
      'OBR|1|||182777000^monitoring^SCT|||20261121100000+0000\r' +
      'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||R\r',
  );

if ((await outbox.status()).quarantined + (await outbox.status()).pending === 0) {
  const marks = Array.from({ length: Number(count) }, (_, i) => i + 1);
  await outbox.quarantine(await outbox.append(marks.map((mark) => markedRecord(mark))), 'INGEST-NOT-BOUND');
  await Promise.all(marks.map((mark) => outbox.quarantineBytes('monitors', 'HL7-TYPE', 'message', message(mark), origin)));
}
await say('READY');
const commands = outboxCommands({
  outbox,
  sources: [{ name: 'monitors', profile: hl7Pcd01, context }],
  clock: systemClock,
  log: silentLogger,
});
for (const code of ['INGEST-NOT-BOUND', 'HL7-TYPE']) {
  for await (const row of commands['outbox-replay']?.({ code }, 'local:0') ?? []) {
    const { id, outcome } = row as Replayed;
    await say(`OUT ${id} ${outcome}`);
  }
}
await outbox[Symbol.asyncDispose]();
