import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isMap, isNode, isSeq, LineCounter, parseDocument, parse as parseScalar, visit, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { type ErrorCode, VitalmeshError } from './errors.ts';
import { nearest } from './nearest.ts';

type Path = readonly (string | number)[];
type Document = ReturnType<typeof parseDocument>;

const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_PROBLEMS = 50;

export interface ConfigSource {
  /** Shown in front of each problem: the file's name. */
  name: string;
  /** Code of the error thrown for problems; CONFIG-INVALID unless told. */
  code?: ErrorCode;
  /** Shows `*` for every key that the schema does not name: such keys are data then, and may be somebody's name. */
  hideKeys?: boolean;
  /** Environment whose variables `<prefix>__a__b` override the key `a.b`; names are matched without regard to case. */
  env?: NodeJS.ProcessEnv;
  envPrefix?: string;
}

/**
 * Checks YAML text against a schema. Throws CONFIG-YAML (not YAML) or CONFIG-INVALID with every problem on a line of its own:
 * `file:line: path: what was expected (did you mean 'nearest'?)`, or with `environment: VARIABLE` in front where that overrides. Values are never repeated, since they may be secrets.
 */
export function parseConfig<T>(
  schema: z.ZodType<T>,
  text: string,
  { name, code = 'CONFIG-INVALID', hideKeys, env, envPrefix }: ConfigSource,
): T {
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES)
    throw new VitalmeshError(code, { detail: `${name}: larger than ${MAX_CONFIG_BYTES} bytes` });
  const lines = new LineCounter();
  // The parser's own search for keys that are there twice compares each with each.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false });
  const [broken = duplicateKey(document)] = document.errors;
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new VitalmeshError('CONFIG-YAML', { detail: `${name}:${line}:${col}: ${broken.code.toLowerCase().replaceAll('_', ' ')}` });
  }
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (cause) {
    throw new VitalmeshError('CONFIG-YAML', { detail: `${name}: too many aliases`, cause });
  }
  // An override concerns one place; an alias is the same object in several.
  if (env && envPrefix) value = unshared(value);
  const { problems, overrides } = env && envPrefix ? override(value, env, envPrefix, shape) : { problems: [], overrides: [] };
  const result = schema.safeParse(value, { reportInput: true });
  const show = (path: Path): string => shown(hideKeys ? named(path, shape) : path);
  if (!result.success) {
    const description = new Description({ shape, document, lines, name, overrides, show });
    for (const issue of result.error.issues) description.add(issue);
    problems.push(...description.problems());
  }
  if (problems.length > 0) throw new VitalmeshError(code, { detail: problems.join('\n') });
  return (result as { data: T }).data;
}

/** Reads and checks a configuration file; see `parseConfig`. Throws CONFIG-UNREADABLE as well. */
export function loadConfig<T>(schema: z.ZodType<T>, path: string, options: Omit<ConfigSource, 'name'> = {}): T {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('CONFIG-UNREADABLE', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
  return parseConfig(schema, text, { ...options, name: basename(path) });
}

/** The JSON Schema (draft 2020-12) that an editor can check the file against. */
export function configJsonSchema(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

interface Shape {
  properties?: Record<string, Shape>;
  items?: Shape;
  additionalProperties?: Shape | boolean;
  anyOf?: Shape[];
  oneOf?: Shape[];
}

/** Every shape that may stand at a path: unions give several. */
function shapesAt(shape: Shape, path: Path): Shape[] {
  let here: Shape[] = alternatives(shape);
  for (const step of path) {
    here = here.flatMap((s) => {
      const next =
        typeof step === 'number'
          ? s.items
          : (s.properties?.[step] ?? (typeof s.additionalProperties === 'object' ? s.additionalProperties : undefined));
      return next ? alternatives(next) : [];
    });
  }
  return here;
}

function alternatives(shape: Shape): Shape[] {
  const inner = [...(shape.anyOf ?? []), ...(shape.oneOf ?? [])];
  return inner.length === 0 ? [shape] : inner.flatMap(alternatives);
}

function keysAt(shape: Shape, path: Path): string[] {
  return [...new Set(shapesAt(shape, path).flatMap((s) => Object.keys(s.properties ?? {})))];
}

/** What is needed to say where something is. */
interface Place {
  shape: Shape;
  document: Document;
  lines: LineCounter;
  name: string;
  overrides: readonly Override[];
  show(path: Path): string;
}

/** A variable of the environment, and the key whose value it has given. */
interface Override {
  variable: string;
  path: Path;
}

/** Problems in words, with their places. More than a page of them helps nobody: the rest are counted. */
class Description {
  readonly #place: Place;
  readonly #index: LineIndex = new Map();
  readonly #described: string[] = [];
  #more = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  problems(): string[] {
    return this.#more > 0 ? [...this.#described, `${this.#place.name}: and ${this.#more} more`] : this.#described;
  }

  add(issue: z.core.$ZodIssue, under: Path = []): void {
    const path = [...under, ...issue.path.filter((step): step is string | number => typeof step !== 'symbol')];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) this.#describe([...path, key], () => `unknown key${this.#hint(key, path)}`);
      return;
    }
    if (issue.code === 'invalid_union') {
      const values = plainAlternatives(issue);
      if (values !== undefined) {
        this.#describe(path, () => values);
        return;
      }
      // The alternative with the fewest complaints is the one that was meant.
      const [meant = []] = [...issue.errors].sort((a, b) => a.length - b.length);
      for (const inner of meant) this.add(inner as z.core.$ZodIssue, path);
      if (meant.length > 0) return;
    }
    this.#describe(path, () => expected(issue));
  }

  #describe(path: Path, says: () => string): void {
    if (this.#described.length < MAX_PROBLEMS) {
      this.#described.push(`${this.#whereOf(path)}: ${this.#place.show(path)}: ${says()}`);
    } else this.#more += 1;
  }

  /** Who said it: a variable, or a line of the file. */
  #whereOf(path: Path): string {
    const { document, lines, name, overrides } = this.#place;
    const by = overrides.findLast((given) => given.path.every((step, i) => step === path[i]));
    return by ? `environment: ${by.variable}` : `${name}:${lineOf(document, lines, this.#index, path)}`;
  }

  #hint(key: string, path: Path): string {
    const known = keysAt(this.#place.shape, path);
    const guess = nearest(key, known);
    return guess ? `; did you mean '${guess}'?` : `; known here: ${known.join(', ') || 'nothing'}`;
  }
}

/** What was expected where each alternative is a value by itself, as a number or a word: `number or forever`. Undefined where one is not. */
function plainAlternatives({ errors }: z.core.$ZodIssueInvalidUnion): string | undefined {
  const words = errors.map(([only, ...more]) => {
    if (only === undefined || more.length > 0 || only.path.length > 0) return undefined;
    if (only.code === 'invalid_value') return only.values.map(String).join(', ');
    // What is another kind of thing at all was meant as one of those that hold something.
    return only.code === 'invalid_type' && ['object', 'array', 'record'].includes(only.expected) ? undefined : bare(expected(only));
  });
  return words.length > 0 && words.every((word) => word !== undefined) ? `expected ${words.join(' or ')}` : undefined;
}

const bare = (text: string): string => text.replace(/^expected /, '');

/** What was expected, in words, without what was found. */
function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? `missing; expected ${issue.expected}` : `expected ${issue.expected}${digitsHint(issue)}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `expected at least ${issue.minimum}${issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : ''}`;
    case 'too_big':
      return `expected at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : ''}`;
    case 'invalid_union':
      return 'discriminator' in issue ? 'no known type; --print-schema names them' : 'expected another form; see --print-schema';
    default:
      return issue.message;
  }
}

/** `30MB` and `7d` are texts: the unit of a number stands in the name of its key. */
function digitsHint({ expected: kind, input }: z.core.$ZodIssueInvalidType): string {
  return (kind === 'number' || kind === 'int') && typeof input === 'string' && /^\d/.test(input) ? ' (digits alone, without a unit)' : '';
}

/** A path with `*` for the keys that the schema does not name. */
function named(path: Path, shape: Shape): Path {
  return path.map((step, i) => (typeof step === 'number' || keysAt(shape, path.slice(0, i)).includes(step) ? step : '*'));
}

function shown(path: Path): string {
  if (path.length === 0) return '(file)';
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}

/** The first key that its map has already. */
function duplicateKey(document: Document): { code: string; pos: readonly [number] } | undefined {
  let found: { code: string; pos: readonly [number] } | undefined;
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const text = String(key);
        if (seen.has(text)) {
          found = { code: 'DUPLICATE_KEY', pos: [isNode(key) ? (key.range?.[0] ?? 0) : 0] };
          return visit.BREAK;
        }
        seen.add(text);
      }
      return undefined;
    },
  });
  return found;
}

/** Where the keys of each map begin, made when it is first asked for. */
type LineIndex = Map<unknown, ReadonlyMap<string, number>>;

function offsetsIn(map: YAMLMap, index: LineIndex): ReadonlyMap<string, number> {
  let offsets = index.get(map);
  if (!offsets) {
    offsets = new Map(map.items.flatMap(({ key }) => (isNode(key) && key.range ? [[String(key), key.range[0]] as const] : [])));
    index.set(map, offsets);
  }
  return offsets;
}

/** Line of a key, or of the nearest thing above it that stands in the file. */
function lineOf(document: Document, lines: LineCounter, index: LineIndex, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const step = path[length - 1];
    if (isMap(parent)) {
      const offset = offsetsIn(parent, index).get(String(step));
      if (offset !== undefined) return lines.linePos(offset).line;
    }
    if (isSeq(parent) && typeof step === 'number') {
      const item = parent.items[step];
      if (isNode(item) && item.range) return lines.linePos(item.range[0]).line;
    }
  }
  return 1;
}

/** The same value in which nothing stands in two places. `toJS` has bounded how often aliases repeat it; one that holds itself stays whole. */
function unshared(value: unknown, above: readonly unknown[] = []): unknown {
  if (typeof value !== 'object' || value === null || above.includes(value)) return value;
  const path = [...above, value];
  if (Array.isArray(value)) return value.map((item) => unshared(item, path));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unshared(item, path)]));
}

/** Puts overrides from the environment into `value`; returns them, and what could not be placed. */
function override(value: unknown, env: NodeJS.ProcessEnv, prefix: string, shape: Shape): { problems: string[]; overrides: Override[] } {
  const problems: string[] = [];
  const overrides: Override[] = [];
  for (const [name, text] of Object.entries(env)) {
    const [head, ...steps] = name.split('__');
    if (head !== prefix || steps.length === 0 || text === undefined) continue;
    const path: (string | number)[] = [];
    for (const step of steps) {
      if (/^\d+$/.test(step)) path.push(Number(step));
      else path.push(keysAt(shape, path).find((key) => key.toLowerCase() === step.toLowerCase()) ?? step);
    }
    if (place(value, path, text)) overrides.push({ variable: name, path });
    else problems.push(`environment: ${name}: there is no place for this key`);
  }
  return { problems, overrides };
}

function place(value: unknown, path: Path, text: string): boolean {
  let here = value;
  for (const [i, step] of path.entries()) {
    if (typeof here !== 'object' || here === null || step === '__proto__' || step === 'constructor') return false;
    const holder = here as Record<string | number, unknown>;
    if (i === path.length - 1) {
      holder[step] = scalar(text);
      return true;
    }
    if (holder[step] === undefined || holder[step] === null) {
      if (Array.isArray(here)) return false;
      holder[step] = {};
    }
    here = holder[step];
  }
  return false;
}

function scalar(text: string): unknown {
  try {
    const parsed: unknown = parseScalar(text);
    return typeof parsed === 'object' ? text : parsed;
  } catch {
    return text;
  }
}
