import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Principal } from '../../access/access.ts';
import { decide } from '../../access/decide.ts';
import type { CallContext } from '../../access/door.ts';
import { type Call, granted, refused } from '../../access/evidence-of-call.ts';
import type { Policy } from '../../access/policy.ts';
import type { EvidenceRecord } from '../../audit/evidence.ts';
import type { Store } from '../../store/store.ts';

/** Rows that became another patient's, and who had read them as the one before. */
export interface Correction {
  /** UTC ms of when they were moved. */
  at: Instant;
  bed: string;
  device: string | null;
  /** Of the measurements. */
  from: Instant;
  /** Null for all that is later. */
  to: Instant | null;
  /** Null for nobody. */
  was: string | null;
  is: string | null;
  rows: number;
  /** Entries of the evidence by which somebody was shown something of the one before, from the first that is wrong to the correction. */
  readBy: readonly { seq: number; at: Instant; principal: string; action: string }[];
}

/** What moved from one patient to another since a time, in order; in the last `DAYS_UNASKED` days where none is given. */
export type Corrected = (caller: Principal, since: Instant | undefined, context: CallContext) => AsyncIterable<Correction>;

interface Surroundings {
  store: Pick<Store, 'evidence' | 'record'>;
  policy: () => Policy;
  clock: Clock;
}

/** Reasons of the entries of both sides (`hub/patients/corrections.ts`). */
const [AWAY, HERE] = ['moved-away', 'moved-here'];

/** All evidence of years would be gone through otherwise. */
export const DAYS_UNASKED = 30;
const DAY_MS = 24 * 3_600_000;

/** By what somebody is shown something of a patient. */
const SHOWING: ReadonlySet<string> = new Set(['vitals.read', 'observations.export', 'patient.export', 'vitals.subscribe']);
/** A device's clock may be ahead by so much, so that a row was shown before it was measured. */
const AHEAD_MS = 2 * 60_000;

/** What was moved, out of the evidence; decided and recorded as a read of it. Errors: ACCESS-*, STORAGE-*. */
export function corrected(surroundings: Surroundings): Corrected {
  return (...asked) => corrections(surroundings, ...asked);
}

async function* corrections(
  { store, policy, clock }: Surroundings,
  caller: Principal,
  asked: Instant | undefined,
  context: CallContext,
): AsyncGenerator<Correction> {
  const { tenant } = caller;
  const call: Call = {
    principal: caller,
    action: 'audit.read',
    context,
    policy: policy(),
    at: clock.now(),
    startedMs: clock.monotonicMs(),
    clock,
  };
  const { allow, reason, obligations } = decide(caller, 'audit.read', { tenant }, call);
  if (!allow) {
    await store.record([refused(call, null, reason)]);
    throw new VitalmeshError(reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED');
  }
  call.obligations = obligations;
  const since = asked ?? call.at - DAYS_UNASKED * DAY_MS;
  let shown = 0;
  try {
    for await (const found of pairs(store.evidence(tenant, { from: since }))) {
      shown += 1;
      yield { ...found, readBy: found.was === null ? [] : await readersOf(store, tenant, { ...found, was: found.was }) };
    }
  } finally {
    await store.record([granted(call, null, shown, { args: { corrections: true, since } })]);
  }
}

/** The two sides of one correction stand behind each other in the chain: whom the rows left, whom they came to; nobody has no entry. */
async function* pairs(entries: AsyncIterable<EvidenceRecord>): AsyncGenerator<Omit<Correction, 'readBy'>> {
  let away: { key: string; found: Omit<Correction, 'readBy'> } | undefined;
  for await (const { event } of entries) {
    const { action, reason, patient, at, count, detail } = event;
    if (action !== 'patients.place' || (reason !== AWAY && reason !== HERE)) continue;
    const { bed, device, from, to } = detail?.args ?? {};
    const key = JSON.stringify([at, bed, device, from, to, count]);
    const side = {
      at,
      bed: String(bed ?? ''),
      device: device == null ? null : String(device),
      from: Number(from),
      to: to == null ? null : Number(to),
    };
    if (reason === HERE && away?.key === key) {
      yield { ...away.found, is: patient };
      away = undefined;
      continue;
    }
    if (away) yield away.found;
    away = undefined;
    if (reason === HERE) yield { ...side, was: null, is: patient, rows: count };
    else away = { key, found: { ...side, was: patient, is: null, rows: count } };
  }
  if (away) yield away.found;
}

async function readersOf(
  store: Pick<Store, 'evidence'>,
  tenant: string,
  { was, from, at }: { was: string; from: Instant; at: Instant },
): Promise<Correction['readBy']> {
  const readBy: { seq: number; at: Instant; principal: string; action: string }[] = [];
  for await (const { seq, event } of store.evidence(tenant, { patient: was, from: from - AHEAD_MS, to: at + 1 })) {
    const { principal, action, outcome, count } = event;
    if (outcome === 'allowed' && count > 0 && SHOWING.has(action)) readBy.push({ seq, at: event.at, principal, action });
  }
  return readBy;
}
