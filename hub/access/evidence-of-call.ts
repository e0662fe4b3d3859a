import { hash } from 'node:crypto';
import type { Clock, Instant } from '../../shared/clock.ts';
import { canonicalJson } from '../ingest/canonical.ts';
import type { Action, AuditDetail, AuditEvent, Obligations, Principal, Withheld } from './access.ts';
import type { CallContext } from './door.ts';
import type { Policy } from './policy.ts';

/** Who asks for what, and how; what all evidence of one call has in common. */
export interface Call {
  principal: Principal;
  action: Action;
  context: CallContext;
  /** By which it is decided from its beginning to its end. */
  policy: Policy;
  at: Instant;
  /** When it came, by the clock that never jumps. */
  startedMs: number;
  clock: Pick<Clock, 'monotonicMs'>;
  /** Once it is allowed. */
  obligations?: Obligations;
}

/** What one call gave. */
export interface Shown {
  /** As the caller gets it; its canonical JSON is what the evidence has the hash of. */
  view?: unknown;
  /** What was asked for, as `AuditDetail.args`. */
  args?: AuditDetail['args'];
  /** The observations in it, with their versions. */
  rows?: readonly { id: string; storedAt: Instant }[];
  /** What was known beside them. */
  beside?: AuditDetail['beside'];
  /** What the token kept back. */
  withheld?: readonly Withheld[];
  /** Of what shows many at once: whom. */
  patients?: readonly string[];
}

/** The evidence of a call that was allowed; `count`: rows shown. Where the policy asks for a brief one, it does not say which. */
export function granted(
  call: Call,
  patient: string | null,
  count: number,
  { view, args, rows, beside, withheld = [], patients }: Shown = {},
): AuditEvent {
  const { tenant, id, role } = call.principal;
  const text = view === undefined ? undefined : canonicalJson(view);
  const isFull = call.obligations?.audit !== 'brief';
  const detail: AuditDetail = {
    ...frameOf(call),
    ...(text !== undefined && { bytes: Buffer.byteLength(text), response: hash('sha256', text) }),
    ...(withheld.length > 0 && { withheld }),
    ...(args !== undefined && { args }),
    ...(beside !== undefined && isFull && { beside }),
    ...(rows !== undefined && isFull && { shown: rows.map((row) => [row.id, row.storedAt] as const) }),
  };
  return {
    at: call.at,
    ...{ tenant, principal: id, role, action: call.action, patient },
    ...{ outcome: 'allowed', reason: 'granted', count, channel: call.context.channel, detail },
    ...(patients && { patients }),
  };
}

/** The evidence of a call that was refused. */
export function refused(call: Call, patient: string | null, reason: string): AuditEvent {
  return { ...granted(call, patient, 0), outcome: 'denied', reason };
}

/** What is known of every call, whatever it gives. */
function frameOf({ principal, policy, obligations, startedMs, clock }: Call): AuditDetail {
  const { credential, claimed, purpose = 'TREAT', id } = principal;
  return {
    credential: credential ?? (id.startsWith('local:') ? { kind: 'local' } : { kind: 'overlay', overlay: id }),
    ...(claimed && { claimed }),
    purpose,
    policy: policy.version,
    ...(obligations && { mask: obligations.mask }),
    // Hundredths of a millisecond; more digits would only make the entry longer.
    latencyMs: Math.round((clock.monotonicMs() - startedMs) * 100) / 100,
  };
}
