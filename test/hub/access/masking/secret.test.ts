import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkMaskingSecret, maskingConfig, openMaskingSecret } from '../../../../hub/access/masking/secret.ts';
import { hubConfigSchema } from '../../../../hub/config.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import { storeConfig } from '../../../../hub/store/config.ts';
import { verifies } from '../../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vm-masking-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the secret is made once, beside the store, for its owner alone, and is the same at the next start', () => {
  verifies('MASK-PSEUDONYMS');
  const store = storeConfig.parse({ path: join(folder, 'own', 'store.db'), keyFile: join(folder, 'store.key') });
  const config = maskingConfig.parse(undefined);
  checkMaskingSecret(config, store);
  assert.throws(() => statSync(join(folder, 'own')), { code: 'ENOENT' }, 'a check makes nothing');
  const secret = openMaskingSecret(config, store);
  assert.equal(secret.length, 32);
  assert.equal(statSync(join(folder, 'own', 'store.db.masking')).mode & 0o777, 0o600);
  assert.deepEqual(openMaskingSecret(config, store), secret);
  checkMaskingSecret(config, store);
  assert.deepEqual(readdirSync(join(folder, 'own')), ['store.db.masking']);

  const postgres = storeConfig.parse({ type: 'postgres', urlFile: 'url', timeFile: join(folder, 'hub.time') });
  assert.notDeepEqual(openMaskingSecret(config, postgres), secret);
  assert.ok(statSync(join(folder, 'hub.time.masking')).isFile());
  const shared = maskingConfig.parse({ keyFile: join(folder, 'own', 'store.db.masking') });
  assert.deepEqual(openMaskingSecret(shared, postgres), secret, 'hubs that share a database can share it');
});

test('a secret that others can read, or that is none, is refused, and never replaced', () => {
  const store = storeConfig.parse({ path: join(folder, 'store.db'), keyFile: join(folder, 'store.key') });
  const path = join(folder, 'bad.key');
  const config = maskingConfig.parse({ keyFile: path });
  writeFileSync(path, 'no key\n', { mode: 0o600 });
  assert.throws(() => openMaskingSecret(config, store), { code: 'STORAGE-KEY-FILE' });
  assert.throws(() => checkMaskingSecret(config, store), { code: 'STORAGE-KEY-FILE' });
  writeFileSync(path, '00'.repeat(32));
  chmodSync(path, 0o644);
  assert.throws(() => openMaskingSecret(config, store), { code: 'STORAGE-KEY-FILE' });
});

test('a secret may be a systemd credential, which is never made', () => {
  verifies('KEY-CREDENTIAL');
  const credentials = join(folder, 'credentials');
  mkdirSync(credentials);
  const before = process.env.CREDENTIALS_DIRECTORY;
  process.env.CREDENTIALS_DIRECTORY = credentials;
  try {
    const store = storeConfig.parse({ path: join(folder, 'store.db'), keyFile: join(folder, 'store.key') });
    const config = maskingConfig.parse({ keyCredential: 'masking' });
    assert.throws(() => openMaskingSecret(config, store), { code: 'STORAGE-KEY-FILE' });
    assert.deepEqual(readdirSync(credentials), []);
    writeFileSync(join(credentials, 'masking'), 'ab'.repeat(32), { mode: 0o440 });
    assert.equal(openMaskingSecret(config, store).toString('hex'), 'ab'.repeat(32));
  } finally {
    if (before === undefined) delete process.env.CREDENTIALS_DIRECTORY;
    else process.env.CREDENTIALS_DIRECTORY = before;
  }
});

test('hub.yaml names at most one of file and credential', () => {
  const masking = hubConfigSchema.shape.masking;
  assert.deepEqual(masking.parse(undefined), {});
  assert.ok(!masking.safeParse({ keyFile: 'a', keyCredential: 'b' }).success);
});

test('no patient of registry.yaml has an id that could be a pseudonym', () => {
  verifies('MASK-PSEUDONYMS');
  const text = (patient: string) => `gateways: [{ identity: gw-home, tenant: clinic, patient: ${patient} }]\n`;
  assert.ok(parseRegistry(text('pat-masked-1')));
  assert.throws(() => parseRegistry(text('masked-aaaaaaaaaaaaaaaaaaaa')), {
    code: 'REGISTRY-INVALID',
    detail: /expected an id that does not begin with masked-/,
  });
});
