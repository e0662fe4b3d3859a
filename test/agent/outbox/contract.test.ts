import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { outboxContract } from '../../contract/outbox.ts';

outboxContract('sqlite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-outbox-'));
  let outbox: Outbox | undefined;
  return {
    async open() {
      await outbox?.[Symbol.asyncDispose]();
      outbox = await openOutbox({
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
});
