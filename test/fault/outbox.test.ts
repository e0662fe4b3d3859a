import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { verifies } from '../requirements.ts';
import { assertNothingLost, GATEWAY, nothingSaid, runGateway } from './outbox-witness.ts';

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-fault-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the outbox under faults', () => {
  test('killed five times under load: nothing acknowledged is missing, nothing completed comes back', async () => {
    verifies('ACK-AFTER-COMMIT', 'EXACTLY-ONCE');
    await inFolder(async (folder) => {
      const said = nothingSaid();
      for (const [round, killAfter] of [1, 7, 40, 150, 400].entries()) {
        await runGateway([process.execPath, GATEWAY, folder, `${1 + round * 1_000_000}`, '900000'], said, killAfter);
      }
      assert.ok(said.acknowledged.size >= 598 && said.done.size > 100);
      assertNothingLost(folder, said);
    });
  });

  test('killed between append and complete: the rows wait under their old keys and can be completed', async () => {
    await inFolder(async (folder) => {
      const said = nothingSaid();
      await runGateway([process.execPath, GATEWAY, folder, '1', '900000'], said, 100);
      const outbox = await openOutbox({
        path: join(folder, 'outbox.db'),
        keyFile: join(folder, 'outbox.key'),
        clock: systemClock,
        log: silentLogger,
        metrics: new Metrics(),
      });
      const waiting = await outbox.pending(0, 100_000);
      assert.ok(waiting.length > 0);
      assert.ok(waiting.every((row) => row.epoch !== outbox.epoch && !said.done.has(row.seq)));
      await outbox.complete(waiting);
      assert.equal((await outbox.status()).pending, 0);
      await outbox[Symbol.asyncDispose]();
      assertNothingLost(folder, said);
    });
  });

  test('a disk that refuses to write: nothing is acknowledged meanwhile, and it recovers without a restart', async () => {
    verifies('ACK-AFTER-COMMIT');
    await inFolder(async (folder) => {
      // The kernel refuses to let any file grow beyond 1 MiB (2048 blocks of 512 bytes); the log reaches that and is then begun anew.
      const limited = ['/bin/sh', '-c', 'ulimit -f 2048 && exec "$@"', 'sh', process.execPath, GATEWAY, folder, '1', '300'];
      const said = nothingSaid();
      await runGateway(limited, said);
      assert.ok(said.acknowledged.size >= 300);
      assert.ok((said.errors.get('STORAGE-IO') ?? 0) > 0, 'the limit was met');
      assert.deepEqual([...said.errors.keys()], ['STORAGE-IO']);
      assert.ok(said.afterError > 0);
      assertNothingLost(folder, said);
    });
  });
});
