import { formatInstant, type Instant, zoneOffsetMin } from '../shared/clock.ts';
import { VitalmeshError } from '../shared/errors.ts';
import type { CodeableConcept, Extension, LogicalReference, Observation, ObservationComponent, Quantity } from '../shared/fhir.ts';
import {
  absentConcept,
  codeWithMdc,
  EXTENSIONS,
  hintExtensions,
  IDENTIFIER_SYSTEMS,
  type ObservationFrame,
  observationFrame,
  quantity,
  subjectOf,
  TEST_LABEL,
} from '../shared/observation-code.ts';
import type { Flag, Reading, ReadingRecord } from '../shared/reading.ts';
import { formatObservationId, type RowKey } from '../shared/uplink/key.ts';
import { isPlausible, type Panel, panelOfPart, type Vital, vital } from '../shared/vitals.ts';

export interface NormalizeOptions {
  /** IANA zone in which times without an offset of their own are shown; UTC unless given. */
  zone?: string;
}

/** A part of a panel, or the mean that may stand alone. */
interface Part {
  index: number;
  row: Vital;
  reading: Reading;
}

/** The parts of one panel that were measured together. */
interface Group {
  panel: Panel;
  parts: Part[];
}

/** What all Observations of a record have in common. */
interface Common {
  record: ReadingRecord;
  key: RowKey & { agent: string };
  subject: LogicalReference;
  device: LogicalReference;
  issued: string;
  hints: Extension[];
  profile: Extension;
  time(reading: Reading): string;
}

/**
 * The FHIR R4 Observations of a record (devices.md §5): one for each reading, except that the blood pressures of one panel and one time
 * make one Observation with components. Always the same for the same record, key and zone. An id's index is that of the (first) reading it
 * was made from, so that it stays the same whatever is grouped. For records that `checkRecord` passed; throws DECODE-UNKNOWN-CODE for a
 * vital sign that is not in the table.
 */
export function normalize(record: ReadingRecord, key: RowKey & { agent: string }, options: NormalizeOptions = {}): Observation[] {
  const common = commonOf(record, key, options.zone);
  const made: (Observation | Group)[] = [];
  for (const [index, reading] of record.readings.entries()) {
    const row = vital(reading.vital);
    if (!row) throw new VitalmeshError('DECODE-UNKNOWN-CODE');
    const panel = panelOfPart(row.key);
    if (panel) addPart(made, panel, { index, row, reading });
    else made.push(single(common, index, row, reading));
  }
  return made.map((one) => ('parts' in one ? grouped(common, one) : one));
}

function commonOf(record: ReadingRecord, key: Common['key'], zone: string | undefined): Common {
  const { device, receivedAt, subject } = record;
  let shownAt: Instant | undefined;
  let shownOffset: number | undefined;
  let shown = '';
  return {
    record,
    key,
    subject: subjectOf(subject, key.agent, device.id),
    device: deviceReference(device),
    issued: formatInstant(receivedAt),
    hints: hintExtensions(subject),
    profile: { url: EXTENSIONS.profile, valueCode: record.profile },
    time: ({ effective = receivedAt, offsetMin }) => {
      if (effective !== shownAt || offsetMin !== shownOffset) {
        shown = formatInstant(effective, offsetMin ?? offsetOf(effective, zone));
        shownAt = effective;
        shownOffset = offsetMin;
      }
      return shown;
    },
  };
}

/** The device of a record, by its identifier. */
export function deviceReference({ id, idType, vendor, model }: ReadingRecord['device']): LogicalReference {
  const identifier = { system: `${IDENTIFIER_SYSTEMS.device}${idType}`, value: id };
  const display = vendor && model ? `${vendor} ${model}` : vendor || model;
  return display ? { identifier, display } : { identifier };
}

/** Offsets change at quarters of an hour at most; the last one of each zone is remembered, since asking the zone database is slow. */
const QUARTER_MS = 15 * 60_000;
const offsets = new Map<string, { quarter: number; offsetMin: number }>();

/** Minutes east of UTC, in which times of a zone are shown. */
export function offsetOf(at: Instant, zone: string | undefined): number {
  if (zone === undefined || zone === 'UTC') return 0;
  const quarter = Math.floor(at / QUARTER_MS);
  const last = offsets.get(zone);
  if (last?.quarter === quarter) return last.offsetMin;
  const offsetMin = zoneOffsetMin(at, zone);
  offsets.set(zone, { quarter, offsetMin });
  return offsetMin;
}

/**
 * Puts a part to the last ones of the same panel, measurement, time and status; a part that is already there begins a new measurement,
 * and none joins an older one.
 */
function addPart(made: (Observation | Group)[], panel: Panel, part: Part): void {
  const last = made.findLast((one) => 'parts' in one && one.panel === panel && one.parts.every((other) => areAlike(other, part)));
  if (last && 'parts' in last && last.parts.every(({ row }) => row !== part.row)) last.parts.push(part);
  else made.push({ panel, parts: [part] });
}

function areAlike(a: Part, b: Part): boolean {
  return (
    (a.reading.measurement ?? 0) === (b.reading.measurement ?? 0) &&
    a.reading.effective === b.reading.effective &&
    a.reading.offsetMin === b.reading.offsetMin &&
    (a.reading.status ?? 'final') === (b.reading.status ?? 'final')
  );
}

function grouped(common: Common, { panel, parts }: Group): Observation {
  const [first] = parts;
  if (!first) throw new VitalmeshError('INTERNAL');
  if (parts.length === 1 && first.row.key === panel.parts.mean) return single(common, first.index, first.row, first.reading);
  const flags = new Set(parts.flatMap((part) => flagsOf(part.row, part.reading)));
  const observation = frame(common, first.index, panel.key, first.reading, [...flags]);
  observation.component = [component(panel.parts.systolic, parts), component(panel.parts.diastolic, parts)];
  if (parts.some((part) => part.row.key === panel.parts.mean)) observation.component.push(component(panel.parts.mean, parts));
  return observation;
}

/** The part of a panel; without a reading it is there as unknown, because the bp profile wants systolic and diastolic both. */
function component(key: string, parts: readonly Part[]): ObservationComponent {
  const part = parts.find(({ row }) => row.key === key);
  if (!part) return { code: frameOf(key, {}).code, ...absence('unknown') };
  const { row, reading } = part;
  const made: ObservationComponent = { code: codeOf(row, reading), ...content(row, reading) };
  if (reading.limits !== undefined) made.referenceRange = limitsText(reading.limits);
  const extension = ownExtensions(reading, flagsOf(row, reading));
  if (extension.length > 0) made.extension = extension;
  return made;
}

function single(common: Common, index: number, row: Vital, reading: Reading): Observation {
  const flags = flagsOf(row, reading);
  const observation = frame(common, index, row.key, reading, flags);
  observation.code = codeOf(row, reading);
  if (reading.original) observation.extension?.push(originalExtension(reading.original));
  if (reading.limits !== undefined) observation.referenceRange = limitsText(reading.limits);
  return Object.assign(observation, content(row, reading));
}

/** An Observation with everything but its value. */
function frame(common: Common, index: number, key: string, reading: Reading, flags: readonly Flag[]): Observation {
  const { code, category, profile } = frameOf(key, reading);
  const { agent, epoch, seq } = common.key;
  const observation: Observation = {
    resourceType: 'Observation',
    id: formatObservationId({ agent, epoch, seq, index }),
    status: reading.status ?? 'final',
    category,
    code,
    subject: common.subject,
    effectiveDateTime: common.time(reading),
    issued: common.issued,
    device: common.device,
    extension: [common.profile, ...common.hints, ...flags.map(flagExtension)],
  };
  if (common.record.test) observation.meta = profile ? { profile, security: [TEST_LABEL] } : { security: [TEST_LABEL] };
  else if (profile) observation.meta = { profile };
  return observation;
}

function frameOf(key: string, { value }: Pick<Reading, 'value'>): ObservationFrame {
  const found = observationFrame(key, value === undefined);
  if (!found) throw new VitalmeshError('DECODE-UNKNOWN-CODE');
  return found;
}

function codeOf(row: Vital, reading: Reading): CodeableConcept {
  const { mdc } = reading;
  return mdc === undefined || mdc === row.mdc?.code ? frameOf(row.key, reading).code : codeWithMdc(row, mdc);
}

function content({ ucum }: Vital, { value, absent }: Reading): { valueQuantity: Quantity } | { dataAbsentReason: CodeableConcept } {
  return value === undefined ? absence(absent ?? 'unknown') : { valueQuantity: quantity(value, ucum) };
}

function absence(reason: NonNullable<Reading['absent']>): { dataAbsentReason: CodeableConcept } {
  const dataAbsentReason = absentConcept(reason);
  if (!dataAbsentReason) throw new VitalmeshError('DECODE-FIELD');
  return { dataAbsentReason };
}

const NO_FLAGS: readonly Flag[] = [];

/** The reading's own flags, and `out-of-range` for a value outside the plausible range, which marks it and changes nothing. */
function flagsOf(row: Vital, { value, flags = NO_FLAGS }: Reading): readonly Flag[] {
  return isPlausible(row, value) || flags.includes('out-of-range') ? flags : [...flags, 'out-of-range'];
}

function ownExtensions({ original }: Reading, flags: readonly Flag[]): Extension[] {
  const extensions = flags.map(flagExtension);
  if (original) extensions.push(originalExtension(original));
  return extensions;
}

function flagExtension(flag: Flag): Extension {
  return { url: EXTENSIONS.flag, valueCode: flag };
}

function originalExtension({ value, unit }: NonNullable<Reading['original']>): Extension {
  return { url: EXTENSIONS.original, valueQuantity: quantity(value, unit) };
}

/** Labelled, so that nobody takes a device's alarm limits for what is normal for this patient. */
function limitsText(limits: string): { text: string }[] {
  return [{ text: `Device alarm limits: ${limits}` }];
}
