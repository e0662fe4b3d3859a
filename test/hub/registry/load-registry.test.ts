import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { newPatientId } from '../../../hub/patients/public-id.ts';
import { bindingsFrom } from '../../../hub/registry/bindings.ts';
import { loadRegistry, parseRegistry } from '../../../hub/registry/load-registry.ts';
import { ERRORS, VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { boundSinceEver } from '../../support/hub.ts';

const GOOD = `
gateways:
  - identity: gw-icu
    tenant: clinic
    beds: { ICU-01: pat-icu-01, ICU-02: null }
  - identity: gw-home.1
    tenant: clinic
    patient: pat-home-01
    devices: { "0501936": pat-home-02 }
    notAfter: 2027-01-01T00:00:00+01:00
  - identity: gw-other
    tenant: other
    patient: pat-other-01
clients:
  - { identity: ai-ward, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-one, tenant: clinic, kind: person, role: clinician, patients: [pat-icu-01], notAfter: 2027-01-01T00:00:00Z }
`;

/** The lines complained of, and what was said. */
function complaints(text: string): string {
  try {
    parseRegistry(text);
  } catch (error) {
    assert.ok(error instanceof VitalmeshError);
    assert.equal(error.code, 'REGISTRY-INVALID');
    return error.detail ?? '';
  }
  return assert.fail('the registry was taken');
}

test('what is wrong in a bed is found by its line, and the advice says what the asterisk is', () => {
  assert.match(
    complaints('gateways:\n  - identity: gw\n    tenant: clinic\n    beds:\n      A: pat-bed-01\n      B: X\n'),
    /:6: gateways\[0\]\.beds\.\*: /,
  );
  assert.match(ERRORS['REGISTRY-INVALID'].advice, /\* stands for a key of yours/);
});

test('a registry says who a gateway may speak for, who a client is, and where patients are', () => {
  const registry = parseRegistry(GOOD);
  assert.deepEqual(registry.gateway('gw-icu')?.beds, { 'ICU-01': 'pat-icu-01', 'ICU-02': null });
  assert.equal(registry.gateway('gw-home.1')?.patient, 'pat-home-01');
  assert.equal(registry.gateway('gw-home.1')?.devices['0501936'], 'pat-home-02');
  assert.equal(registry.gateway('gw-home.1')?.notAfter, Date.UTC(2026, 11, 31, 23));
  assert.equal(registry.gateway('ai-ward'), undefined);
  assert.deepEqual(registry.principal('ai-one'), {
    id: 'ai-one',
    tenant: 'clinic',
    kind: 'person',
    role: 'clinician',
    patients: ['pat-icu-01'],
    notAfter: Date.UTC(2027, 0, 1),
  });
  assert.equal(registry.principal('gw-icu'), undefined);
  assert.deepEqual(registry.patients('clinic'), [
    { patient: 'pat-home-01', bed: null },
    { patient: 'pat-home-02', bed: null },
    { patient: 'pat-icu-01', bed: 'ICU-01' },
  ]);
  assert.deepEqual(registry.tenants(), ['clinic', 'other']);
  assert.match(registry.revision, /^[0-9a-f]{12}$/);
});

test('how much a gateway may send and have in quarantine is said in its row, and only as numbers that mean something', () => {
  verifies('GATEWAYS-FAIR', 'QUARANTINE-BOUNDED');
  const limited = (limits: string): string => GOOD.replace('identity: gw-icu\n', `identity: gw-icu\n    limits: ${limits}\n`);
  const registry = parseRegistry(limited('{ entriesPerSecond: 50, quarantineRows: 10 }'));
  assert.deepEqual(registry.gateway('gw-icu')?.limits, { entriesPerSecond: 50, quarantineRows: 10 });
  assert.equal(registry.gateway('gw-other')?.limits, undefined);
  for (const wrong of ['{ entriesPerSecond: 0 }', '{ bytesPerSecond: fast }', '{ quarantineBytes: 1.5 }', '{ rate: 5 }', '50'])
    assert.match(complaints(limited(wrong)), /limits/, wrong);
});

test('patients are known within their tenant alone', () => {
  verifies('TENANT-EVERYWHERE');
  const registry = parseRegistry(GOOD);
  assert.equal(registry.patient('clinic', 'pat-other-01'), undefined);
  assert.deepEqual(registry.patient('other', 'pat-other-01'), { patient: 'pat-other-01', bed: null });
  assert.deepEqual(registry.patients('nobody'), []);
  assert.ok(registry.isPatient('pat-other-01'));
  assert.ok(!registry.isPatient('constructor'));
});

const gateway = (rest: string): string => `gateways:\n  - { identity: gw-a, tenant: clinic, ${rest} }\n`;

test('each rule is told with its line', () => {
  verifies('PATIENT-ID-CHECKED');
  verifies('CONFIG-ERRORS-HELP');
  assert.match(
    complaints(`${gateway('patient: pat-home-01')}  - { identity: gw-a, tenant: clinic, patient: pat-home-02 }`),
    /:3: .*identity.*once/,
  );
  assert.match(
    complaints(gateway('patient: pat-home-01').replace('gw-a', 'AGENT-IDENTITY-ID')),
    /:2: gateways\[0\]\.identity: still a placeholder/,
  );
  assert.match(
    complaints(
      `${gateway('patient: pat-home-01')}clients:\n  - { identity: gw-a, tenant: clinic, kind: person, role: clinician, patients: all }`,
    ),
    /:4: .*once/,
  );
  assert.match(
    complaints(`${gateway('patient: pat-home-01')}  - { identity: gw-b, tenant: other, patient: pat-home-01 }`),
    /:3: .*one tenant/,
  );
  assert.match(complaints(gateway('beds: { A: pat-bed-01, B: pat-bed-01 }')), /one bed/);
  assert.match(
    complaints(`${gateway('beds: { A: pat-bed-01 }')}  - { identity: gw-b, tenant: clinic, beds: { A: pat-bed-02 } }`),
    /:3: .*same patient/,
  );
  assert.match(
    complaints(`${gateway('beds: { A: pat-bed-01 }')}  - { identity: gw-b, tenant: clinic, beds: { A: null } }`),
    /:3: .*same patient/,
  );
  assert.match(complaints(gateway('beds: {}')), /speak for nobody/);
  assert.match(complaints(gateway('patient: 12345678')), /expected string/);
  assert.match(complaints(gateway('patient: "12345678"')), /opaque patient id/);
  assert.match(complaints(gateway('patient: p-00000-00000-00000-001')), /a character of this one is wrong/);
  assert.equal(parseRegistry(`gateways:\n  - { identity: gw, tenant: clinic, patient: ${newPatientId()} }\n`).gatewayCount, 1);
  assert.match(complaints(gateway('patient: pat-home-01, notAfter: tomorrow')), /time with its offset/);
  assert.match(complaints(gateway('patient: pat-home-01, bed: A')), /did you mean 'beds'/);
  assert.match(complaints(gateway('devices: { 0123: pat-home-01 }')), /:2: .*quotes/);
  assert.match(
    complaints(
      `${gateway('patient: pat-home-01')}clients:\n  - { identity: ai, tenant: other, kind: person, role: clinician, patients: [pat-home-01] }`,
    ),
    /another/,
  );
  assert.match(
    complaints('clients:\n  - { identity: ai, tenant: clinic, kind: person, role: operator, patients: all }'),
    /clinician, monitor/,
  );
  for (const empty of ['', '# being written', '{}', 'null', 'gateways:', 'gateways: []', 'gateways: []\nclients: []'])
    assert.match(complaints(empty), /^registry\.yaml:1: gateways: .*expected/, empty);
  assert.match(complaints('gateways: ['), /registry\.yaml:\d+/);
  assert.match(complaints(`a: &a [x, x]\nb: [${'*a, '.repeat(200)}]`), /registry\.yaml/);
});

test('complaints repeat nothing of the file, names of beds and devices neither', () => {
  verifies('LOG-CLEAN');
  const bed = 'Bed of Erika Mustermann';
  const cases = [
    [gateway(`beds: { "${bed}": X }`), /:2: gateways\[0\]\.beds\.\*: expected an opaque/],
    [gateway(`devices: { "${bed}": 5 }`), /:2: gateways\[0\]\.devices\.\*: expected string/],
    [gateway(`beds: { "${bed}\\u0007": pat-bed-01 }`), /:2: gateways\[0\]\.beds\.\*: /],
    [gateway(`beds: { A: pat-bed-01, "${bed}": pat-bed-01 }`), /:2: gateways\[0\]\.beds\.\*: expected a patient in one bed/],
    [gateway(`"${bed}": pat-bed-01`), /:2: gateways\[0\]\.\*: unknown key/],
    [`${gateway('patient: pat-bed-01')}"${bed}": 1`, /:3: \*: unknown key/],
    [gateway(`beds: { "${bed}": pat-bed-01, "${bed}": pat-bed-02 }`), /:2:\d+: /],
  ] as const;
  for (const [text, complaint] of cases) {
    const said = complaints(text);
    assert.match(said, complaint);
    assert.doesNotMatch(said, /Mustermann|pat-bed/);
  }
  assert.doesNotMatch(complaints(gateway('patient: "Erika Mustermann"')), /Mustermann/);
});

test('two gateways may speak for one bed when they agree who lies there', () => {
  const registry = parseRegistry(`${gateway('beds: { A: pat-bed-01 }')}  - { identity: gw-b, tenant: clinic, beds: { A: pat-bed-01 } }`);
  assert.deepEqual(registry.patients('clinic'), [{ patient: 'pat-bed-01', bed: 'A' }]);
});

test('a bed is looked up in its tenant, whichever gateway has it', () => {
  verifies('TENANT-EVERYWHERE');
  const registry = parseRegistry(GOOD);
  assert.equal(registry.inBed('clinic', 'ICU-01'), 'pat-icu-01');
  assert.equal(registry.inBed('clinic', 'ICU-02'), null);
  assert.equal(registry.inBed('clinic', 'constructor'), undefined);
  assert.equal(registry.inBed('other', 'ICU-01'), undefined);
});

test('a missing file is told as such', () => {
  assert.throws(() => loadRegistry('/nonexistent/registry.yaml'), { code: 'REGISTRY-INVALID', detail: /ENOENT/ });
});

test('a reload replaces everything at once, and a bad file leaves the last good one in force', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-registry-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'registry.yaml');
  writeFileSync(path, GOOD);
  const live = boundSinceEver(loadRegistry(path));
  const first = live.revision;
  writeFileSync(path, 'gateways: [{}]');
  const reload = () => {
    const next = loadRegistry(path);
    return live.replace(next, bindingsFrom([], next.bindings(), 0));
  };
  assert.throws(reload, { code: 'REGISTRY-INVALID' });
  assert.equal(live.revision, first);
  assert.ok(live.gateway('gw-icu'));
  writeFileSync(path, GOOD.replace('ICU-02: null', 'ICU-02: pat-icu-02').replace('ICU-01: pat-icu-01', 'ICU-01: null'));
  assert.deepEqual(reload(), [
    { tenant: 'clinic', patient: 'pat-icu-02' },
    { tenant: 'clinic', patient: 'pat-icu-01', was: { patient: 'pat-icu-01', bed: 'ICU-01' } },
  ]);
  assert.notEqual(live.revision, first);
  assert.equal(live.patient('clinic', 'pat-icu-01'), undefined);
});
