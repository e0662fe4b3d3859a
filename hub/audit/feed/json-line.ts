import type { FeedEvent } from './contract.ts';

/** An event as one line of JSON, its end included. */
export function jsonLine({ type, at, fields }: FeedEvent): string {
  return `${JSON.stringify({ type, at: at === null ? null : new Date(at).toISOString(), ...Object.fromEntries(fields) })}\n`;
}
