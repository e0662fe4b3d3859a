import { invalid, Refused } from '../../operations/refused.ts';
import type { Tags } from '../../state/records.ts';

/** What a field of a body may be. `list` is of texts; `go` is what the real one calls its type in errors. */
export interface Field {
  type: 'string' | 'boolean' | 'integer' | 'list' | 'object' | 'instant';
  go?: string;
  oneOf?: readonly string[];
  required?: true;
}

type Of<F extends Field> = {
  string: string;
  boolean: boolean;
  integer: number;
  list: readonly string[];
  object: Tags;
  instant: number;
}[F['type']];

/** The fields that were given; null counts as not given, and what is not known is ignored (openziti-network.md §1.4). */
export type Body<S extends Readonly<Record<string, Field>>> = {
  -readonly [K in keyof S]: S[K] extends { required: true } ? Of<S[K]> : Of<S[K]> | undefined;
};

export interface Shape<S extends Readonly<Record<string, Field>>> {
  /** What errors call the body, and its Go type. */
  what: string;
  struct: string;
  fields: S;
}

export const attributes = { type: 'list', go: 'rest_model.Attributes' } as const;
export const roles = { type: 'list', go: 'rest_model.Roles' } as const;
export const text = { type: 'string' } as const;
export const flag = { type: 'boolean' } as const;
export const integer = { type: 'integer' } as const;
export const object = { type: 'object' } as const;
export const instant = { type: 'instant' } as const;

/**
 * Reads a body; throws what the real one answers: 400 COULD_NOT_PARSE_BODY for what is no JSON object or has a field of another type, then
 * 400 COULD_NOT_VALIDATE for the first field, in their alphabetical order, that is missing or has no allowed value.
 */
export function readBody<S extends Readonly<Record<string, Field>>>(body: Buffer, shape: Shape<S>): Body<S> {
  const json = objectOf(body, shape.what);
  const read: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(shape.fields)) read[name] = typed(json[name] ?? undefined, name, field, shape);
  for (const name of Object.keys(shape.fields).sort()) {
    const field = shape.fields[name];
    if (field) validate(read[name], name, field);
  }
  return read as Body<S>;
}

/** The same for a PATCH, which needs something that is not null; `but` names fields that alone are nothing. */
export function readChanges<S extends Readonly<Record<string, Field>>>(
  body: Buffer,
  shape: Shape<S>,
  but: readonly string[] = [],
): Partial<Body<S>> {
  const given = Object.entries(objectOf(body, shape.what)).filter(([name, value]) => value !== null && !but.includes(name));
  if (given.length === 0) throw new Refused(500, 'UNHANDLED', { code: 'UNHANDLED', message: 'no fields updated, nothing to do' });
  return readBody(body, { ...shape, fields: optional(shape.fields) }) as Partial<Body<S>>;
}

/** Without what is undefined, so that it changes nothing. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function optional<S extends Readonly<Record<string, Field>>>(fields: S): S {
  return Object.fromEntries(Object.entries(fields).map(([name, { required: _required, ...field }]) => [name, field])) as unknown as S;
}

function objectOf(body: Buffer, what: string): Record<string, unknown> {
  const unparsed = (why: string): Refused => unparsable(what, why);
  let value: unknown;
  if (isTooDeep(body)) throw unparsed('exceeded max depth');
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw unparsed('invalid character or end of JSON input');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unparsed(`json: cannot unmarshal ${goKind(value)} into Go value`);
  return value as Record<string, unknown>;
}

/** Deeper than anything that is meant; what is deeper could not be written down again. */
const MAX_DEPTH = 64;

/** Whether brackets, outside of texts, lie deeper in each other than that. */
function isTooDeep(body: Buffer): boolean {
  let depth = 0;
  for (const [bracket] of body.toString('latin1').matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (bracket === '[' || bracket === '{') depth += 1;
    else if (bracket === ']' || bracket === '}') depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

function typed(value: unknown, name: string, field: Field, { what, struct }: Shape<Readonly<Record<string, Field>>>): unknown {
  if (value === undefined) return undefined;
  const fits = {
    string: typeof value === 'string',
    boolean: typeof value === 'boolean',
    integer: Number.isSafeInteger(value),
    list: Array.isArray(value) && value.every((item) => typeof item === 'string'),
    object: typeof value === 'object' && !Array.isArray(value),
    instant: typeof value === 'string' && INSTANT.test(value) && !Number.isNaN(Date.parse(value)),
  }[field.type];
  if (fits) return field.type === 'instant' ? Date.parse(String(value)) : value;
  throw unparsable(
    what,
    `json: cannot unmarshal ${goKind(value)} into Go struct field ${struct}.${name} of type ${field.go ?? field.type}`,
  );
}

const INSTANT = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

function validate(value: unknown, name: string, { required, oneOf }: Field): void {
  if (value === undefined && required) throw invalid(name, `${name} in body is required`, undefined);
  if (value !== undefined && oneOf && !oneOf.includes(String(value)))
    throw invalid(name, `${name} in body should be one of [${oneOf.join(' ')}]`, value);
}

function unparsable(what: string, why: string): Refused {
  return new Refused(400, 'COULD_NOT_PARSE_BODY', { code: 'UNHANDLED', message: `parsing ${what} body from "" failed, because ${why}` });
}

function goKind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
