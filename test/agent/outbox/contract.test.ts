import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutboxOptions } from '../../../agent/outbox/options.ts';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { openOutboxInThread } from '../../../agent/outbox/thread/thread-outbox.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { type OutboxUnderTest, outboxContract } from '../../contract/outbox.ts';
import { outboxClockContract } from '../../contract/outbox-clock.ts';

const create = (openOne: (options: OutboxOptions) => Promise<Outbox>) => (): OutboxUnderTest => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-outbox-'));
  let outbox: Outbox | undefined;
  return {
    async open() {
      await outbox?.[Symbol.asyncDispose]();
      outbox = await openOne({
        path: join(folder, 'outbox.db'),
        keyFile: join(folder, 'outbox.key'),
        clock: systemClock,
        log: silentLogger,
        metrics: new Metrics(),
      });
      return outbox;
    },
    async remove() {
      await outbox?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

for (const [name, openOne] of [
  ['sqlite', openOutbox],
  ['sqlite in a thread', openOutboxInThread],
] as const) {
  outboxContract(name, create(openOne));
  outboxClockContract(name, create(openOne));
}
