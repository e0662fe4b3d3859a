import { SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server';
import { formatInstant } from '../../shared/clock.ts';
import type { Note } from './coalescer.ts';

/**
 * `_meta` of a `resources/updated`: the version of the hub's feed and the time of the change, as hints, where the reader may know them. Keys
 * carry our prefix and a name of letters (MCP 2026-07-28, basic, `_meta`).
 */
function updatedMeta({ version, at }: Note): { 'vitalmesh/version'?: number; 'vitalmesh/at'?: string } {
  return { ...(version !== undefined && { 'vitalmesh/version': version }), ...(at !== undefined && { 'vitalmesh/at': formatInstant(at) }) };
}

/** `notifications/resources/updated`, as JSON; of the stream that a `subscriptions/listen` with this id opened, where there is one (MCP 2026-07-28, subscriptions). */
export function updatedJson(uri: string, note: Note, subscription?: string | number): string {
  const _meta = { ...updatedMeta(note), ...(subscription !== undefined && { [SUBSCRIPTION_ID_META_KEY]: subscription }) };
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri, _meta } });
}
