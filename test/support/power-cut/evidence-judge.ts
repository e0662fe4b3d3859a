import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { judgeEvidence, sign } from '../retained-evidence.ts';

/** What remains verifies, what is gone is told of, and nothing is gone before its time. */
export async function judgeEvidenceRetention(folder: string, said: readonly string[]): Promise<void> {
  const [path, keyFile] = [join(folder, 'var/lib', 'hub.db'), join(folder, 'etc', 'hub.key')];
  ensureKeyFile(keyFile, path);
  await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
  // A hub signs what it finds before anybody verifies it.
  await sign(store);
  await judgeEvidence(store, said.filter((line) => line.startsWith('RECORDED ')).length);
  if (said.some((line) => line.startsWith('RETAINED ')))
    assert.ok((await store.anchors()).length > 0, 'a removal that was answered for has its anchor');
}
