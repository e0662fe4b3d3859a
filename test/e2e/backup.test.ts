import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeBackup } from '../../hub/backup/backup.ts';
import { createRecoveryKey } from '../../hub/backup/recovery-key.ts';
import { restoreBackup } from '../../hub/backup/restore.ts';
import { systemClock as clock } from '../../shared/clock.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { readKeyFile } from '../../shared/storage/key-file.ts';
import { verifies } from '../requirements.ts';
import { testHub } from '../support/hub.ts';
import { until } from '../support/uplink.ts';
import { countsOf, drained, homeRecord, listen, outboxFile, send, storedValuesOf } from '../support/uplink-site.ts';

test('a hub is lost and restored on another machine from a backup that was made while a gateway sent: every reading is there once', async () => {
  verifies('BACKUP-ONLINE', 'BACKUP-RESTORES', 'HUB-RESTORED', 'EXACTLY-ONCE');
  const machines = mkdtempSync(join(tmpdir(), 'vitalmesh-machines-'));
  const at = (...names: string[]): string => join(machines, ...names);
  try {
    const recipients = [createRecoveryKey(at('recovery.key'))];
    const network = createMemoryNetwork();
    await using outbox = await outboxFile().open();
    await using agent = await send(network, outbox);
    const values: number[] = [];
    const append = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        const value = 40 + values.length;
        values.push(value);
        await outbox.append([homeRecord(undefined, value)]);
      }
    };
    {
      const place = mkdtempSync(at('first-'));
      await using hub = testHub({ dir: place });
      await using _server = await listen(network, hub);
      await append(40);
      await drained(outbox);
      const making = makeBackup({ store: hub.store, to: at('backup'), recipients, clock });
      await append(40);
      await making;
      await append(20);
      await drained(outbox);
      assert.deepEqual(await storedValuesOf(hub), values);
    }
    await append(5);
    const [to, keyFile] = [at('second', 'hub.db'), at('second', 'hub.key')];
    const options = { from: at('backup'), recoveryKeyFile: at('recovery.key'), to, keyFile, clock, uid: 1000 };
    const { observations } = await restoreBackup(options);
    assert.ok(observations >= 40 && observations <= 80, `${observations} were in the backup`);

    await using hub = testHub({ dir: at('second'), key: readKeyFile(keyFile) });
    await using _server = await listen(network, hub);
    await until(() => agent.uplink.status().state === 'connected');
    await drained(outbox);
    assert.deepEqual(await storedValuesOf(hub), values);
    const counts = await countsOf(hub);
    assert.deepEqual([counts.observations, counts.quarantined], [values.length, 0]);
    assert.equal((await outbox.status()).quarantined, 0);
  } finally {
    rmSync(machines, { recursive: true, force: true });
  }
});
