import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Principal } from '../../access/access.ts';
import { decide } from '../../access/decide.ts';
import type { CallContext } from '../../access/door.ts';
import { type Call, granted, refused } from '../../access/evidence-of-call.ts';
import type { Policy } from '../../access/policy.ts';
import type { EvidenceRecord } from '../../audit/evidence.ts';
import type { Registry } from '../../registry/registry.ts';
import type { KeptAmendment } from '../../store/amend/amend.ts';
import { nobodyIn } from '../../store/placing/placing.ts';
import type { Store } from '../../store/store.ts';
import { movedFrom, readsOfAmendment, type WrongRead, wrongReads } from './wrong-reads.ts';

/** Rows that became another patient's, by a movement or because somebody decided it, and who was shown them under the one before. */
export interface Correction {
  /** UTC ms of when they were moved. */
  at: Instant;
  /** Empty of what was decided by hand (`readings reassign`), and of what followed a number that was merged. */
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
  /** Of what was decided by hand: the amendment, and whether this is its undoing. */
  amendment?: string;
  undone?: true;
  readBy: readonly WrongRead[];
}

/** What moved from one patient to another since a time, in order; in the last `DAYS_UNASKED` days where none is given. */
export type Corrected = (caller: Principal, since: Instant | undefined, context: CallContext) => AsyncIterable<Correction>;

interface Surroundings {
  store: Pick<Store, 'evidence' | 'record' | 'amend'>;
  registry: Pick<Registry, 'patient'>;
  policy: () => Policy;
  clock: Clock;
}

/** Reasons of the entries of both sides (`hub/patients/corrections.ts`). */
const [AWAY, HERE] = ['moved-away', 'moved-here'];

/** All evidence of years would be gone through otherwise. */
export const DAYS_UNASKED = 30;
const DAY_MS = 24 * 3_600_000;

/** What was moved, out of the evidence; decided and recorded as a read of it. Errors: ACCESS-*, STORAGE-*. */
export function corrected(surroundings: Surroundings): Corrected {
  return (...asked) => corrections(surroundings, ...asked);
}

async function* corrections(
  { store, policy, clock, registry }: Surroundings,
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
    const decided = new Map((await store.amend.amendments(tenant)).map((one) => [one.id, one]));
    const goesBy = (patient: string): string => registry.patient(tenant, patient)?.patient ?? patient;
    const all: Found[] = [];
    for await (const found of pairs(store.evidence(tenant, { from: since }))) {
      const kept = decided.get(found.amendment ?? '');
      const whole = kept === undefined ? found : byHand(found, kept);
      if (whole !== undefined) all.push(whole);
    }
    for (const [i, found] of all.entries()) {
      const kept = decided.get(found.amendment ?? '');
      const readBy = kept
        ? await readersOfDecision(store, tenant, found, kept, goesBy)
        : await readersOf(store, tenant, found, all.slice(i + 1));
      shown += 1;
      yield { ...found, readBy };
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
  let last = '';
  for await (const { event, erased, damaged } of entries) {
    const { reason } = event;
    const given = givenBy(event);
    if (given !== undefined) {
      // Both sides stand behind each other; either may be closed.
      const name = JSON.stringify([given.amendment, given.undone, given.at, given.rows]);
      if (name !== last) yield given;
      last = name === last ? '' : name;
      continue;
    }
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

/** What somebody decided about whose readings are, or took back, once it was carried out. Undefined of all else. */
function givenBy({ action, at, count, reason, detail }: EvidenceRecord['event']): Found | undefined {
  const { done, act } = detail?.args ?? {};
  if (action !== 'readings.amend' || typeof done !== 'string' || act !== 'reassign' || count === 0) return undefined;
  const found: Found = { at, bed: '', device: null, from: at, to: null, was: null, is: null, rows: count, amendment: done };
  return reason === 'undone' ? { ...found, undone: true } : found;
}

/** With what is kept of the decision; undefined where both were erased. */
function byHand(found: Found, { patient, to, measuredFrom, stretch }: KeptAmendment): Found | undefined {
  if (patient === null && to === undefined) return undefined;
  const [was, is] = found.undone ? [to ?? null, patient] : [patient, to ?? null];
  const what = { device: stretch?.device ?? null, from: measuredFrom, to: stretch?.to ?? null, was, is };
  return { ...found, ...what, ...((was === null || is === null) && { erased: true as const }) };
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

/** Who was shown what somebody gave away, or what is given back, under whom it left. Throws STORAGE-*. */
async function readersOfDecision(
  store: Surroundings['store'],
  tenant: string,
  { undone }: Found,
  kept: KeptAmendment,
  goesBy: (patient: string) => string,
): Promise<readonly WrongRead[]> {
  const { before, between } = await readsOfAmendment(store, tenant, kept, goesBy);
  return undone ? between : before;
}

/** Who was shown what moved under whom it left; `later`: what moved since, maybe of the same. Throws STORAGE-*. */
async function readersOf(
  store: Surroundings['store'],
  tenant: string,
  found: Found,
  later: readonly Found[],
): Promise<readonly WrongRead[]> {
  const { was, device, from, to, at } = found;
  if (was === null) return [];
  const observations = () => movedFrom(store, tenant, { was, owners: ownersSince(found, later), device, from, to });
  return await wrongReads(store, tenant, { patient: was, measuredFrom: from, to: at, observations });
}

/** Whose what moved may be by now, but for whom it left. */
function ownersSince(found: Found, later: readonly Found[]): string[] {
  const owners = new Set<string | undefined>([ownerOf(found, found.is)]);
  for (const one of later) if (owners.has(ownerOf(one, one.was))) owners.add(ownerOf(one, one.is));
  return [...owners].flatMap((one) => (one === undefined || one === found.was ? [] : [one]));
}

/** Nobody in a bed has an id as well; undefined for somebody who was erased. */
function ownerOf({ bed, erased }: Found, patient: string | null): string | undefined {
  return patient ?? (bed === '' || erased ? undefined : nobodyIn(bed));
}
