import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import {
  edgeRoutersOf,
  errorOf,
  lastChangeOf,
  lifetimeOf,
  serviceSessionOf,
  servicesOf,
  sessionOf,
} from '../../../../../shared/overlay/ziti/controller/answers.ts';
import { verifies } from '../../../../requirements.ts';

const SESSION = { id: 'a', token: 't', identityId: 'i', identity: { id: 'i', name: 'n' }, authQueries: [], expirationSeconds: 1800 };
/** Names that stand in answers, so that what is made up sometimes looks like one. */
const FIELD = fc.constantFrom('data', 'id', 'token', 'identityId', 'expirationSeconds', 'name', 'edgeRouters', 'supportedProtocols', 'tls');
const UNREADABLE = { code: 'OVERLAY-UNREACHABLE' };

test('a session is read with what it needs, whatever else stands there', () => {
  assert.deepEqual(sessionOf({ data: { ...SESSION, tags: {}, isMfaRequired: false }, meta: {}, later: 1 }), {
    id: 'a',
    token: 't',
    identityId: 'i',
    identityName: 'n',
    lifetimeMs: 1_800_000,
    incomplete: false,
  });
  assert.equal(sessionOf({ data: { ...SESSION, identity: null, authQueries: null } }).identityName, '');
  assert.equal(sessionOf({ data: { ...SESSION, authQueries: [{ typeId: 'MFA' }] } }).incomplete, true);
  assert.equal(lifetimeOf({ data: { expirationSeconds: 30.5 } }), 30_500);
});

test('a time of change is compared and not read; what is none says nothing', () => {
  const lastChangeAt = '2026-11-21T10:00:00.000Z';
  assert.equal(lastChangeOf({ data: { _links: {}, lastChangeAt }, meta: {} }), lastChangeAt);
  for (const json of [undefined, null, [], {}, { data: null }, { data: {} }, { data: { lastChangeAt: 7 } }, { data: { lastChangeAt: '' } }])
    assert.equal(lastChangeOf(json), undefined);
  assert.equal(lastChangeOf({ data: { lastChangeAt: 'x'.repeat(65) } }), undefined);
});

test('a session is taken to live for half a minute at least, so that nobody signs in all the time', () => {
  verifies('OVERLAY-PACED');
  for (const expirationSeconds of [0.001, 1, 29.9, 30]) {
    assert.equal(sessionOf({ data: { ...SESSION, expirationSeconds } }).lifetimeMs, 30_000);
    assert.equal(lifetimeOf({ data: { expirationSeconds } }), 30_000);
  }
});

test('a token that cannot stand in a header, or a lifetime that is none, is no session', () => {
  verifies('OVERLAY-CONTROLLER-BOUNDED');
  const wrong: Record<string, unknown>[] = [
    { token: '' },
    { token: 'a\r\nx-evil: 1' },
    { token: 'ä' },
    { token: 'x'.repeat(8193) },
    { token: 5 },
    { id: 'x'.repeat(129) },
    { identityId: undefined },
    { expirationSeconds: 0 },
    { expirationSeconds: -1 },
    { expirationSeconds: 1e12 },
    { expirationSeconds: '1800' },
    { identity: { name: 'x'.repeat(1025) } },
  ];
  for (const fields of wrong)
    assert.throws(() => sessionOf({ data: { ...SESSION, ...fields } }), UNREADABLE, JSON.stringify(fields).slice(0, 80));
});

test('a service that cannot be read costs only itself, and one without a word on encryption is encrypted', () => {
  const data = [
    { id: 's1', name: 'one', permissions: ['Bind', 'Dial', 'Later'], encryptionRequired: false },
    { id: 's2', name: 'x'.repeat(1025), permissions: ['Dial'], encryptionRequired: true },
    { id: 's3', name: 'three', permissions: null },
    null,
  ];
  assert.deepEqual(servicesOf({ data, meta: { pagination: { limit: 500, offset: 0, totalCount: 4 } } }), {
    services: [
      { id: 's1', name: 'one', permissions: ['Dial', 'Bind'], encryptionRequired: false },
      { id: 's3', name: 'three', permissions: [], encryptionRequired: true },
    ],
    entries: 4,
    total: 4,
  });
  assert.deepEqual(servicesOf({ data: [] }), { services: [], entries: 0, total: undefined });
  assert.throws(() => servicesOf({ data: [1, 2] }), UNREADABLE);
});

test('only routers that can be connected to are taken, in the order given; for a session those that are online', () => {
  const tls = (port: number): { tls: string } => ({ tls: `tls://127.0.0.1:${port}` });
  const data = [
    { name: 'both', isOnline: true, supportedProtocols: { wss: 'wss://127.0.0.1:1', ...tls(3) } },
    { name: 'offline', isOnline: false, supportedProtocols: tls(4) },
    { name: 'disabled', isOnline: true, disabled: true, supportedProtocols: tls(5) },
    { name: 'web only', isOnline: true, supportedProtocols: { wss: 'wss://127.0.0.1:6' } },
    { name: 'old', isOnline: true, urls: { tls: 'tls:127.0.0.1:2' } },
    { name: 'odd', isOnline: true, supportedProtocols: { tls: 'wss://127.0.0.1:7' }, urls: tls(1) },
    { isOnline: true, supportedProtocols: tls(8) },
  ];
  const expected = [
    { name: 'both', host: '127.0.0.1', port: 3, online: true },
    { name: 'old', host: '127.0.0.1', port: 2, online: true },
    { name: 'odd', host: '127.0.0.1', port: 1, online: true },
  ];
  const offline = { name: 'offline', host: '127.0.0.1', port: 4, online: false };
  assert.deepEqual(edgeRoutersOf({ data }), expected.toSpliced(1, 0, offline));
  const session = { id: 'i', token: 't', type: 'Bind', serviceId: 's', edgeRouters: data };
  assert.deepEqual(serviceSessionOf({ data: session }, 's', 'Bind').routers, expected);
  assert.deepEqual(serviceSessionOf({ data: { ...session, edgeRouters: null } }, 's', 'Bind').routers, []);
});

test('a session for another service or purpose is not taken', () => {
  const data = { id: 'i', token: 't', type: 'Dial', serviceId: 's', edgeRouters: [] };
  assert.deepEqual(serviceSessionOf({ data }, 's', 'Dial'), { id: 'i', token: 't', type: 'Dial', serviceId: 's', routers: [] });
  assert.throws(() => serviceSessionOf({ data }, 'other', 'Dial'), UNREADABLE);
  assert.throws(() => serviceSessionOf({ data }, 's', 'Bind'), UNREADABLE);
});

test('an error code is taken only if it is one', () => {
  assert.deepEqual(errorOf({ error: { code: 'COULD_NOT_VALIDATE', cause: { field: 'ServiceId' } } }), {
    code: 'COULD_NOT_VALIDATE',
    field: 'ServiceId',
  });
  for (const json of [
    undefined,
    null,
    'x',
    {},
    { error: null },
    { error: { code: 'zt-session: secret' } },
    { error: { code: 'A'.repeat(65) } },
  ])
    assert.deepEqual(errorOf(json), { code: undefined, field: undefined });
});

test('whatever stands in an answer, it is read or refused with a code, and its bytes are in no text', () => {
  verifies('OVERLAY-CONTROLLER-BOUNDED');
  const readers = [
    sessionOf,
    lifetimeOf,
    servicesOf,
    edgeRoutersOf,
    (json: unknown) => serviceSessionOf(json, 's', 'Dial'),
    (json: unknown) => void errorOf(json),
  ];
  const secret = fc.constant('SECRET-OF-THE-ANSWER');
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ depthSize: 'small' }, secret, fc.anything(), fc.array(tie('any')), fc.dictionary(FIELD, tie('any'))),
  })).any;
  fc.assert(
    fc.property(
      fc.constantFrom(...readers),
      fc.oneof(value, fc.record({ data: value, meta: value }, { requiredKeys: ['data'] })),
      (reader, json) => {
        try {
          reader(json);
        } catch (error) {
          assert.ok(error instanceof VitalmeshError && error.code === 'OVERLAY-UNREACHABLE');
          assert.ok(!error.message.includes('SECRET'));
        }
      },
    ),
    { numRuns: 200 },
  );
});
