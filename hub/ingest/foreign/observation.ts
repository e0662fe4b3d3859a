import { formatInstant, parseInstant } from '../../../shared/clock.ts';
import type { CodeableConcept, Extension, Observation, ObservationComponent } from '../../../shared/fhir.ts';
import {
  absentConcept,
  EXTENSIONS,
  observationFrame,
  panelOfCode,
  partOfPanel,
  TEST_LABEL,
  vitalOfCode,
} from '../../../shared/observation-code.ts';
import type { Panel, Vital } from '../../../shared/vitals.ts';
import { type Fields, fields, list, text } from './fields.ts';
import { identifierText, logicalReference } from './reference.ts';
import { codeOf, knownCode, ourValue, unitOf } from './value.ts';

/** An Observation as ours, without an id, and what of it had no place; or the rule that it breaks, which repeats nothing that was sent. */
export type Mapped = { observation: Unnamed; leftOut: string[] } | { rule: string };

/** `issued` only where it was said. */
export type Unnamed = Omit<Observation, 'id' | 'issued'> & Partial<Pick<Observation, 'issued'>>;

/** Statuses that are taken, as ours (FHIR R4 observation-status). */
const STATUSES: ReadonlyMap<unknown, Observation['status']> = new Map<unknown, Observation['status']>([
  ['final', 'final'],
  ['preliminary', 'preliminary'],
  ['amended', 'corrected'],
  ['corrected', 'corrected'],
  ['cancelled', 'cancelled'],
  ['entered-in-error', 'entered-in-error'],
]);

/** What ours has another place for. */
const USED: ReadonlySet<string> = new Set([
  ...['resourceType', 'id', 'meta', 'status', 'category', 'code', 'subject', 'effectiveDateTime', 'effectiveInstant', 'issued', 'device'],
  ...['valueQuantity', 'dataAbsentReason', 'component', 'extension'],
]);

/** What says nothing without which value, time or patient would be read in another way, and has no place here. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...['identifier', 'text', 'language', 'basedOn', 'partOf', 'encounter', 'performer', 'interpretation', 'note', 'bodySite', 'method'],
  ...['specimen', 'referenceRange', 'derivedFrom'],
]);
const USED_OF_COMPONENT: ReadonlySet<string> = new Set(['code', 'valueQuantity', 'dataAbsentReason', 'extension']);
const LEFT_OUT_OF_COMPONENT: ReadonlySet<string> = new Set(['interpretation', 'referenceRange', 'id']);

const OURS: ReadonlySet<unknown> = new Set(Object.values(EXTENSIONS));

/**
 * An Observation as any FHIR client may write it, as one that the hub stores: its code as a row of the parameter table, its value in the unit of that
 * row, its references by identifier. What cannot be said so, and would change what is said if it were left away, is refused. The same
 * resource always gives the same. Pure; for values whose depth was checked.
 */
export function ourObservation(value: unknown): Mapped {
  const given = fields(value);
  if (given.resourceType !== 'Observation') return { rule: 'resourceType: only Observations are taken' };
  const status = STATUSES.get(given.status);
  if (status === undefined) return { rule: 'status: not one that is taken' };
  const leftOut: string[] = [];
  for (const name of Object.keys(given)) {
    if (LEFT_OUT.has(name)) leftOut.push(name);
    else if (!USED.has(name)) return { rule: ruleOf(name) };
  }
  const about = aboutOf(given);
  if (typeof about === 'string') return { rule: about };
  const measured = given.component === undefined ? single(given) : panelled(given, leftOut);
  if (typeof measured === 'string') return { rule: measured };
  const { key, absent, own, ...content } = measured;
  const { meta, times, ...who } = about;
  const frame = observationFrame(key, absent);
  if (!frame) return { rule: 'code: not a value of the parameter table' };
  const { category, profile } = frame;
  const extension = [...list(given.extension).filter(isOurs), ...own];
  if (extension.length - own.length < list(given.extension).length) leftOut.push('extension');
  return {
    observation: {
      resourceType: 'Observation',
      ...((profile || meta) && { meta: { ...(profile && { profile }), ...meta } }),
      ...{ status, category, ...who, ...times },
      ...content,
      ...(extension.length > 0 && { extension }),
    },
    leftOut,
  };
}

function ruleOf(name: string): string {
  if (/^value[A-Z]/.test(name)) return 'value: only valueQuantity is taken';
  if (/^effective[A-Z]/.test(name)) return 'effective: only effectiveDateTime and effectiveInstant are taken';
  const known = ['modifierExtension', 'implicitRules', 'focus', 'contained', 'hasMember'].find((one) => one === name);
  return known === undefined ? 'Observation: a field that is not taken' : `${known}: not taken, because it changes what the rest means`;
}

interface About {
  subject: Observation['subject'];
  device?: NonNullable<Observation['device']>;
  meta?: { security: NonNullable<NonNullable<Observation['meta']>['security']> };
  times: Pick<Unnamed, 'effectiveDateTime' | 'issued'>;
}

/** Whose it is, what measured it, when, and whether it is a test. */
function aboutOf(given: Fields): About | string {
  const subject = logicalReference(given.subject, 'Patient');
  if (!subject) return 'subject: not a patient, by identifier or reference';
  const device = logicalReference(given.device, 'Device');
  if (device === null) return 'device: not a device, by identifier or reference';
  const effectiveDateTime = timeOf(given.effectiveDateTime ?? given.effectiveInstant);
  if (effectiveDateTime === undefined) return 'effective: not a time with seconds and offset';
  const issued = timeOf(given.issued);
  if (given.issued !== undefined && issued === undefined) return 'issued: not a time with seconds and offset';
  const security = list(fields(given.meta).security).map(fields);
  if (security.some(({ system, code }) => system !== TEST_LABEL.system || code !== TEST_LABEL.code))
    return 'meta.security: a label that this hub could not keep to';
  return {
    subject,
    // A device is bound by what is listed: the same number of another system is another device.
    ...(device && { device: { identifier: { value: identifierText(device.identifier) } } }),
    ...(security.length > 0 && { meta: { security: [TEST_LABEL] } }),
    times: { effectiveDateTime, ...(issued !== undefined && { issued }) },
  };
}

/** A time as we write it. */
function timeOf(value: unknown): string | undefined {
  const time = parseInstant(text(value) ?? '');
  return time && formatInstant(time.at, time.offsetMin);
}

/** What was measured: the key of its row or panel, its value, and extensions of our own. */
type Measured = Pick<Observation, 'code' | 'valueQuantity' | 'dataAbsentReason' | 'component'> & {
  key: string;
  absent: boolean;
  own: Extension[];
};

function single(given: Fields): Measured | string {
  const code = knownCode(given.code);
  if (!code) return 'code: a LOINC or MDC code that is not in the parameter table, or none of both';
  const row = vitalOfCode(code, unitOf(given)) ?? vitalOfCode(code);
  if (!row) return panelOfCode(code) ? 'component: a panel without its parts' : 'code: its codes are not of one vital sign';
  const found = ourValue(given, row);
  if (typeof found === 'string') return found;
  const absent = 'dataAbsentReason' in found.content;
  return { key: row.key, absent, own: found.extension, code: codeFor(row, code, absent), ...found.content };
}

/** What was sent, unless it would be read as another row; an absence has the codes that its profile allows. */
function codeFor(row: Vital, sent: CodeableConcept, absent: boolean): CodeableConcept {
  const code = codeOf(sent, row.loinc);
  const reads = !(absent && row.valueRequired) && vitalOfCode(code, absent ? undefined : row.ucum)?.key === row.key;
  return reads ? code : (observationFrame(row.key, absent)?.code ?? code);
}

function panelled(given: Fields, leftOut: string[]): Measured | string {
  if (given.valueQuantity !== undefined || given.dataAbsentReason !== undefined) return 'component: beside a value';
  const code = knownCode(given.code);
  const panel = code && panelOfCode(code);
  if (!panel) return 'component: only the parts of a blood pressure are taken';
  const parts = new Map<string, ObservationComponent>();
  for (const component of list(given.component)) {
    const part = partOf(fields(component), panel, leftOut);
    if (typeof part === 'string') return part;
    if (parts.has(part.key)) return 'component: the same part twice';
    parts.set(part.key, part.component);
  }
  if (parts.size === 0) return 'component: a panel without its parts';
  const { systolic, diastolic, mean } = panel.parts;
  const component = [parts.get(systolic) ?? missing(systolic), parts.get(diastolic) ?? missing(diastolic), parts.get(mean)];
  const shown = component.filter((part) => part !== undefined);
  return { key: panel.key, absent: false, own: [], code: codeOf(code, panel.loinc), component: shown };
}

function partOf(given: Fields, panel: Panel, leftOut: string[]): { key: string; component: ObservationComponent } | string {
  for (const name of Object.keys(given)) {
    if (LEFT_OUT_OF_COMPONENT.has(name)) leftOut.push(name);
    else if (!USED_OF_COMPONENT.has(name)) return 'component: a field that is not taken';
  }
  const code = knownCode(given.code);
  const row = code && partOfPanel({ code }, panel);
  if (!row) return 'component.code: not a part of this panel';
  const found = ourValue(given, row);
  if (typeof found === 'string') return `component.${found}`;
  const own = [...list(given.extension).filter(isOurs), ...found.extension];
  const component = { code: codeOf(code, row.loinc), ...found.content, ...(own.length > 0 && { extension: own }) };
  return { key: row.key, component };
}

/** A part that was not measured: the profile of blood pressures wants systolic and diastolic both. */
function missing(key: string): ObservationComponent | undefined {
  const code = observationFrame(key, true)?.code;
  const dataAbsentReason = absentConcept('unknown');
  return code && dataAbsentReason && { code, dataAbsentReason };
}

function isOurs(extension: unknown): extension is Extension {
  return OURS.has(fields(extension).url);
}
