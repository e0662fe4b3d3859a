import { compile, type JSONPathQuery } from 'json-p3';
import { z } from 'zod';
import { isZone } from '../../shared/clock.ts';
import { loadConfig } from '../../shared/config.ts';
import { FLAGS, type Flag } from '../../shared/reading.ts';
import { toRowUnit, vital } from '../../shared/vitals.ts';
import { timePattern } from '../devices/time-pattern.ts';

/** A path that the schema has accepted, compiled once (RFC 9535). */
export type CompiledPath = JSONPathQuery;

const path = z
  .string()
  .transform((text, issues): CompiledPath => {
    try {
      return compile(text);
    } catch {
      issues.addIssue({ code: 'custom', message: 'a JSONPath of RFC 9535 ($.a.b)' });
      return z.NEVER;
    }
  })
  .describe('JSONPath (RFC 9535) into one item of the payload');

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const predicate = z
  .union([z.strictObject({ path, equals: scalar }), z.strictObject({ path, exists: z.boolean() })])
  .describe('True when the path leads to a value equal to this one, or to any (exists)');

export type Predicate = z.output<typeof predicate>;

interface Known {
  path: CompiledPath;
  values: readonly (string | number | boolean | null)[];
}

const of = z
  .enum(['item', 'payload'])
  .default('item')
  .describe('Whether the path begins at the item or, where `each` is given, at the whole payload');

const topicFilter = z
  .string()
  .regex(
    /^(?:\{[a-z]+\}|[^+#{}/\u0000]+)(?:\/(?:\{[a-z]+\}|[^+#{}/\u0000]+))*$/,
    'levels of a topic, variable ones in braces: home/{hub}/{device}/measurement',
  )
  .describe('Topic, with variable levels in braces');

const zone = z.string().refine(isZone, 'a zone of the time zone database (Europe/Berlin)');

const time = z.strictObject({
  path,
  of,
  format: z
    .union([
      z.enum(['iso', 'epoch_s', 'epoch_ms']),
      z.strictObject({ pattern: z.string().refine((text) => timePattern(text) !== undefined, 'a pattern of YYYY MM DD HH mm ss SSS') }),
    ])
    .describe('iso (ISO 8601), seconds or milliseconds since 1970, or a pattern for local times'),
  zone: zone.optional().describe('Zone of times without an offset, where it is not that of the source'),
});

const unit = z.union([
  z.string().min(1),
  z.strictObject({
    path,
    map: z.record(z.string(), z.string()).describe('UCUM unit of each text that may stand there'),
    assume: z
      .string()
      .optional()
      .describe('UCUM unit where the payload gives none; readings are flagged unit-assumed. Without it, they are refused'),
  }),
]);

const metric = z.strictObject({
  vital: z.string().refine((key) => {
    const row = vital(key);
    return row !== undefined && !row.panel && row.class !== 'waveform';
  }, 'a key of the parameter table (spo2)'),
  path,
  scale: z
    .number()
    .refine((n) => n !== 0, 'a number other than 0')
    .default(1),
  offset: z.number().default(0),
  unit,
  missing: z.array(scalar).default([]).describe('Values that mean that there is none; null always does'),
  required: z.boolean().default(false).describe('A payload of this kind without the field is refused for this vital sign'),
});

const kind = z.strictObject({
  when: predicate.optional(),
  class: z.enum(['spot', 'continuous']),
  metrics: z.array(metric).min(1),
});

/** All values of a field that the mapping knows. */
interface Field {
  path: CompiledPath;
  values: ReadonlySet<unknown>;
}

interface Vocabulary {
  flags: readonly Field[];
  test?: Field;
}

function vocabularyOf(mapping: { flags: readonly { when: Predicate }[]; test?: Predicate; known: readonly Known[] }): Vocabulary {
  const fields = fieldsOf(
    mapping.flags.map(({ when }) => when),
    mapping.known,
  );
  const [test] = fieldsOf(mapping.test ? [mapping.test] : [], mapping.known);
  return { flags: fields, ...(test ? { test } : {}) };
}

function fieldsOf(predicates: readonly Predicate[], known: readonly Known[]): Field[] {
  const fields = new Map<string, { path: CompiledPath; values: Set<unknown> }>();
  for (const when of predicates) {
    if ('exists' in when) continue;
    const name = String(when.path);
    const field = fields.get(name) ?? { path: when.path, values: new Set() };
    field.values.add(when.equals);
    if (when.equals === true) field.values.add(false);
    fields.set(name, field);
  }
  for (const { path, values } of known) for (const value of values) fields.get(String(path))?.values.add(value);
  return [...fields.values()];
}

const flagNames = Object.keys(FLAGS) as [Flag, ...Flag[]];

/** How JSON payloads of a topic become readings. Data, not code: nothing in it can run. */
export const mappingSchema = z
  .strictObject({
    name: z.string().regex(/^mqtt-[a-z0-9-]{1,40}$/, 'a name like mqtt-home-hub'),
    vendor: z.string().min(1).max(60),
    models: z.array(z.string().min(1).max(60)).min(1),
    protocol: z.string(),
    source: z.string().describe('Where the format is written down'),
    match: topicFilter,
    each: path.optional().describe('Items of a payload that carries several measurements'),
    device: z
      .strictObject({ path: path.optional(), of, segment: z.string().optional(), type: z.enum(['serial', 'mac', 'eui64']) })
      .optional()
      .describe(
        'What measured, by a path of the payload, a level of the topic, or both, which must agree: then nobody whom the broker ' +
          'confines to the topics of one device can speak for another. Without it, the name of the source',
      ),
    patient: z.strictObject({ path, of, authority: z.string().max(64).default('') }).optional(),
    time: time
      .optional()
      .describe(
        'When it was measured. Without it the time of receipt counts, and what the broker would keep for an agent that is away is ' +
          'given up, because it would come as current',
      ),
    test: predicate.optional().describe('Marks test and demonstration data. A value that is neither this one nor a known one does so, too'),
    flags: z
      .array(z.strictObject({ flag: z.enum(flagNames), when: predicate }))
      .default([])
      .describe('What the device says about itself. A value that no row names and that is not a known one flags the readings questionable'),
    known: z
      .array(z.strictObject({ path, values: z.array(scalar).min(1) }))
      .default([])
      .describe('Values of the fields of `flags` and `test` that mean nothing. false does where true means something, and null in `flags`'),
    drop: z.array(predicate).default([]).describe('Items that are no measurement of a patient; they are counted'),
    kinds: z.array(kind).min(1).describe('The first kind whose `when` holds is read'),
  })
  .superRefine((mapping, issues) => {
    const refuse = (at: (string | number)[], message: string) => issues.addIssue({ code: 'custom', path: at, message });
    const { device } = mapping;
    if (device?.segment !== undefined && !mapping.match.includes(`{${device.segment}}`)) {
      refuse(['device', 'segment'], 'the name of a level of `match`');
    }
    if (device && device.path === undefined && device.segment === undefined) refuse(['device'], 'a path, a segment, or both');
    for (const [k, { metrics }] of mapping.kinds.entries()) {
      for (const [m, row] of metrics.entries()) {
        const units =
          typeof row.unit === 'string' ? [row.unit] : [...Object.values(row.unit.map), ...(row.unit.assume ? [row.unit.assume] : [])];
        const known = vital(row.vital);
        if (known && !units.every((ucum) => toRowUnit(known, 1, ucum) !== undefined)) {
          refuse(['kinds', k, 'metrics', m, 'unit'], `UCUM units that can be converted to ${known.ucum}`);
        }
      }
    }
  })
  .transform((mapping) => ({ ...mapping, vocabulary: vocabularyOf(mapping) }));

export type Mapping = z.output<typeof mappingSchema>;
export type Metric = Mapping['kinds'][number]['metrics'][number];

/** Reads a mapping file. Throws MAPPING-INVALID with line, path and what was expected, CONFIG-YAML or CONFIG-UNREADABLE. */
export function loadMapping(file: string): Mapping {
  return loadConfig(mappingSchema, file, { code: 'MAPPING-INVALID' });
}
