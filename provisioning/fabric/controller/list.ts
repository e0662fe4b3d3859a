import { type Answer, data, refusal, unhandled } from './answers.ts';
import { parseFilter, parseSort, type Query } from './filter.ts';
import { orderOf, type Symbols, testOf } from './select.ts';

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 500;
/** How the real one writes "all": the largest 64-bit integer, which no JavaScript number holds. */
const ALL = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('9223372036854775807');

interface Named {
  id: string;
  name: string;
}

/** One page of a list whose entities are told by id and name. */
export function page<T extends Named>(
  all: readonly T[],
  query: URLSearchParams,
  toJson: (entity: T) => unknown,
  filterableFields: readonly string[],
): Answer {
  return listed(all, query, toJson, { id: ({ id }) => id, name: ({ name }) => name }, filterableFields);
}

/**
 * One page of a list: `filter`, `sort`, `limit` (10 unless told, at most 500, below 0 all) and `offset`; what the filter itself says of sort,
 * skip and limit counts before those (openziti-network.md §1.5, §1.6). Without an order the list's own stands.
 */
export function listed<T extends { id: string }>(
  all: readonly T[],
  parameters: URLSearchParams,
  toJson: (entity: T) => unknown,
  symbols: Symbols<T>,
  filterableFields: readonly string[] = Object.keys(symbols),
): Answer {
  const limit = integer(parameters, 'limit');
  const offset = integer(parameters, 'offset');
  if (typeof limit === 'object') return limit;
  if (typeof offset === 'object') return offset;
  const query = parseFilter(parameters.get('filter') ?? '');
  if ('fault' in query) return refusal(400, 'INVALID_FILTER', unhandled(query.fault));
  const test = testOf(query.condition, symbols);
  if (typeof test === 'object') return refusal(400, 'INVALID_FILTER', unhandled(test.fault));
  const keys = query.sort.length > 0 ? query.sort : sortOf(parameters);
  if ('fault' in keys) return refusal(400, 'INVALID_SORT_IDENTIFIER', unhandled(keys.fault));
  const order = orderOf(keys, symbols);
  if (typeof order === 'object') return refusal(400, 'INVALID_SORT_IDENTIFIER', unhandled(order.fault));
  const chosen = all.filter(test);
  if (keys.length > 0) chosen.sort(order);
  return cut(chosen, query, { limit, offset }, toJson, filterableFields);
}

function cut<T>(
  chosen: readonly T[],
  query: Query,
  { limit, offset }: { limit: number | undefined; offset: number | undefined },
  toJson: (entity: T) => unknown,
  filterableFields: readonly string[],
): Answer {
  const wanted = query.limit ?? limit;
  const count = wanted === undefined || wanted === 0 ? DEFAULT_LIMIT : wanted < 0 ? chosen.length : Math.min(wanted, MAX_LIMIT);
  const from = Math.max(0, query.skip ?? offset ?? 0);
  const shown = wanted !== undefined && wanted < 0 ? ALL : count;
  const rows = chosen.slice(from, from + count).map(toJson);
  return data(rows, { meta: { filterableFields, pagination: { limit: shown, offset: from, totalCount: chosen.length } } });
}

function sortOf(parameters: URLSearchParams): ReturnType<typeof parseSort> {
  const sort = parameters.get('sort') ?? '';
  return sort.trim() === '' ? [] : parseSort(sort);
}

function integer(parameters: URLSearchParams, name: string): number | undefined | Answer {
  const text = parameters.get(name);
  if (text === null) return undefined;
  if (name === 'limit' && text === 'none') return -1;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  const value = text.slice(0, 100);
  return refusal(601, 'COULD_NOT_VALIDATE', { field: name, reason: `${name} in query must be of type int64: "${value}"`, value });
}

/** A list that is not cut: role attributes come whole, whatever was asked for. */
export function uncut<T extends { id: string }>(
  all: readonly T[],
  parameters: URLSearchParams,
  toJson: (entity: T) => unknown,
  symbols: Symbols<T>,
): Answer {
  const whole = new URLSearchParams(parameters);
  whole.set('limit', 'none');
  whole.delete('offset');
  return listed(all, whole, toJson, symbols);
}
