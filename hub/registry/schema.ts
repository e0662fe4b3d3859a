import { z } from 'zod';
import { parseInstant } from '../../shared/clock.ts';
import { isNoPlaceholder, PLACEHOLDER_HINT } from '../../shared/config-parts.ts';
import { PURPOSES, type Role } from '../access/access.ts';
import { DEFAULT_POLICY } from '../access/default-policy.ts';
import { isPseudonym, PSEUDONYM_PREFIX } from '../access/masking/pseudonyms.ts';
import { OWN_ROLES } from '../access/policy-schema.ts';
import { BY_HAND } from '../patients/by-hand.ts';
import { isMistyped } from '../patients/public-id.ts';
import { adoptedRow, refuseTwiceAdopted } from './adopted.ts';
import { refuseAlike } from './alike.ts';
import { checkCareGroups } from './care-groups.ts';
import { checkCredentials, checkRevocations, revocation, tokenSubject } from './client-credentials.ts';
import { bedsOf, FOLLOWED, movementsRow, refuseHalfFollowed, withFollowed } from './followed.ts';
import { GATEWAY_LIMITS } from './gateway-limits.ts';

/** Opaque by rule: what is a number alone is somebody's record number, and must not become a public id. */
export const PATIENT_ID = /^(?=.*[a-z])[a-z0-9-]{8,40}$/;

const patientId = z
  .string()
  .regex(PATIENT_ID, 'expected an opaque patient id: 8 to 40 of a-z, 0-9 and -, with a letter in it')
  .refine((id) => !isPseudonym(id), `expected an id that does not begin with ${PSEUDONYM_PREFIX}, as pseudonyms do`)
  .refine((id) => id !== FOLLOWED, 'expected an id; `followed` stands for none, and only in a bed')
  .refine((id) => !isMistyped(id), 'expected an id as `vitalmesh-hub patients id` made it; a character of this one is wrong');
/** Identity ids of OpenZiti and of our own fabric; they begin observation ids, hence FHIR's alphabet (FHIR R4 datatypes, id). */
const identityId = z
  .string()
  .regex(/^[A-Za-z0-9.-]{1,36}$/, 'expected an identity id: 1 to 36 of A-Z, a-z, 0-9, . and -')
  .refine((id) => id !== BY_HAND, 'expected another identity id: this one is the hub’s own, for what operators say of who lies where')
  .refine(isNoPlaceholder, PLACEHOLDER_HINT);
const tenantId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected a tenant: 1 to 40 of a-z, 0-9 and -');
/** A bed or device as it stands in a message; compared as it is. */
const label = z.string().regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,128}$/u, 'expected 1 to 128 characters without control characters');
/** A ward or panel. */
const groupName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'expected a name: 1 to 40 of A-Z, a-z, 0-9, ., _ and -');
const instant = z.string().transform((text, context) => {
  const parsed = parseInstant(text);
  if (parsed) return parsed.at;
  context.addIssue({ code: 'custom', message: 'expected a time with its offset, such as 2027-03-31T23:59:59Z' });
  return z.NEVER;
});

const limit = (what: string, usual: number) => z.int().min(1).describe(`${what} ${usual} unless given.`);

/** A subject as a FHIR client writes it. */
const subjectName = z.string().regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,1200}$/u, 'expected 1 to 1200 characters without control characters');

const gatewayRow = z.strictObject({
  identity: identityId.describe('Overlay identity id of the gateway.'),
  tenant: tenantId,
  patient: patientId.optional().describe('The one patient of a home gateway.'),
  beds: z
    .record(label, z.union([z.literal(FOLLOWED), patientId.nullable()]))
    .default({})
    .describe(
      'Beds it may speak for, each with who lies there, null while empty; or `followed`: movements say who. Named as they arrive: unit, room and bed joined by ^ (ICU^101^A, ICU^^BED-1), or the bed alone where the sender names neither.',
    ),
  devices: z.record(label, patientId).default({}).describe('Devices bound straight to a patient, by device id.'),
  adopted: adoptedRow,
  subjects: z
    .record(subjectName, patientId)
    .optional()
    .describe(
      'Of another FHIR client: what it may write as the subject, each with the patient that is meant. A reference without version (Patient/1, https://example.org/fhir/Patient/1) or an identifier (system|value, or the value where it has no system). It names nobody else.',
    ),
  movements: movementsRow
    .default(false)
    .describe(
      'Whether it may tell who lies where: the gateway that the hospital sends its ADT messages to; and when its silence is too long.',
    ),
  notAfter: instant.optional(),
  confirmed: instant
    .optional()
    .describe(
      'Says, as of this time, that whoever is listed here had bed, device or gateway all along, also before the store began, or where it was put back to a backup before it. Later restores and new stores need a later time.',
    ),
  limits: z
    .strictObject({
      entriesPerSecond: limit('Observations and events a second, on average.', GATEWAY_LIMITS.entriesPerSecond),
      bytesPerSecond: limit('Bytes of their JSON a second, on average.', GATEWAY_LIMITS.bytesPerSecond),
      quarantineRows: limit('Refused parts of it that the hub keeps; beyond that the oldest go.', GATEWAY_LIMITS.quarantineRows),
      quarantineBytes: limit('The same in bytes of JSON.', GATEWAY_LIMITS.quarantineBytes),
    })
    .partial()
    .optional()
    .describe('How much the hub takes from it; what is above that waits at the gateway.'),
});

const gateway = gatewayRow.transform(withFollowed);

const client = z.strictObject({
  identity: identityId.optional().describe('Overlay identity id of the AI client.'),
  token: tokenSubject.optional().describe('Whose access tokens are those of this client.'),
  tenant: tenantId,
  kind: z.enum(['person', 'software']),
  patients: z
    .union([z.literal('all'), z.array(patientId)])
    .default([])
    .describe('Whom it may see, beside those of its wards and panels: all of its tenant, or the listed.'),
  wards: z.array(groupName).optional().describe('Wards below: it may see whoever lies there now.'),
  panels: z.array(groupName).optional().describe('Panels below: it may see whoever is on the list.'),
  purpose: z.enum(PURPOSES).optional().describe('Why it reaches for data (HL7 v3 PurposeOfUse); TREAT unless given.'),
  notAfter: instant.optional(),
});

const ward = z.strictObject({
  tenant: tenantId,
  beds: z.array(label).min(1).describe('Its beds, each as it stands with its gateway; a bed is in one ward.'),
});

const panel = z.strictObject({
  tenant: tenantId,
  patients: z.array(patientId).describe('Whoever somebody looks after, wherever they are.'),
});

const tenantKind = z.strictObject({
  kind: z
    .enum(['production', 'sandbox'])
    .describe(
      'A tenant in production takes no test, demonstration or simulated data: it goes into quarantine (INGEST-TEST). A sandbox takes it, has nobody in care, and says so in each answer.',
    ),
});

type GatewayRow = z.output<typeof gateway>;

/** One complaint, with the path it is shown at. */
export type Complain = (path: (string | number)[], message: string) => void;

const fileWith = (role: z.ZodType<Role, Role>, issuers: readonly string[]) =>
  z
    // A file that an editor is writing just now reads as an empty one, and must not lock everybody out.
    .strictObject({
      gateways: z.array(gateway).min(1),
      clients: z.array(client.extend({ role })).default([]),
      wards: z.record(groupName, ward).default({}).describe('Beds that are looked after together, by name.'),
      panels: z.record(groupName, panel).default({}).describe('Patients that are looked after together, by name.'),
      tenants: z.record(tenantId, tenantKind).default({}).describe('What kind a tenant is; in production unless listed as a sandbox.'),
      revoked: z.array(revocation(instant)).max(10_000).default([]).describe('Access tokens that are not taken any more.'),
    })
    .superRefine((file, context) => {
      const complain: Complain = (path, message) => context.addIssue({ code: 'custom', path, message });
      checkCareGroups(file, complain);
      refuseAlike(file.gateways, complain);
      oneRowAnIdentity(file.gateways, file.clients, complain);
      checkCredentials(file.clients, complain);
      checkRevocations(file.revoked, issuers, complain);
      onePlaceAPatient(file.gateways, complain);
      refuseHalfFollowed(file.gateways, complain);
      refuseTwiceAdopted(file.gateways, complain);
      for (const [i, row] of file.gateways.entries()) {
        if (row.patient === undefined && !row.movements && bedsOf(row).length + Object.keys(row.devices).length === 0)
          complain(['gateways', i], 'expected a patient, beds or devices: it may speak for nobody');
      }
      const named = new Set([...file.gateways, ...file.clients].map(({ tenant }) => tenant));
      for (const tenant of Object.keys(file.tenants))
        if (!named.has(tenant)) complain(['tenants', tenant], 'expected a tenant of a gateway or client above');
      const tenantOf = new Map(file.gateways.flatMap((row) => boundTo(row).map(({ patient }) => [patient, row.tenant])));
      for (const [i, row] of file.clients.entries()) {
        if (row.patients === 'all') continue;
        for (const [k, patient] of row.patients.entries()) {
          const tenant = tenantOf.get(patient);
          if (tenant !== undefined && tenant !== row.tenant)
            complain(['clients', i, 'patients', k], 'expected a patient of the same tenant; this one belongs to another');
        }
      }
    });

export type RegistryFile = z.output<ReturnType<typeof fileWith>>;

/**
 * The schema of `registry.yaml`, with the rules that hold between its rows; `roles` are those of the policy in force, `issuers` the names of those in
 * hub.yaml, none where they are not known.
 */
export function registrySchema(roles: readonly Role[] = DEFAULT_POLICY.roles, issuers: readonly string[] = []): z.ZodType<RegistryFile> {
  const given = roles.filter((role) => !OWN_ROLES.includes(role));
  const role = z.string().refine((name) => given.includes(name), `expected a role of the policy: ${given.join(', ')}`);
  return fileWith(role.describe('A role of the policy in force.'), issuers);
}

interface Binding {
  patient: string;
  bed: string | null;
  path: (string | number)[];
}

/** Everybody a gateway may speak for, with where the row says so. */
export function boundTo(row: GatewayRow): Binding[] {
  const bindings: Binding[] = [];
  if (row.patient !== undefined) bindings.push({ patient: row.patient, bed: null, path: ['patient'] });
  for (const [bed, patient] of Object.entries(row.beds)) {
    if (patient !== null) bindings.push({ patient, bed, path: ['beds', bed] });
  }
  for (const [device, patient] of Object.entries(row.devices)) bindings.push({ patient, bed: null, path: ['devices', device] });
  return bindings;
}

function oneRowAnIdentity(
  gateways: readonly { identity: string }[],
  clients: readonly { identity?: string | undefined }[],
  complain: Complain,
): void {
  const seen = new Set<string>();
  for (const [list, rows] of [
    ['gateways', gateways],
    ['clients', clients],
  ] as const) {
    for (const [i, { identity }] of rows.entries()) {
      if (identity === undefined) continue;
      if (seen.has(identity)) complain([list, i, 'identity'], 'expected every identity once; this one is listed already');
      seen.add(identity);
    }
  }
}

/** A patient belongs to one tenant and lies in one bed, and a bed holds one patient, whichever gateways speak for it. */
function onePlaceAPatient(gateways: readonly GatewayRow[], complain: Complain): void {
  const tenants = new Map<string, string>();
  const bedOf = new Map<string, string>();
  const inBed = new Map<string, string | null>();
  for (const [i, row] of gateways.entries()) {
    for (const { patient, bed, path } of boundTo(row)) {
      const at = ['gateways', i, ...path];
      if ((tenants.get(patient) ?? row.tenant) !== row.tenant) complain(at, 'expected a patient of one tenant; another has this one');
      tenants.set(patient, row.tenant);
      if (bed === null) continue;
      if ((bedOf.get(patient) ?? bed) !== bed) complain(at, 'expected a patient in one bed; this one lies in another');
      bedOf.set(patient, bed);
    }
    for (const [bed, patient] of Object.entries(row.beds)) {
      const key = `${row.tenant} ${bed}`;
      const other = inBed.get(key);
      if (other !== undefined && other !== patient)
        complain(['gateways', i, 'beds', bed], 'expected the same patient as in the other row of this bed');
      inBed.set(key, patient);
    }
  }
}
