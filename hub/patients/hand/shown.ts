import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Action, Principal } from '../../access/access.ts';
import { decide } from '../../access/decide.ts';
import type { CallContext } from '../../access/door.ts';
import { type Call, granted, refused } from '../../access/evidence-of-call.ts';
import type { Policy } from '../../access/policy.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store } from '../../store/store.ts';
import { isMistyped } from '../public-id.ts';
import { readSaid, type ToldMovement } from '../said.ts';
import { type Occupancies, type Occupancy, occupancies, occupancyAt } from '../stays/occupancy.ts';
import { type Identification, type RecordKey, recordKey, recordOf, type Statement } from '../stays/statement.ts';
import { whoIsWho } from '../stays/who-is-who.ts';
import type { Segment } from '../whereabouts/course.ts';
import type { Whereabouts } from '../whereabouts.ts';
import { followedBeds, listedBed, listedPatient, newestOfNobody, nobodyInThem } from './beside-movements.ts';

/** A time in a bed, as somebody is told of it who goes by public ids. `nobody`: a followed bed in which nobody is known to lie; `listed`: what registry.yaml says, and no movement. */
export interface ShownStay {
  /** Null of whom registry.yaml has at home. */
  bed: string | null;
  state: 'occupied' | 'unconfirmed' | 'conflict' | 'nobody' | 'listed';
  /** By the id that survived merges, with the hospital's number where that is to be shown. */
  patients: readonly { patient: string; authority?: string; number?: string }[];
  /** UTC ms; null of `nobody` and `listed`, of which no movement tells. */
  from: Instant | null;
  /** Null while it lasts. */
  to: Instant | null;
  /** Of `nobody`, asked of now: when the newest reading was measured that stands there under nobody (UTC ms); left out where there is none. */
  lastReading?: Instant;
}

export interface ShowAsked {
  /** Whose stays, or those of which bed; of all beds the ones of now, or of `at`. */
  patient?: string | undefined;
  bed?: string | undefined;
  at?: Instant | undefined;
  numbers: boolean;
}

export type Shown = (caller: Principal, asked: ShowAsked, context: CallContext) => Promise<ShownStay[]>;

interface Surroundings {
  store: Pick<Store, 'events' | 'placing' | 'record' | 'latest'>;
  registry: Pick<Registry, 'isSandbox' | 'gateways' | 'bindings' | 'inBed' | 'patient'>;
  policy: () => Policy;
  clock: Clock;
  whereabouts: Pick<Whereabouts, 'placing' | 'refresh'>;
}

/**
 * Stays, by public ids, as readers got what was measured in them: what nobody’s readings follow from, because movements were silent or lost, is not sure; with the hospital's numbers for whoever may export what is stored. Decided and recorded of each patient. Beside them
 * stand the followed beds in which nobody is, and what registry.yaml says where no movement does. Errors: ACCESS-*, PATIENT-MISTYPED, PATIENT-UNHEARD, PATIENT-BED, STORAGE-*.
 */
export function shown(surroundings: Surroundings): Shown {
  return (...asked) => shownStays(surroundings, ...asked);
}

async function shownStays(
  { store, registry, policy, clock, whereabouts }: Surroundings,
  caller: Principal,
  { patient, bed, at, numbers }: ShowAsked,
  context: CallContext,
): Promise<ShownStay[]> {
  const now = clock.now();
  const allowed = async (action: Action): Promise<Call> => {
    const call: Call = { principal: caller, action, context, policy: policy(), at: now, startedMs: clock.monotonicMs(), clock };
    const { allow, reason, obligations } = decide(caller, action, { tenant: caller.tenant }, call);
    call.obligations = obligations;
    // Whoever is masked by the policy has pseudonyms for patients, and no beds.
    if (allow && obligations.mask === 'none') return call;
    await store.record([refused(call, null, allow ? 'mask' : reason)]);
    throw new VitalmeshError(reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED');
  };
  const call = await allowed(numbers ? 'observations.export' : 'patients.list');
  if (patient !== undefined && isMistyped(patient)) throw new VitalmeshError('PATIENT-MISTYPED');
  const idOf = new Map<RecordKey, string>();
  for await (const person of store.placing.persons()) if (person.tenant === caller.tenant) idOf.set(recordKey(person), person.patient);
  const { known, survivorOf } = await read(
    await store.events(caller.tenant, { kind: 'movement' }, () => granted(call, null, 0)),
    registry.isSandbox(caller.tenant),
  );
  const number = patient === undefined ? undefined : numberBehind(patient, idOf);
  const wanted = number === undefined ? undefined : survivorOf(number);
  const followed = followedBeds(registry, caller.tenant);
  const listed =
    patient !== undefined && wanted === undefined
      ? listedPatient(registry, caller.tenant, patient)
      : bed !== undefined && !followed.includes(bed) && !known.has(bed)
        ? listedBed(registry, caller.tenant, bed)
        : undefined;
  if (listed) {
    await store.record([granted(call, null, 1, { args: { at: at ?? null }, patients: listed.patients.map((one) => one.patient) })]);
    return [listed];
  }
  const moment = at ?? (patient === undefined && bed === undefined ? now : undefined);
  // Another hub of the store may have heard what was just read, and whether movements are silent goes by the last of them.
  await whereabouts.refresh(caller.tenant);
  const places = await whereabouts.placing(caller.tenant);
  const judged = new Map(
    [...known].map(([name, course]) => [name, judgedBy(course, places?.segmentsIn(name) ?? [], Math.max(now, moment ?? now))]),
  );
  const stays = staysIn(judged, { bed, at: moment, person: wanted }).map(({ persons, ...stay }): ShownStay => {
    const patients = persons.map((key) => {
      const { authority, value } = recordOf(key);
      return { patient: idOf.get(key) ?? '', ...(numbers && { authority, number: value }) };
    });
    return { ...stay, patients };
  });
  if (patient === undefined) {
    const asked = bed === undefined ? followed : followed.filter((one) => one === bed);
    const taken = new Set(stays.flatMap((stay) => (at !== undefined || stay.to === null ? [stay.bed] : [])));
    const empty = asked.filter((one) => !taken.has(one));
    stays.push(...nobodyInThem(empty, at === undefined ? await newestOfNobody(store, call, empty) : new Map()));
    // Of one bed they are in order already, and this is now.
    if (bed === undefined) stays.sort((a, b) => (a.bed ?? '').localeCompare(b.bed ?? '', 'en'));
  }
  const whom = [...new Set(stays.flatMap(({ patients }) => patients.map((one) => one.patient)))];
  await store.record([granted(call, null, stays.length, { args: { at: at ?? null }, patients: whom })]);
  return stays;
}

function numberBehind(patient: string, idOf: ReadonlyMap<RecordKey, string>): RecordKey | undefined {
  for (const [key, id] of idOf) if (id === patient) return key;
  return undefined;
}

async function read(
  movements: AsyncIterable<ToldMovement>,
  isSandbox: boolean,
): Promise<{ known: Occupancies; survivorOf(record: RecordKey): RecordKey }> {
  const statements: Statement[] = [];
  const identifications: Identification[] = [];
  for await (const movement of movements) {
    const said = readSaid(movement, isSandbox);
    statements.push(...(said?.statements ?? []));
    identifications.push(...(said?.identifications ?? []));
  }
  return { known: occupancies(statements, identifications), survivorOf: whoIsWho(identifications).survivorOf };
}

/**
 * What is known of a bed, cut where movements fell silent: from then on nobody's readings follow from who was said to lie there. Up to `horizon`, since nobody can tell whether
 * they will. Pure.
 */
function judgedBy(course: readonly Occupancy[], segments: readonly Segment[], horizon: Instant): Occupancy[] {
  const silent = segments.filter(({ rule, from }) => rule.certainty === 'silent' && from <= horizon);
  return course.flatMap((stay) => (stay.state === 'occupied' ? cutBy(stay, silent) : [stay]));
}

function cutBy(stay: Occupancy, silent: readonly Segment[]): Occupancy[] {
  const end = stay.to ?? Number.POSITIVE_INFINITY;
  const inside = silent.filter(({ from, to }) => from < end && (to ?? Number.POSITIVE_INFINITY) > stay.from);
  const edges = inside.flatMap(({ from, to }) => [from, ...(to === null ? [] : [to])]).filter((edge) => edge > stay.from && edge < end);
  const starts = [...new Set([stay.from, ...edges])].sort((a, b) => a - b);
  return starts.map((from, i): Occupancy => {
    const isSilent = inside.some((one) => one.from <= from && (one.to === null || one.to > from));
    return { ...stay, from, to: starts[i + 1] ?? stay.to, state: isSilent ? 'unconfirmed' : 'occupied' };
  });
}

interface Which {
  bed?: string | undefined;
  at?: Instant | undefined;
  person?: RecordKey | undefined;
}

/** In order of bed and time. Pure. */
export function staysIn(known: Occupancies, { bed, at, person }: Which): (Occupancy & { bed: string })[] {
  const beds = bed === undefined ? [...known.keys()].sort() : [bed];
  return beds.flatMap((name) => {
    const course = known.get(name) ?? [];
    const now = at === undefined ? undefined : occupancyAt(course, at);
    const stays = at === undefined ? course : now ? [now] : [];
    return stays.filter(({ persons }) => person === undefined || persons.includes(person)).map((stay) => ({ bed: name, ...stay }));
  });
}
