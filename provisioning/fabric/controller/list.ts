import { type Answer, data, refusal, unhandled } from './answers.ts';

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 500;
/** Stands for "all". The real one prints the largest 64-bit integer, which no JavaScript number holds. */
const ALL = Number.MAX_SAFE_INTEGER;

const COMPARISON = /^\s*(\w+)\s*(=|!=|contains|icontains)\s*"((?:[^"\\]|\\.)*)"\s*$/;

interface Named {
  id: string;
  name: string;
}

/**
 * One page of a list: `limit` (10 unless told, at most 500, below 0 all), `offset`, and `filter` with one comparison of `name` or `id`
 * (openziti-network.md §1.5, §1.6).
 */
export function page<T extends Named>(
  all: readonly T[],
  query: URLSearchParams,
  toJson: (entity: T) => unknown,
  filterableFields: readonly string[],
): Answer {
  const limit = integer(query, 'limit');
  const offset = integer(query, 'offset');
  if (typeof limit === 'object') return limit;
  if (typeof offset === 'object') return offset;
  const chosen = filtered(all, query.get('filter') ?? '');
  if (typeof chosen === 'string') return refusal(400, 'INVALID_FILTER', unhandled(chosen));
  const count = limit === undefined || limit === 0 ? DEFAULT_LIMIT : limit < 0 ? ALL : Math.min(limit, MAX_LIMIT);
  const from = Math.max(0, offset ?? 0);
  const rows = chosen.slice(from, from + count).map(toJson);
  return data(rows, { meta: { filterableFields, pagination: { limit: count, offset: from, totalCount: chosen.length } } });
}

/** The entities a filter lets through, or what is wrong with it. */
function filtered<T extends Named>(all: readonly T[], filter: string): readonly T[] | string {
  if (filter.trim() === '' || filter.trim() === 'true') return all;
  const [, field = '', operator = '', quoted = ''] = COMPARISON.exec(filter) ?? [];
  if (operator === '') return `unable to parse filter '${filter.slice(0, 100)}'`;
  if (field !== 'name' && field !== 'id') return `unknown symbol '${field}'`;
  const wanted = quoted.replace(/\\(.)/g, '$1');
  const tests: Record<string, (text: string) => boolean> = {
    '=': (text) => text === wanted,
    '!=': (text) => text !== wanted,
    contains: (text) => text.includes(wanted),
    icontains: (text) => text.toLowerCase().includes(wanted.toLowerCase()),
  };
  return all.filter((entity) => tests[operator]?.(entity[field]) ?? false);
}

function integer(query: URLSearchParams, name: string): number | undefined | Answer {
  const text = query.get(name);
  if (text === null) return undefined;
  if (name === 'limit' && text === 'none') return -1;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  const value = text.slice(0, 100);
  return refusal(601, 'COULD_NOT_VALIDATE', { field: name, reason: `${name} in query must be of type int64: "${value}"`, value });
}
