import { z } from 'zod';
import { ALERT_FACETS, type AlertFacet, type DeviceAlert } from './alert.ts';
import { parseInstant } from './clock.ts';
import type { CheckedEvent, EventCheck } from './event.ts';
import { type EventFrame, eventFacts, eventFrame, eventShape, hasCategory, limitedText } from './event-observation.ts';
import { type Coding, type Extension, type Observation, type ObservationComponent, SYSTEMS } from './fhir.ts';
import { EXTENSIONS, isSendable, TEXT_LIMITS } from './observation-code.ts';
import type { Flag } from './reading.ts';
import { vital } from './vitals.ts';

const OURS = 'https://vitalmesh.org/fhir/CodeSystem/';
const STRUCTURES = 'https://vitalmesh.org/fhir/StructureDefinition/alert-';
/** Code system of a sender's own alert codes: `urn:vitalmesh:alert-code:MDIL-ALERT`. */
const OWN_CODES = 'urn:vitalmesh:alert-code:';

const CATEGORY: Coding = { system: `${OURS}observation-category`, code: 'alert', display: 'Alert of a device' };
const ALARM: Coding = { system: SYSTEMS.mdc, code: '196616', display: 'MDC_EVT_ALARM' };
const URLS = { instance: `${STRUCTURES}instance`, sourceVital: `${STRUCTURES}source-vital`, sourceMdc: `${STRUCTURES}source-mdc` } as const;

const FACET_NAMES = Object.keys(ALERT_FACETS) as AlertFacet[];

/**
 * An alert as an Observation of FHIR R4: what the device shows is its value, the facets of PCD-04 are its components. It says that a device
 * reported something, never that something is so.
 */
export function alertObservation(alert: DeviceAlert, frame: EventFrame): Observation {
  const { code, text, source, instance } = alert;
  const own: Coding[] = code
    ? [{ system: code.system === 'MDC' ? SYSTEMS.mdc : `${OWN_CODES}${encodeURIComponent(code.system)}`, code: code.code }]
    : [];
  const extension: Extension[] = [];
  if (instance !== undefined) extension.push({ url: URLS.instance, valueString: instance });
  if (source?.vital !== undefined) extension.push({ url: URLS.sourceVital, valueCode: source.vital });
  if (source?.mdc !== undefined) extension.push({ url: URLS.sourceMdc, valueCode: `${source.mdc}` });
  return {
    ...eventFrame(alert, frame, CATEGORY, { coding: [ALARM, ...own], text: 'Alert of a device' }, extension),
    ...(text !== undefined && { valueString: text }),
    component: FACET_NAMES.flatMap((name) => facet(name, alert[name])),
  };
}

function facet(name: AlertFacet, value: string | undefined): ObservationComponent[] {
  if (value === undefined) return [];
  const { mdc, refid } = ALERT_FACETS[name];
  const code = { coding: [{ system: SYSTEMS.mdc, code: mdc, display: refid }] };
  return [{ code, valueCodeableConcept: { coding: [{ system: `${OURS}alert-${name}`, code: value }] } }];
}

const component = z.union(
  FACET_NAMES.map((name) =>
    z.strictObject({
      code: z.strictObject({
        coding: z.tuple([
          z.strictObject({
            system: z.literal(SYSTEMS.mdc),
            code: z.literal(ALERT_FACETS[name].mdc),
            display: z.literal(ALERT_FACETS[name].refid),
          }),
        ]),
      }),
      valueCodeableConcept: z.strictObject({
        coding: z.tuple([z.strictObject({ system: z.literal(`${OURS}alert-${name}`), code: z.enum(ALERT_FACETS[name].values) })]),
      }),
    }),
  ),
);
const ownCode = z.strictObject({ system: limitedText(TEXT_LIMITS.system).refine(isCodeSystem), code: limitedText(TEXT_LIMITS.identifier) });
const resource = eventShape(CATEGORY, {
  [URLS.instance]: { type: 'valueString', accepts: (value) => isSendable(value, TEXT_LIMITS.identifier) },
  [URLS.sourceVital]: { type: 'valueCode', accepts: (key) => vital(key) !== undefined },
  [URLS.sourceMdc]: { type: 'valueCode', accepts: (code) => /^\d{1,9}$/.test(code) },
}).extend({
  code: z.strictObject({
    coding: z
      .tuple([z.strictObject({ system: z.literal(ALARM.system), code: z.literal(ALARM.code), display: z.literal(ALARM.display) })])
      .rest(ownCode)
      .refine((coding) => coding.length <= 2),
    text: z.literal('Alert of a device'),
  }),
  valueString: limitedText(TEXT_LIMITS.display).optional(),
  component: z.array(component).min(4).max(FACET_NAMES.length),
});

function isCodeSystem(system: string): boolean {
  return system === SYSTEMS.mdc || (system.startsWith(OWN_CODES) && ownSystem(system) !== undefined);
}

/** The sender's name of a code system; undefined for one that is not written as `alertObservation` writes it. */
function ownSystem(system: string): string | undefined {
  try {
    return decodeURIComponent(system.slice(OWN_CODES.length)) || undefined;
  } catch {
    return undefined;
  }
}

/** How the hub knows and checks an alert. */
export const ALERT_CHECK: EventCheck = {
  kind: 'alert',
  fits: ({ resourceType, category }) => resourceType === 'Observation' && hasCategory(category, CATEGORY),
  check(value): CheckedEvent {
    const parsed = resource.safeParse(value);
    if (!parsed.success) return { ok: false, rule: `${parsed.error.issues[0]?.path.join('.') || 'Observation'}: not as an alert has it` };
    const codes = parsed.data.component.map(({ code }) => code.coding[0].code);
    const isWhole =
      new Set(codes).size === codes.length &&
      ['phase', 'state', 'priority', 'type'].every((name) => codes.includes(ALERT_FACETS[name as AlertFacet].mdc));
    if (!isWhole) return { ok: false, rule: 'component: a facet is missing, or there twice' };
    if (parsed.data.code.coding.length < 2 && parsed.data.valueString === undefined)
      return { ok: false, rule: 'code: nothing says what the alert is' };
    return eventFacts('alert', parsed.data, value);
  },
};

/** An alert as it is read back out of an Observation that `ALERT_CHECK` passed; undefined for anything else. */
export function readAlert(value: unknown): DeviceAlert | undefined {
  const parsed = resource.safeParse(value);
  if (!parsed.success) return undefined;
  const { code, valueString, component: facets, extension, effectiveDateTime } = parsed.data;
  const own = code.coding[1] as { system: string; code: string } | undefined;
  const said = (name: AlertFacet): string | undefined =>
    facets.find((one) => one.code.coding[0].code === ALERT_FACETS[name].mdc)?.valueCodeableConcept.coding[0].code;
  const at = (url: string): string | undefined => {
    const found = extension.find((one) => one.url === url);
    return found?.valueString ?? found?.valueCode;
  };
  const time = parseInstant(effectiveDateTime);
  const [vitalKey, mdc, instance] = [at(URLS.sourceVital), at(URLS.sourceMdc), at(URLS.instance)];
  const flags = extension.flatMap(({ url, valueCode }) => (url === EXTENSIONS.flag ? [valueCode as Flag] : []));
  const inactivation = said('inactivation');
  return {
    ...(own && {
      code: { system: own.system === SYSTEMS.mdc ? 'MDC' : (ownSystem(own.system) ?? ''), code: own.code },
    }),
    ...(valueString !== undefined && { text: valueString }),
    phase: said('phase') as DeviceAlert['phase'],
    state: said('state') as DeviceAlert['state'],
    ...(inactivation !== undefined && { inactivation: inactivation as NonNullable<DeviceAlert['inactivation']> }),
    priority: said('priority') as DeviceAlert['priority'],
    type: said('type') as DeviceAlert['type'],
    ...((vitalKey !== undefined || mdc !== undefined) && {
      source: { ...(vitalKey !== undefined && { vital: vitalKey }), ...(mdc !== undefined && { mdc: Number(mdc) }) },
    }),
    ...(instance !== undefined && { instance }),
    ...(time && { effective: time.at, offsetMin: time.offsetMin }),
    ...(flags.length > 0 && { flags }),
  };
}
