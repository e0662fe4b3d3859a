// A hub's store that is backed up while it is written to, and restored beside it, to be recorded: `node backup-child.ts FOLDER TURNS PAGES [careless]`
// (see small-log.ts).
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeBackup } from '../../../hub/backup/backup.ts';
import { restoreBackup } from '../../../hub/backup/restore.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { systemClock as clock } from '../../../shared/clock.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { placesIn, RECIPIENT, recoveryKeyFile } from './backup-judge.ts';
import { checkpointAfter } from './small-log.ts';
import { sentBatch } from './store-judge.ts';

const [folder = '', turns = '1', pages = '1000', careless] = process.argv.slice(2);
checkpointAfter(Number(pages), careless !== undefined);
const say = (line: string): void => void writeSync(1, `${line}\n`);
const { store: path, key: keyFile, backup: to, restored, restoredKey } = placesIn(join(folder, 'var'));
ensureKeyFile(keyFile, path);
const store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
let number = 0;
const put = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) {
    await store.storeBatch(sentBatch(number));
    number += 1;
  }
};
await put(Number(turns));
say(`BEFORE ${number}`);
const making = makeBackup({ store, to, recipients: [RECIPIENT], clock });
await put(Number(turns));
await making;
say('BACKED');
const { observations } = await restoreBackup({
  from: to,
  recoveryKeyFile: recoveryKeyFile(),
  to: restored,
  keyFile: restoredKey,
  clock,
  uid: 0,
});
say(`RESTORED ${observations}`);
await store[Symbol.asyncDispose]();
