import type { Instant } from '../../../clock.ts';
import { VitalmeshError } from '../../../errors.ts';
import { errorOf } from './answers.ts';
import type { ControllerAnswer, ControllerRequest } from './exchange.ts';

/** Why a controller that answered did not serve, so that another one is asked. */
export interface Trouble {
  /** OVERLAY-BUSY, or OVERLAY-UNREACHABLE when no controller of ours can have answered so. The detail names no host. */
  error: VitalmeshError;
  /** How long it wants to be left alone, from the answer on; 0 when it did not say. */
  retryAfterMs: number;
}

/** Longer than any restart; a controller that names more is asked again after this all the same, for patients wait behind us. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;
/** What asks to come later, and what a proxy says in the place of a controller that is away (RFC 6585 §4, RFC 9110 §15.6). */
const SICK = [429, 502, 503, 504];
const DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Undefined for an answer that is one, be it a refusal. `now` stands in for a server that does not say what time it has. */
export function troubleOf(answer: ControllerAnswer, request: ControllerRequest, now: Instant): Trouble | undefined {
  const { status, json } = answer;
  const retryAfterMs = retryAfterOf(answer.headers, now);
  if (SICK.includes(status) || (status === 500 && !isKnown(json)))
    return { error: new VitalmeshError('OVERLAY-BUSY', { detail: [status, errorOf(json).code].filter(Boolean).join(' ') }), retryAfterMs };
  // Each answer of the API is JSON; the pages of a sign-in need not be, and a 401 says enough by its status.
  if (json !== undefined || request.root || status === 401) return undefined;
  const detail = `${status}, and the answer cannot be read: it is no JSON`;
  return { error: new VitalmeshError('OVERLAY-UNREACHABLE', { detail }), retryAfterMs: 0 };
}

/**
 * How long a server asks to be left alone (RFC 9110 §10.2.3): seconds, or a date, which is taken by the server's own clock where it says
 * what time that has. In milliseconds, 0 when there is no such header, none that can be read, or one that has passed; five minutes at most.
 */
export function retryAfterOf(headers: ControllerAnswer['headers'], now: Instant): number {
  const { 'retry-after': wanted = '', date = '' } = headers;
  const waitMs = /^\d{1,12}$/.test(wanted) ? Number(wanted) * 1000 : instantOf(wanted) - (instantOf(date) || now);
  return waitMs > 0 ? Math.min(MAX_RETRY_AFTER_MS, waitMs) : 0;
}

/** NaN when it is none. */
function instantOf(date: string): Instant {
  return DATE.test(date) ? Date.parse(date) : Number.NaN;
}

/** It names a reason of the controller's, or of OAuth, which is about what was asked. UNHANDLED is the name of having none. */
function isKnown(json: unknown): boolean {
  const { code } = errorOf(json);
  if (code !== undefined) return code !== 'UNHANDLED';
  return typeof (json as { error?: unknown } | null | undefined)?.error === 'string';
}
