// The hub's store at work, to be recorded: `node store-child.ts FOLDER TURNS PAGES [careless]` (see small-log.ts). In three lives it stores
// batches, some of them twice, and evidence of reads, and says each time what a gateway would have been answered.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { event } from '../../contract/store.ts';
import { checkpointAfter } from './small-log.ts';
import { sentBatch } from './store-judge.ts';

const [folder = '', turns = '1', pages = '1000', careless] = process.argv.slice(2);
checkpointAfter(Number(pages), careless !== undefined);
const say = (...lines: string[]): void => void writeSync(1, lines.map((line) => `${line}\n`).join(''));
let number = 0;

for (let life = 0; life < 3; life += 1) {
  const [path, keyFile] = [join(folder, 'var/lib', 'hub.db'), join(folder, 'etc', 'hub.key')];
  ensureKeyFile(keyFile, path);
  const store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
  say(`STORE ${store.storeId}`);
  for (let turn = 0; turn < Number(turns); turn += 1) {
    const numbers = Array.from({ length: 1 + (turn % 3) }, (_, i) => number + i);
    number += numbers.length;
    await Promise.all(numbers.map((each) => store.storeBatch(sentBatch(each))));
    say(...numbers.map((each) => `STORED ${each}`));
    if (turn % 4 === 1) await store.storeBatch(sentBatch(number - 1));
    if (turn % 4 === 2) {
      await store.record([event(turn, { reason: `read-${number}` })]);
      say(`RECORDED read-${number}`);
    }
  }
  let last = 0;
  for await (const { seq } of store.audit()) last = seq;
  say(`AUDIT ${last}`);
  await store[Symbol.asyncDispose]();
}
