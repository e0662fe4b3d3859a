import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { BackupReport } from '../../../hub/backup/backup.ts';
import { backupOperatorCommands } from '../../../hub/backup/operator.ts';
import type { RestoreReport } from '../../../hub/backup/restore.ts';
import { openStore } from '../../../hub/store/open-store.ts';
import type { Store } from '../../../hub/store/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createLogger, silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { arrivalOf, batchOf } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';

const folder = mkdtempSync(join(tmpdir(), 'vm-backup-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'vitalmesh-hub.mjs');

interface Called {
  code: number;
  stdout: string;
  stderr: string;
}

function hub(cwd: string, ...argv: string[]): Promise<Called> {
  return new Promise((resolve) => {
    const env = { ...process.env, VITALMESH_NODE: process.execPath };
    execFile(process.execPath, [program, ...argv], { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

/** A machine's folder with hub.yaml; nothing else is in it yet. */
function machine(name: string, recipients: readonly string[]): string {
  const home = join(folder, name);
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(
    join(home, 'hub.yaml'),
    `identity: hub.json
registry: registry.yaml
store: { path: state/store.db, keyFile: state/store.key }
backup: { recipients: [${recipients.map((text) => `'${text}'`).join()}] }
overlay: { type: ziti }
operator: { socket: run/operator.sock }
`,
  );
  writeFileSync(join(home, 'registry.yaml'), 'gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 } }]\n');
  return home;
}

async function storeOf(home: string): Promise<Store> {
  const [path, keyFile] = [join(home, 'state', 'store.db'), join(home, 'state', 'store.key')];
  return (await openStore({ path, keyFile }, { metrics: new Metrics() })).store;
}

async function evidence(home: string): Promise<string[]> {
  await using store = await storeOf(home);
  const uid = process.getuid?.() ?? 0;
  return (await evidenceOf(store))
    .filter(({ action }) => action.startsWith('store.'))
    .map(({ action, principal, tenant, outcome }) => {
      assert.deepEqual([principal, tenant, outcome], [`local:${uid}`, 'clinic', 'allowed']);
      return action;
    });
}

const STORE = ['--config', 'hub.yaml'];

async function asked<T>(home: string, ...argv: string[]): Promise<T> {
  const { code, stdout, stderr } = await hub(home, ...argv, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

test('keygen, backup, rekey and restore by command: the store of another machine exports the same, and each has left evidence', async () => {
  verifies('BACKUP-RESTORES', 'BACKUP-EVIDENCE', 'BACKUP-SEALED');
  const nobody = machine('nobody', []);
  await (await storeOf(nobody))[Symbol.asyncDispose]();
  const refused = await hub(nobody, 'backup', ...STORE, '--to', 'today.backup');
  assert.deepEqual([refused.code, refused.stderr.split(':')[0]], [1, 'BACKUP-NO-RECIPIENT']);
  assert.match(refused.stderr, /vitalmesh-hub backup keygen --out FILE/);

  const { recipient } = await asked<{ recipient: string }>(folder, 'backup', 'keygen', '--out', 'recovery.key');
  const [here, there] = [machine('here', [recipient]), machine('there', [])];
  {
    await using store = await storeOf(here);
    for (let seq = 1; seq <= 20; seq += 1) await store.storeBatch(batchOf([arrivalOf({ seq, value: 60 + seq })]));
  }
  const exported = (await hub(here, 'export', ...STORE)).stdout;
  assert.equal(exported.trim().split('\n').length, 20);

  const key = readFileSync(join(here, 'state', 'store.key'), 'utf8');
  const { keyFile } = await asked<{ keyFile: string }>(here, 'rekey', ...STORE);
  assert.equal(keyFile, 'state/store.key');
  assert.notEqual(readFileSync(join(here, keyFile), 'utf8'), key);
  const made = await asked<BackupReport>(here, 'backup', ...STORE, '--to', 'today.backup');
  assert.equal(made.file, join(here, 'today.backup'));

  const places = ['--from', made.file, '--key', '../recovery.key', '--to', 'state/store.db'];
  const restored = await asked<RestoreReport>(there, 'restore', ...places);
  assert.deepEqual([restored.storeId, restored.observations], [made.storeId, 20]);
  assert.equal((await hub(there, 'export', ...STORE)).stdout, exported);
  assert.deepEqual(await evidence(here), ['store.rekey', 'store.backup']);
  assert.deepEqual(await evidence(there), ['store.rekey', 'store.backup', 'store.restore']);

  const again = await hub(there, 'restore', ...places);
  assert.deepEqual([again.code, again.stderr.split(':')[0]], [1, 'BACKUP-FILE']);
});

test('where there is no store, no command but run makes one: each says so and leaves nothing behind', async () => {
  verifies('STORE-ONLY-RUN-MAKES');
  const { recipient } = await asked<{ recipient: string }>(folder, 'backup', 'keygen', '--out', 'third.key');
  const home = machine('empty', [recipient]);
  const before = readdirSync(home).sort();
  for (const argv of [['verify'], ['export'], ['rekey'], ['backup', '--to', 'today.backup']]) {
    const refused = await hub(home, ...argv, ...STORE);
    assert.deepEqual([refused.code, refused.stdout, refused.stderr.split(':')[0]], [1, '', 'STORAGE-MISSING'], argv[0]);
    assert.match(refused.stderr, /state\/store\.db.*\n?.*Check store\.path of hub\.yaml/s);
    assert.deepEqual(readdirSync(home).sort(), before, argv[0]);
  }
});

test('while a hub runs, it makes the backup itself, and refuses a change of the key', async () => {
  verifies('BACKUP-ONLINE', 'BACKUP-EVIDENCE');
  const { recipient } = await asked<{ recipient: string }>(folder, 'backup', 'keygen', '--out', 'second.key');
  const here = machine('running', [recipient]);
  {
    await using store = await storeOf(here);
    await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
    const lines: string[] = [];
    const log = createLogger({ component: 'test', destination: { write: (line: string) => void lines.push(line) } });
    const surroundings = {
      store,
      tenants: () => store.tenants(),
      policy: () => DEFAULT_POLICY,
      recipients: [recipient],
      clock: systemClock,
      log,
    };
    await using operator = createOperatorServer({
      socketPath: join(here, 'run', 'operator.sock'),
      commands: backupOperatorCommands(surroundings),
      log: silentLogger,
    });
    await operator.start(AbortSignal.abort());
    const made = await asked<BackupReport>(here, 'backup', ...STORE, '--to', 'today.backup');
    assert.ok(existsSync(made.file));
    assert.deepEqual(made.recipients, [recipient]);
    const { recipient: later } = await asked<{ recipient: string }>(folder, 'backup', 'keygen', '--out', 'later.key');
    const changed = readFileSync(join(here, 'hub.yaml'), 'utf8').replace(recipient, later);
    writeFileSync(join(here, 'changed.yaml'), changed);
    const other = await hub(here, 'backup', '--config', 'changed.yaml', '--to', 'other.backup');
    assert.ok(other.stdout.includes(recipient) && !other.stdout.includes(later), 'it is told who can open it');
    assert.match(other.stderr, /^WARNING: the hub runs with other recipients .*Restart it/);
    const folderNamed = await hub(here, 'backup', ...STORE, '--to', 'backups/');
    assert.match(folderNamed.stderr, /^BACKUP-FILE: .*backups\/ is a folder: name a file in it/);
    assert.match(lines.join(''), new RegExp(`"size":${made.bodyBytes},`), 'how large it is is no secret');
    const refused = await hub(here, 'rekey', ...STORE);
    assert.deepEqual([refused.code, refused.stderr.split(':')[0]], [1, 'STORAGE-RUNNING']);
    const twice = await hub(here, 'backup', ...STORE, '--to', 'today.backup');
    assert.deepEqual([twice.code, twice.stderr.split(':')[0]], [1, 'BACKUP-FILE']);
  }
  assert.deepEqual(await evidence(here), ['store.backup', 'store.backup', 'store.backup']);
});

test('a backup goes to an absolute path, and nothing else is taken for one', async () => {
  const surroundings = {
    store: {} as Store,
    tenants: () => [],
    policy: () => DEFAULT_POLICY,
    recipients: ['x'],
    clock: systemClock,
    log: silentLogger,
  };
  const { backup } = backupOperatorCommands(surroundings);
  const first = (args: Record<string, unknown>) => (backup(args, 'local:0') as AsyncIterable<unknown>)[Symbol.asyncIterator]().next();
  for (const args of [{}, { to: 'here' }, { to: 1 }, { to: '/x', more: 1 }]) await assert.rejects(first(args), { code: 'USAGE' });
});
