import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SubjectClaim, subjectOf } from '../../../hub/patients/subject.ts';
import type { GatewayEntry } from '../../../hub/registry/registry.ts';
import { verifies } from '../../requirements.ts';

const OURS = new Set(['pat-bed-01', 'pat-bed-02', 'pat-home-01', 'pat-dev-01', 'pat-else-01']);
const known = {
  isPatient: (id: string): boolean => OURS.has(id),
  inBed: (tenant: string, bed: string) =>
    tenant === 'clinic' ? new Map([...Object.entries(icu.beds), ['H', 'pat-dev-01']]).get(bed) : undefined,
};

const icu: GatewayEntry = {
  identity: 'gw-icu',
  tenant: 'clinic',
  beds: { A: 'pat-bed-01', B: 'pat-bed-02', C: null },
  devices: { vent: 'pat-bed-02' },
};
const home: GatewayEntry = { identity: 'gw-home', tenant: 'clinic', patient: 'pat-home-01', beds: {}, devices: { scale: 'pat-dev-01' } };

const of = (gateway: GatewayEntry, device: string, hints: SubjectClaim['hints'] = {}): string => {
  const subject = subjectOf(gateway, { device, hints }, known);
  return 'code' in subject ? subject.code : `${subject.patient} ${subject.bed}`;
};
const stated = (value: string, authority = ''): SubjectClaim['hints'] => ({ patient: { value, authority } });

test('the bindings of the gateway decide: device, then bed, then its one patient', () => {
  verifies('SUBJECT-BY-HUB');
  assert.equal(of(icu, 'monitor', { bed: 'A' }), 'pat-bed-01 A');
  assert.equal(of(icu, 'vent'), 'pat-bed-02 null');
  assert.equal(of(icu, 'vent', { bed: 'B' }), 'pat-bed-02 B');
  assert.equal(of(home, 'oximeter'), 'pat-home-01 null');
  assert.equal(of(home, ''), 'pat-home-01 null');
  assert.equal(of(home, 'scale'), 'pat-dev-01 null');
});

test('what the gateway is not bound to is nobody’s', () => {
  verifies('SUBJECT-BY-HUB');
  const cases: [GatewayEntry, string, SubjectClaim['hints']][] = [
    [icu, 'monitor', {}],
    [icu, 'monitor', { bed: 'D' }],
    [icu, 'monitor', { bed: 'C' }],
    [icu, 'monitor', { bed: 'constructor' }],
    [icu, '__proto__', {}],
    [icu, 'vent', { bed: 'A' }],
    [home, 'oximeter', { bed: 'A' }],
    [home, 'scale', { bed: 'A' }],
  ];
  for (const [gateway, device, hints] of cases)
    assert.equal(of(gateway, device, hints), 'INGEST-NOT-BOUND', `${device} ${JSON.stringify(hints)}`);
});

test('a bound device may state its patient’s bed, an empty one, or one that only the device knows', () => {
  verifies('SUBJECT-BY-HUB', 'TENANT-EVERYWHERE');
  assert.equal(of(home, 'scale', { bed: 'H' }), 'pat-dev-01 H');
  assert.equal(of(home, 'scale', { bed: 'C' }), 'pat-dev-01 null');
  assert.equal(of(home, 'scale', { bed: 'nowhere' }), 'pat-dev-01 null');
  assert.equal(of({ ...home, tenant: 'other' }, 'scale', { bed: 'A' }), 'pat-dev-01 null');
});

test('it is the patient’s since the deciding binding, and not before a device lost its own', () => {
  verifies('SUBJECT-BY-HUB');
  const since = {
    patient: 5,
    beds: new Map([['A', 6]]),
    devices: new Map([
      ['scale', 7],
      ['vent', 8],
      ['lost', 9],
    ]),
  };
  const at = (gateway: GatewayEntry, device: string, hints: SubjectClaim['hints'] = {}): number => {
    const subject = subjectOf({ ...gateway, since }, { device, hints }, known);
    return 'since' in subject ? subject.since : assert.fail(subject.rule);
  };
  assert.equal(at(home, 'oximeter'), 5);
  assert.equal(at(home, 'scale'), 7);
  assert.equal(at(home, 'lost'), 9);
  assert.equal(at(icu, 'monitor', { bed: 'A' }), 6);
  assert.equal(at(icu, 'lost', { bed: 'A' }), 9);
  assert.equal(at(icu, 'vent', { bed: 'B' }), 8);
  assert.equal(at(icu, 'monitor', { bed: 'B' }), Number.POSITIVE_INFINITY);
});

test('a patient of ours who is stated can contradict, and never decide', () => {
  verifies('SUBJECT-BY-HUB');
  assert.equal(of(icu, 'monitor', { bed: 'A', ...stated('pat-bed-01') }), 'pat-bed-01 A');
  assert.equal(of(icu, 'monitor', { bed: 'A', ...stated('pat-bed-02') }), 'INGEST-NOT-BOUND');
  assert.equal(of(icu, 'monitor', stated('pat-bed-01')), 'INGEST-NOT-BOUND');
  assert.equal(of(home, 'oximeter', stated('pat-else-01')), 'INGEST-NOT-BOUND');
  assert.equal(of(home, 'oximeter', stated('pat-unknown', 'urn:vitalmesh:patient')), 'INGEST-NOT-BOUND');
});

test('somebody’s record number neither decides nor contradicts', () => {
  verifies('SUBJECT-BY-HUB');
  assert.equal(of(icu, 'monitor', { bed: 'A', ...stated('4711', 'HIS') }), 'pat-bed-01 A');
  assert.equal(of(home, 'oximeter', { visit: 'V1', ...stated('4711') }), 'pat-home-01 null');
  assert.equal(of(icu, 'monitor', stated('4711', 'HIS')), 'INGEST-NOT-BOUND');
});

test('whatever a message says, the patient is one the gateway is bound to', () => {
  verifies('SUBJECT-BY-HUB');
  const text = fc.oneof(fc.constantFrom(...OURS, 'A', 'B', 'C', 'vent', 'scale', '__proto__', 'toString'), fc.string());
  const hints = fc.record({ patient: fc.record({ value: text, authority: text }), bed: text, visit: text }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.constantFrom(icu, home), text, hints, (gateway, device, said) => {
      const subject = subjectOf(gateway, { device, hints: said }, known);
      if ('code' in subject) return;
      const bound = [gateway.patient, ...Object.values(gateway.beds), ...Object.values(gateway.devices)];
      assert.ok(bound.includes(subject.patient));
      if (said.patient && OURS.has(said.patient.value)) assert.equal(said.patient.value, subject.patient);
    }),
    { numRuns: 200 },
  );
});

test('the rule names nobody', () => {
  const subject = subjectOf(icu, { device: 'monitor', hints: { bed: 'A', ...stated('pat-else-01') } }, known);
  assert.ok('rule' in subject && !/pat-|A\b/.test(subject.rule));
});
