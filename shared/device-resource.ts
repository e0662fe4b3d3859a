import { z } from 'zod';
import { formatInstant, type Instant, parseInstant } from './clock.ts';
import { DEVICE_LEVELS, type DevicePart, type DeviceTree } from './device-tree.ts';
import type { CheckedEvent, EventCheck } from './event.ts';
import { limitedText } from './event-observation.ts';
import { type CodeableConcept, type Device, type Extension, type LogicalReference, type Resource, SYSTEMS } from './fhir.ts';
import { EXTENSIONS, TEST_LABEL, TEXT_LIMITS } from './observation-code.ts';
import { vital } from './vitals.ts';

const STRUCTURES = 'https://vitalmesh.org/fhir/StructureDefinition/device-';
/** Identifiers of parts: that of the device, `/`, and the path of the part. */
const PART_SYSTEM = 'urn:vitalmesh:device-part';
const URLS = { received: `${STRUCTURES}received`, level: `${STRUCTURES}level`, of: `${STRUCTURES}of` } as const;

/** What a description is sent with beside itself. */
export interface DeviceAbout {
  /** Id of the resource of each index, from 0. */
  id(index: number): string;
  device: LogicalReference;
  profile: string;
  receivedAt: Instant;
  test: boolean;
}

/**
 * What a device is made of, as Devices and DeviceMetrics of FHIR R4 that name each other by identifier: the device itself first, then each
 * part. An Observation names its device; device and code lead to the metric.
 */
export function deviceResources({ mdc, parts }: DeviceTree, about: DeviceAbout): Resource[] {
  const { device, profile, receivedAt, test, id } = about;
  const common = (index: number, level: string) => ({
    id: id(index),
    ...(test && { meta: { security: [TEST_LABEL] } }),
    extension: [
      { url: EXTENSIONS.profile, valueCode: profile },
      { url: URLS.received, valueDateTime: formatInstant(receivedAt) },
      { url: URLS.level, valueCode: level },
      { url: URLS.of, valueIdentifier: device.identifier },
    ] satisfies Extension[],
  });
  const own: Device = { resourceType: 'Device', ...common(0, 'mds'), identifier: [device.identifier], ...typeOf(mdc) };
  const paths = new Set(parts.map(({ path }) => path));
  const rest = parts.map((part, i): Resource => {
    const parent = parentOf(part.path, paths);
    const named = { identifier: [{ system: PART_SYSTEM, value: partId(device, part.path) }] };
    const parentReference: LogicalReference = {
      identifier: parent === undefined ? device.identifier : { system: PART_SYSTEM, value: partId(device, parent) },
    };
    const start = common(i + 1, part.level);
    if (part.level === 'vmd' || part.level === 'channel')
      return { resourceType: 'Device', ...start, ...named, ...typeOf(part.mdc), parent: parentReference };
    const category = part.level === 'setting' ? 'setting' : 'measurement';
    const text = part.vital === undefined ? undefined : vital(part.vital)?.name;
    const type = { ...typeOf(part.mdc).type, ...(text && { text }) };
    return {
      resourceType: 'DeviceMetric',
      ...start,
      ...named,
      type,
      source: { identifier: device.identifier },
      parent: parentReference,
      category,
    };
  });
  return [own, ...rest];
}

function partId({ identifier }: LogicalReference, path: string): string {
  return `${identifier.value}/${path}`;
}

/** The nearest part above that is described; undefined: the device itself. */
function parentOf(path: string, paths: ReadonlySet<string>): string | undefined {
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
    const above = path.slice(0, end).replace(/(?:\.0)+$/, '');
    if (paths.has(above)) return above;
  }
  return undefined;
}

function typeOf(mdc: number | undefined): { type?: CodeableConcept } {
  return mdc === undefined ? {} : { type: { coding: [{ system: SYSTEMS.mdc, code: `${mdc}` }] } };
}

const identifier = z.strictObject({ system: limitedText(TEXT_LIMITS.system), value: limitedText(2 * TEXT_LIMITS.identifier) });
const reference = z.strictObject({ identifier });
const time = z
  .string()
  .max(40)
  .refine((value) => parseInstant(value) !== undefined);
const common = {
  id: z.string().regex(/^[A-Za-z0-9\-.]{1,64}$/),
  meta: z
    .strictObject({
      security: z.tuple([
        z.strictObject({ system: z.literal(SYSTEMS.actReason), code: z.literal('HTEST'), display: z.literal(TEST_LABEL.display) }),
      ]),
    })
    .optional(),
  extension: z.tuple([
    z.strictObject({ url: z.literal(EXTENSIONS.profile), valueCode: limitedText(TEXT_LIMITS.profile) }),
    z.strictObject({ url: z.literal(URLS.received), valueDateTime: time }),
    z.strictObject({ url: z.literal(URLS.level), valueCode: z.enum(['mds', ...DEVICE_LEVELS]) }),
    z.strictObject({ url: z.literal(URLS.of), valueIdentifier: identifier }),
  ]),
  identifier: z.tuple([identifier]),
};
const type = z.strictObject({
  coding: z.tuple([z.strictObject({ system: z.literal(SYSTEMS.mdc), code: z.string().regex(/^\d{1,9}$/) })]).optional(),
  text: limitedText(TEXT_LIMITS.display).optional(),
});
const resource = z.discriminatedUnion('resourceType', [
  z.strictObject({ ...common, resourceType: z.literal('Device'), type: type.optional(), parent: reference.optional() }),
  z.strictObject({
    ...common,
    resourceType: z.literal('DeviceMetric'),
    type,
    source: reference,
    parent: reference,
    category: z.enum(['measurement', 'setting']),
  }),
]);

/** How the hub knows and checks a part of a device. */
export const DEVICE_CHECK: EventCheck = {
  kind: 'device',
  fits: ({ resourceType }) => resourceType === 'Device' || resourceType === 'DeviceMetric',
  check(value): CheckedEvent {
    const parsed = resource.safeParse(value);
    if (!parsed.success) return { ok: false, rule: `${parsed.error.issues[0]?.path.join('.') || 'Device'}: not as a device has it` };
    const [, { valueDateTime }, , { valueIdentifier: of }] = parsed.data.extension;
    const received = parseInstant(valueDateTime);
    if (!received) return { ok: false, rule: 'extension: no time' };
    const { at, offsetMin } = received;
    const test = parsed.data.meta !== undefined;
    const facts = { kind: 'device' as const, hints: {}, device: of.value, flags: [], effective: at, offsetMin, receivedAt: at, test };
    return { ok: true, facts, resource: value as unknown as Resource };
  },
};

/** A part as it is read back out of a resource that `DEVICE_CHECK` passed; undefined for the device itself, and for anything else. */
export function readPart(value: unknown): Omit<DevicePart, 'vital'> | undefined {
  const parsed = resource.safeParse(value);
  if (!parsed.success) return undefined;
  const [, , { valueCode: level }, { valueIdentifier: of }] = parsed.data.extension;
  const path = parsed.data.identifier[0].value.slice(of.value.length + 1);
  const mdc = parsed.data.type?.coding?.[0].code;
  return level === 'mds' ? undefined : { path, level, ...(mdc !== undefined && { mdc: Number(mdc) }) };
}
