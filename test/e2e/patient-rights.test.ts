import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HubStatus } from '../../hub/status.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { Metrics } from '../../shared/metrics.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';
import { event } from '../contract/store.ts';
import { filled } from '../contract/store-erasing.ts';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { HubProcess, hubCommand, writeHubConfig } from './hub-process.ts';

const WHO = 'pat-icu-01';
const registry = (who: string): string =>
  `gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: ${who}, ICU-02: pat-icu-02 } }]\nclients: []\n`;

test('a running hub gives a person a copy and erases them; the store of before, put back, erases them again at its start', async () => {
  verifies('EXPORT-PATIENT', 'ERASE-ROWS', 'ERASE-HOLD', 'ERASE-READOPTED');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  const ours = (...args: string[]) => hubCommand('patients', ...args, '--config', at('hub.yaml'));
  writeFileSync(at('registry.yaml'), registry(WHO));
  await writeHubConfig(site);
  const file = { path: at('hub.db'), keyFile: at('hub.key') };
  ensureKeyFile(file.keyFile, file.path);
  {
    await using store = openSqliteStore({ ...file, metrics: new Metrics() });
    await filled(store);
  }
  for (const name of ['hub.db', 'hub.key']) copyFileSync(at(name), at(`before.${name}`));
  const held = async (): Promise<number> => {
    await using store = openSqliteStore({ ...file, metrics: new Metrics() });
    return (await gathered(await store.observations('clinic', { patient: WHO }, () => event(0)))).length;
  };
  {
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
    const copied = await ours('export', WHO, '--out', at('copy.json'));
    assert.equal(copied.code, 0, copied.stderr);
    assert.match(copied.stdout, /^Written to .*copy\.json, which only you can read: 1 Patient, .*Observation.*AuditEvent/);
    const erase = ['erase', WHO, '--confirm', WHO, '--reason', 'DSR-2026-7'];
    const bound = await ours(...erase);
    assert.match(bound.stderr, /^PATIENT-BOUND: .*beds of gateway gw-icu/);
    writeFileSync(at('registry.yaml'), registry('null'));
    await hub.reload();
    const done = await ours(...erase);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /^Erased: 4 observations, 0 rollups, 1 events, 1 movements; and 1 parts in quarantine/);
    const { people } = (await askOperator(at('op/hub.sock'), 'status')) as HubStatus;
    assert.deepEqual(people, { erased: 1, underWay: 0, held: 0 });
    assert.match((await hubCommand('status', '--config', at('hub.yaml'))).stdout, /People +1 erased/);
    assert.doesNotMatch(hub.log, new RegExp(WHO));
    assert.equal(await hub.stop(), 0);
  }
  assert.equal(await held(), 0);
  for (const name of ['hub.db', 'hub.key']) copyFileSync(at(`before.${name}`), at(name));
  assert.ok(!existsSync(at('hub.db-wal')));
  assert.equal(await held(), 4);
  {
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
    assert.match(hub.log, /"people":1,.*people were erased/);
    assert.equal(await hub.stop(), 0);
  }
  assert.equal(await held(), 0);
  // Who took the list away, or spoilt it, is found; the hub serves everybody else meanwhile.
  writeFileSync(at('hub.db.erased'), '{}', { mode: 0o600 });
  assert.match((await hubCommand('check', '--config', at('hub.yaml'))).stderr, /^PATIENT-TOMBSTONES: /);
  {
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
    assert.match(hub.log, /"code":"PATIENT-TOMBSTONES"/);
    assert.match(
      (await hubCommand('status', '--config', at('hub.yaml'))).stdout,
      /People +PATIENT-TOMBSTONES \(The list of the people who were erased/,
    );
    assert.equal(await hub.stop(), 0);
  }
  assert.equal(readFileSync(at('hub.db.erased'), 'utf8'), '{}');
  rmSync(at('hub.db.erased'));
  assert.match((await hubCommand('check', '--config', at('hub.yaml'))).stderr, /^PATIENT-TOMBSTONES-ALTERED: /);
  assert.equal((await ours('accept-list', '--reason', 'T-1')).code, 0);
  writeFileSync(at('registry.yaml'), registry(WHO));
  assert.match(
    (await hubCommand('check', '--config', at('hub.yaml'))).stdout,
    /registry\.yaml names somebody who was erased: beds of gateway gw-icu/,
  );
});
