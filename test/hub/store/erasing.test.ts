import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { StorePlace } from '../../contract/store.ts';
import { storeErasingContract } from '../../contract/store-erasing.ts';

async function place(): Promise<StorePlace> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-erasing-'));
  const key = randomBytes(32);
  return {
    open: async () => openSqliteStore({ path: join(folder, 'hub.db'), key, metrics: new Metrics() }),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

storeErasingContract('sqlite', place);
