import type { FhirAuditEvent } from '../../hub/audit/fhir.ts';
import type { Coding } from '../../shared/fhir.ts';

/**
 * What the profiles of IHE Basic Audit Log Patterns 1.1.4 (2025-10-31, https://profiles.ihe.net/ITI/BALP, CC BY 4.0) ask of an AuditEvent, element by element out of
 * the differentials of their StructureDefinitions: Create, Read, Query, Delete, those derived from them for a patient, and PrivacyDisclosure.Source.
 */
interface Profile {
  type: Code;
  /** One of these is there, once. */
  subtype: readonly Code[];
  action: FhirAuditEvent['action'];
  /** Not asked of where the profile is not of what succeeded alone. */
  outcome?: '0';
  agents: Readonly<Record<string, Slice>>;
  entities: Readonly<Record<string, Slice>>;
  leastAgents: number;
  leastEntities: number;
  /** Invariant val-audit-source: this agent is the source. */
  isSource?: string;
}

/** Elements of one kind (by `type`), how many there are, and what they have. */
interface Slice {
  type: readonly Code[];
  least: 0 | 1;
  has: readonly string[];
  hasNot: readonly string[];
  role?: readonly Code[];
  requestor?: true;
  isPatient?: true;
}

type Code = readonly [system: string, code: string];

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem/';
const dcm = (code: string): Code => ['http://dicom.nema.org/resources/ontology/DCM', code];
const interaction = (code: string): Code => ['http://hl7.org/fhir/restful-interaction', code];
const participation = (code: string): Code => [`${TERMINOLOGY}v3-ParticipationType`, code];
const entityType = (code: string): Code => [`${TERMINOLOGY}audit-entity-type`, code];
const objectRole = (code: string): Code => [`${TERMINOLOGY}object-role`, code];

const REST: Code = [`${TERMINOLOGY}audit-event-type`, 'rest'];
/** ValueSet RestObjectRoles. */
const REST_ROLES = ['4', '3', '20'].map(objectRole);
/** ValueSet DataSources. */
const DATA_SOURCES = ['AUT', 'INF', 'CST'].map(participation);

const machine = (type: Code): Slice => ({ type: [type], least: 1, has: ['who', 'network'], hasNot: ['media'] });
const user = (type: readonly Code[]): Slice => ({ type, least: 0, has: ['who'], hasNot: ['media', 'network'], requestor: true });
const DATA: Slice = { type: [entityType('2')], least: 1, has: ['what'], hasNot: [], role: REST_ROLES };
const PATIENT: Slice = { type: [entityType('1')], least: 1, has: ['what'], hasNot: [], role: [objectRole('1')], isPatient: true };

const restful = (of: Pick<Profile, 'subtype' | 'action' | 'agents' | 'entities'>): Profile => ({
  ...{ type: REST, outcome: '0', leastAgents: 2, leastEntities: 1 },
  ...of,
});
const ofPatient = (profile: Profile): Profile => ({ ...profile, leastEntities: 2, entities: { ...profile.entities, patient: PATIENT } });

const Create = restful({
  ...{ subtype: [interaction('create')], action: 'C' },
  agents: { client: machine(dcm('110153')), server: machine(dcm('110152')), user: user(DATA_SOURCES) },
  entities: { data: DATA },
});
const Read = restful({
  ...{ subtype: ['read', 'vread'].map(interaction), action: 'R' },
  agents: { client: machine(dcm('110152')), server: machine(dcm('110153')), user: user([participation('IRCP')]) },
  entities: { data: DATA },
});
const Query = restful({
  ...{ subtype: ['search', 'search-type', 'search-system'].map(interaction), action: 'E' },
  agents: { client: machine(dcm('110153')), server: machine(dcm('110152')), user: user([participation('IRCP')]) },
  entities: {
    query: { type: [entityType('2')], least: 1, has: ['query'], hasNot: ['what', 'lifecycle', 'detail'], role: [objectRole('24')] },
  },
});
const Delete = restful({
  ...{ subtype: [interaction('delete')], action: 'D' },
  agents: {
    client: machine(dcm('110150')),
    server: machine([`${TERMINOLOGY}provenance-participant-type`, 'custodian']),
    user: user(DATA_SOURCES),
  },
  entities: { data: DATA },
});

export const BALP_PROFILES: Readonly<Record<string, Profile>> = {
  ...{ Create, Read, Query, Delete },
  PatientCreate: ofPatient(Create),
  PatientRead: ofPatient(Read),
  PatientQuery: { ...ofPatient(Query), leastEntities: 1 },
  PatientDelete: ofPatient(Delete),
  'PrivacyDisclosure.Source': {
    type: dcm('110106'),
    subtype: [[`${TERMINOLOGY}iso-21089-lifecycle`, 'disclose']],
    action: 'R',
    agents: { source: { ...machine(dcm('110153')), hasNot: [] }, recipient: { ...machine(dcm('110152')), hasNot: [] } },
    entities: { patient: PATIENT },
    ...{ leastAgents: 2, leastEntities: 2, isSource: 'source' },
  },
};

/** What of an event is not as this profile asks; empty for one that conforms. */
export function balpFaults(event: FhirAuditEvent, name: string): string[] {
  const profile = BALP_PROFILES[name];
  if (profile === undefined) return [`there is no profile ${name}`];
  const { subtype = [], agent, entity } = event;
  const subtypes = subtype.filter((coding) => isOne(coding, profile.subtype)).length;
  const agents = agent.map((one) => ({ fields: { ...one }, codings: one.type.coding ?? [] }));
  const entities = entity.map((one) => ({ fields: { ...one }, codings: [one.type] }));
  const source = agents.find(({ codings }) => codings.some((coding) => isOne(coding, profile.agents[profile.isSource ?? '']?.type ?? [])));
  return [
    ...(isOne(event.type, [profile.type]) ? [] : ['type']),
    ...(subtypes === 1 ? [] : [`subtype: ${subtypes}`]),
    ...(event.action === profile.action ? [] : ['action']),
    ...(profile.outcome === undefined || event.outcome === profile.outcome ? [] : ['outcome']),
    ...(event.recorded ? [] : ['recorded']),
    ...(agent.length >= profile.leastAgents ? [] : ['too few agents']),
    ...(entity.length >= profile.leastEntities ? [] : ['too few entities']),
    ...Object.entries(profile.agents).flatMap(([slice, asked]) => sliceFaults(`agent:${slice}`, asked, agents)),
    ...Object.entries(profile.entities).flatMap(([slice, asked]) => sliceFaults(`entity:${slice}`, asked, entities)),
    ...(profile.isSource === undefined || JSON.stringify(source?.fields.who) === JSON.stringify(event.source.observer)
      ? []
      : ['val-audit-source']),
  ];
}

function sliceFaults(
  name: string,
  { type, least, has, hasNot, role, requestor, isPatient }: Slice,
  elements: readonly { fields: Record<string, unknown>; codings: readonly Coding[] }[],
): string[] {
  const own = elements.filter(({ codings }) => codings.some((coding) => isOne(coding, type)));
  if (own.length > 1 || own.length < least) return [`${name}: ${own.length} of them`];
  return own.flatMap(({ fields }) => [
    ...has.filter((field) => fields[field] === undefined).map((field) => `${name}.${field} is missing`),
    ...hasNot.filter((field) => fields[field] !== undefined).map((field) => `${name}.${field} is there`),
    ...(role && !isOne(fields.role as Coding | undefined, role) ? [`${name}.role`] : []),
    ...(requestor && fields.requestor !== true ? [`${name}.requestor`] : []),
    ...(isPatient && (fields.what as { type?: string } | undefined)?.type !== 'Patient' ? [`${name}.what is no Patient`] : []),
  ]);
}

function isOne(coding: Coding | undefined, codes: readonly Code[]): boolean {
  return codes.some(([system, code]) => coding?.system === system && coding.code === code);
}
