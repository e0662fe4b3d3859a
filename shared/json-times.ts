import { formatInstant } from './clock.ts';

/**
 * JSON for whoever reads what a command prints: numbers under these names, which are UTC ms at the operator's socket, as ISO 8601 with offset (`2026-11-21T09:00:00.000+00:00`). Whatever
 * else stands under such a name stays as it is. Pure.
 */
export function jsonWithTimes(value: unknown, names: ReadonlySet<string>): string {
  return JSON.stringify(value, (name, one: unknown) => (typeof one === 'number' && names.has(name) ? formatInstant(one) : one));
}
