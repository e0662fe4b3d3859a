import type { Comparator, Condition, Literal, Operand, SortKey } from './filter.ts';

/** A value that filters compare: null is not there; a list is a set of texts. */
export type Value = string | number | boolean | Date | null | readonly string[];

/** What may be filtered and sorted by, and how it is read. `tags` stands for every `tags.name`. */
export type Symbols<T> = Readonly<Record<string, (entity: T) => Value | Readonly<Record<string, unknown>>>>;

type Read<T> = (entity: T) => Value;

/** The condition as a test, or the symbol that is not known, as the real one says it. */
export function testOf<T>(condition: Condition, symbols: Symbols<T>): ((entity: T) => boolean) | { fault: string } {
  const unknown = symbolsIn(condition).find((symbol) => reader(symbol, symbols) === undefined);
  if (unknown !== undefined) return { fault: `unknown symbol '${unknown.slice(0, 100)}'` };
  return (entity) => holds(condition, (symbol) => reader(symbol, symbols)?.(entity) ?? null);
}

/** An order by these keys and then by id, or the symbol that is not known. */
export function orderOf<T extends { id: string }>(
  keys: readonly SortKey[],
  symbols: Symbols<T>,
): ((one: T, other: T) => number) | { fault: string } {
  const unknown = keys.find(({ symbol }) => reader(symbol, symbols) === undefined);
  if (unknown) return { fault: `unknown symbol '${unknown.symbol.slice(0, 100)}'` };
  return (one, other) => {
    for (const { symbol, descending } of keys) {
      const read = reader(symbol, symbols);
      const difference = compare(read?.(one) ?? null, read?.(other) ?? null);
      if (difference !== 0) return descending ? -difference : difference;
    }
    return compare(one.id, other.id);
  };
}

function reader<T>(symbol: string, symbols: Symbols<T>): Read<T> | undefined {
  if (Object.hasOwn(symbols, symbol)) {
    const read = symbols[symbol];
    return read && ((entity) => plainValue(read(entity)));
  }
  const [, map = '', dotted, bracketed] = /^([A-Za-z]+)(?:\.(.+)|\[(.+)\])$/su.exec(symbol) ?? [];
  const read = map === 'tags' && Object.hasOwn(symbols, map) ? symbols[map] : undefined;
  return read && ((entity) => entryOf(read(entity), dotted ?? bracketed ?? ''));
}

function entryOf(map: unknown, name: string): Value {
  if (typeof map !== 'object' || map === null || !Object.hasOwn(map, name)) return null;
  const value = (map as Record<string, unknown>)[name];
  // As in the real one, `tags.n = 3` does not find the number 3 (openziti-network.md §1.6).
  return typeof value === 'number' ? String(value) : plainValue(value);
}

function plainValue(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value instanceof Date) return value;
  return Array.isArray(value) ? (value as string[]) : null;
}

function symbolsIn(condition: Condition): string[] {
  switch (condition.kind) {
    case 'constant':
      return [];
    case 'not':
      return symbolsIn(condition.of);
    case 'and':
    case 'or':
      return condition.all.flatMap(symbolsIn);
    case 'isEmpty':
      return [condition.symbol];
    default:
      return [condition.operand.symbol];
  }
}

function holds(condition: Condition, read: (symbol: string) => Value): boolean {
  switch (condition.kind) {
    case 'constant':
      return condition.value;
    case 'not':
      return !holds(condition.of, read);
    case 'and':
      return condition.all.every((part) => holds(part, read));
    case 'or':
      return condition.all.some((part) => holds(part, read));
    case 'isEmpty':
      return elementsOf(read(condition.symbol)).length === 0;
    case 'compare':
      return over(condition.operand, read, (value) => compares(value, condition.comparator, condition.to));
    case 'in':
      return over(condition.operand, read, (value) => condition.among.some((literal) => compares(value, '=', literal)));
    case 'between':
      return over(condition.operand, read, (value) => compares(value, '>=', condition.low) && compares(value, '<', condition.high));
  }
}

/** A set alone is compared by any of its elements. */
function over({ symbol, over: quantifier }: Operand, read: (symbol: string) => Value, test: (value: Value) => boolean): boolean {
  const value = read(symbol);
  if (quantifier === 'count') return test(elementsOf(value).length);
  if (quantifier === 'allOf') return elementsOf(value).every(test);
  return quantifier === 'anyOf' || Array.isArray(value) ? elementsOf(value).some(test) : test(value);
}

function elementsOf(value: Value): readonly Value[] {
  if (Array.isArray(value)) return value as readonly string[];
  return value === null || value === '' ? [] : [value];
}

/** Values of two kinds are never equal, nor before one another. */
function compares(value: Value, comparator: Comparator, literal: Literal): boolean {
  if (comparator === '=') return isSame(value, literal);
  if (comparator === '!=') return !isSame(value, literal);
  if (comparator === 'contains' || comparator === 'icontains') {
    if (typeof value !== 'string' || literal === null) return false;
    const [text, part] = [value, literal instanceof Date ? literal.toISOString() : String(literal)];
    return comparator === 'contains' ? text.includes(part) : text.toLowerCase().includes(part.toLowerCase());
  }
  if (kindOf(value) !== kindOf(literal) || value === null) return false;
  const difference = compare(value, literal);
  if (comparator === '<') return difference < 0;
  if (comparator === '<=') return difference <= 0;
  return comparator === '>' ? difference > 0 : difference >= 0;
}

function isSame(value: Value, literal: Literal): boolean {
  return kindOf(value) === kindOf(literal) && compare(value, literal) === 0;
}

function kindOf(value: Value): string {
  if (value === null) return 'null';
  return value instanceof Date ? 'instant' : typeof value;
}

/** What is not there comes first. Text goes by its code units, as ids and names of ASCII do by their bytes. */
function compare(one: Value, other: Value): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  const [a, b] = [comparable(one), comparable(other)];
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function comparable(value: Exclude<Value, null>): string | number {
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'object') return value.join('\0');
  return typeof value === 'boolean' ? Number(value) : value;
}
