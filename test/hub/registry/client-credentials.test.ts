import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { registryChanges } from '../../../hub/registry/changes.ts';
import { Revocations } from '../../../hub/registry/client-credentials.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const GATEWAYS = `gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: null } }
  - { identity: gw-other, tenant: other, patient: pat-other-01 }
`;
const rest = 'tenant: clinic, kind: person, role: clinician, patients: all';
const registry = (more: string) => parseRegistry(`${GATEWAYS}${more}`);

function complaint(more: string): string {
  try {
    registry(more);
  } catch (error) {
    assert.ok(error instanceof VitalmeshError);
    return error.detail ?? '';
  }
  return assert.fail('the registry was taken');
}

test('a client is told by identity, by token or by both, and each credential stands in one row', () => {
  verifies('CALLER-PROVES');
  const nurse = '{ issuer: hospital, subject: nurse-1 }';
  const found = registry(
    `clients:\n  - { identity: a, token: ${nurse}, ${rest} }\n  - { token: { issuer: clinic, subject: nurse-1 }, ${rest} }\n`,
  );
  assert.equal(found.clientByToken('hospital', 'nurse-1')?.identity, 'a');
  assert.equal(found.clientByIdentity('a')?.token?.subject, 'nurse-1');
  assert.equal(found.clientByToken('clinic', 'nurse-1')?.identity, undefined);
  assert.equal(found.clientByToken('hospital nurse-1', ''), undefined);
  assert.equal(found.clientByIdentity('constructor'), undefined);
  const wrong: [string, RegExp][] = [
    [`clients: [{ ${rest} }]`, /clients\[0\]: expected an identity, a token, or both/],
    [
      `clients:\n  - { identity: a, token: ${nurse}, ${rest} }\n  - { identity: b, token: ${nurse}, ${rest} }`,
      /:6: clients\[1\]\.token: expected every subject once/,
    ],
    [`clients:\n  - { identity: a, token: ${nurse}, ${rest} }\n  - { identity: a, ${rest} }`, /expected every identity once/],
    [`clients: [{ token: { issuer: hospital }, ${rest} }]`, /token\.subject: missing/],
    [`clients: [{ token: { issuer: hospital, subject: "a b" }, ${rest} }]`, /token\.subject: expected 1 to 255 printable/],
    [`clients: [{ token: { issuer: "Hospital!", subject: a }, ${rest} }]`, /token\.issuer: expected the name of an issuer/],
    ['revoked: [{ issuer: hospital }]', /revoked\[0\]: expected jti, subject or before/],
    ['revoked: [{ issuer: hospital, before: yesterday }]', /expected a time with its offset/],
    ['revoked: [{ jti: x }]', /issuer: missing/],
  ];
  for (const [text, said] of wrong) assert.match(complaint(text), said, text);
});

test('a token is found among what was revoked by all that each entry names, and by nothing less', () => {
  verifies('CALLER-PROVES');
  const name = fc.constantFrom('a', 'b', 'c');
  const one = fc.record({ issuer: name, jti: name, subject: name, before: fc.constantFrom(5, 10) }, { requiredKeys: ['issuer'] });
  const token = fc.record(
    { issuer: name, subject: name, id: name, issuedAt: fc.constantFrom(4, 5, 9, 10) },
    { requiredKeys: ['issuer', 'subject', 'issuedAt'] },
  );
  fc.assert(
    fc.property(fc.array(one, { maxLength: 4 }), token, (list, { issuer, subject, id, issuedAt }) => {
      const meant = list.some(
        (entry) =>
          entry.issuer === issuer &&
          (entry.jti === undefined || entry.jti === id) &&
          (entry.subject === undefined || entry.subject === subject) &&
          (entry.before === undefined || issuedAt < entry.before),
      );
      assert.equal(new Revocations(list).include({ issuer, subject, issuedAt, ...(id !== undefined && { id }) }), meant);
    }),
  );
});

test('what a registry changes is told as ids and fields, tenant by tenant', () => {
  verifies('REGISTRY-RECORDED');
  const before = registry(`clients:\n  - { identity: ai-a, ${rest} }\n  - { identity: ai-b, ${rest} }\n  - { identity: ai-c, ${rest} }\n`);
  assert.deepEqual(registryChanges(before, before), []);
  const next = parseRegistry(`${GATEWAYS.replace('ICU-02: null', 'ICU-02: pat-icu-02')}clients:
  - { identity: ai-a, token: { issuer: hospital, subject: nurse-1 }, tenant: clinic, kind: person, role: monitor, patients: all }
  - { identity: ai-b, tenant: other, kind: person, role: clinician, patients: all }
  - { token: { issuer: hospital, subject: early-warning }, tenant: clinic, kind: software, role: monitor, patients: [], wards: [icu] }
wards: { icu: { tenant: clinic, beds: [ICU-01] } }
revoked: [{ issuer: hospital, jti: stolen }]
`);
  const told = registryChanges(before, next).map(
    ({ tenant, what, row, id, fields }) => `${tenant} ${what} ${row} ${id}: ${fields.join(' ')}`,
  );
  assert.deepEqual(
    told.sort(),
    [
      'clinic added client oauth:hospital:early-warning: kind patients role tenant token wards',
      'clinic added revocation stolen: issuer',
      'clinic changed client ai-a: role token',
      'clinic changed gateway gw-icu: beds',
      'clinic changed patient pat-icu-01: ward',
      'clinic removed client ai-b: ',
      'clinic removed client ai-c: ',
      'other added client ai-b: identity kind patients role tenant',
      'other added revocation stolen: issuer',
    ].sort(),
  );
});
