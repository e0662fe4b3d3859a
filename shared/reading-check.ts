import { ALERT_FACETS, type AlertFacet, type DeviceAlert } from './alert.ts';
import { isShowable } from './clock.ts';
import { DEVICE_LEVELS, type DeviceTree, MAX_PARTS } from './device-tree.ts';
import type { ErrorCode } from './errors.ts';
import { GAP_REASONS, type Gap, MAX_GAP_COUNT, MAX_GAP_VITALS } from './gap.ts';
import { isSendable, systemOfAuthority, TEXT_LIMITS } from './observation-code.ts';
import { ABSENT_REASONS, FLAGS, type Reading, type ReadingRecord, ROW_CLASSES } from './reading.ts';
import { vital } from './vitals.ts';
import { MAX_SAMPLES, MAX_SAMPLES_TEXT, type Wave } from './wave.ts';

/** An index has at most four digits in an observation id. */
const MAX_READINGS = 1000;

/**
 * Whatever could later be refused of a reading is refused here, by the decoder that made it: undefined when it will pass, else why not.
 * DECODE-UNKNOWN-CODE (no such vital sign, or an MDC code that is not its own), DECODE-TIME, DECODE-UNIT (of the original) or DECODE-FIELD
 * (both or neither of value and absence, a value that is no finite number, a panel or waveform, unknown flag, unclean limits).
 */
export function checkReading(reading: Reading): ErrorCode | undefined {
  const { value, absent, effective, offsetMin, mdc, original, flags, limits } = reading;
  const row = vital(reading.vital);
  if (!row) return 'DECODE-UNKNOWN-CODE';
  if (row.panel || row.class === 'waveform') return 'DECODE-FIELD';
  if (mdc !== undefined && mdc !== row.mdc?.code && !row.inputMdc?.includes(mdc)) return 'DECODE-UNKNOWN-CODE';
  if ((value === undefined) === (absent === undefined)) return 'DECODE-FIELD';
  if (value !== undefined && !Number.isFinite(value)) return 'DECODE-FIELD';
  if (absent !== undefined && !ABSENT_REASONS.includes(absent)) return 'DECODE-FIELD';
  if (effective !== undefined && !isShowable(effective)) return 'DECODE-TIME';
  if (offsetMin !== undefined && !isShowable(0, offsetMin)) return 'DECODE-TIME';
  if (reading.measurement !== undefined && !(Number.isSafeInteger(reading.measurement) && reading.measurement >= 0)) return 'DECODE-FIELD';
  if (original !== undefined && !Number.isFinite(original.value)) return 'DECODE-FIELD';
  if (original !== undefined && !isSendable(original.unit, TEXT_LIMITS.unit)) return 'DECODE-UNIT';
  if (flags !== undefined && !(flags.every((flag) => Object.hasOwn(FLAGS, flag)) && new Set(flags).size === flags.length))
    return 'DECODE-FIELD';
  if (limits !== undefined && !isSendable(limits, TEXT_LIMITS.limits)) return 'DECODE-FIELD';
  return undefined;
}

/**
 * As `checkReading`, for what a record holds beside its readings: times, device, hints and profile in the lengths that the wire takes.
 * An identifier that is too long is refused, never cut: a cut one could be somebody else's.
 */
export function checkRecord(record: ReadingRecord): ErrorCode | undefined {
  const { device, subject, receivedAt, profile, readings } = record;
  if (!isShowable(receivedAt)) return 'DECODE-TIME';
  if (!isOfItsClass(record)) return 'DECODE-FIELD';
  const { patient, visit, bed } = subject;
  const hints = [patient?.value, visit, bed].filter((hint) => hint !== undefined && hint !== '');
  // Half of the identifier's length is left for the gateway that stands before a device id.
  const clean =
    isSendable(device.id, TEXT_LIMITS.identifier / 2) &&
    isSendable(profile, TEXT_LIMITS.profile) &&
    [device.vendor, device.model].every((text) => text === undefined || text === '' || isSendable(text, TEXT_LIMITS.display / 2 - 1)) &&
    hints.every((hint) => isSendable(hint, TEXT_LIMITS.identifier)) &&
    (systemOfAuthority(patient?.authority ?? '') ?? '').length <= TEXT_LIMITS.system;
  if (!clean) return 'DECODE-FIELD';
  for (const reading of readings) {
    const code = checkReading(reading);
    if (code !== undefined) return code;
  }
  if (record.tree && !isTree(record.tree)) return 'DECODE-FIELD';
  if (record.gap) return checkGap(record.gap);
  return [...(record.alerts ?? []).map(checkAlert), ...(record.waves ?? []).map(checkWave)].find((code) => code !== undefined);
}

/**
 * As `checkReading`, for an alert: DECODE-TIME, or DECODE-FIELD (a facet that is none, neither code nor text, text that is not clean, a source
 * that is no vital sign).
 */
export function checkAlert({ code, text, source, instance, ...alert }: DeviceAlert): ErrorCode | undefined {
  const { effective, offsetMin, flags = [] } = alert;
  if (effective !== undefined && !isShowable(effective)) return 'DECODE-TIME';
  if (offsetMin !== undefined && !isShowable(0, offsetMin)) return 'DECODE-TIME';
  const isWhole =
    (code !== undefined || text !== undefined) &&
    (code === undefined || (isSendable(code.code, TEXT_LIMITS.identifier) && isCodeSystem(code.system))) &&
    (text === undefined || isSendable(text, TEXT_LIMITS.display)) &&
    (instance === undefined || isSendable(instance, TEXT_LIMITS.identifier)) &&
    (source?.vital === undefined || vital(source.vital) !== undefined) &&
    (source?.mdc === undefined || (Number.isSafeInteger(source.mdc) && source.mdc >= 0 && source.mdc < 1e9)) &&
    flags.every((flag) => Object.hasOwn(FLAGS, flag));
  return isWhole && Object.values(ALERT_FACETS).every(isFacetOf(alert)) ? undefined : 'DECODE-FIELD';
}

/** As `checkReading`, for a wave: DECODE-UNKNOWN-CODE, DECODE-TIME or DECODE-FIELD (no samples, too many, too long a text of them, or what is no number; a period that none has). */
export function checkWave({ vital: key, samples, periodMs, effective, offsetMin, flags = [] }: Wave): ErrorCode | undefined {
  if (vital(key)?.class !== 'waveform') return 'DECODE-UNKNOWN-CODE';
  if (effective !== undefined && !isShowable(effective)) return 'DECODE-TIME';
  if (offsetMin !== undefined && !isShowable(0, offsetMin)) return 'DECODE-TIME';
  const isPeriod = Number.isFinite(periodMs) && periodMs >= 0.01 && periodMs <= 60_000;
  const isRun = samples.length > 0 && samples.length <= MAX_SAMPLES && samples.every((sample) => sample === null || isSample(sample));
  const length = isRun ? samples.reduce<number>((sum, sample) => sum + `${sample ?? 'E'}`.length + 1, -1) : 0;
  return isPeriod && isRun && length <= MAX_SAMPLES_TEXT && flags.every((flag) => Object.hasOwn(FLAGS, flag)) ? undefined : 'DECODE-FIELD';
}

/** As `checkReading`, for a gap: DECODE-TIME (its end before its start too), DECODE-UNKNOWN-CODE (no such vital sign) or DECODE-FIELD. */
export function checkGap({ reason, lost, from, to, rows, values, vitals }: Gap): ErrorCode | undefined {
  if (!isShowable(from) || !isShowable(to) || to < from) return 'DECODE-TIME';
  if (vitals.some((key) => vital(key) === undefined)) return 'DECODE-UNKNOWN-CODE';
  const isWhole =
    Object.hasOwn(GAP_REASONS, reason) &&
    ROW_CLASSES.some((name) => name !== 'gap' && name === lost) &&
    [rows, values].every((count) => Number.isSafeInteger(count) && count >= 0 && count <= MAX_GAP_COUNT) &&
    vitals.length <= MAX_GAP_VITALS &&
    new Set(vitals).size === vitals.length;
  return isWhole ? undefined : 'DECODE-FIELD';
}

/** Half of the length is left for what is written before it. */
function isCodeSystem(system: string): boolean {
  return isSendable(system, TEXT_LIMITS.identifier) && encodeURIComponent(system).length <= TEXT_LIMITS.system / 2;
}

const PART_PATH = /^\d{1,9}(?:\.\d{1,9}){1,3}$/;

/** Parts that are there once each, with codes that MDC has. */
function isTree({ mdc, parts }: DeviceTree): boolean {
  const isCode = (code: number | undefined): boolean => code === undefined || (Number.isSafeInteger(code) && code >= 0 && code < 1e9);
  const isPart = ({ path, level, mdc: code, vital: key }: DeviceTree['parts'][number]): boolean =>
    PART_PATH.test(path) && DEVICE_LEVELS.includes(level) && isCode(code) && (key === undefined || vital(key) !== undefined);
  return isCode(mdc) && parts.length <= MAX_PARTS && parts.every(isPart) && new Set(parts.map(({ path }) => path)).size === parts.length;
}

/** Numbers that can be written without an exponent that nobody expects. */
function isSample(sample: number): boolean {
  return Number.isFinite(sample) && Math.abs(sample) < 1e9;
}

/** Whether an alert has of a facet one of its values, or nothing where it may be left out. */
function isFacetOf(alert: Pick<DeviceAlert, AlertFacet>): (facet: (typeof ALERT_FACETS)[AlertFacet]) => boolean {
  return ({ name, values }) => {
    const said = alert[name];
    return said === undefined ? name === 'inactivation' : values.some((value) => value === said);
  };
}

/** All content is of one kind, that which the class names, and not more than an index can count. */
function isOfItsClass({ class: name, readings, alerts, movement, waves, tree, gap }: ReadingRecord): boolean {
  const counts = {
    alert: alerts?.length,
    movement: movement && 1,
    device: tree && 1,
    gap: gap && 1,
    waveform: waves?.length,
    readings: readings.length || undefined,
  };
  const own = counts[name === 'spot' || name === 'continuous' ? 'readings' : name];
  const kinds = Object.values(counts).filter((count) => count !== undefined).length;
  return kinds === 1 && own !== undefined && own > 0 && own <= MAX_READINGS;
}
