import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openHome } from '../../../../provisioning/fabric/home.ts';
import { hashOf } from '../../../../provisioning/fabric/state/file.ts';
import { FABRIC_SCHEMA } from '../../../../provisioning/fabric/state/schema.ts';
import { STATE_FILE } from '../../../../provisioning/fabric/state/state.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { openDatabase } from '../../../../shared/storage/database.ts';
import { ensureKeyFile } from '../../../../shared/storage/key-file.ts';
import { verifies } from '../../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-older-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A home as the first version left it, where somebody is called admin already. */
function olderHome(): string {
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  const path = join(home, STATE_FILE);
  const keyFile = join(home, 'fabric.key');
  ensureKeyFile(keyFile, path);
  const database = openDatabase({ path, keyFile, migrations: FABRIC_SCHEMA.slice(0, 1), clock: systemClock });
  const rows = [
    `INSERT INTO identity VALUES ('gw', 'gw1', '["gateways"]', 0, 1000, 900, 1000)`,
    `INSERT INTO identity VALUES ('off', 'off', '[]', 1, NULL, 900, 1000)`,
    `INSERT INTO identity VALUES ('person', 'admin', '[]', 0, NULL, 900, 900)`,
    `INSERT INTO enrolment VALUES ('e1', 'person', '${hashOf('a token')}', 9000000000000)`,
    `INSERT INTO authenticator VALUES ('a1', 'gw', 'fingerprint', 1000)`,
    `INSERT INTO service VALUES ('s1', 'vitals', '[]', 1, 'smartrouting', 900, 900)`,
    `INSERT INTO policy VALUES ('p1', 'dial', 'Dial', 'AnyOf', '["#gateways"]', '["@s1"]', 900, 900)`,
    `INSERT INTO router VALUES ('r1', 'router-1', 900)`,
  ];
  database.write(() => {
    for (const sql of rows) database.prepare(sql).run();
  });
  database.close();
  return home;
}

test('a home of an older version is taken over whole, and gets what networks begin with now', async () => {
  verifies('FABRIC-SURVIVES-RESTART');
  using home = await openHome(olderHome(), silentLogger);
  const { directory, enrolments, authenticators } = home.state;
  assert.partialDeepStrictEqual(directory.identity('gw'), {
    name: 'gw1',
    attributes: ['gateways'],
    enrolledAt: 1000,
    isAdmin: false,
    typeId: 'Default',
  });
  assert.partialDeepStrictEqual(directory.identity('off'), { disabled: true, disabledUntil: undefined });
  assert.deepEqual(enrolments.identityOf('a token'), { id: 'person', name: 'admin' });
  assert.deepEqual(
    enrolments.all().map(({ id, token }) => [id, token]),
    [['e1', null]],
  );
  assert.partialDeepStrictEqual(authenticators.get('a1'), { identityId: 'gw', username: null, certPem: '' });
  assert.ok(directory.allows('gw', 's1', 'Dial'));
  assert.equal(directory.identity('person')?.isAdmin, false);
  assert.deepEqual(
    directory.identities().flatMap(({ name, isDefaultAdmin }) => (isDefaultAdmin ? [name] : [])),
    ['management-admin'],
  );
  assert.equal(home.state.routerId('router-1'), 'r1');
  assert.ok(directory.identityMayUse('gw', 'r1') && directory.serviceMayUse('s1', 'r1'));
  assert.equal(directory.identityMayUse('gw', 'another'), false);
});
