import { z } from 'zod';
import { formatInstant, type Instant, parseInstant } from './clock.ts';
import { defined } from './defined.ts';
import type { CheckedEvent, EventCheck } from './event.ts';
import { identifierShape, limitedText, metaShape, timeText } from './event-observation.ts';
import type { Basic, Extension } from './fhir.ts';
import { type AssignedId, MOVEMENTS, type Movement, type MovementEvent, type MovementParty } from './movement.ts';
import { authorityOfSystem, EXTENSIONS, identifierOf, TEST_LABEL, TEXT_LIMITS } from './observation-code.ts';
import { FLAGS, type Flag } from './reading.ts';

const CODE_SYSTEM = 'https://vitalmesh.org/fhir/CodeSystem/resource';
const STRUCTURES = 'https://vitalmesh.org/fhir/StructureDefinition/movement-';

/** URLs of the extensions of a movement; those of a party's parts are relative (FHIR R4 extensibility, complex extensions). */
const URLS = {
  event: `${STRUCTURES}event`,
  effective: `${STRUCTURES}effective`,
  received: `${STRUCTURES}received`,
  source: `${STRUCTURES}source`,
  party: `${STRUCTURES}party`,
} as const;

const MAX_PARTIES = 100;

/** What a movement is sent with beside itself. */
export interface MovementAbout {
  id: string;
  /** Name of the sender, as the agent knows it. */
  source: string;
  profile: string;
  receivedAt: Instant;
  /** For display, where the message gives no offset. */
  offsetMin: number;
  test: boolean;
}

/**
 * A movement as a Basic of FHIR R4, which has no resource for what an ADT message says: an Encounter is what results from many of them, and
 * a cancelled, late or merged one could not be told by it.
 */
export function movementResource(movement: Movement, { id, source, profile, receivedAt, offsetMin, test }: MovementAbout): Basic {
  const { event, effective = receivedAt, offsetMin: own = offsetMin, parties, flags = [] } = movement;
  return {
    resourceType: 'Basic',
    id,
    ...(test && { meta: { security: [TEST_LABEL] } }),
    code: { coding: [{ system: CODE_SYSTEM, code: 'movement' }], text: MOVEMENTS[event] },
    extension: [
      { url: URLS.event, valueCode: event },
      { url: URLS.effective, valueDateTime: formatInstant(effective, own) },
      { url: URLS.received, valueDateTime: formatInstant(receivedAt) },
      { url: URLS.source, valueString: source },
      { url: EXTENSIONS.profile, valueCode: profile },
      ...flags.map((flag): Extension => ({ url: EXTENSIONS.flag, valueCode: flag })),
      ...parties.map((party): Extension => ({ url: URLS.party, extension: partExtensions(party) })),
    ],
  };
}

function partExtensions({ patient, otherIds = [], visit, account, patientClass, bed, priorBed, prior }: MovementParty): Extension[] {
  const text = (url: string, value: string | undefined): Extension[] => (value ? [{ url, valueString: value }] : []);
  const id = (url: string, value: AssignedId): Extension => ({ url, valueIdentifier: identifierOf(value) });
  return [
    id('patient', patient),
    ...otherIds.map((other) => id('otherId', other)),
    ...text('visit', visit),
    ...text('account', account),
    ...text('patientClass', patientClass),
    ...text('bed', bed),
    ...(bed === '' ? [{ url: 'noBed', valueBoolean: true }] : []),
    ...text('priorBed', priorBed),
    ...(prior?.patient ? [id('priorPatient', prior.patient)] : []),
    ...text('priorAccount', prior?.account),
    ...text('priorVisit', prior?.visit),
  ];
}

const partText = (url: string) => z.strictObject({ url: z.literal(url), valueString: limitedText(TEXT_LIMITS.identifier) });
const partId = (url: string) => z.strictObject({ url: z.literal(url), valueIdentifier: identifierShape });
const part = z.discriminatedUnion('url', [
  ...([partId('patient'), partId('otherId'), partId('priorPatient')] as const),
  ...([partText('visit'), partText('account'), partText('patientClass'), partText('bed')] as const),
  ...([partText('priorBed'), partText('priorAccount'), partText('priorVisit')] as const),
  z.strictObject({ url: z.literal('noBed'), valueBoolean: z.literal(true) }),
]);
const extension = z.discriminatedUnion('url', [
  z.strictObject({ url: z.literal(URLS.event), valueCode: z.enum(Object.keys(MOVEMENTS) as [MovementEvent, ...MovementEvent[]]) }),
  z.strictObject({ url: z.literal(URLS.effective), valueDateTime: timeText }),
  z.strictObject({ url: z.literal(URLS.received), valueDateTime: timeText }),
  z.strictObject({ url: z.literal(URLS.source), valueString: limitedText(TEXT_LIMITS.identifier) }),
  z.strictObject({ url: z.literal(EXTENSIONS.profile), valueCode: limitedText(TEXT_LIMITS.profile) }),
  z.strictObject({ url: z.literal(EXTENSIONS.flag), valueCode: z.enum(Object.keys(FLAGS) as [Flag, ...Flag[]]) }),
  z.strictObject({ url: z.literal(URLS.party), extension: z.array(part).min(1).max(64) }),
]);
const resource = z.strictObject({
  resourceType: z.literal('Basic'),
  id: z.string().regex(/^[A-Za-z0-9\-.]{1,64}$/),
  meta: metaShape.optional(),
  code: z.strictObject({
    coding: z.array(z.strictObject({ system: z.literal(CODE_SYSTEM), code: z.literal('movement') })).length(1),
    text: limitedText(TEXT_LIMITS.display),
  }),
  extension: z
    .array(extension)
    .min(5)
    .max(MAX_PARTIES + 32),
});

type Part = z.infer<typeof part>;
/** Of those extensions every movement has exactly one. */
const ONCE = [URLS.event, URLS.effective, URLS.received, URLS.source, EXTENSIONS.profile] as const;

/** A movement as it is read back out of a Basic that `MOVEMENT_CHECK` passed; undefined for anything else. */
export function readMovement(value: unknown): (Movement & { effective: Instant; offsetMin: number }) | undefined {
  const parsed = resource.safeParse(value);
  if (!parsed.success) return undefined;
  const { extension: all } = parsed.data;
  const event = all.flatMap((one) => (one.url === URLS.event ? [one.valueCode] : []))[0];
  const effective = timeOf(all, URLS.effective);
  const parties = all.flatMap((one) => (one.url === URLS.party ? [partyOf(one.extension)] : []));
  const known = parties.filter((party) => party !== undefined);
  if (event === undefined || !effective || known.length === 0 || known.length < parties.length) return undefined;
  const flags = all.flatMap((one) => (one.url === EXTENSIONS.flag ? [one.valueCode] : []));
  return { event, effective: effective.at, offsetMin: effective.offsetMin, parties: known, ...(flags.length > 0 && { flags }) };
}

/** How the hub knows and checks a movement. */
export const MOVEMENT_CHECK: EventCheck = {
  kind: 'movement',
  fits: ({ resourceType }) => resourceType === 'Basic',
  check(value): CheckedEvent {
    const parsed = resource.safeParse(value);
    // The path alone: what stands there could be a name.
    if (!parsed.success) return { ok: false, rule: `${parsed.error.issues[0]?.path.join('.') || 'Basic'}: not as a movement has it` };
    const { extension: all, meta } = parsed.data;
    for (const url of ONCE)
      if (all.filter((one) => one.url === url).length !== 1) return { ok: false, rule: 'extension: one is missing, or there twice' };
    const movement = readMovement(value);
    const received = timeOf(all, URLS.received);
    if (!movement || !received) return { ok: false, rule: 'extension: no party, or one without its patient' };
    const { effective, offsetMin, flags = [] } = movement;
    const facts = {
      kind: 'movement' as const,
      hints: {},
      device: '',
      flags,
      effective,
      offsetMin,
      receivedAt: received.at,
      test: meta !== undefined,
    };
    return { ok: true, facts, resource: value as unknown as Basic };
  },
};

function timeOf(all: z.infer<typeof extension>[], url: typeof URLS.effective | typeof URLS.received): ReturnType<typeof parseInstant> {
  return all.flatMap((one) => (one.url === url && 'valueDateTime' in one ? [parseInstant(one.valueDateTime)] : []))[0];
}

function partyOf(parts: readonly Part[]): MovementParty | undefined {
  const once = new Set<string>();
  for (const { url } of parts) {
    if (url !== 'otherId' && once.has(url)) return undefined;
    once.add(url);
  }
  const id = (url: Part['url']): AssignedId | undefined => idsOf(parts, url)[0];
  const said = (url: Part['url']): string | undefined =>
    parts.flatMap((one) => (one.url === url && 'valueString' in one ? [one.valueString] : []))[0];
  const patient = id('patient');
  if (!patient || (once.has('noBed') && once.has('bed'))) return undefined;
  const others = idsOf(parts, 'otherId');
  const optional = { visit: said('visit'), account: said('account'), patientClass: said('patientClass'), priorBed: said('priorBed') };
  const bed = once.has('noBed') ? '' : said('bed');
  const prior = defined({ patient: id('priorPatient'), account: said('priorAccount'), visit: said('priorVisit') });
  return {
    patient,
    ...(others.length > 0 && { otherIds: others }),
    ...defined(optional),
    ...(bed !== undefined && { bed }),
    ...(Object.keys(prior).length > 0 && { prior }),
  };
}

function idsOf(parts: readonly Part[], url: Part['url']): AssignedId[] {
  return parts.flatMap((one) =>
    one.url === url && 'valueIdentifier' in one
      ? [{ value: one.valueIdentifier.value, authority: authorityOfSystem(one.valueIdentifier.system) }]
      : [],
  );
}
