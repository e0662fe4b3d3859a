import { createHash } from 'node:crypto';
import type { AuditEvent } from './access.ts';
import { type Call, granted } from './evidence-of-call.ts';

/** What was handed out of an export, in the order in which it went. */
export interface HandedOut {
  rows: number;
  /** Of the resources as JSON, one a line, line ends included. */
  bytes: number;
  /** SHA-256 of that, hex: what `sha256sum` says of the exported file of one tenant. */
  response: string;
}

/**
 * The walk of an export, at whose end `closed` is told what was handed out: of one that is given up, what went before. An export that nobody
 * walks is never closed.
 */
export async function* witnessed<T extends { resource: unknown }>(
  walk: AsyncIterable<T>,
  closed: (out: HandedOut, whole: boolean) => Promise<void>,
): AsyncGenerator<T> {
  const digest = createHash('sha256');
  let rows = 0;
  let bytes = 0;
  let whole = false;
  try {
    for await (const row of walk) {
      const line = `${JSON.stringify(row.resource)}\n`;
      digest.update(line);
      rows += 1;
      bytes += Buffer.byteLength(line);
      yield row;
    }
    whole = true;
  } finally {
    await closed({ rows, bytes, response: digest.digest('hex') }, whole);
  }
}

/** Whom an export was about: one patient, or everybody, of whom it showed these; null among them for what says itself whose it is (movements). */
type Whose = string | null | ReadonlySet<string | null>;

/** The entry at the end of an export. `cut`: whoever read it stopped, or could not be given more. */
export function exportClosed(call: Call, whose: Whose, { rows, bytes, response }: HandedOut, whole: boolean): AuditEvent {
  const isOfOne = whose === null || typeof whose === 'string';
  const patients = isOfOne || whose.has(null) ? undefined : [...whose].filter((patient) => patient !== null);
  const event = granted(call, isOfOne ? whose : null, rows, patients && { patients });
  return { ...event, reason: whole ? 'closed' : 'cut', detail: { ...event.detail, bytes, response } };
}
