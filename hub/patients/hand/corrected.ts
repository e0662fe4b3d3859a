import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Principal } from '../../access/access.ts';
import { decide } from '../../access/decide.ts';
import type { CallContext } from '../../access/door.ts';
import { type Call, granted, refused } from '../../access/evidence-of-call.ts';
import type { Policy } from '../../access/policy.ts';
import type { EvidenceRecord } from '../../audit/evidence.ts';
import { SHOWING } from '../../audit/saw.ts';
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
  /** One of both was erased since, and is as nobody here. */
  erased?: true;
  /**
   * Entries of the evidence by which somebody was shown something of the one before, stored from the first that is wrong on, up to the correction. `maybe`: it does not say what it
   * showed, as exports do not.
   */
  readBy: readonly { seq: number; at: Instant; principal: string; action: string; maybe?: true }[];
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

type Found = Omit<Correction, 'readBy'>;

/** One side of a correction; of somebody who was erased nothing but the time and the count can be read. */
interface OneSide {
  isClosed: boolean;
  found: Found;
}

/** The two sides of one correction stand behind each other in the chain: whom the rows left, whom they came to; nobody has no entry, and that of somebody who was erased is closed. */
async function* pairs(entries: AsyncIterable<EvidenceRecord>): AsyncGenerator<Found> {
  let away: OneSide | undefined;
  for await (const { event, erased, damaged } of entries) {
    const { reason } = event;
    if (event.action !== 'patients.place' || (reason !== AWAY && reason !== HERE)) continue;
    const side = { isClosed: erased === true || damaged === true, found: sideOf(event) };
    if (reason === AWAY) {
      if (away && !away.isClosed) yield away.found;
      away = side;
      continue;
    }
    const isPair = away !== undefined && isOneCorrection(away, side);
    if (away && !isPair && !away.isClosed) yield away.found;
    const whole = joined(isPair ? away : undefined, side);
    if (whole) yield whole;
    away = undefined;
  }
  if (away && !away.isClosed) yield away.found;
}

function sideOf({ reason, patient, at, count, detail }: EvidenceRecord['event']): Found {
  const { bed, device, from, to } = detail?.args ?? {};
  const what = {
    bed: String(bed ?? ''),
    device: device == null ? null : String(device),
    from: Number(from),
    to: to == null ? null : Number(to),
  };
  return { at, ...what, was: reason === AWAY ? patient : null, is: reason === AWAY ? null : patient, rows: count };
}

function isOneCorrection(away: OneSide, here: OneSide): boolean {
  const [{ at, rows, ...one }, other] = [away.found, here.found];
  if (at !== other.at || rows !== other.rows) return false;
  return away.isClosed || here.isClosed || (['bed', 'device', 'from', 'to'] as const).every((key) => one[key] === other[key]);
}

/** Undefined where nothing can be read of it. */
function joined(away: OneSide | undefined, here: OneSide): Found | undefined {
  if (here.isClosed) return away === undefined || away.isClosed ? undefined : { ...away.found, erased: true };
  if (away?.isClosed) return { ...here.found, erased: true };
  return { ...here.found, was: away?.found.was ?? null };
}

/** By which entries somebody was shown something of a patient that was stored from a time on (with room for a device's clock), up to another one. Throws STORAGE-*. */
export async function readersOf(
  store: Pick<Store, 'evidence'>,
  tenant: string,
  { was, from, at }: { was: string; from: Instant; at: Instant },
): Promise<Correction['readBy']> {
  const readBy: Correction['readBy'][number][] = [];
  const first = from - AHEAD_MS;
  for await (const { seq, event } of store.evidence(tenant, { patient: was, from: first, to: at + 1 })) {
    const { principal, action, outcome, count, detail } = event;
    if (outcome !== 'allowed' || count === 0 || !SHOWING.includes(action)) continue;
    // What was stored before the first that is wrong was measured is none of it.
    if (detail?.shown?.every(([, storedAt]) => storedAt < first)) continue;
    readBy.push({ seq, at: event.at, principal, action, ...(detail?.shown === undefined && { maybe: true as const }) });
  }
  return readBy;
}
