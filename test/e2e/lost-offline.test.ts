import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseRegistry } from '../../hub/registry/load-registry.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { Metrics } from '../../shared/metrics.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';
import { verifies } from '../requirements.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { hubCommand, writeHubConfig } from './hub-process.ts';

const HOME = 'gateways: [{ identity: gw-home, tenant: clinic, patient: pat-home-01 }]\nclients: []\n';

test('what people decided and a store that was put back lost is said by the commands of a hub that does not run, until it is confirmed', async () => {
  verifies('AMEND-LOST-SAID');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  await writeHubConfig(site);
  writeFileSync(at('registry.yaml'), HOME);
  const file = { path: at('hub.db'), keyFile: at('hub.key') };
  ensureKeyFile(file.keyFile, file.path);
  const list = async (): Promise<string> => {
    const { code, stdout, stderr } = await hubCommand('readings', 'list', '--config', at('hub.yaml'));
    assert.equal(code, 0, stderr);
    return stdout + stderr;
  };
  const bindings = parseRegistry(HOME).bindings();
  const found = Date.now() - 60_000;
  {
    await using store = openSqliteStore({ ...file, metrics: new Metrics() });
    await store.rebind(bindings, found - 3_600_000);
  }
  assert.doesNotMatch(await list(), /AMEND-LOST/);
  {
    await using store = openSqliteStore({ ...file, metrics: new Metrics() });
    // A gateway was told of what this store does not hold.
    assert.equal(await store.noticeLoss([{ epoch: 'zzzzzzzzzzzzz', position: 99 }], found), true);
    await store.rebind(bindings, found);
  }
  assert.match(await list(), /clinic, .+ to .+: AMEND-LOST.*To be confirmed: gw-home/);
  const confirmed = new Date(found + 1000).toISOString();
  writeFileSync(at('registry.yaml'), HOME.replace('pat-home-01 }', `pat-home-01, confirmed: "${confirmed}" }`));
  assert.doesNotMatch(await list(), /AMEND-LOST/);
});
