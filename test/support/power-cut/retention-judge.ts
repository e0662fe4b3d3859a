import { join } from 'node:path';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { judgeRetained } from '../retained-store.ts';

/** Each value that was answered for counts once, in its row or its rollup, and its key is known. */
export async function judgeRetention(folder: string, said: readonly string[]): Promise<void> {
  const [path, keyFile] = [join(folder, 'var/lib', 'hub.db'), join(folder, 'etc', 'hub.key')];
  ensureKeyFile(keyFile, path);
  await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
  await judgeRetained(store, said.filter((line) => line.startsWith('STORED ')).length);
}
