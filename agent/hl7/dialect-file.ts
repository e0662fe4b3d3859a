import { z } from 'zod';
import { loadConfig } from '../../shared/config.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { nearest } from '../../shared/nearest.ts';
import { ABSENT_REASONS } from '../../shared/reading.ts';
import { convert, ucumOfText } from '../../shared/units.ts';
import { toRowUnit, VITALS, type Vital, vital, vitalByBareTerm, vitalsByMdc } from '../../shared/vitals.ts';
import { type CodedUnit, type CodedVital, mdcOf, mdcUnit } from './codes.ts';
import type { Dialect, ObxRules, RowUse } from './dialect.ts';
import { DIALECTS } from './dialects/index.ts';
import { componentOf, firstRepetition, type Segment, type Separators } from './segment.ts';

/** YAML reads a bare 007 as the number 7, which would be another code. */
const code = z.custom<string>(
  (value) => typeof value === 'string' && value !== '' && value.length <= 64 && value.trim() === value,
  'expected a code of 1 to 64 characters in quotes, as it is sent',
);
const system = z.string().trim().min(1).max(64);

/** What can be named as the measurement of a code: a number, or a wave. */
const KEYS = VITALS.filter((row) => !row.panel).map(({ key }) => key);
/** Whatever has readings can be added to. */
const BASES = DIALECTS.filter(({ messages }) => messages.some(({ use }) => use === 'readings')).map(({ name }) => name);

function oneOf(names: readonly string[], what: string) {
  return z.string().refine((text) => names.includes(text), {
    error: ({ input }) => {
      const guess = typeof input === 'string' ? nearest(input, names) : undefined;
      return `expected ${what}${guess ? `; did you mean '${guess}'?` : ''}`;
    },
  });
}

const codeRow = z
  .strictObject({
    code: code.describe('OBX-3.1'),
    system: system.optional().describe('OBX-3.3; without it, the row must not have one'),
    module: system.optional().describe('OBX-4, where one code means something else on each module'),
    vital: oneOf(KEYS, 'a key of the parameter table (spo2)').optional(),
    use: z.enum(['aside', 'setting']).optional().describe('For what is no measurement: left aside and counted'),
    unit: z
      .string()
      .min(1)
      .optional()
      .describe('UCUM unit where OBX-6 is empty; readings are flagged unit-assumed. Without it, they are refused'),
    samplesPerSecond: z.number().min(0.02).max(50_000).optional().describe('Of a wave whose messages do not say it'),
  })
  .superRefine((row, issues) => {
    const refuse = (path: string[], message: string): void => issues.addIssue({ code: 'custom', path, message });
    if ((row.vital === undefined) === (row.use === undefined)) refuse([], 'expected either vital or use');
    const known = vital(row.vital ?? '');
    if (row.unit !== undefined && (!known || !fits(known, row.unit)))
      refuse(['unit'], `expected a UCUM unit that can be converted to ${known?.ucum ?? 'that of a vital sign'}`);
    if (known && contradicts(row, known)) refuse(['vital'], 'expected what this code is in the nomenclature (MDC), or a kind of it');
    if (row.samplesPerSecond !== undefined && known?.class !== 'waveform') refuse(['samplesPerSecond'], 'expected only for a wave');
  });

type CodeRow = z.output<typeof codeRow>;

const messageRule = z.strictObject({
  type: z
    .string()
    .regex(/^[A-Z0-9]{3}$/, 'expected a message type, as ORU')
    .describe('MSH-9.1'),
  event: z.string().max(8).optional().describe('MSH-9.2; any unless given'),
  control: z.string().max(20).optional().describe('MSH-10, where a sender puts the kind of message there'),
  use: z.enum(['readings', 'heartbeat', 'aside']),
});

/** How a sender with codes of its own writes ORU^R01: a dialect of the table, with what this file adds. Data, not code. */
export const dialectFileSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^hl7-[a-z0-9-]{1,40}$/, 'expected a name like hl7-icu-3')
      .refine((name) => DIALECTS.every((dialect) => dialect.name !== name), 'expected a name that no built-in dialect has'),
    base: oneOf(BASES, `one of ${BASES.join(', ')}`)
      .default('hl7-generic')
      .describe('The dialect that holds for all that this file does not say'),
    vendor: z.string().min(1).max(60),
    models: z.array(z.string().min(1).max(60)).min(1),
    protocol: z.string().min(1),
    source: z.string().min(1).describe('Where the codes are written down'),
    listensAt: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('The port at which the sender waits to be called; unless given, it calls as its base does'),
    messages: z.array(messageRule).min(1).optional().describe('Which messages are read; those of the base unless given'),
    uniqueControlIds: z.boolean().optional().describe('Whether MSH-10 is different for every message'),
    codes: z.array(codeRow).min(1).describe('What each code of OBX-3 is. One that is not listed is refused, and kept'),
    units: z
      .array(z.strictObject({ unit: code.describe('OBX-6.1, or OBX-6.2 where that is empty'), ucum: z.string().min(1) }))
      .default([])
      .describe('What each code or text of OBX-6 is in UCUM'),
    sentinels: z
      .array(z.strictObject({ value: z.number(), absent: z.enum(ABSENT_REASONS) }))
      .default([])
      .describe('Numbers that mean that there is no value'),
    rows: z
      .array(z.strictObject({ field: z.int().min(1).max(30), is: z.string().trim().min(1).max(64), use: z.enum(['aside', 'setting']) }))
      .default([])
      .describe('Rows that are no measurement by what stands in a field of OBX: { field: 13, is: SETTING, use: setting }'),
  })
  .superRefine((file, issues) => {
    const refuse = (path: (string | number)[], message: string): void => issues.addIssue({ code: 'custom', path, message });
    for (const i of repeated(file.codes.map(nameOf))) refuse(['codes', i, 'code'], 'listed before');
    const rows = file.codes.flatMap((row) => vital(row.vital ?? '') ?? []);
    if (rows.length === 0) refuse(['codes'], 'expected at least one vital sign');
    for (const i of repeated(file.units.map(({ unit }) => unit))) refuse(['units', i, 'unit'], 'listed before');
    for (const [i, { unit, ucum }] of file.units.entries()) {
      const known = /^\d+$/.test(unit) ? undefined : ucumOfText(unit);
      if (known !== undefined && !areSame(known, ucum))
        refuse(['units', i, 'ucum'], `expected ${known}, which is what this spelling means`);
      if (!rows.some((row) => fits(row, ucum)))
        refuse(['units', i, 'ucum'], 'expected a UCUM unit that can be converted to that of a vital sign in `codes`');
    }
    for (const i of repeated(file.sentinels.map(({ value }) => value))) refuse(['sentinels', i, 'value'], 'listed before');
  });

type DialectFile = z.output<typeof dialectFileSchema>;

function fits(row: Vital, ucum: string): boolean {
  return row.ucum === ucum || toRowUnit(row, 1, ucum) !== undefined;
}

/** Whether two units are one under two names. */
function areSame(one: string, other: string): boolean {
  return one === other || convert(1, one, other) === 1;
}

/** A code of MDC that measures something which has nothing to do with what the file says. */
function contradicts({ code: id, system: of }: Pick<CodeRow, 'code' | 'system'>, named: Vital): boolean {
  if (of?.toUpperCase() !== 'MDC' || !/^\d{1,9}$/.test(id)) return false;
  const bare = vitalByBareTerm(Number(id));
  const rows = bare ? [bare] : vitalsByMdc(Number(id));
  return rows.length > 0 && !rows.some((row) => fits(named, row.ucum));
}

/** The places of what has come before. */
function repeated(values: readonly (string | number)[]): number[] {
  const known = new Set<string | number>();
  return values.flatMap((value, i) => {
    const size = known.size;
    return known.add(value).size === size ? [i] : [];
  });
}

function nameOf({ code: id, system: of = '', module = '' }: Pick<CodeRow, 'code' | 'system' | 'module'>): string {
  return `${id}^${of}^${module}`;
}

/**
 * Reads a dialect file: the dialect that it names as its base, with codes, units, sentinels and rows of its own. Throws MAPPING-INVALID
 * with line, path and what was expected, CONFIG-YAML or CONFIG-UNREADABLE.
 */
export function loadDialect(path: string): Dialect {
  return dialectOf(loadConfig(dialectFileSchema, path, { code: 'MAPPING-INVALID' }));
}

function dialectOf(file: DialectFile): Dialect {
  const named = DIALECTS.find(({ name }) => name === file.base);
  if (!named) throw new VitalmeshError('MAPPING-INVALID', { detail: 'base' });
  // What the base says about itself does not hold for a site that has its dictionary.
  const { dictionary, limits, ...base } = named;
  return {
    ...base,
    ...{ name: file.name, vendor: file.vendor, models: file.models, protocol: file.protocol, source: file.source },
    ...(file.listensAt !== undefined && { connects: { senderCalls: false, senderListensAt: file.listensAt } }),
    messages: file.messages?.map(ruleOf) ?? base.messages,
    uniqueControlIds: file.uniqueControlIds ?? base.uniqueControlIds,
    obx: rulesOf(file, base.obx),
  };
}

function ruleOf({ type, event, control, use }: z.output<typeof messageRule>): Dialect['messages'][number] {
  return { type, ...(event !== undefined && { event }), ...(control !== undefined && { control }), use };
}

/** A row of `codes`, ready to be looked up. */
interface Entry {
  system: string;
  module: string | undefined;
  coded: CodedVital;
  use: Exclude<RowUse, 'value' | 'alarm'> | undefined;
  unit: CodedUnit;
}

function rulesOf(file: DialectFile, base: ObxRules): ObxRules {
  const entries = new Dictionary(file.codes);
  const units = new Map(file.units.map(({ unit, ucum }) => [unit, ucum]));
  const rows = file.rows.map(({ is, ...row }) => ({ ...row, is: is.toUpperCase() }));
  return {
    ...base,
    ofRowAlone: base.ofRowAlone === true && rows.every(({ field }) => field !== 5 && field !== 14),
    sentinels: new Map([...base.sentinels, ...file.sentinels.map(({ value, absent }) => [value, absent] as const)]),
    vital: (field, separators, obx) => entries.of(field, separators, obx)?.coded ?? base.vital(field, separators, obx),
    unit(field, separators, obx) {
      const listed = listedUnit(field, separators, units);
      if (listed !== undefined) return isOtherInMdc(field, separators, listed) ? 'unknown' : listed;
      const unit = base.unit(field, separators, obx);
      const entry = unit === 'none' ? entries.of(firstRepetition(obx.field(3), separators), separators, obx) : undefined;
      return entry?.unit ?? unit;
    },
    use(obx, group) {
      for (const { field, is, use } of rows) if (stands(obx, field, is)) return use;
      const use = entries.of(firstRepetition(obx.field(3), obx.separators), obx.separators, obx)?.use;
      return use ?? base.use(obx, group);
    },
  };
}

/** Codes by OBX-3.1; of one code, those of a module before the one of any. */
class Dictionary {
  readonly #byCode = new Map<string, Entry[]>();

  constructor(rows: readonly CodeRow[]) {
    for (const row of [...rows].sort((a, b) => Number(a.module === undefined) - Number(b.module === undefined))) {
      const list = this.#byCode.get(row.code) ?? [];
      list.push(entryOf(row));
      this.#byCode.set(row.code, list);
    }
  }

  /** By either identifier of OBX-3, the alternate one only with its coding system; undefined when they say two things. */
  of(field: string, separators: Separators, obx: Segment): Entry | undefined {
    const own = this.#at(field, 1, separators, obx);
    const hasAlternate = componentOf(field, 6, separators.component).trim() !== '';
    const other = hasAlternate ? this.#at(field, 4, separators, obx) : undefined;
    if (own && other && own !== other && (own.use !== other.use || own.coded.rows[0] !== other.coded.rows[0])) return undefined;
    return own ?? other;
  }

  #at(field: string, first: number, { component }: Separators, obx: Segment): Entry | undefined {
    const listed = this.#byCode.get(componentOf(field, first, component).trim());
    if (!listed) return undefined;
    const of = componentOf(field, first + 2, component).trim();
    const module = obx.field(4).trim();
    return listed.find((entry) => entry.system === of && (entry.module === undefined || entry.module === module));
  }
}

function entryOf({ system: of = '', module, vital: key, use, unit, samplesPerSecond }: CodeRow): Entry {
  const rows = [vital(key ?? '')].filter((row) => row !== undefined);
  const coded: CodedVital = { rows, mdc: undefined, ...(samplesPerSecond !== undefined && { periodMs: 1000 / samplesPerSecond }) };
  return { system: of, module, coded, use, unit: unit === undefined ? 'unknown' : { ucum: unit, assumed: true } };
}

/** Whether a field calls a unit by a code of MDC that is another one than the file says. */
function isOtherInMdc(field: string, separators: Separators, listed: CodedUnit): boolean {
  if (typeof listed === 'string') return false;
  return [1, 4].some((first) => {
    const code = mdcOf(field, first, separators);
    const ucum = code === undefined ? undefined : mdcUnit(code);
    return ucum !== undefined && !areSame(ucum, listed.ucum);
  });
}

/** The unit by its code or text, as the file lists it; two identifiers that name different ones name none. */
function listedUnit(field: string, { component }: Separators, units: ReadonlyMap<string, string>): CodedUnit | undefined {
  const [own, other] = [1, 4].map((first) =>
    units.get(componentOf(field, first, component).trim() || componentOf(field, first + 1, component).trim()),
  );
  if (own !== undefined && other !== undefined && own !== other) return 'unknown';
  const ucum = own ?? other;
  return ucum === undefined ? undefined : { ucum };
}

function stands(obx: Segment, field: number, text: string): boolean {
  if (obx.field(field) === '') return false;
  return obx.repetitions(field).some((said) => componentOf(said, 1, obx.separators.component).trim().toUpperCase() === text);
}
