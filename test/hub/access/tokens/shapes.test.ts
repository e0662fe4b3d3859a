import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JWTPayload } from 'jose';
import type { PresetName } from '../../../../hub/access/tokens/issuer.ts';
import { TokenRefusal } from '../../../../hub/access/tokens/token.ts';
import { TokenVerifier } from '../../../../hub/access/tokens/verifier.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW, TestClock } from '../../../support/hub.ts';
import { RESOURCE, type TestIssuerOptions, testIssuer, trusted } from '../../../support/tokens.ts';

const NOW = TEST_NOW / 1000;

interface Shape {
  like: PresetName;
  options?: Partial<TestIssuerOptions>;
  header: Record<string, unknown>;
  claims: JWTPayload;
  subject: string;
  client: string;
  scopes: string[];
}

/** Tokens as these products issue them, with made-up names. */
const SHAPES: Record<string, Shape> = {
  'Keycloak 26, authorization code, audience mapper': {
    like: 'keycloak',
    header: { typ: 'JWT' },
    claims: {
      jti: 'onrtac:5f0e7a8e-2b0d-4a64-9d5b-3c3b1d9a7a11',
      iss: 'https://sso.hospital.example/realms/main',
      aud: [RESOURCE, 'account'],
      sub: 'f3b0c442-98fc-4c14-9afb-f4c8996fb924',
      typ: 'Bearer',
      azp: 'ward-app',
      client_id: undefined,
      sid: '1c0c6a0e-6d2e-4a0a-8a1c-1f9d6f0f2d11',
      acr: '1',
      realm_access: { roles: ['offline_access', 'uma_authorization'] },
      resource_access: { account: { roles: ['manage-account'] } },
      scope: 'openid profile user/Observation.rs',
      preferred_username: 'nurse1',
    },
    subject: 'f3b0c442-98fc-4c14-9afb-f4c8996fb924',
    client: 'ward-app',
    scopes: ['user/Observation.rs'],
  },
  'Keycloak, service account': {
    like: 'keycloak',
    header: { typ: 'JWT' },
    claims: {
      aud: RESOURCE,
      sub: '0b9a1f7e-2e0d-4a64-9d5b-3c3b1d9a7a22',
      typ: 'Bearer',
      azp: 'early-warning',
      client_id: 'early-warning',
      scope: 'system/Observation.rs?category=vital-signs',
      clientHost: '10.0.0.7',
    },
    subject: '0b9a1f7e-2e0d-4a64-9d5b-3c3b1d9a7a22',
    client: 'early-warning',
    scopes: ['system/Observation.rs'],
  },
  'Entra ID, version 2, on behalf of a user': {
    like: 'entra',
    options: {
      issuer: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0',
      audiences: ['6e74172b-be56-4843-9ff4-e66a39bb12e3', 'api://vitals'],
      scopeNames: { 'Vitals.Read': ['user/Observation.rs'] },
      alg: 'RS256',
    },
    header: { typ: 'JWT', x5t: 'key-1' },
    claims: {
      aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
      iat: NOW - 300,
      nbf: NOW - 300,
      exp: NOW + 4200,
      client_id: undefined,
      aio: 'AXQAi/8IAAAA',
      azp: '87654321-0000-0000-0000-000000000000',
      azpacr: '0',
      name: 'A. Nurse',
      oid: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      preferred_username: 'a.nurse@hospital.example',
      rh: '0.ASYA',
      scope: undefined,
      scp: 'Vitals.Read User.Read',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      tid: '11111111-2222-3333-4444-555555555555',
      uti: 'fqiBqXLPj0eQa82S-IYFAA',
      ver: '2.0',
    },
    subject: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
    client: '87654321-0000-0000-0000-000000000000',
    scopes: ['user/Observation.rs'],
  },
  'Entra ID, version 2, application': {
    like: 'entra',
    options: { audiences: ['api://vitals'], scopeNames: { 'Vitals.Read.All': ['system/Observation.rs?category=vital-signs'] } },
    header: { typ: 'JWT' },
    claims: {
      aud: 'api://vitals',
      client_id: undefined,
      azp: '99999999-0000-0000-0000-000000000000',
      idtyp: 'app',
      oid: 'ffffffff-bbbb-cccc-dddd-eeeeeeeeeeee',
      roles: ['Vitals.Read.All'],
      scope: undefined,
      sub: 'ffffffff-bbbb-cccc-dddd-eeeeeeeeeeee',
      ver: '2.0',
    },
    subject: 'ffffffff-bbbb-cccc-dddd-eeeeeeeeeeee',
    client: '99999999-0000-0000-0000-000000000000',
    scopes: ['system/Observation.rs'],
  },
  'Okta, custom authorization server': {
    like: 'okta',
    options: { issuer: 'https://hospital.okta.example/oauth2/aus1vitals', alg: 'RS256' },
    header: { typ: undefined },
    claims: {
      ver: 1,
      jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
      cid: '0oabskvc6442nkvQO0h7',
      client_id: undefined,
      uid: '00u5t60iloOHN9pBi0h7',
      scope: undefined,
      scp: ['openid', 'user/Observation.rs'],
      auth_time: NOW - 60,
      sub: 'nurse1@hospital.example',
    },
    subject: 'nurse1@hospital.example',
    client: '0oabskvc6442nkvQO0h7',
    scopes: ['user/Observation.rs'],
  },
  'RFC 9068, as oidc-provider issues it': {
    like: 'rfc9068',
    header: { typ: 'at+jwt' },
    claims: { aud: RESOURCE, sub: 'early-warning', client_id: 'early-warning', scope: 'system/Observation.rs' },
    subject: 'early-warning',
    client: 'early-warning',
    scopes: ['system/Observation.rs'],
  },
};

async function made({ like, options = {}, header, claims }: Shape) {
  const clock = new TestClock();
  const idp = await testIssuer({ now: () => clock.now(), like, ...options });
  const token = await idp.sign(claims, header);
  return { idp, token, verifier: new TokenVerifier([trusted(idp, clock)], clock), clock };
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`a token of ${name} is read`, async () => {
    verifies('TOKEN-SHAPES');
    const { token, verifier } = await made(shape);
    const { subject, client, scopes } = await verifier.verify(token);
    assert.deepEqual([subject, client], [shape.subject, shape.client]);
    assert.deepEqual(
      scopes.map(({ context, resource, may }) => `${context}/${resource}.${may}`),
      shape.scopes,
    );
  });

  test(`a token of ${name} is refused where tokens of another form are expected`, async () => {
    verifies('TOKEN-SHAPES');
    const { idp, token, clock } = await made(shape);
    const others = Object.values(SHAPES).filter(({ like }) => like !== shape.like);
    for (const { like } of others) {
      const other = await testIssuer({ now: () => clock.now(), like });
      const { types, claims, require } = other.issuer;
      const strict = new TokenVerifier([trusted({ ...idp, issuer: { ...idp.issuer, types, claims, require } }, clock)], clock);
      await assert.rejects(strict.verify(token), TokenRefusal, `${like} takes it`);
    }
  });
}

test('a stock token of Keycloak, without an audience mapper, is for nobody', async () => {
  verifies('TOKEN-SHAPES');
  const shape = SHAPES['Keycloak, service account'];
  assert.ok(shape);
  for (const aud of [undefined, 'account']) {
    const { token, verifier } = await made({ ...shape, claims: { ...shape.claims, aud } });
    await assert.rejects(verifier.verify(token), { fault: 'audience' });
  }
});
