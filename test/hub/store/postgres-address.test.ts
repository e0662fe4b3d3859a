import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseAddress, readAddressFile } from '../../../hub/store/postgres/address.ts';
import { databaseError } from '../../../hub/store/postgres/errors.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-url-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const GOOD: readonly [url: string, address: object][] = [
  [
    'postgres://vitalmesh:se%40cret@db.example.org/hub',
    { host: 'db.example.org', port: 5432, user: 'vitalmesh', password: 'se@cret', database: 'hub', tls: {} },
  ],
  [
    'postgresql://v:p@10.0.0.5:6432/hub?sslmode=verify-full&sslrootcert=/etc/ca.pem',
    { host: '10.0.0.5', port: 6432, user: 'v', password: 'p', database: 'hub', tls: { caFile: '/etc/ca.pem' } },
  ],
  ['postgres://v:p@[2001:db8::1]/hub', { host: '2001:db8::1', port: 5432, user: 'v', password: 'p', database: 'hub', tls: {} }],
  ['postgres://v:p@127.0.0.1/hub', { host: '127.0.0.1', port: 5432, user: 'v', password: 'p', database: 'hub' }],
  ['postgres://v@localhost/hub?sslmode=disable', { host: 'localhost', port: 5432, user: 'v', database: 'hub' }],
  ['postgres://v@localhost/hub?sslmode=verify-full', { host: 'localhost', port: 5432, user: 'v', database: 'hub', tls: {} }],
  ['postgres:///hub?host=/run/postgresql&user=v', { host: '/run/postgresql', port: 5432, user: 'v', database: 'hub' }],
  ['postgres://v@%2Frun%2Fpostgresql/hub', { host: '/run/postgresql', port: 5432, user: 'v', database: 'hub' }],
];

const BAD: readonly string[] = [
  '',
  'se@cret',
  'mysql://v:secret@h/hub',
  'postgres://v:secret@h/',
  'postgres://h/hub',
  'postgres://v:secret@/hub',
  // Whatever takes a server on another machine for the right one without its certificate.
  'postgres://v:secret@h/hub?sslmode=disable',
  'postgres://v:secret@h/hub?sslmode=require',
  'postgres://v:secret@h/hub?sslmode=verify-ca',
  'postgres://v:secret@127.0.0.1.example.org/hub?sslmode=disable',
  'postgres://v:secret@localhost.example.org/hub?sslmode=prefer',
  'postgres://v:secret@h/hub?options=-csynchronous_commit=off',
  'postgres://v:secret%@h/hub',
  // One address leads to the primary: of several, which one is it is nobody's to guess.
  'postgres://v:secret@h1,h2/hub?sslrootcert=/etc/ca.pem',
  'postgres://v:secret@h1:5432,h2:5432/hub',
];

test('an address is a socket, this machine, or TLS to a server that proves its name; nothing of a refused one is repeated', () => {
  verifies('STORE-REMOTE-TLS', 'LOG-CLEAN');
  for (const [url, address] of GOOD) assert.deepEqual(parseAddress(url, 'store.url'), address, url);
  for (const url of BAD) {
    assert.throws(
      () => parseAddress(url, 'store.url'),
      (error) => error instanceof VitalmeshError && error.code === 'STORAGE-URL' && !/secret|hub|@/.test(error.message),
      url,
    );
  }
});

test('a URL is read from a file of its owner alone', () => {
  verifies('LOG-CLEAN');
  const file = join(folder, 'store.url');
  writeFileSync(file, 'postgres://v:secret@127.0.0.1/hub\n', { mode: 0o600 });
  assert.equal(readAddressFile(file).password, 'secret');
  const open = join(folder, 'open.url');
  writeFileSync(open, 'postgres://v:secret@127.0.0.1/hub\n', { mode: 0o640 });
  assert.throws(() => readAddressFile(open), { code: 'STORAGE-URL' });
  assert.throws(() => readAddressFile(join(folder, 'missing.url')), { code: 'STORAGE-URL' });
});

test('what an error of the server says of rows stays there', () => {
  verifies('LOG-CLEAN');
  const thrown = Object.assign(new Error('duplicate key: pat-icu-01'), {
    ...{ severity: 'ERROR', code: '23505', detail: 'Key (id)=(pat-icu-01) already exists.', constraint: 'patient_tenant_id_key' },
  });
  const error = databaseError(thrown);
  assert.deepEqual([error.code, error.detail, error.cause], ['INTERNAL', 'SQLSTATE 23505 patient_tenant_id_key', undefined]);
  assert.doesNotMatch(JSON.stringify(error) + error.stack, /pat-icu-01/);
});

test('each kind of failure has the code that says what to do', () => {
  const of = (code: string, severity?: string): string => databaseError(Object.assign(new Error('x'), { code, severity })).code;
  const said = [
    '08006',
    '57P01',
    '53300',
    '53100',
    '28P01',
    '3D000',
    '42501',
    '55P03',
    '57014',
    '40P01',
    '58030',
    'XX001',
    '25006',
    '22001',
  ];
  assert.deepEqual(
    said.map((code) => of(code, 'FATAL')),
    [
      ...['STORAGE-REMOTE', 'STORAGE-REMOTE', 'STORAGE-REMOTE', 'STORAGE-FULL', 'STORAGE-REMOTE-REFUSED', 'STORAGE-REMOTE-REFUSED'],
      ...['STORAGE-REMOTE-REFUSED', 'STORAGE-BUSY', 'STORAGE-BUSY', 'STORAGE-BUSY', 'STORAGE-IO', 'STORAGE-DAMAGED', 'STORAGE-REMOTE'],
      'INTERNAL',
    ],
  );
  assert.deepEqual(
    ['ECONNREFUSED', 'ENOENT', 'CERT_HAS_EXPIRED'].map((code) => of(code)),
    new Array(3).fill('STORAGE-REMOTE'),
  );
  for (const message of ['Connection terminated unexpectedly', 'timeout expired', 'Query read timeout'])
    assert.equal(databaseError(new Error(message)).code, 'STORAGE-REMOTE');
  assert.equal(databaseError(new TypeError('x')).code, 'INTERNAL');
});
