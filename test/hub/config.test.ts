import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadAgentConfig } from '../../agent/config.ts';
import { publicKeyOf } from '../../hub/backup/hpke.ts';
import { formatRecipient } from '../../hub/backup/recovery-key.ts';
import { loadHubConfig } from '../../hub/config.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { verifies } from '../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-hub-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const HUB = `identity: hub.json
registry: registry.yaml
store: { path: store.db, keyFile: store.key }
overlay: { type: ziti }
operator: { socket: hub.sock }
`;
const AGENT = `identity: agent.json
outbox: { path: outbox.db, keyFile: outbox.key }
overlay: { type: ziti }
uplink: { hub: [hub-1] }
operator: { socket: agent.sock }
sources:
  - { name: ox, type: serial, profile: nonin-df8, port: /dev/ttyUSB0 }
`;

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** What is said of a configuration that is refused. */
function refusal(load: () => unknown): { code: string; detail: string | undefined } {
  try {
    load();
  } catch (thrown) {
    assert.ok(thrown instanceof VitalmeshError);
    return { code: thrown.code, detail: thrown.detail };
  }
  assert.fail('it was taken');
}

test('a store is a file unless a database is named, and each is told what belongs to the other', () => {
  verifies('CONFIG-ERRORS-HELP');
  const withStore = (store: string): string => written('store.yaml', HUB.replace(/^store: .*$/m, `store: ${store}`));
  const file = loadHubConfig(written('hub.yaml', HUB), {}).store;
  assert.ok(file.type === undefined && file.path === 'store.db' && file.keyFile === 'store.key');
  const database = loadHubConfig(withStore('{ type: postgres, urlFile: pg.url }'), {}).store;
  assert.ok(database.type === 'postgres' && database.urlFile === 'pg.url' && database.timeFile === 'hub.time');
  const wrong: readonly [store: string, said: RegExp][] = [
    ['{ type: postgres, path: store.db }', /store\.urlFile: missing/],
    ['{ type: postgres, urlFile: pg.url, keyFile: store.key }', /store\.keyFile: unknown key/],
    ['{ path: store.db, keyFile: store.key, urlFile: pg.url }', /store\.urlFile: unknown key/],
    ['{ type: mysql, urlFile: pg.url }', /store\.type: no known type/],
  ];
  for (const [store, said] of wrong) assert.match(refusal(() => loadHubConfig(withStore(store), {})).detail ?? '', said);
});

test('a sign-in that does not exist is refused alike by hub and agent: by its variable and key, and with those that do', () => {
  const [hub, agent] = [written('hub.yaml', HUB), written('agent.yaml', AGENT)];
  assert.deepEqual(loadHubConfig(hub, { VITALMESH_HUB__overlay__signIn: 'oidc' }).overlay, { type: 'ziti', signIn: 'oidc' });
  assert.deepEqual(loadAgentConfig(agent, { VITALMESH_AGENT__overlay__signIn: 'oidc' }).overlay, { type: 'ziti', signIn: 'oidc' });
  const said = (variable: string) => ({
    code: 'CONFIG-INVALID',
    detail: `environment: ${variable}: overlay.signIn: expected one of auto, certificate, oidc`,
  });
  assert.deepEqual(
    refusal(() => loadHubConfig(hub, { VITALMESH_HUB__overlay__signIn: 'foo' })),
    said('VITALMESH_HUB__overlay__signIn'),
  );
  assert.deepEqual(
    refusal(() => loadAgentConfig(agent, { VITALMESH_AGENT__overlay__signIn: 'foo' })),
    said('VITALMESH_AGENT__overlay__signIn'),
  );
});

test('the data key comes from a file or from a systemd credential: of both, of none and of a path it is said what is expected', () => {
  verifies('KEY-CREDENTIAL');
  const before = process.env.CREDENTIALS_DIRECTORY;
  process.env.CREDENTIALS_DIRECTORY = '/run/credentials/vitalmesh-hub.service';
  try {
    const of = (store: string, outbox: string) => [
      () => loadHubConfig(written('hub.yaml', HUB.replace('keyFile: store.key', store)), {}).store,
      () => loadAgentConfig(written('agent.yaml', AGENT.replace('keyFile: outbox.key', outbox)), {}).outbox,
    ];
    for (const load of of('keyCredential: vm-key', 'keyCredential: vm-key')) {
      assert.equal((load() as { keyFile: string }).keyFile, '/run/credentials/vitalmesh-hub.service/vm-key');
    }
    const refusals: [string, RegExp][] = [
      ['keyFile: x.key, keyCredential: vm-key', /keyFile: expected either keyFile or keyCredential$/],
      ['', /keyFile: expected either keyFile or keyCredential$/],
      ['keyCredential: ../key', /keyCredential: expected the name of a systemd credential$/],
    ];
    for (const [key, said] of refusals) {
      for (const load of of(key, key)) assert.match(refusal(load).detail ?? '', said, key);
    }
  } finally {
    if (before === undefined) delete process.env.CREDENTIALS_DIRECTORY;
    else process.env.CREDENTIALS_DIRECTORY = before;
  }
});

test('a recipient of backups is what keygen printed, and nothing else', () => {
  const recipient = formatRecipient(publicKeyOf(Buffer.alloc(32, 7)));
  const load = (text: string) => loadHubConfig(written('hub.yaml', `${HUB}backup: { recipients: ['${text}'] }\n`), {}).backup.recipients;
  assert.deepEqual(load(recipient), [recipient]);
  for (const text of ['RECOVERY-RECIPIENT', `${recipient}x`, recipient.slice(0, -1), `${recipient.slice(0, -1)}_`]) {
    assert.match(refusal(() => load(text)).detail ?? '', /backup\.recipients\[0\]: expected a recipient/, text);
  }
});
