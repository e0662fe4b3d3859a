import { formatInstant } from '../../shared/clock.ts';
import type { Note } from './coalescer.ts';

/**
 * `_meta` of a `resources/updated`: the version of the hub's feed and the time of the change, as hints, where the reader may know them. Keys
 * carry our prefix and a name of letters (MCP 2026-07-28, basic, `_meta`).
 */
export function updatedMeta({ version, at }: Note): { 'vitalmesh/version'?: number; 'vitalmesh/at'?: string } {
  return { ...(version !== undefined && { 'vitalmesh/version': version }), ...(at !== undefined && { 'vitalmesh/at': formatInstant(at) }) };
}
