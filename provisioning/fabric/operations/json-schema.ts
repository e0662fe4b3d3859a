import type { Tags } from '../state/records.ts';
import { invalid } from './refused.ts';

/**
 * The part of JSON Schema (draft 7) by which config data is checked. A schema with any other keyword is refused: data that was not checked
 * would pass for data that was.
 */
const KEYWORDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  $id: isText,
  $schema: isText,
  title: isText,
  description: isText,
  type: (value) => typeof value === 'string' && TYPES.includes(value),
  properties: (value) => isObject(value) && Object.values(value).every(isObject),
  additionalProperties: (value) => typeof value === 'boolean',
  required: (value) => Array.isArray(value) && value.every(isText),
  items: isObject,
  enum: (value) => Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object'),
  minimum: isNumber,
  maximum: isNumber,
  minLength: isNumber,
  maxLength: isNumber,
  minItems: isNumber,
  maxItems: isNumber,
};

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'];
const MAX_DEPTH = 16;

/** Throws when the schema says what is not checked here. */
export function checkSchema(schema: Tags, depth = 0): void {
  if (depth > MAX_DEPTH) throw invalid('schema', `at most ${MAX_DEPTH} levels`, '');
  for (const [keyword, value] of Object.entries(schema)) {
    const understood = Object.hasOwn(KEYWORDS, keyword) && KEYWORDS[keyword]?.(value);
    if (!understood)
      throw invalid('schema', `schema keyword ${keyword.slice(0, 64)} is not understood here, or not with this value`, value);
  }
  const { properties, items } = schema;
  if (isObject(properties)) for (const inner of Object.values(properties)) checkSchema(inner as Tags, depth + 1);
  if (isObject(items)) checkSchema(items, depth + 1);
}

/** Throws with the first field that does not fit, in the words of the real one. */
export function checkData(schema: Tags, data: unknown, path = '', depth = 0): void {
  const wrong = (reason: string): Error => {
    const field = path === '' ? '(root)' : path;
    return invalid(field, `${field} is invalid: ${field}: ${reason}`, data);
  };
  if (depth > MAX_DEPTH) throw wrong('Nested too deep');
  const { type, enum: allowed } = schema;
  if (typeof type === 'string' && !isOfType(data, type)) throw wrong(`Invalid type. Expected: ${type}, given: ${typeOf(data)}`);
  if (Array.isArray(allowed) && !allowed.includes(data))
    throw wrong(`must be one of the following: ${allowed.map((item) => JSON.stringify(item)).join(', ')}`);
  checkBounds(schema, data, wrong);
  if (isObject(data)) checkProperties(schema, data, path, depth, wrong);
  const { items } = schema;
  if (Array.isArray(data) && isObject(items))
    for (const [i, item] of data.entries()) checkData(items, item, path === '' ? String(i) : `${path}.${i}`, depth + 1);
}

function checkBounds(
  { minimum, maximum, minLength, maxLength, minItems, maxItems }: Tags,
  data: unknown,
  wrong: (reason: string) => Error,
): void {
  const [low, high, size] =
    typeof data === 'number'
      ? [minimum, maximum, data]
      : typeof data === 'string'
        ? [minLength, maxLength, [...data].length]
        : Array.isArray(data)
          ? [minItems, maxItems, data.length]
          : [undefined, undefined, 0];
  if (typeof low === 'number' && size < low) throw wrong(`Must be at least ${low}`);
  if (typeof high === 'number' && size > high) throw wrong(`Must be at most ${high}`);
}

function checkProperties(schema: Tags, data: Tags, path: string, depth: number, wrong: (reason: string) => Error): void {
  const { required, properties, additionalProperties } = schema;
  for (const name of Array.isArray(required) ? (required as string[]) : [])
    if (!Object.hasOwn(data, name)) throw wrong(`${name} is required`);
  for (const [name, value] of Object.entries(data)) {
    const inner = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (isObject(inner)) checkData(inner, value, path === '' ? name : `${path}.${name}`, depth + 1);
    else if (additionalProperties === false) throw wrong(`Additional property ${name} is not allowed`);
  }
}

function isOfType(data: unknown, type: string): boolean {
  const actual = typeOf(data);
  return actual === type || (type === 'number' && actual === 'integer');
}

function typeOf(data: unknown): string {
  if (data === null) return 'null';
  if (Array.isArray(data)) return 'array';
  return Number.isInteger(data) ? 'integer' : typeof data;
}

function isObject(value: unknown): value is Tags {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}
