import { z } from 'zod';
import { formatInstant, type Instant, parseInstant } from './clock.ts';
import type { CheckedEvent, EventKind } from './event.ts';
import { type CodeableConcept, type Coding, type Extension, type LogicalReference, type Observation, SYSTEMS } from './fhir.ts';
import {
  authorityOfSystem,
  EXTENSIONS,
  hintExtensions,
  IDENTIFIER_SYSTEMS,
  isSendable,
  subjectOf,
  TEST_LABEL,
  TEXT_LIMITS,
} from './observation-code.ts';
import { FLAGS, type Flag, type ReadingRecord, type SubjectHints } from './reading.ts';

/** What an Observation of an alert or a wave takes from its record. */
export interface EventFrame {
  id: string;
  record: Pick<ReadingRecord, 'device' | 'receivedAt' | 'subject' | 'test' | 'profile'>;
  /** Identity id of the gateway. */
  gateway: string;
  device: LogicalReference;
  /** For display, where the event has no offset of its own. */
  offsetMin: number;
}

interface Timed {
  effective?: Instant;
  offsetMin?: number;
  flags?: readonly Flag[];
}

/** Everything of such an Observation but its value. */
export function eventFrame(
  { effective, offsetMin, flags = [] }: Timed,
  { id, record, gateway, device, offsetMin: shown }: EventFrame,
  category: Coding,
  code: CodeableConcept,
  extension: readonly Extension[],
): Observation {
  const { receivedAt, subject, test, profile } = record;
  return {
    resourceType: 'Observation',
    id,
    ...(test && { meta: { security: [TEST_LABEL] } }),
    status: 'final',
    category: [{ coding: [category] }],
    code,
    subject: subjectOf(subject, gateway, record.device.id),
    effectiveDateTime: formatInstant(effective ?? receivedAt, offsetMin ?? shown),
    issued: formatInstant(receivedAt),
    device,
    extension: [
      { url: EXTENSIONS.profile, valueCode: profile },
      ...hintExtensions(subject),
      ...flags.map((flag): Extension => ({ url: EXTENSIONS.flag, valueCode: flag })),
      ...extension,
    ],
  };
}

/** Whether any coding of a category is this one; by hand, since what came may be nested without end. */
export function hasCategory(category: unknown, { system, code }: Coding): boolean {
  return list(category).some(({ coding }) => list(coding).some((one) => one.system === system && one.code === code));
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
}

/** Text that may be stored: not empty, not longer than the limit, without control characters. */
export function limitedText(limit: number) {
  return z.string().refine((value) => isSendable(value, limit));
}

/** An instant as FHIR writes it, with its offset. */
export const timeText = z
  .string()
  .max(40)
  .refine((value) => parseInstant(value) !== undefined);
/** An identifier with or without who assigned it. */
export const identifierShape = z.strictObject({
  system: limitedText(TEXT_LIMITS.system).optional(),
  value: limitedText(TEXT_LIMITS.identifier),
});
/** The label of test data, or nothing. */
export const metaShape = z.strictObject({
  security: z.tuple([
    z.strictObject({ system: z.literal(SYSTEMS.actReason), code: z.literal('HTEST'), display: z.literal(TEST_LABEL.display) }),
  ]),
});

/** The one value that an extension has. */
export interface ExtensionRule {
  type: 'valueString' | 'valueCode';
  accepts(value: string): boolean;
}

const isText =
  (limit: number) =>
  (value: string): boolean =>
    isSendable(value, limit);

const COMMON: Readonly<Record<string, ExtensionRule>> = {
  [EXTENSIONS.profile]: { type: 'valueCode', accepts: isText(TEXT_LIMITS.profile) },
  [EXTENSIONS.bed]: { type: 'valueString', accepts: isText(TEXT_LIMITS.identifier) },
  [EXTENSIONS.visit]: { type: 'valueString', accepts: isText(TEXT_LIMITS.identifier) },
  [EXTENSIONS.flag]: { type: 'valueCode', accepts: (value) => Object.hasOwn(FLAGS, value) },
};

const extension = z.strictObject({ url: z.string(), valueString: z.string().optional(), valueCode: z.string().optional() });

/** The schema of what `eventFrame` makes, strict, because what nobody looks at could hold a name; `own` are the kind's own extensions. */
export function eventShape(category: Coding, own: Readonly<Record<string, ExtensionRule>>) {
  const rules = new Map(Object.entries({ ...COMMON, ...own }));
  const isKnown = ({ url, ...values }: z.infer<typeof extension>): boolean => {
    const rule = rules.get(url);
    const [[type, value] = [], ...more] = Object.entries(values);
    return rule !== undefined && more.length === 0 && type === rule.type && value !== undefined && rule.accepts(value);
  };
  return z.strictObject({
    resourceType: z.literal('Observation'),
    id: z.string().regex(/^[A-Za-z0-9\-.]{1,64}$/),
    meta: metaShape.optional(),
    status: z.literal('final'),
    category: z.tuple([
      z.strictObject({
        coding: z.tuple([
          z.strictObject({
            system: z.literal(category.system),
            code: z.literal(category.code),
            display: z.literal(category.display ?? ''),
          }),
        ]),
      }),
    ]),
    subject: z.strictObject({ identifier: identifierShape }),
    effectiveDateTime: timeText,
    issued: timeText,
    device: z.strictObject({ identifier: identifierShape, display: limitedText(TEXT_LIMITS.display).optional() }),
    extension: z.array(extension.refine(isKnown)).max(32).refine(isOncePerUrl),
  });
}

/** Flags alone may come several times. */
function isOncePerUrl(extensions: readonly { url: string }[]): boolean {
  const urls = extensions.map(({ url }) => url).filter((url) => url !== EXTENSIONS.flag);
  return new Set(urls).size === urls.length;
}

interface Shaped {
  meta?: object | undefined;
  subject: { identifier: { system?: string | undefined; value: string } };
  effectiveDateTime: string;
  issued: string;
  device: { identifier: { value: string } };
  extension: readonly { url: string; valueString?: string | undefined; valueCode?: string | undefined }[];
}

/** What the hub needs to know of one that its schema passed. A bed or visit that is both subject and extension must be the same one. */
export function eventFacts(kind: EventKind, shaped: Shaped, resource: unknown): CheckedEvent {
  const { meta: label, subject, effectiveDateTime, issued, device, extension: extensions } = shaped;
  const [effective, received] = [parseInstant(effectiveDateTime), parseInstant(issued)];
  if (!effective || !received) return { ok: false, rule: 'effectiveDateTime: no time' };
  const { system, value } = subject.identifier;
  const hints: SubjectHints = {};
  if (system === IDENTIFIER_SYSTEMS.visit) hints.visit = value;
  else if (system === IDENTIFIER_SYSTEMS.bed) hints.bed = value;
  else if (system !== IDENTIFIER_SYSTEMS.gatewayDevice) hints.patient = { value, authority: authorityOfSystem(system) };
  for (const [key, url] of [['visit', EXTENSIONS.visit] as const, ['bed', EXTENSIONS.bed] as const]) {
    const stated = extensions.find((one) => one.url === url)?.valueString;
    if (stated === undefined) continue;
    if (hints[key] !== undefined && hints[key] !== stated) return { ok: false, rule: `extension: another ${key} than the subject` };
    hints[key] = stated;
  }
  const flags = extensions.flatMap(({ url, valueCode }) => (url === EXTENSIONS.flag ? [valueCode as Flag] : []));
  const facts = { kind, hints, device: device.identifier.value, flags, effective: effective.at, offsetMin: effective.offsetMin };
  return { ok: true, facts: { ...facts, receivedAt: received.at, test: label !== undefined }, resource: resource as Observation };
}
