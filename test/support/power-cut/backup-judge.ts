import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicKeyOf } from '../../../hub/backup/hpke.ts';
import { formatRecipient } from '../../../hub/backup/recovery-key.ts';
import { restoreBackup } from '../../../hub/backup/restore.ts';
import { openStore } from '../../../hub/store/open-store.ts';
import { systemClock as clock } from '../../../shared/clock.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { event } from '../../contract/store.ts';
import { gathered } from '../hub.ts';
import { sentBatch } from './store-judge.ts';

const SECRET = Buffer.alloc(32, 7);
export const RECIPIENT = formatRecipient(publicKeyOf(SECRET));

const own = mkdtempSync(join(tmpdir(), 'vitalmesh-recovery-'));
process.once('exit', () => rmSync(own, { recursive: true, force: true }));

/** The private half of `RECIPIENT`, outside of what is recorded. */
export function recoveryKeyFile(): string {
  const path = join(own, 'recovery.key');
  writeFileSync(path, `VITALMESH-RECOVERY-KEY-1:${SECRET.toString('base64url')}\n`, { mode: 0o600 });
  return path;
}

export function placesIn(folder: string) {
  const at = (name: string): string => join(folder, name);
  const other = (name: string): string => join(folder, 'other', name);
  return { store: at('hub.db'), key: at('hub.key'), backup: at('backup'), restored: other('hub.db'), restoredKey: other('hub.key') };
}

/** How many observations a store holds that can be opened, all of which can be read. */
async function held(path: string, keyFile: string): Promise<number> {
  await using store = (await openStore({ path, keyFile }, { metrics: new Metrics() })).store;
  assert.deepEqual((await store.verify()).findings, []);
  return (await gathered(await store.observations('clinic', {}, (rows) => event(rows)))).length;
}

/** A backup that has its name is whole and holds what was stored before; so does a restored store; neither is lost once it was told of. */
export async function judgeBackup(folder: string, said: readonly string[]): Promise<void> {
  const { backup, restored, restoredKey } = placesIn(join(folder, 'var'));
  const batches = Number(said.find((line) => line.startsWith('BEFORE'))?.split(' ')[1] ?? 0);
  const before = batches * sentBatch(0).arrivals.length;
  if (said.includes('BACKED')) assert.ok(existsSync(backup), 'the backup is gone');
  if (existsSync(backup)) {
    const again = join(folder, 'again');
    const places = { to: join(again, 'hub.db'), keyFile: join(again, 'hub.key') };
    const { observations } = await restoreBackup({ from: backup, recoveryKeyFile: recoveryKeyFile(), ...places, clock, uid: 0 });
    assert.ok(observations >= before && observations === (await held(places.to, places.keyFile)), `${observations} of ${before}`);
  }
  const told = said.find((line) => line.startsWith('RESTORED'))?.split(' ')[1];
  if (!existsSync(restored)) {
    assert.ok(told === undefined && !existsSync(restoredKey), 'a key without its store');
    return;
  }
  if (existsSync(restoredKey)) assert.ok((await held(restored, restoredKey)) >= Number(told ?? before));
  else await assert.rejects(held(restored, restoredKey), { code: 'STORAGE-KEY-FILE' });
}
