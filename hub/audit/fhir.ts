import { formatInstant } from '../../shared/clock.ts';
import type { CodeableConcept, Coding, Identifier } from '../../shared/fhir.ts';
import type { Action, AuditEvent, Purpose } from '../access/access.ts';
import { canonicalJson } from '../ingest/canonical.ts';
import { PATIENT_SYSTEM } from '../patients/subject.ts';
import type { EvidenceRecord } from './evidence.ts';

/** By identifier alone, as all that Vitalmesh writes: nothing points into anybody's server. */
interface Who {
  type?: 'Patient';
  identifier: Identifier;
  display?: string;
}

interface FhirAgent {
  type: CodeableConcept;
  who: Who;
  requestor: boolean;
  role?: CodeableConcept[];
  policy?: string[];
  network?: { address: string; type: '5' };
  purposeOfUse?: CodeableConcept[];
}

interface FhirEntity {
  type: Coding;
  role?: Coding;
  what?: Who;
  /** Base64. */
  query?: string;
  detail?: { type: string; valueString: string }[];
}

/** The parts of FHIR R4 AuditEvent that an export has. */
export interface FhirAuditEvent {
  resourceType: 'AuditEvent';
  id: string;
  meta?: { profile: string[] };
  type: Coding;
  subtype?: Coding[];
  action: 'C' | 'R' | 'U' | 'D' | 'E';
  /** When it was done. */
  recorded: string;
  outcome: '0' | '4' | '8';
  outcomeDesc: string;
  agent: FhirAgent[];
  source: { site: string; observer: Who; type: Coding[] };
  entity: FhirEntity[];
}

/** Which event it is to others. `balp`: what IHE calls it, of a patient with `Patient` before, except for a disclosure, which is of one in any case; only it says what its agents and entities must be. */
interface Shape extends Pick<FhirAuditEvent, 'type' | 'subtype' | 'action'> {
  balp?: 'Read' | 'Query' | 'Create' | 'Delete' | 'Disclosure';
}

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem/';
const BALP = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';

const dicom = (code: string, display: string): Coding => ({ system: 'http://dicom.nema.org/resources/ontology/DCM', code, display });
const entityType = (code: string, display: string): Coding => ({ system: `${TERMINOLOGY}audit-entity-type`, code, display });
const objectRole = (code: string, display: string): Coding => ({ system: `${TERMINOLOGY}object-role`, code, display });
const participation = (code: string, display: string): Coding => ({ system: `${TERMINOLOGY}v3-ParticipationType`, code, display });

function rest(balp: Exclude<Shape['balp'], undefined>, interaction: string, action: Shape['action']): Shape {
  const type = { system: `${TERMINOLOGY}audit-event-type`, code: 'rest', display: 'RESTful Operation' };
  return { type, subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: interaction, display: interaction }], action, balp };
}

const READ = rest('Read', 'read', 'R');
const QUERY = rest('Query', 'search', 'E');
const CREATE = rest('Create', 'create', 'C');
const DELETE = rest('Delete', 'delete', 'D');

/** DICOM PS3.15 A.5.3 for what is no interaction with resources. */
const SHAPES: Readonly<Record<Action, Shape>> = {
  'patients.list': QUERY,
  'vitals.read': READ,
  'vitals.subscribe': QUERY,
  'observations.write': CREATE,
  'observations.export': QUERY,
  'status.read': READ,
  'store.backup': { type: dicom('110106', 'Export'), action: 'R' },
  'store.restore': { type: dicom('110107', 'Import'), action: 'C' },
  'store.rekey': { type: dicom('110113', 'Security Alert'), subtype: [dicom('110136', 'Security Configuration')], action: 'U' },
  'store.verify': { type: dicom('110100', 'Application Activity'), action: 'E' },
  'audit.read': QUERY,
  'audit.export': QUERY,
  'audit.verify': { type: dicom('110101', 'Audit Log Used'), action: 'E' },
  'audit.acknowledge': { type: dicom('110101', 'Audit Log Used'), action: 'U' },
  'audit.retain': { type: dicom('110101', 'Audit Log Used'), action: 'D' },
  'patient.export': {
    type: dicom('110106', 'Export'),
    subtype: [{ system: `${TERMINOLOGY}iso-21089-lifecycle`, code: 'disclose' }],
    action: 'R',
    balp: 'Disclosure',
  },
  'patient.erase': DELETE,
  'patient.hold': { type: dicom('110100', 'Application Activity'), action: 'U' },
  'patients.place': { type: dicom('110100', 'Application Activity'), action: 'U' },
  'readings.amend': { type: dicom('110100', 'Application Activity'), action: 'U' },
  'registry.change': {
    type: dicom('110113', 'Security Alert'),
    subtype: [dicom('110137', 'User Security Attributes Changed')],
    action: 'U',
  },
  'session.open': { type: dicom('110114', 'User Authentication'), subtype: [dicom('110122', 'Login')], action: 'E' },
  'access.explain': QUERY,
};

const OUTCOMES: Readonly<Record<AuditEvent['outcome'], FhirAuditEvent['outcome']>> = { allowed: '0', denied: '4', failed: '8' };

/** HL7 v3 ActReason. */
const PURPOSES: Readonly<Record<Purpose, string>> = {
  TREAT: 'treatment',
  ETREAT: 'Emergency Treatment',
  HOPERAT: 'healthcare operations',
  HRESCH: 'healthcare research',
  PATRQT: 'patient requested',
  HSYSADMIN: 'health system administration',
};

/**
 * An entry as FHIR R4 AuditEvent, of the profiles of IHE Basic Audit Log Patterns 1.1.4 where one fits and it was allowed, for they are of
 * what succeeded. What BALP has no place for, as the hash of the view and the observations in it, is the detail of the last entity.
 * Of a patient who was erased the number alone is told.
 */
export function auditEventOf(record: EvidenceRecord, storeId: string): FhirAuditEvent {
  const { seq, event } = record;
  // A read that asks for something of a patient is a query (BALP), one of what is current is not.
  const shape = event.action === 'vitals.read' && event.detail?.args !== undefined ? QUERY : SHAPES[event.action];
  const { balp, ...coded } = shape;
  const patients = patientsOf(record, storeId);
  const evidence: Identifier = { system: `urn:vitalmesh:evidence:${storeId}`, value: String(seq) };
  const profile = event.outcome === 'allowed' ? profileOf(balp, patients.length) : undefined;
  return {
    resourceType: 'AuditEvent',
    id: `${storeId}-${seq}`,
    ...(profile && { meta: { profile: [`${BALP}${profile}`] } }),
    ...coded,
    recorded: formatInstant(event.at),
    outcome: OUTCOMES[event.outcome],
    outcomeDesc: event.reason,
    agent: [user(event, balp), ...machines(event, balp, storeId)],
    source: {
      site: event.tenant,
      observer: hub(storeId),
      type: [{ system: `${TERMINOLOGY}security-source-type`, code: '4', display: 'Application Server' }],
    },
    entity: [
      ...objects(event, balp, evidence),
      ...patients.map((what) => ({ type: entityType('1', 'Person'), role: objectRole('1', 'Patient'), what })),
      { type: entityType('4', 'Other'), what: { identifier: evidence }, detail: detailsOf(record) },
    ],
  };
}

/** The profile that an event is of, by how many patients it is about. BALP wants an event for each patient of a search; one that is of several at once is of no profile. */
function profileOf(balp: Shape['balp'], patients: number): string | undefined {
  if (balp === undefined || patients > 1) return undefined;
  if (balp === 'Disclosure') return patients === 1 ? 'PrivacyDisclosure.Source' : undefined;
  return `${patients === 1 ? 'Patient' : ''}${balp}`;
}

function patientsOf({ event: { patient, patients }, subject, erased }: EvidenceRecord, storeId: string): Who[] {
  const known = patients ?? (patient === null ? [] : [patient]);
  if (known.length > 0 || !erased) return known.map((value) => ({ type: 'Patient', identifier: { system: PATIENT_SYSTEM, value } }));
  return [
    {
      type: 'Patient',
      identifier: { system: `urn:vitalmesh:evidence-subject:${storeId}`, value: String(subject) },
      display: 'erased',
    },
  ];
}

function user({ principal, role, detail = {} }: AuditEvent, balp: Shape['balp']): FhirAgent {
  const { purpose, policy } = detail;
  return {
    type: { coding: [participationOf(balp)] },
    who: { identifier: { system: 'urn:vitalmesh:principal', value: principal } },
    requestor: true,
    role: [{ text: role }],
    ...(policy !== undefined && { policy: [`urn:vitalmesh:policy:${policy}`] }),
    ...(purpose && { purposeOfUse: [{ coding: [{ system: `${TERMINOLOGY}v3-ActReason`, code: purpose, display: PURPOSES[purpose] }] }] }),
  };
}

function participationOf(balp: Shape['balp']): Coding {
  if (balp === 'Create') return participation('INF', 'informant');
  if (balp === 'Delete') return participation('CST', 'custodian');
  return participation('IRCP', 'information recipient');
}

/** What client and hub are in an event: what flows in a read or a disclosure is what is read; in all else it is the request, and in a deletion nothing does (BALP 1.1.4). */
function rolesOf(balp: Shape['balp']): readonly [client: Coding, server: Coding] {
  const [source, destination] = [dicom('110153', 'Source Role ID'), dicom('110152', 'Destination Role ID')];
  if (balp === 'Delete') {
    const custodian = { system: `${TERMINOLOGY}provenance-participant-type`, code: 'custodian', display: 'Custodian' };
    return [dicom('110150', 'Application'), custodian];
  }
  return balp === 'Read' || balp === 'Disclosure' ? [destination, source] : [source, destination];
}

/** The program that asked, as the network knew it, and the hub. */
function machines({ channel, detail = {} }: AuditEvent, balp: Shape['balp'], storeId: string): FhirAgent[] {
  const [ofClient, ofServer] = rolesOf(balp);
  const { credential, claimed = {} } = detail;
  const identifier =
    credential?.overlay === undefined
      ? { system: 'urn:vitalmesh:channel', value: channel }
      : { system: 'urn:vitalmesh:identity', value: credential.overlay };
  const claims = [claimed.client, claimed.version, claimed.model].filter(Boolean).join(' ');
  const display = claims === '' ? {} : { display: `claims to be ${claims}` };
  const address = `${identifier.system}:${encodeURIComponent(identifier.value)}`;
  return [
    { type: { coding: [ofClient] }, who: { identifier, ...display }, requestor: false, network: { address, type: '5' } },
    {
      type: { coding: [ofServer] },
      who: hub(storeId),
      requestor: false,
      network: { address: `urn:vitalmesh:store:${storeId}`, type: '5' },
    },
  ];
}

function hub(storeId: string): Who {
  return { identifier: { system: 'urn:vitalmesh:store', value: storeId }, display: 'Vitalmesh hub' };
}

/** What was read or written, or asked: what the profile of the event requires. */
function objects({ action, count, detail = {} }: AuditEvent, balp: Shape['balp'], evidence: Identifier): FhirEntity[] {
  const type = entityType('2', 'System Object');
  if (balp === undefined) return [];
  if (balp === 'Query') {
    const query = Buffer.from(canonicalJson({ action, ...detail.args })).toString('base64');
    return [{ type, role: objectRole('24', 'Query'), query }];
  }
  const { response } = detail;
  const identifier = response === undefined ? evidence : { system: 'urn:vitalmesh:sha256', value: response };
  return [{ type, role: objectRole('4', 'Domain Resource'), what: { identifier, display: `${action}, ${count} rows` } }];
}

function detailsOf({
  hash,
  erased,
  event: { reason, count, channel, detail = {} },
}: EvidenceRecord): { type: string; valueString: string }[] {
  const { credential, claimed, mask, withheld, latencyMs, bytes, response, args, erasure, shown = [] } = detail;
  const { client, version, model } = claimed ?? {};
  const told = {
    ...{ hash, erased: erased || undefined, reason, rows: count, channel, credential: credential?.kind },
    ...{ claimedClient: client, claimedVersion: version, claimedModel: model, mask, latencyMs, bytes, response },
    withheld: withheld?.join(' '),
    args: args && canonicalJson(args),
    erasureReason: erasure?.reason,
    erasureMark: erasure?.mark,
    erasureIncluded: erasure?.included,
    erasureAmbiguous: erasure?.ambiguous,
  };
  return [
    ...Object.entries(told).flatMap(([type, value]) => (value === undefined || value === '' ? [] : [{ type, valueString: String(value) }])),
    ...shown.map(([observation, storedAt]) => ({ type: 'observation', valueString: `${observation} stored ${formatInstant(storedAt)}` })),
  ];
}
