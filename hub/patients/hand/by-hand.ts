import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { AssignedId, Movement } from '../../../shared/movement.ts';
import { formatObservationId, newEpoch } from '../../../shared/uplink/key.ts';
import type { Principal } from '../../access/access.ts';
import { decide } from '../../access/decide.ts';
import type { CallContext } from '../../access/door.ts';
import { type Call, granted, refused } from '../../access/evidence-of-call.ts';
import type { Policy } from '../../access/policy.ts';
import type { PatientPlace, Registry } from '../../registry/registry.ts';
import { isOfErased } from '../../store/erasing/hushed.ts';
import type { ErasedPeople } from '../../store/erasing/tombstone.ts';
import type { ArrivalResult, EventArrival, Store } from '../../store/store.ts';
import { BY_HAND } from '../by-hand.ts';
import type { ToldMovement } from '../said.ts';
import type { BatchPlaces } from '../whereabouts/placing.ts';
import { isOvertaken, MOST_TRIES, type Whereabouts } from '../whereabouts.ts';
import { type AskedDevice, type AssignedDevice, gatewayOf } from './assigned-device.ts';
import type { CensusRow, FaultyLine } from './census.ts';
import { apartBy, type Contradicted, contradictedBy, otherThan } from './contradicted.ts';
import { eventOf, UNKEPT } from './event.ts';
import { type Lay, layThere } from './lay.ts';
import { type Named, whoAre } from './named.ts';
import { isMergedLater, isMergedOtherwise, refuseOne, refuseTwo } from './parted.ts';
import { type DatedMovement, isUndoable, movementOf, namedIn, type Said, undoing, type Who } from './said.ts';
import { findStatement, UNDO } from './statement.ts';

export interface ByHandOptions {
  store: Store;
  registry: Registry;
  policy: () => Policy;
  whereabouts: Pick<Whereabouts, 'placing' | 'hear' | 'keep' | 'refresh' | 'moveDevice' | 'gatewaysOf'>;
  /** Moves the rows that are due to be moved, and tells of it; resolves once none is. */
  follow: () => Promise<void>;
  clock: Clock;
}

/** What an operator says, with people named either way. */
export type Asked =
  | { act: 'admit' | 'move'; who: Named; bed: string; at?: Instant | undefined }
  | { act: 'discharge'; who: Named; at?: Instant | undefined }
  | { act: 'swap' | 'unmerge'; who: Named; other: Named; at?: Instant | undefined }
  | { act: 'merge'; who: Named; other: Named; at?: Instant | undefined };

/** What became of it. */
export interface Done {
  /** By which it can be taken back. */
  statement: string;
  /** UTC ms of when it happened. */
  at: Instant;
  /** Where each whom it names is now, as far as is known for sure. */
  patients: readonly PatientPlace[];
  /** Whether it can be taken back. */
  undoable: boolean;
  /** What it contradicts; it is kept all the same. */
  conflicts: readonly Contradicted[];
  /** The statement that it takes back. */
  takesBack?: string;
  /** Of what came late: where its patient lay by it, who left since. */
  lay?: Lay;
}

export interface Imported {
  /** UTC ms since when those lie there of whom the census does not say. */
  at: Instant;
  /** How many lines were taken, or would be. */
  admitted: number;
  /** By which each can be taken back, by its line; none of a trial. */
  statements: readonly { line: number; statement: string }[];
  /** Lines that are left out. */
  faults: readonly FaultyLine[];
  /** Of each line whose number was heard of before: public id of whose it is now. */
  people: readonly { line: number; patient: string }[];
  /** Of lines that were taken, or would be. */
  conflicts: readonly (Contradicted & { line: number })[];
}

/** Earlier and later than that nobody means; what is later than a clock may be wrong would move somebody in the future. */
const EARLIEST: Instant = Date.UTC(2015, 0, 1);
const MAX_AHEAD_MS = 2 * 60_000;

/** The source of what a census says. */
const CENSUS = 'census';

/**
 * What operators say of who lies where: decided, recorded as theirs, and kept as the movement that the hospital's system would have sent, under a gateway's name that no
 * gateway has. Errors: ACCESS-*, PATIENT-*, USAGE, INGEST-PLACES-CHANGED, STORAGE-*.
 */
export class ByHand {
  readonly #options: ByHandOptions;
  readonly #epoch = newEpoch();
  #seq = 0;

  constructor(options: ByHandOptions) {
    this.#options = options;
  }

  async say(caller: Principal, asked: Asked, context: CallContext): Promise<Done> {
    const call = await this.#begin(caller, context);
    const at = this.#timeOf(call, asked.at);
    const { tenant } = call.principal;
    if ('bed' in asked) this.#refuseUnfollowed(tenant, asked.bed);
    const places = (await this.#options.whereabouts.placing(tenant)) ?? assertFollows();
    const said = await this.#said(tenant, asked, { at, places });
    const known = { at, now: call.at, places };
    const isPut = said.act === 'admit' || said.act === 'move';
    const conflicts = isPut ? contradictedBy(said, known) : said.act === 'merge' ? apartBy([said.from, said.into], known) : [];
    const movement = movementOf(said, at);
    if (said.act === 'unmerge' && at < call.at) await this.#refuseUnparted(call, movement, [said.one.patient, said.other.patient]);
    const [done] = await this.#tell(call, [{ movement, source: 'by hand' }], { act: asked.act });
    if (done === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a statement without an answer' });
    const after = isPut ? await this.#options.whereabouts.placing(tenant) : undefined;
    const lay = isPut && after ? layThere(after, said.who.patient, said.bed, at) : undefined;
    return { ...done, conflicts, ...(lay && { lay }) };
  }

  /** Takes back what was said by hand. Throws PATIENT-STATEMENT where there is none of this id, or it was taken back already, PATIENT-NOT-MERGED of a merge that was ended otherwise, PATIENT-ONE of one that holds by what was said otherwise. */
  async undo(caller: Principal, statement: string, context: CallContext): Promise<Done> {
    const call = await this.#begin(caller, context);
    const { tenant } = caller;
    const movements = () =>
      this.#options.store.events(tenant, { kind: 'movement' }, () => granted(call, null, 0, { args: { act: 'undo' } }));
    const movement = await findStatement(await movements(), statement);
    const undo = movement && undoing(movement);
    if (!undo) throw new VitalmeshError('PATIENT-STATEMENT');
    if (undo.event === 'A37') {
      refuseTwo(namedIn(undo), { at: call.at, places: (await this.#options.whereabouts.placing(tenant)) ?? assertFollows() });
      const isSandbox = this.#options.registry.isSandbox(tenant);
      // What parts them would part what others said, too.
      if (await isMergedOtherwise(await movements(), statement, namedIn(undo), isSandbox)) throw new VitalmeshError('PATIENT-ONE');
    }
    const [done] = await this.#tell(call, [{ movement: undo, source: `${UNDO}${statement}` }], { act: 'undo', statement });
    if (done === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a statement without an answer' });
    return { ...done, takesBack: statement };
  }

  /** Admits everybody of the good lines of a census at once; `at`: since when those lie there of whom the census does not say. */
  async import(
    caller: Principal,
    { rows, at: given, trial }: { rows: readonly CensusRow[]; at?: Instant | undefined; trial: boolean },
    context: CallContext,
  ): Promise<Imported> {
    const call = await this.#begin(caller, context);
    const at = this.#timeOf(call, given);
    const { tenant } = caller;
    const erased = await this.#options.store.erasing.erasedPeople(tenant);
    const faults = rows.flatMap((row) => this.#faultOf(call, row, { at, erased }));
    const isLeftOut = new Set(faults.map(({ line }) => line));
    const good = rows.filter(({ line }) => !isLeftOut.has(line));
    const said = good.map((row) => admissionOf(row, at));
    const places = (await this.#options.whereabouts.placing(tenant)) ?? assertFollows();
    const conflicts = otherThan(said, { now: call.at, places });
    const people = rows.flatMap(({ line, authority, value }) => {
      const patient = places.whereIs({ authority, value }, call.at)?.patient;
      return patient === undefined ? [] : [{ line, patient }];
    });
    if (trial || said.length === 0) {
      await this.#options.store.record([granted(call, null, 0, { args: { act: 'import', trial, lines: rows.length } })]);
      return { at, admitted: said.length, statements: [], faults, people, conflicts };
    }
    const told = said.map((one) => ({ movement: movementOf(one, one.at), source: CENSUS }));
    const done = await this.#tell(call, told, { act: 'import', lines: rows.length });
    return {
      at,
      admitted: done.filter((one) => one !== undefined).length,
      statements: good.flatMap(({ line }, i) => (done[i] ? [{ line, statement: done[i].statement }] : [])),
      // Somebody may be erased meanwhile.
      faults: [...faults, ...good.flatMap(({ line }, i): FaultyLine[] => (done[i] ? [] : [{ line, fault: 'erased' }]))],
      people,
      conflicts,
    };
  }

  #faultOf(call: Call, row: CensusRow, { at, erased }: { at: Instant; erased: ErasedPeople | undefined }): FaultyLine[] {
    const { line, bed, since = at } = row;
    const { tenant } = call.principal;
    if (!this.#isFollowed(tenant, bed)) {
      return [{ line, fault: this.#options.registry.inBed(tenant, bed) === undefined ? 'noBed' : 'unfollowed' }];
    }
    if (!isBelievable(since, call.at)) return [{ line, fault: 'time' }];
    const { arrival } = eventOf(call, movementOf(admissionOf(row, at), since), { id: UNKEPT, source: CENSUS });
    return erased && isOfErased(arrival, erased) ? [{ line, fault: 'erased' }] : [];
  }

  /**
   * That a device stands in a bed from `at` on (now unless given), or in none (null), whatever bed its messages name. Throws PATIENT-DEVICE* where it is not one device of
   * one gateway that is meant, PATIENT-BED for a bed for which that gateway does not speak.
   */
  async assignDevice(caller: Principal, { at: given, ...asked }: AskedDevice, context: CallContext): Promise<AssignedDevice> {
    const call = await this.#begin(caller, context);
    const at = this.#timeOf(call, given);
    const { registry, whereabouts, follow } = this.#options;
    const { tenant } = caller;
    const { device, bed } = asked;
    this.#refuseUnfollowed(tenant, bed ?? undefined);
    const own = registry.gateways().filter((gateway) => gateway.tenant === tenant);
    const gateway = gatewayOf(asked, { heard: await whereabouts.gatewaysOf(tenant, device), inForce: own.map(({ identity }) => identity) });
    // What it measures would be refused there.
    const takes = own.find(({ identity }) => identity === gateway)?.followed;
    if (bed !== null && !takes?.has(bed)) throw new VitalmeshError('PATIENT-BED', { detail: `${gateway} does not speak for it` });
    const evidence = [granted(call, null, 1, { args: { act: 'assign-device', gateway, device, bed, at } })];
    await whereabouts.moveDevice({ tenant, gateway, device, bed, at }, evidence);
    await follow();
    return { gateway, device, bed, at };
  }

  async #begin(principal: Principal, context: CallContext): Promise<Call> {
    const { policy, clock, store } = this.#options;
    const action = 'patients.place';
    const call: Call = { principal, action, context, policy: policy(), at: clock.now(), startedMs: clock.monotonicMs(), clock };
    const { allow, reason, obligations } = decide(principal, action, { tenant: principal.tenant }, call);
    if (!allow) {
      await store.record([refused(call, null, reason)]);
      throw new VitalmeshError(reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED');
    }
    call.obligations = obligations;
    return call;
  }

  #timeOf({ at: now }: Call, given: Instant = now): Instant {
    if (!isBelievable(given, now)) throw new VitalmeshError('USAGE', { detail: 'the time lies before 2015 or in the future' });
    return given;
  }

  #isFollowed(tenant: string, bed?: string): boolean {
    return this.#options.registry
      .gateways()
      .some((gateway) => gateway.tenant === tenant && gateway.followed && (bed === undefined || gateway.followed.has(bed)));
  }

  #refuseUnfollowed(tenant: string, bed?: string): void {
    if (!this.#isFollowed(tenant, bed)) throw new VitalmeshError('PATIENT-BED');
  }

  async #said(tenant: string, asked: Asked, when: { at: Instant; places: BatchPlaces }): Promise<Said> {
    const [who, other] = await whoAre(this.#options, tenant, 'other' in asked ? [asked.who, asked.other] : [asked.who]);
    if (who === undefined) throw new VitalmeshError('PATIENT-UNHEARD');
    const { at, places } = when;
    if (asked.act === 'admit') return { act: asked.act, who, bed: asked.bed };
    if (asked.act === 'move' || asked.act === 'discharge') {
      const { beds = [], isOwn = true } = places.whereIs(who.patient, at) ?? {};
      if (beds.length === 0) throw new VitalmeshError('PATIENT-GONE');
      if (asked.act === 'move') return { act: asked.act, who, bed: asked.bed };
      // Of whom it is not known where they are, or by a number that is no longer theirs, it has to say what they leave.
      return { act: asked.act, who, ...((beds.length > 1 || !isOwn) && { beds }) };
    }
    if (other === undefined) throw new VitalmeshError('PATIENT-UNHEARD');
    if (JSON.stringify(who.patient) === JSON.stringify(other.patient)) throw new VitalmeshError('USAGE', { detail: 'both are the same' });
    if (asked.act === 'merge') {
      refuseOne([who.patient, other.patient], when);
      return { act: asked.act, from: who, into: other };
    }
    if (asked.act === 'unmerge') {
      refuseTwo([who.patient, other.patient], when);
      return { act: asked.act, one: who, other };
    }
    const [oneBed, otherBed] = this.#bedsOf(tenant, [who, other], when);
    if (oneBed === undefined || otherBed === undefined || oneBed === otherBed) throw new VitalmeshError('PATIENT-UNPLACED');
    return { act: asked.act, one: who, oneBed, other, otherBed };
  }

  /** Two numbers are parted from when that is said on, and what was said later counts more. */
  async #refuseUnparted(call: Call, parting: DatedMovement, numbers: readonly [AssignedId, AssignedId]): Promise<void> {
    const { store, registry } = this.#options;
    const { tenant } = call.principal;
    const movements = await store.events(tenant, { kind: 'movement' }, () => granted(call, null, 0, { args: { act: 'unmerge' } }));
    const { toldAs } = this.#event(call, parting, 'by hand');
    if (await isMergedLater(movements, toldAs, numbers, registry.isSandbox(tenant)))
      throw new VitalmeshError('USAGE', { detail: 'they were merged later than --at, and would stay one: leave --at out' });
  }

  /** Where each surely lay at a time. */
  #bedsOf(tenant: string, people: readonly Who[], { at, places }: { at: Instant; places: BatchPlaces }): (string | undefined)[] {
    return people.map((one) => {
      const here = places.whereIs(one.patient, at);
      return here?.beds.find((bed) => this.#isFollowed(tenant, bed) && places.occupantOf(bed, at) === here.patient);
    });
  }

  /** Stores movements in one commit with the evidence of each, and has rows follow. Gives nothing for one of somebody who was erased; throws PATIENT-ERASED where all are. */
  async #tell(
    call: Call,
    said: readonly { movement: DatedMovement; source: string }[],
    args: Readonly<Record<string, string | number>>,
  ): Promise<(Done | undefined)[]> {
    const { store, whereabouts, registry, follow } = this.#options;
    const { tenant } = call.principal;
    this.#refuseUnfollowed(tenant);
    const told = said.map(({ movement, source }) => ({ ...this.#event(call, movement, source), movement }));
    const erased = await store.erasing.erasedPeople(tenant);
    const heard = told.filter(({ arrival }) => !(erased && isOfErased(arrival, erased)));
    const numbers = heard.flatMap(({ movement }) => namedIn(movement));
    await whereabouts.hear(tenant, numbers);
    const ids = await store.placing.personsOf(tenant, numbers);
    const idOf = new Map(numbers.map((number, i) => [JSON.stringify([number.authority, number.value]), ids[i] ?? '']));
    const idsIn = (movement: Movement): string[] =>
      namedIn(movement).map(({ authority, value }) => idOf.get(JSON.stringify([authority, value])) ?? '');
    let results: readonly ArrivalResult[] = [];
    const evidence = (stored: readonly ArrivalResult[]) => {
      results = stored;
      const whom = [...new Set(told.flatMap(({ movement }, i) => (stored[i] === 'stored' ? idsIn(movement) : [])))];
      const [only = null, ...more] = whom;
      if (only === null) return [refused(call, null, 'erased')];
      const detail = {
        args: { ...args, ...(said.length === 1 && told[0] && { statement: told[0].arrival.id, at: told[0].arrival.effective }) },
      };
      return [granted(call, more.length === 0 ? only : null, whom.length, { ...detail, ...(more.length > 0 && { patients: whom }) })];
    };
    const arrivals = told.map(({ arrival }) => arrival);
    await this.#overtaken(tenant, async () => {
      const { version } = (await whereabouts.placing(tenant)) ?? assertFollows();
      const movements = told.map(({ toldAs }) => toldAs);
      await whereabouts.keep(tenant, { movements, version, at: call.at }, (placing) =>
        store.storeBatch({ tenant, gateway: BY_HAND, at: call.at, sentAt: null, arrivals, refusals: [], placing, evidence }),
      );
    });
    if (results.every((result) => result === 'erased')) throw new VitalmeshError('PATIENT-ERASED');
    await follow();
    return told.map(({ arrival, movement }, i) => {
      if (results[i] === 'erased') return undefined;
      const patients = [...new Set(idsIn(movement))].map((id) => registry.patient(tenant, id) ?? { patient: id, bed: null });
      return { statement: arrival.id, at: arrival.effective, patients, undoable: isUndoable(movement), conflicts: [] };
    });
  }

  async #overtaken(tenant: string, attempt: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await attempt();
        return;
      } catch (thrown) {
        if (!isOvertaken(thrown) || tries >= MOST_TRIES) throw thrown;
        await this.#options.whereabouts.refresh(tenant);
      }
    }
  }

  #event(call: Call, movement: DatedMovement, source: string): { arrival: EventArrival; toldAs: ToldMovement } {
    this.#seq += 1;
    return eventOf(call, movement, { id: formatObservationId({ agent: BY_HAND, epoch: this.#epoch, seq: this.#seq, index: 0 }), source });
  }
}

/** What a line of a census says; `at`: since when where it does not say. */
function admissionOf({ line, bed, authority, value, visit, since }: CensusRow, at: Instant) {
  const who = { patient: { authority, value }, ...(visit !== undefined && { visit }) };
  return { line, at: since ?? at, act: 'admit' as const, who, bed };
}

function isBelievable(at: Instant, now: Instant): boolean {
  return at >= EARLIEST && at <= now + MAX_AHEAD_MS;
}

function assertFollows(): never {
  throw new VitalmeshError('PATIENT-BED');
}
