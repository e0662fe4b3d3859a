import type { ErrorCode } from '../../shared/errors.ts';
import type { Flag } from '../../shared/reading.ts';
import { checkWave } from '../../shared/reading-check.ts';
import { toRowUnit, type Vital } from '../../shared/vitals.ts';
import { MAX_SAMPLES, type Wave } from '../../shared/wave.ts';
import { mdcOf } from './codes.ts';
import type { ObxRules } from './dialect.ts';
import type { Hl7Message } from './message.ts';
import { circumstances, NULL, NUMBER } from './obx.ts';
import { firstRepetition, type Segment } from './segment.ts';

/** What a row of value type NA is: no wave at all by its status, a bad one, or a wave (without its time). */
export type WaveContent =
  | { kind: 'aside' }
  | { kind: 'refused'; code: ErrorCode; field: number }
  | { kind: 'wave'; wave: Wave; flags: Flag[]; test: boolean };

/** MDC_DIM_PER_SEC: a sampling rate is given in nothing else. */
const PER_SECOND = 264_608;
/** More rows than these no wave has beneath it. */
const MAX_ATTRIBUTES = 16;
const MAX_DIGITS = 32;

/**
 * What rows beneath a wave (their OBX-4 is its and one number more) say about it, by the name in OBX-3.2, since senders write 0 for the
 * code. `period`: samples in a second. `harmless`: changes no sample. Whatever is not here could change what a sample means.
 */
const ATTRIBUTES: ReadonlyMap<string, 'period' | 'harmless' | 'harmless-if-1'> = new Map([
  ['MDC_ATTR_SAMP_RATE', 'period'],
  ['MDC_ATTR_DATA_RANGE', 'harmless'],
  ['MDC_ATTR_NU_MSMT_RES', 'harmless-if-1'],
]);

/** Whether a row beneath a wave says something about that wave, and is no measurement of its own. */
export function isAttribute(obx: Segment, wavePath: string): boolean {
  return obx.field(4).trim().startsWith(`${wavePath}.`) && obx.component(3, 2).trim().startsWith('MDC_ATTR_');
}

/** The rows beneath the wave at `index`, up to the next row that is not. */
export function rowsBeneath(message: Hl7Message, index: number, wavePath: string): Segment[] {
  const rows: Segment[] = [];
  if (wavePath === '') return rows;
  for (let i = index + 1; i < message.segments && rows.length < MAX_ATTRIBUTES && message.name(i) === 'OBX'; i += 1) {
    const row = message.segment(i);
    if (!row.field(4).trim().startsWith(`${wavePath}.`)) break;
    rows.push(row);
  }
  return rows;
}

/**
 * Reads an OBX of type NA (HL7 v2.6 ch. 2A.46: numbers, one a component) as a wave; `below` are the rows beneath it. How often it was
 * sampled is said by the dialect or by a row MDC_ATTR_SAMP_RATE (IHE PCD, waveforms); without it there is no wave.
 */
export function readWave(obx: Segment, below: readonly Segment[], rules: ObxRules): WaveContent {
  const refused = (code: ErrorCode, field: number): WaveContent => ({ kind: 'refused', code, field });
  const { rows, periodMs: listed } = rules.vital(firstRepetition(obx.field(3), obx.separators), obx.separators, obx);
  const row = rows.find((one) => one.class === 'waveform');
  if (!row) return refused('DECODE-UNKNOWN-CODE', 3);
  const about = circumstances(obx);
  // A wave has no status: one that corrects or takes back another, or is not verified, cannot be carried as what it is.
  if (!about || (about.status !== 'final' && about.absent === undefined)) return refused('DECODE-FIELD', 11);
  if (about.absent !== undefined) return about.status === 'final' ? { kind: 'aside' } : refused('DECODE-FIELD', 11);
  const periodMs = periodOf(below, listed);
  if (periodMs === undefined) return refused('HL7-WAVE', 3);
  const samples = samplesOf(obx, rules);
  if (samples === undefined) return refused('DECODE-FIELD', 5);
  const flags = [...about.flags];
  const converted = inRowUnit(samples, row, flags, obx, rules);
  if (!converted) return refused('DECODE-UNIT', 6);
  const wave: Wave = { vital: row.key, samples: converted, periodMs };
  const wrong = checkWave(wave);
  return wrong === undefined ? { kind: 'wave', wave, flags, test: about.test } : refused(wrong, 5);
}

/** Undefined where nothing says it, two things say different ones, or something is said that could change the samples. */
function periodOf(below: readonly Segment[], listed: number | undefined): number | undefined {
  let periodMs = listed;
  for (const row of below) {
    const attribute = ATTRIBUTES.get(row.component(3, 2).trim());
    if (attribute === 'harmless') continue;
    const text = row.field(5).trim();
    const value = row.field(2).trim() === 'NM' && text.length <= MAX_DIGITS && NUMBER.test(text) ? Number(text) : 0;
    if (attribute === 'harmless-if-1' && value === 1) continue;
    if (attribute !== 'period' || value <= 0 || !isPerSecond(row)) return undefined;
    if (periodMs !== undefined && periodMs !== 1000 / value) return undefined;
    periodMs = 1000 / value;
  }
  return periodMs;
}

function isPerSecond(row: Segment): boolean {
  return mdcOf(firstRepetition(row.field(6), row.separators), 1, row.separators) === PER_SECOND;
}

/** One row of numbers; a component without one is a sample that there is not. Undefined for what is no such row, or too long. */
function samplesOf(obx: Segment, { sentinels }: ObxRules): (number | null)[] | undefined {
  const text = obx.field(5);
  const { component, repetition } = obx.separators;
  if (text.trim() === '' || text === NULL || component === '' || (repetition !== '' && text.includes(repetition))) return undefined;
  const samples: (number | null)[] = [];
  for (let from = 0; from <= text.length; ) {
    if (samples.length === MAX_SAMPLES) return undefined;
    const found = text.indexOf(component, from);
    const end = found < 0 ? text.length : found;
    const sample = text.slice(from, end).trim();
    if (sample === '' || sample === NULL) samples.push(null);
    else if (sample.length <= MAX_DIGITS && NUMBER.test(sample)) samples.push(sentinels.has(Number(sample)) ? null : Number(sample));
    else return undefined;
    from = end + 1;
  }
  return samples;
}

function inRowUnit(samples: (number | null)[], row: Vital, flags: Flag[], obx: Segment, rules: ObxRules): (number | null)[] | undefined {
  const unit = rules.unit(firstRepetition(obx.field(6), obx.separators), obx.separators, obx);
  if (unit === 'unknown') return undefined;
  if (unit === 'none' || unit.assumed) flags.push('unit-assumed');
  if (unit === 'none' || unit.ucum === row.ucum) return samples;
  if (toRowUnit(row, 1, unit.ucum) === undefined) return undefined;
  return samples.map((sample) => (sample === null ? null : (toRowUnit(row, sample, unit.ucum) ?? null)));
}
