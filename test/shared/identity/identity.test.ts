import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { ErrorCode } from '../../../shared/errors.ts';
import { loadIdentity, parseIdentity } from '../../../shared/identity/identity.ts';
import { verifies } from '../../requirements.ts';
import { testNetwork } from '../../support/identities.ts';

const network = await testNetwork();
const file = await network.ca.issueIdentity({ id: 'hc..xMvev', name: 'Gateway of bay 3' });
const other = await network.ca.issueIdentity({ id: 'other', name: 'other' });
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-identity-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function written(content: unknown, mode = 0o600): string {
  files += 1;
  const path = join(folder, `${files}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  chmodSync(path, mode);
  return path;
}

/** Refused with that code, without a word of the key. */
function refuses(attempt: () => unknown, code: ErrorCode): void {
  assert.throws(attempt, (error: Error & { code?: string }) => {
    assert.equal(error.code, code);
    const key = file.id.key.split('\n')[1] ?? '';
    assert.ok(key.length > 20 && !JSON.stringify([error.message, String(error.cause)]).includes(key));
    return true;
  });
}

describe('identity file', () => {
  test('is read: id and trust domain from the certificate, controllers, PEM', () => {
    const identity = loadIdentity(written(file));
    assert.equal(identity.id, 'hc..xMvev');
    assert.equal(identity.trustDomain, network.trustDomain);
    assert.deepEqual(identity.controllers, ['https://127.0.0.1:1280/edge/client/v1']);
    assert.equal(identity.keyPem, file.id.key.slice(4));
    assert.equal(identity.certPem, file.id.cert.slice(4));
    assert.equal(identity.caPem, network.caPem);
  });

  test('may name several controllers, none, and hold fields of other programs', () => {
    const several = ['https://one.example:443/edge/client/v1', 'https://two.example:443/edge/client/v1'];
    assert.deepEqual(parseIdentity({ ...file, ztAPIs: several, configTypes: null, enableHa: true }).controllers, several);
    assert.deepEqual(parseIdentity({ ...file, ztAPIs: null }).controllers, [file.ztAPI]);
    assert.deepEqual(parseIdentity({ id: file.id }).controllers, []);
  });

  test('may hold PEM without the prefix, as the C SDK of 2022 writes it', () => {
    const bare = Object.fromEntries(Object.entries(file.id).map(([part, value]) => [part, value.slice(4)]));
    assert.deepEqual(loadIdentity(written({ ...file, id: bare })), loadIdentity(written(file)));
    refuses(() => loadIdentity(written({ ...file, id: bare }, 0o640)), 'IDENTITY-MODE');
  });

  test('may refer to files, by URL or by a path from its own folder', () => {
    mkdirSync(join(folder, 'parts'));
    for (const part of ['key', 'cert', 'ca'] as const) writeFileSync(join(folder, 'parts', part), file.id[part].slice(4), { mode: 0o600 });
    const [key, cert] = ['key', 'cert'].map((part) => pathToFileURL(join(folder, 'parts', part)).href);
    const identity = loadIdentity(written({ ...file, id: { key, cert, ca: 'parts/ca' } }));
    assert.deepEqual(identity, loadIdentity(written(file)));
    chmodSync(join(folder, 'parts', 'key'), 0o640);
    refuses(() => loadIdentity(written({ ...file, id: { key, cert, ca: 'parts/ca' } })), 'IDENTITY-MODE');
  });

  test('may hold a key in the form that other programs write', () => {
    const sec1 = createPrivateKey(file.id.key.slice(4)).export({ type: 'sec1', format: 'pem' });
    assert.match(String(sec1), /BEGIN EC PRIVATE KEY/);
    assert.equal(parseIdentity({ ...file, id: { ...file.id, key: `pem:${sec1}` } }).id, 'hc..xMvev');
  });

  test('must be readable by its owner alone', () => {
    for (const mode of [0o600, 0o400]) assert.equal(loadIdentity(written(file, mode)).id, 'hc..xMvev');
    for (const mode of [0o640, 0o604, 0o660, 0o777, 0o601]) refuses(() => loadIdentity(written(file, mode)), 'IDENTITY-MODE');
  });

  test('that is missing, no file or too large is refused', () => {
    refuses(() => loadIdentity(join(folder, 'nowhere.json')), 'IDENTITY-FILE');
    refuses(() => loadIdentity(folder), 'IDENTITY-FILE');
    refuses(() => loadIdentity('/dev/null'), 'IDENTITY-FILE');
    refuses(() => loadIdentity(written(' '.repeat(1024 * 1024 + 1))), 'IDENTITY-FILE');
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', ['-m', '600', fifo]);
    refuses(() => loadIdentity(fifo), 'IDENTITY-FILE');
  });

  test('that is malformed is refused, and the error does not quote it', () => {
    verifies('LOG-CLEAN');
    const { key, cert, ca } = file.id;
    const half = (pem: string): string => pem.slice(0, pem.length / 2);
    const malformed: unknown[] = [
      ...['', '{', 'null', '[]', '"text"', '{}', JSON.stringify(file).slice(0, -20)],
      ...[
        { ...file, id: undefined },
        { ...file, id: 7 },
        { ...file, ztAPI: 'http://plain.example' },
        { ...file, ztAPIs: ['nonsense'] },
      ],
      ...[
        { key: '' },
        { key: 'pem:' },
        { key: half(key) },
        { key: cert },
        { key: 'pkcs11:///lib?slot=0' },
        { key: 'file://host/path' },
      ].map((id) => ({ ...file, id: { ...file.id, ...id } })),
      ...[{ cert: 'pem:' }, { cert: half(cert).slice(0, 300) }, { cert: key }, { cert: 'no/such/file' }].map((id) => ({
        ...file,
        id: { ...file.id, ...id },
      })),
      ...[
        { ca: 'pem:' },
        { ca: 'pem:-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
        { ca: `pem:${ca.slice(4).repeat(40)}` },
      ].map((id) => ({ ...file, id: { ...file.id, ...id } })),
    ];
    for (const content of malformed) refuses(() => loadIdentity(written(content)), 'IDENTITY-FILE');
  });

  test('whose key belongs to another certificate is refused', () => {
    refuses(() => parseIdentity({ ...file, id: { ...file.id, key: other.id.key } }), 'IDENTITY-FILE');
    refuses(() => parseIdentity({ ...file, id: { ...file.id, cert: other.id.cert } }), 'IDENTITY-FILE');
  });

  test('references to files are only followed where there is a folder to follow them from', () => {
    refuses(() => parseIdentity({ ...file, id: { ...file.id, key: 'file:///etc/passwd' } }), 'IDENTITY-FILE');
  });
});
