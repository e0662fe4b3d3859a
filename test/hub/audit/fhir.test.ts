import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIONS, type Action, type AuditEvent } from '../../../hub/access/access.ts';
import type { EvidenceRecord } from '../../../hub/audit/evidence.ts';
import { auditEventOf, type FhirAuditEvent } from '../../../hub/audit/fhir.ts';
import { verifies } from '../../requirements.ts';
import { BALP_PROFILES, balpFaults } from '../../support/balp.ts';
import { evidenceRecord } from '../../support/evidence.ts';

const STORE = '0123456789abcdef0123456789abcdef';

const mapped = (event: Partial<AuditEvent>, record: Partial<EvidenceRecord> = {}): FhirAuditEvent =>
  auditEventOf(evidenceRecord(event, record), STORE);

const balpOf = ({ meta }: FhirAuditEvent): string | undefined => meta?.profile[0]?.split('IHE.BasicAudit.')[1];
const typesOf = ({ entity }: FhirAuditEvent): string[] => entity.map(({ type, role }) => `${type.code}/${role?.code ?? '-'}`);
const codes = ({ type, subtype = [], action }: FhirAuditEvent): string => [type.code, ...subtype.map(({ code }) => code), action].join(' ');

/** What each action is to others, about a patient and about nobody. */
const TABLE: Readonly<Record<Action, [codes: string, patient: string | undefined, nobody: string | undefined]>> = {
  'patients.list': ['rest search E', 'PatientQuery', 'Query'],
  'vitals.read': ['rest read R', 'PatientRead', 'Read'],
  'vitals.subscribe': ['rest search E', 'PatientQuery', 'Query'],
  'observations.write': ['rest create C', 'PatientCreate', 'Create'],
  'observations.export': ['rest search E', 'PatientQuery', 'Query'],
  'status.read': ['rest read R', 'PatientRead', 'Read'],
  'store.backup': ['110106 R', undefined, undefined],
  'store.restore': ['110107 C', undefined, undefined],
  'store.rekey': ['110113 110136 U', undefined, undefined],
  'store.verify': ['110100 E', undefined, undefined],
  'audit.read': ['rest search E', 'PatientQuery', 'Query'],
  'audit.export': ['rest search E', 'PatientQuery', 'Query'],
  'audit.verify': ['110101 E', undefined, undefined],
  'audit.acknowledge': ['110101 U', undefined, undefined],
  'audit.retain': ['110101 D', undefined, undefined],
  'patient.export': ['110106 disclose R', 'PrivacyDisclosure.Source', undefined],
  'patient.hold': ['110100 U', undefined, undefined],
  'patients.place': ['110100 U', undefined, undefined],
  'readings.amend': ['110100 U', undefined, undefined],
  'patient.erase': ['rest delete D', 'PatientDelete', 'Delete'],
  'registry.change': ['110113 110137 U', undefined, undefined],
  'session.open': ['110114 110122 E', undefined, undefined],
  'access.explain': ['rest search E', 'PatientQuery', 'Query'],
};

test('each action is the AuditEvent that IHE or DICOM has for it, with the entities that its profile wants', () => {
  verifies('AUDIT-EXPORT');
  for (const action of ACTIONS) {
    const [wanted, ofPatient, ofNobody] = TABLE[action];
    const [one, none] = [mapped({ action }), mapped({ action, patient: null })];
    assert.deepEqual([codes(one), balpOf(one), balpOf(none)], [wanted, ofPatient, ofNobody], action);
    const object = ofNobody === undefined && ofPatient === undefined ? [] : [ofNobody === 'Query' ? '2/24' : '2/4'];
    assert.deepEqual(
      [typesOf(one), typesOf(none)],
      [
        [...object, '1/1', '4/-'],
        [...object, '4/-'],
      ],
      action,
    );
    const [user, client, server] = one.agent;
    assert.deepEqual([user?.requestor, client?.requestor, server?.requestor], [true, false, false]);
    // BALP: what flows in a read is what is read, in all else the request; in a deletion nothing does.
    const source = ofNobody === 'Read' || action === 'patient.export' ? server : client;
    assert.equal(source?.type.coding?.[0]?.code, ofNobody === 'Delete' ? '110150' : '110153', action);
    assert.ok(client?.network && server?.network && !user?.network);
  }
});

test('what was refused or failed has its outcome and claims no profile, for those are of what succeeded', () => {
  verifies('AUDIT-EXPORT');
  for (const [outcome, code] of [
    ['allowed', '0'],
    ['denied', '4'],
    ['failed', '8'],
  ] as const) {
    const event = mapped({ outcome, reason: 'because' });
    assert.deepEqual(
      [event.outcome, event.outcomeDesc, balpOf(event)],
      [code, 'because', outcome === 'allowed' ? 'PatientRead' : undefined],
    );
  }
});

test('who, why, whose and what was shown are told: user with purpose, client as the network knew it, patient, observations', () => {
  verifies('AUDIT-EXPORT');
  const event = mapped({});
  assert.equal(event.id, `${STORE}-7`);
  assert.equal(event.recorded, '2026-11-21T10:00:00.000+00:00');
  const [user, client, server] = event.agent;
  assert.deepEqual(user?.who.identifier, { system: 'urn:vitalmesh:principal', value: 'oauth:clinic-idp:nurse 1' });
  assert.deepEqual(user?.role, [{ text: 'clinician' }]);
  assert.equal(user?.purposeOfUse?.[0]?.coding?.[0]?.code, 'ETREAT');
  assert.deepEqual(client?.who, {
    identifier: { system: 'urn:vitalmesh:identity', value: 'ai 1' },
    display: 'claims to be agent 2.0 model-1',
  });
  assert.equal(client?.network?.address, 'urn:vitalmesh:identity:ai%201');
  assert.equal(server?.who.identifier.value, STORE);
  assert.equal(event.source.site, 'clinic');
  const [data, patient, evidence] = event.entity;
  assert.equal(data?.what?.identifier.value, 'ab'.repeat(32));
  assert.deepEqual(patient?.what, { type: 'Patient', identifier: { system: 'urn:vitalmesh:patient', value: 'pat-icu-01' } });
  assert.deepEqual(evidence?.what?.identifier, { system: `urn:vitalmesh:evidence:${STORE}`, value: '7' });
  const details = evidence?.detail?.map(({ type, valueString }) => `${type}=${valueString}`) ?? [];
  for (const wanted of ['hash=cd', 'rows=1', 'mask=none', 'observation=gw.e.1.0 stored 2026-11-21T09:00:00.000+00:00'])
    assert.ok(
      details.some((detail) => detail.startsWith(wanted)),
      wanted,
    );
});

test('a read that asks for something is a query, and says what', () => {
  verifies('AUDIT-EXPORT');
  const event = mapped({ detail: { args: { vital: 'hr', points: 10 } } });
  assert.deepEqual([balpOf(event), codes(event)], ['PatientQuery', 'rest search E']);
  const query = Buffer.from(event.entity[0]?.query ?? '', 'base64').toString();
  assert.deepEqual(JSON.parse(query), { action: 'vitals.read', vital: 'hr', points: 10 });
});

test('of a patient who was erased there is a number and nothing else', () => {
  verifies('AUDIT-EXPORT');
  const event = mapped({ patient: null, detail: { purpose: 'TREAT' } }, { subject: 3, erased: true });
  const [, patient] = event.entity;
  assert.deepEqual(patient?.what, {
    type: 'Patient',
    identifier: { system: `urn:vitalmesh:evidence-subject:${STORE}`, value: '3' },
    display: 'erased',
  });
  assert.equal(balpOf(event), 'PatientRead');
});

test('an entry of before there was detail is told as far as it goes', () => {
  verifies('AUDIT-EXPORT');
  const { detail: _, ...old } = evidenceRecord({}).event;
  const event = auditEventOf({ ...evidenceRecord({}), event: old }, STORE);
  assert.deepEqual(event.agent[1]?.who, { identifier: { system: 'urn:vitalmesh:channel', value: 'mcp-2026' } });
  assert.equal(event.agent[0]?.purposeOfUse, undefined);
});

test('whatever claims a profile of BALP conforms to it, and whatever would conform and succeeded claims one', () => {
  verifies('AUDIT-EXPORT');
  const used = new Set<string>();
  for (const action of ACTIONS) {
    const details = [{}, { args: { vital: 'hr' } }, { credential: { kind: 'local' } } as const, { response: 'ab'.repeat(32) }];
    const events = [
      ...details.flatMap((detail) => [mapped({ action, detail }), mapped({ action, detail, patient: null }, { subject: null })]),
      mapped({ action, patient: null }, { subject: 3, erased: true }),
      mapped({ action, patient: null, patients: ['pat-icu-01'] }, { subject: null, subjects: [1] }),
      mapped({ action, patient: null, patients: ['pat-icu-01', 'pat-icu-02'] }, { subject: null, subjects: [1, 2] }),
      mapped({ action, outcome: 'denied' }),
    ];
    for (const event of events) {
      const name = balpOf(event);
      if (name === undefined) continue;
      used.add(name);
      assert.deepEqual(balpFaults(event, name), [], `${action} ${JSON.stringify(event)}`);
    }
  }
  assert.deepEqual([...used].sort(), Object.keys(BALP_PROFILES).sort());
});

test('the table of BALP finds what an event lacks, has too much of, or calls by another code', () => {
  const event = mapped({ action: 'patient.erase' });
  assert.deepEqual(balpFaults(event, 'PatientDelete'), []);
  const changed: [Partial<FhirAuditEvent>, RegExp][] = [
    [{ type: { system: 'x', code: 'rest' } }, /^type/],
    [{ subtype: [] }, /^subtype: 0/],
    [{ action: 'R' }, /^action/],
    [{ outcome: '4' }, /^outcome/],
    [{ agent: event.agent.slice(0, 2) }, /^agent:server: 0/],
    [{ agent: event.agent.map(({ network: _, ...one }) => one) }, /^agent:client.network is missing/],
    [{ agent: event.agent.map((one) => ({ ...one, network: { address: 'x', type: '5' } as const })) }, /^agent:user.network is there/],
    [{ agent: event.agent.map((one) => ({ ...one, requestor: false })) }, /^agent:user.requestor/],
    [{ entity: event.entity.slice(1) }, /^entity:data: 0/],
    [{ entity: [...event.entity, ...event.entity] }, /^entity:data: 2/],
    [{ entity: event.entity.filter(({ type }) => type.code !== '1') }, /^entity:patient: 0/],
    [{ entity: event.entity.map(({ what: _, ...one }) => one) }, /^entity:data.what is missing/],
  ];
  for (const [change, fault] of changed) assert.match(balpFaults({ ...event, ...change }, 'PatientDelete').join('\n'), fault);
  const disclosed = mapped({ action: 'patient.export' });
  const elsewhere = { ...disclosed, source: { ...disclosed.source, observer: { identifier: { system: 'x', value: 'y' } } } };
  assert.deepEqual(balpFaults(elsewhere, 'PrivacyDisclosure.Source'), ['val-audit-source']);
  assert.deepEqual(balpFaults(mapped({}), 'Query').length > 0, true);
});

test('of an erasure it is told how many numbers were named for it, and how many it left out', () => {
  verifies('AUDIT-EXPORT');
  const erasure = { reason: 'TICKET-7', mark: 'ab'.repeat(32), included: 2, ambiguous: 0 };
  const event = mapped({ action: 'patient.erase', detail: { erasure } });
  const told = new Map(event.entity.at(-1)?.detail?.map(({ type, valueString }) => [type, valueString]));
  assert.deepEqual(
    ['erasureReason', 'erasureMark', 'erasureIncluded', 'erasureAmbiguous'].map((type) => told.get(type)),
    ['TICKET-7', 'ab'.repeat(32), '2', '0'],
  );
});
