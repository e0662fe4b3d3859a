import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { MANAGEMENT as TABLE } from '../../../../provisioning/fabric/controller/management/routes.ts';
import { verifies } from '../../../requirements.ts';
import { assertRefused, csrOf, newKeys, type Reply } from '../site.ts';
import { AdminSite } from './admin-site.ts';

let admin: AdminSite;
before(async () => {
  admin = await AdminSite.start();
});
after(() => admin[Symbol.asyncDispose]());

function duplicate(name: string): object {
  return { field: 'name', reason: 'name must be unique', value: name };
}

function assertRefusedFor({ status, json }: Reply, code: string): void {
  assert.deepEqual([status, json.error.code], [400, code]);
}

describe('nothing is lost in silence', () => {
  test('a PUT of a service without encryptionRequired is refused, and encryption stays on', async () => {
    verifies('FABRIC-MANAGEMENT-NOTHING-SILENT');
    const id = await admin.create('/services', { name: 'kept', encryptionRequired: true, roleAttributes: ['a'] });
    const before = await admin.get(`/services/${id}`);
    assertRefused(await admin.call('PUT', `/services/${id}`, { body: { name: 'kept' } }), 400, 'COULD_NOT_VALIDATE', {
      field: 'encryptionRequired',
      reason: 'encryptionRequired in body is required',
      value: '<nil>',
    });
    assertRefused(
      await admin.call('PATCH', `/services/${id}`, { body: { encryptionRequired: false, roleAttributes: ['b'] } }),
      400,
      'COULD_NOT_VALIDATE',
      {
        field: 'encryptionRequired',
        reason: 'a PATCH does not switch encryption; give the whole service in a PUT',
        value: 'false',
      },
    );
    assert.deepEqual(await admin.get(`/services/${id}`), before);
    assert.equal((await admin.call('PUT', `/services/${id}`, { body: { name: 'kept', encryptionRequired: false } })).status, 200);
    const after = await admin.get(`/services/${id}`);
    assert.deepEqual([after.encryptionRequired, after.roleAttributes], [false, null]);
  });

  test('a name that is taken or empty refuses the whole change', async () => {
    verifies('FABRIC-MANAGEMENT-NOTHING-SILENT');
    for (const [path, body, other] of [
      ['/services', { encryptionRequired: true }, { roleAttributes: ['x'] }],
      ['/identities', { type: 'Device', isAdmin: false }, { roleAttributes: ['x'] }],
      ['/service-policies', { type: 'Dial', semantic: 'AnyOf' }, { identityRoles: ['#x'] }],
      ['/edge-router-policies', { semantic: 'AnyOf' }, { identityRoles: ['#x'] }],
      ['/service-edge-router-policies', { semantic: 'AnyOf' }, { serviceRoles: ['#x'] }],
      ['/edge-routers', {}, { roleAttributes: ['x'] }],
      ['/config-types', {}, { tags: { x: 1 } }],
    ] as const) {
      await admin.create(path, { name: `${path} one`, ...body });
      const id = await admin.create(path, { name: `${path} two`, ...body });
      const before = await admin.get(`${path}/${id}`);
      for (const name of [`${path} one`, ''])
        for (const [verb, rest] of [
          ['PATCH', other],
          ['PUT', body],
        ] as const) {
          const { status, json } = await admin.call(verb, `${path}/${id}`, { body: { ...rest, name } });
          assert.deepEqual([status, json.error.code, json.error.cause.field], [400, 'COULD_NOT_VALIDATE', 'name'], `${verb} ${path}`);
        }
      assert.deepEqual(await admin.get(`${path}/${id}`), before);
      assert.equal((await admin.call('PATCH', `${path}/${id}`, { body: { name: `${path} two` } })).status, 200);
    }
    const { status, json } = await admin.call('POST', '/services', { body: { name: '/services one', encryptionRequired: true } });
    assert.deepEqual([status, json.error.cause], [400, duplicate('/services one')]);
  });

  test('fields without effect here are refused, unless they say what is so anyway', async () => {
    const identity = { name: 'idle', type: 'Default', isAdmin: false };
    for (const idle of [
      { defaultHostingCost: 5 },
      { defaultHostingPrecedence: 'required' },
      { serviceHostingCosts: { a: 1 } },
      { authPolicyId: 'x' },
      { enrollment: { updb: 'x' } },
    ]) {
      const { status, json } = await admin.call('POST', '/identities', { body: { ...identity, ...idle } });
      assert.deepEqual([status, json.error.code], [400, 'COULD_NOT_VALIDATE'], JSON.stringify(idle));
    }
    const usual = {
      defaultHostingCost: 0,
      serviceHostingCosts: {},
      serviceHostingPrecedences: {},
      authPolicyId: 'default',
      permissions: null,
    };
    await admin.create('/identities', { ...identity, ...usual });
    const id = await admin.create('/identities', { ...identity, name: 'idle2' });
    assert.equal((await admin.call('PATCH', `/identities/${id}`, { body: { disabled: true } })).json.error.cause.field, 'disabled');
  });
});

describe('changes', () => {
  test('an identity that is disabled for minutes is enabled when they are over', async () => {
    const id = await admin.create('/identities', { name: 'a while', type: 'Device', isAdmin: false });
    await admin.call('POST', `/identities/${id}/disable`, { body: { durationMinutes: 2 } });
    const disabled = await admin.get(`/identities/${id}`);
    assert.equal(disabled.disabled, true);
    assert.equal(Date.parse(disabled.disabledUntil) - Date.parse(disabled.disabledAt), 120_000);
    for (const durationMinutes of [-1, 1.5, 1e9, 'x']) {
      const { status } = await admin.call('POST', `/identities/${id}/disable`, { body: { durationMinutes } });
      assert.equal(status, 400, String(durationMinutes));
    }
    admin.site.clock.ahead += 121_000;
    assert.equal((await admin.get(`/identities/${id}`)).disabledUntil !== undefined, true);
    const { jwt } = await admin.site.fabric.admin.reissueToken(id);
    const keys = await newKeys();
    // Whoever comes by its certificate or token is looked at anew.
    assert.equal(admin.site.fabric.grants.allows(id, 'none', 'Dial'), false);
    const { status } = await admin.site.spend(jwt, await csrOf(keys, 'a while'));
    assert.equal(status, 200);
    assert.deepEqual(
      [(await admin.get(`/identities/${id}`)).disabled, (await admin.get(`/identities/${id}`)).disabledAt],
      [false, undefined],
    );
  });

  test('a token is shown until it is spent, and enrols; a refreshed or deleted one does not', async () => {
    const id = await admin.create('/identities', { name: 'comes', type: 'Device', isAdmin: false, enrollment: { ott: true } });
    const { ott } = (await admin.get(`/identities/${id}`)).enrollment;
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    assert.equal((await admin.call('POST', `/enrollments/${ott.id}/refresh`, { body: { expiresAt } })).status, 200);
    const fresh = await admin.get(`/enrollments/${ott.id}`);
    assert.notEqual(fresh.token, ott.token);
    assert.equal(fresh.expiresAt, expiresAt);
    const csr = await csrOf(await newKeys(), 'comes');
    assert.equal((await admin.site.spend(ott.jwt, csr)).json.error.code, 'INVALID_ENROLLMENT_TOKEN');
    assert.equal((await admin.site.spend(fresh.jwt, csr)).status, 200);
    const enrolled = await admin.get(`/identities/${id}`);
    assert.deepEqual([enrolled.enrollment, Object.keys(enrolled.authenticators)], [{}, ['cert']]);
    const again = await admin.create(`/authenticators/${enrolled.authenticators.cert.id}/re-enroll`, { expiresAt });
    assert.deepEqual((await admin.get(`/identities/${id}`)).authenticators, {});
    const { jwt } = await admin.get(`/enrollments/${again}`);
    assert.equal((await admin.call('DELETE', `/enrollments/${again}`)).status, 200);
    assert.equal((await admin.site.spend(jwt, csr)).json.error.code, 'INVALID_ENROLLMENT_TOKEN');
  });

  test('a router that is a tunneller has an identity and a policy, which go with it', async () => {
    const id = await admin.create('/edge-routers', { name: 'tunneller', isTunnelerEnabled: true });
    assert.equal((await admin.get(`/identities/${id}`)).typeId, 'Router');
    assert.equal((await admin.get(`/edge-router-policies/${id}`)).isSystem, true);
    for (const path of [`/identities/${id}`, `/edge-router-policies/${id}`]) {
      assertRefusedFor(await admin.call('DELETE', path), 'ENTITY_CAN_NOT_BE_DELETED');
      assertRefusedFor(await admin.call('PATCH', path, { body: { name: 'other' } }), 'ENTITY_CAN_NOT_BE_UPDATED');
    }
    assert.equal((await admin.call('PATCH', `/edge-routers/${id}`, { body: { name: 'renamed' } })).status, 200);
    assert.equal((await admin.get(`/identities/${id}`)).name, 'renamed');
    assert.equal((await admin.call('PATCH', `/edge-routers/${id}`, { body: { isTunnelerEnabled: false } })).status, 200);
    for (const path of ['/identities', '/edge-router-policies']) assert.equal((await admin.call('GET', `${path}/${id}`)).status, 404);
    assert.equal((await admin.call('DELETE', `/edge-routers/${id}`)).status, 200);
  });

  test('the router that runs here stays', async () => {
    const [{ id }] = await admin.get('/edge-routers?filter=isVerified%3Dtrue');
    assert.equal((await admin.call('DELETE', `/edge-routers/${id}`)).json.error.code, 'ENTITY_CAN_NOT_BE_DELETED');
    assert.equal((await admin.call('POST', `/edge-routers/${id}/re-enroll`)).json.error.code, 'ENTITY_CAN_NOT_BE_UPDATED');
    assert.equal((await admin.call('PATCH', `/edge-routers/${id}`, { body: { name: 'ward router' } })).status, 200);
    await admin.site.stop();
    await admin.site.start();
    await admin.signIn();
    assert.deepEqual(
      (await admin.get('/edge-routers?filter=isVerified%3Dtrue')).map((router: { id: string; name: string }) => [router.id, router.name]),
      [[id, 'ward router']],
    );
  });

  test('config data is checked by its schema, and a schema that is not understood is refused', async () => {
    const schema = {
      type: 'object',
      additionalProperties: false,
      required: ['p'],
      properties: { p: { type: 'integer', minimum: 1 }, q: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 2 } },
    };
    const configTypeId = await admin.create('/config-types', { name: 'checked', schema });
    const post = async (data: unknown): Promise<[number, string]> => {
      const { status, json } = await admin.call('POST', '/configs', { body: { name: `c ${JSON.stringify(data)}`, configTypeId, data } });
      return [status, json.error?.cause?.field];
    };
    assert.deepEqual(await post({ p: 1 }), [201, undefined]);
    assert.deepEqual(await post({ p: 2, q: ['a'] }), [201, undefined]);
    assert.deepEqual(await post({}), [400, '(root)']);
    assert.deepEqual(await post({ p: 0 }), [400, 'p']);
    assert.deepEqual(await post({ p: 1.5 }), [400, 'p']);
    assert.deepEqual(await post({ p: 1, x: 1 }), [400, '(root)']);
    assert.deepEqual(await post({ p: 1, q: ['c'] }), [400, 'q.0']);
    assert.deepEqual(await post({ p: 1, q: ['a', 'a', 'a'] }), [400, 'q']);
    for (const wrong of [
      { oneOf: [] },
      { type: 'x' },
      { properties: { a: { $ref: '#' } } },
      { required: 'p' },
      { items: 1 },
      { pattern: '(a+)+$' },
    ]) {
      const { status, json } = await admin.call('POST', '/config-types', { body: { name: 'not understood', schema: wrong } });
      assert.deepEqual([status, json.error.cause.field], [400, 'schema'], JSON.stringify(wrong));
    }
  });
});

describe('bad input', () => {
  test('any JSON at any path that takes a body is answered, and never as a defect', async () => {
    verifies('FABRIC-MANAGEMENT-BOUNDED');
    const id = await admin.create('/identities', { name: 'target', type: 'Device', isAdmin: false });
    const targets = Object.entries(TABLE).flatMap(([path, verbs]) =>
      Object.entries(verbs).flatMap(([verb, endpoint]) => (endpoint.takes && path !== '/authenticate' ? [[verb, path] as const] : [])),
    );
    const key = fc.constantFrom(
      'name',
      'type',
      'semantic',
      'isAdmin',
      'roleAttributes',
      'identityRoles',
      'tags',
      'cost',
      'expiresAt',
      'schema',
      'data',
      'method',
      '__proto__',
    );
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('AnyOf', 'Dial', 'ott', 'updb', '@x', '#x', '2030-01-01T00:00:00Z', '\u202e\u0000', -1, 1e300, true),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...targets), fc.dictionary(key, value, { maxKeys: 8 }), async ([verb, path], body) => {
        const { status, json } = await admin.call(verb, path.replaceAll('*', id), { body });
        assert.ok(
          [200, 201, 400, 404, 409].includes(status) || (status === 500 && isKnown(json)),
          `${verb} ${path} ${JSON.stringify(body)}: ${status}`,
        );
      }),
      { numRuns: 150 },
    );
    assert.equal((await admin.call('GET', '/summary')).status, 200);
  });

  /** Answers of the real one that are no defects for all their status. */
  function isKnown(json: { error: { cause: { message: string } } }): boolean {
    return /^(no fields updated|index on identities.name)/.test(json.error.cause.message);
  }

  test('bodies that are none, too large or of another type', async () => {
    for (const body of ['{', '[]', 'null', '"x"', '['.repeat(60_000)]) {
      const { status, json } = await admin.call('POST', '/services', { body, headers: { 'content-type': 'application/json' } });
      assert.deepEqual([status, json.error.code], [400, 'COULD_NOT_PARSE_BODY']);
    }
    const deep = `{"name":"deep","encryptionRequired":true,"tags":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`;
    assertRefusedFor(
      await admin.call('POST', '/services', { body: deep, headers: { 'content-type': 'application/json' } }),
      'COULD_NOT_PARSE_BODY',
    );
    assert.equal((await admin.call('POST', '/services', { body: '{}', headers: { 'content-type': 'text/plain' } })).status, 415);
    assert.equal((await admin.call('POST', '/services', { headers: { 'content-type': 'application/json' } })).status, 602);
    assert.equal((await admin.call('POST', '/services', { body: { name: 'x'.repeat(70_000), encryptionRequired: true } })).status, 413);
    for (const name of ['x'.repeat(1025), 'a\u0000b', 'a\nb', 'a\u202eb'])
      assert.equal((await admin.call('POST', '/services', { body: { name, encryptionRequired: true } })).status, 400);
    const many = Array.from({ length: 300 }, (_, i) => `a${i}`);
    for (const roleAttributes of [many, ['all'], [''], ['@x'], ['x'.repeat(300)]])
      assert.equal(
        (await admin.call('POST', '/services', { body: { name: 'attributes', encryptionRequired: true, roleAttributes } })).status,
        400,
      );
  });
});
