import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { Action, AuditDetail, Principal } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import type { CallContext } from '../access/door.ts';
import { type Call, granted, refused } from '../access/evidence-of-call.ts';
import { exportClosed, witnessed } from '../access/export-evidence.ts';
import type { Policy } from '../access/policy.ts';
import type { Store } from '../store/store.ts';
import type { Acknowledgeable, Checkpoints } from './checkpoints.ts';
import type { EvidenceFilter, EvidenceRecord, UnreadEntry } from './evidence.ts';
import type { FeedReceiver } from './feed/receiver.ts';
import type { FeedRun } from './feed/run.ts';
import type { FeedStanding } from './feed/standing.ts';
import { auditEventOf } from './fhir.ts';
import { misfiledEntry } from './indexed.ts';
import { type Against, type EvidenceVerdict, verifyEvidence } from './notes.ts';
import { type ReplaySource, type ReplayStep, replayed } from './replay.ts';
import { type AccessReport, reportOf } from './report.ts';
import { type ListedRecord, type NotStored, showingOf, type Unopened } from './saw.ts';
import type { Witness } from './witness.ts';

export interface AuditorOptions {
  store: Pick<
    Store,
    | 'storeId'
    | 'amend'
    | 'audit'
    | 'anchors'
    | 'feedPlaces'
    | 'holdEvidence'
    | 'auditSubjects'
    | 'evidence'
    | 'auditHead'
    | 'checkpoints'
    | 'record'
  >;
  policy: () => Policy;
  /** The public keys that the hub's notes are verified with. */
  keys: () => readonly string[];
  /** The note that is kept outside of the store. None unless given. */
  kept?: () => string | undefined;
  /** What stands against the evidence of a hub that runs; without one nothing can be acknowledged. */
  doubts?: Pick<Checkpoints, 'standing' | 'acknowledge'>;
  /** The live feed, where hub.yaml names one and the hub runs. */
  siem?: Pick<FeedRun, 'sendAgain' | 'status'> | undefined;
  /** To whom hub.yaml has it feed. */
  receiver?: FeedReceiver | undefined;
  /** So many entries are signed at the latest. */
  everyEntries?: number;
  /** Where what was shown is read again. */
  replay: ReplaySource;
  clock: Clock;
}

/** Which entries an auditor wants. */
export interface AuditFilter extends EvidenceFilter {
  /** In which this observation was shown, or may have been. */
  saw?: string;
}

/** `fhir`: FHIR R4 AuditEvents; `json`: entries as `list` gives them. */
export type AuditFormat = 'fhir' | 'json';

/**
 * Gives out the evidence: decided, and recorded before the first entry is shown and after the last. What cannot be read comes last, by its number: whatever was
 * asked for, it may be of it; so does, with `saw`, how many entries cannot be opened, and where nothing of this id is stored, that it is so. Throws ACCESS-DENIED, STORAGE-*.
 */
export interface Auditor {
  list(caller: Principal, filter: AuditFilter, context: CallContext): AsyncGenerator<ListedRecord | UnreadEntry | Unopened | NotStored>;
  /** As `list`, for others to keep: at its end it is recorded how much was given out, with its SHA-256 as one line a resource. */
  export(caller: Principal, filter: EvidenceFilter, format: AuditFormat, context: CallContext): AsyncGenerator<unknown | UnreadEntry>;
  /** Everything that one principal asked and was shown, in the order in which it was done; recorded as an export is. */
  replay(caller: Principal, filter: EvidenceFilter & { principal: string }, context: CallContext): AsyncGenerator<ReplayStep>;
  /** Who saw one patient. Rejects with PATIENT-UNKNOWN for one whom neither the evidence nor the registry knows, unless there are entries that cannot be opened. */
  report(caller: Principal, patient: string, context: CallContext): Promise<AccessReport>;
  /** The whole chain, of all tenants; `caller` once for each of them. */
  verify(callers: readonly Principal[], given: VerifyAgainst, context: CallContext): Promise<EvidenceVerdict>;
  /**
   * Records that an operator answers for what stands against the evidence, and takes it back. Rejects with AUDIT-NO-ALARM where it does not stand, and
   * with AUDIT-NO-HUB where no hub runs.
   */
  acknowledge(callers: readonly Principal[], alarm: Acknowledgeable, context: CallContext): Promise<{ alarm: Acknowledgeable }>;
  /**
   * Has the live feed send everything from this entry on again, for a receiver that lost some. Rejects with AUDIT-NO-ENTRY, with AUDIT-NO-FEED where
   * this hub has none, and with AUDIT-NO-HUB where no hub runs.
   */
  resend(callers: readonly Principal[], from: number, context: CallContext): Promise<Resent>;
  /** To whom the evidence is fed, and how far each receiver is. */
  standing(callers: readonly Principal[], context: CallContext): Promise<FeedStanding>;
}

/** What goes to the receiver of the live feed again: both numbers included. */
export interface Resent {
  /** Less than what was asked for where the receiver has not confirmed what is before that. */
  from: number;
  newest: number;
}

/** What a verification is given besides what the store has. */
export interface VerifyAgainst {
  witnesses: readonly Witness[];
  /** Keys that are trusted instead of those of the hub's own list. */
  keys?: readonly string[];
  /** Entries of restores that whoever verifies knows of. */
  knownRestores?: readonly number[];
  /** Of the chain, and what was signed of it, alone: the index of patients and what is sealed are not looked at, which takes ten times as long. */
  quick?: boolean;
}

const VERIFY_TRIES = 5;

export function createAuditor(options: AuditorOptions): Auditor {
  return new StoreAuditor(options);
}

class StoreAuditor implements Auditor {
  readonly #options: AuditorOptions;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  async *list(
    caller: Principal,
    filter: AuditFilter,
    context: CallContext,
  ): AsyncGenerator<ListedRecord | UnreadEntry | Unopened | NotStored> {
    const call = await this.#begin(caller, 'audit.read', context, filter.patient);
    const { saw } = filter;
    // What is the id of no observation was shown by nothing, whatever an entry leaves open.
    const isNobodys = saw !== undefined && parseObservationId(saw) === undefined;
    const unread: UnreadEntry[] = [];
    const { records, whose } = await this.#open(call, filter, {}, unread);
    let rows = 0;
    let unopened = 0;
    let whole = false;
    try {
      for await (const record of records) {
        const showing = saw === undefined ? 'shown' : showingOf(record, saw);
        if (isNobodys && showing !== 'shown') continue;
        if (showing === 'unopened') unopened += 1;
        if (showing === 'unopened' || showing === 'not') continue;
        rows += 1;
        yield showing === 'maybe' ? { ...record, mayHaveShown: true } : record;
      }
      yield* unread;
      if (unopened > 0) yield { unopened };
      if (saw !== undefined && !(await this.#isStored(caller.tenant, saw))) yield { notStored: true };
      whole = true;
    } finally {
      await this.#options.store.record([{ ...granted(call, whose, rows), reason: whole ? 'closed' : 'cut' }]);
    }
  }

  async #isStored(tenant: string, observation: string): Promise<boolean> {
    try {
      await this.#options.store.amend.find(tenant, observation);
      return true;
    } catch (error) {
      if (error instanceof VitalmeshError && error.code === 'AMEND-UNKNOWN') return false;
      throw error;
    }
  }

  async *export(caller: Principal, filter: EvidenceFilter, format: AuditFormat, context: CallContext): AsyncGenerator<unknown> {
    const { store } = this.#options;
    const call = await this.#begin(caller, 'audit.export', context, filter.patient);
    const unread: UnreadEntry[] = [];
    const { records, whose } = await this.#open(call, filter, { format }, unread);
    yield* this.#closing(
      call,
      whose,
      mapped(records, (record) => (format === 'fhir' ? auditEventOf(record, store.storeId) : record)),
    );
    // What is no event has no form in FHIR; whoever asked is told all the same.
    yield* unread;
  }

  async *replay(caller: Principal, filter: EvidenceFilter & { principal: string }, context: CallContext): AsyncGenerator<ReplayStep> {
    const call = await this.#begin(caller, 'audit.read', context, filter.patient);
    const { records, whose } = await this.#open(call, filter, { replay: true }, []);
    yield* this.#closing(call, whose, replayed(records, this.#options.replay, { principal: caller, context }));
  }

  /** Gives out what is walked, and records at the end how much it was. */
  async *#closing<T>(call: Call, whose: string | null, walk: AsyncIterable<T>): AsyncGenerator<T> {
    const { store } = this.#options;
    const rows = mapped(walk, (resource) => ({ resource }));
    for await (const { resource } of witnessed(rows, (out, whole) => store.record([exportClosed(call, whose, out, whole)]))) yield resource;
  }

  /** The entries of before this call that a filter names, once it is recorded that they are read. */
  async #open(
    call: Call,
    filter: EvidenceFilter,
    more: AuditDetail['args'],
    unread: UnreadEntry[],
  ): Promise<{ records: AsyncIterable<EvidenceRecord>; whose: string | null }> {
    const { store, replay } = this.#options;
    // What is recorded from here on, this reading too, is not of it.
    const { seq } = await store.auditHead();
    const { from = null, to = null, fromSeq = null, toSeq = null, patient = null, principal = null } = filter;
    const walk = store
      .evidence(call.principal.tenant, { ...filter, toSeq: Math.min(seq, toSeq ?? seq) }, (entry) => unread.push(entry))
      [Symbol.asyncIterator]();
    const first = await walk.next();
    // A name that nothing answers to is free text, and has no place in the evidence.
    const isListed = filter.saw !== undefined && patient !== null && replay.registry.patient(call.principal.tenant, patient) !== undefined;
    const [whose, who] = [first.done && !isListed ? null : patient, first.done ? null : principal];
    await store.record([granted(call, whose, 0, { args: { principal: who, from, to, fromSeq, toSeq, ...more } })]);
    return { records: mapped(resumed(first, walk), (record) => ofOne(record, patient)), whose };
  }

  async report(caller: Principal, patient: string, context: CallContext): Promise<AccessReport> {
    const { store, replay } = this.#options;
    const call = await this.#begin(caller, 'audit.read', context, patient);
    const { seq: toSeq } = await store.auditHead();
    const unread: number[] = [];
    const report = await reportOf(
      patient,
      store.evidence(caller.tenant, { toSeq }, ({ seq }) => unread.push(seq)),
      unread,
    );
    const whose = report.accesses.length > 0 ? patient : null;
    await store.record([granted(call, whose, report.accesses.length, { view: report })]);
    // A mistyped id must not read as a patient whom nobody saw.
    const isKnown =
      whose !== null || report.unopened + report.unread.length > 0 || replay.registry.patient(caller.tenant, patient) !== undefined;
    if (!isKnown) throw new VitalmeshError('PATIENT-UNKNOWN');
    return report;
  }

  async verify(callers: readonly Principal[], { quick = false, ...given }: VerifyAgainst, context: CallContext): Promise<EvidenceVerdict> {
    const { store, keys, everyEntries } = this.#options;
    const calls = await Promise.all(callers.map((caller) => this.#begin(caller, 'audit.verify', context)));
    // Before the head, behind which it would otherwise lie when a hub signs meanwhile.
    const kept = this.#options.kept?.();
    let { seq: upTo } = await store.auditHead();
    for await (const { seq } of store.checkpoints()) upTo = Math.max(upTo, seq);
    await store.record(calls.map((call) => granted(call, null, 0)));
    using _held = store.holdEvidence();
    for (let tries = 1; ; tries += 1) {
      const anchors = await store.anchors();
      const against = {
        storeId: store.storeId,
        upTo,
        keys: keys(),
        ...given,
        anchors,
        kept,
        ...(everyEntries !== undefined && { everyEntries }),
      };
      const verdict = await this.#verified(against, quick);
      // Another hub that shares the store may have removed what is old while this one read it.
      if (verdict.intact || tries === VERIFY_TRIES || isDeepStrictEqual(anchors, await store.anchors())) return verdict;
    }
  }

  async #verified(against: Omit<Against, 'checkpoints'>, quick: boolean): Promise<EvidenceVerdict> {
    const { store } = this.#options;
    const verdict = await verifyEvidence(store.audit(), { ...against, checkpoints: store.checkpoints() });
    if (quick || !verdict.intact) return verdict;
    const unread: number[] = [];
    const misfiled = await misfiledEntry(store, (seq) => unread.push(seq));
    const whole = { ...verdict, unread, indexCompared: true };
    return misfiled === null ? whole : { ...whole, intact: false, fault: 'misfiled', seq: misfiled };
  }

  async acknowledge(callers: readonly Principal[], alarm: Acknowledgeable, context: CallContext): Promise<{ alarm: Acknowledgeable }> {
    const { store, doubts } = this.#options;
    const calls = await Promise.all(callers.map((caller) => this.#begin(caller, 'audit.acknowledge', context)));
    if (doubts === undefined) throw new VitalmeshError('AUDIT-NO-HUB');
    const since = doubts.standing(alarm);
    if (since === undefined) throw new VitalmeshError('AUDIT-NO-ALARM', { detail: alarm });
    await store.record(calls.map((call) => granted(call, null, 0, { args: { alarm, since } })));
    await doubts.acknowledge(alarm);
    return { alarm };
  }

  async resend(callers: readonly Principal[], from: number, context: CallContext): Promise<Resent> {
    const { store, siem, doubts } = this.#options;
    const calls = await Promise.all(callers.map((caller) => this.#begin(caller, 'audit.export', context)));
    if (doubts === undefined) throw new VitalmeshError('AUDIT-NO-HUB');
    const { seq: newest } = await store.auditHead();
    if (siem === undefined) throw new VitalmeshError('AUDIT-NO-FEED', { detail: 'audit.feed of hub.yaml names no receiver' });
    if (from > newest) throw new VitalmeshError('AUDIT-NO-ENTRY', { detail: `the last one is ${newest}` });
    await store.record(calls.map((call) => granted(call, null, 0, { args: { resendFrom: from } })));
    return { from: await siem.sendAgain(from), newest };
  }

  async standing(callers: readonly Principal[], context: CallContext): Promise<FeedStanding> {
    const { store, siem, receiver = null } = this.#options;
    const calls = await Promise.all(callers.map((caller) => this.#begin(caller, 'status.read', context)));
    await store.record(calls.map((call) => granted(call, null, 0)));
    const { seq: newest } = await store.auditHead();
    return { newest, named: receiver, now: siem?.status() ?? null, receivers: await store.feedPlaces.receivers() };
  }

  async #begin(principal: Principal, action: Action, context: CallContext, patient?: string): Promise<Call> {
    const { store, policy, clock } = this.#options;
    const call: Call = { principal, action, context, policy: policy(), at: clock.now(), startedMs: clock.monotonicMs(), clock };
    const resource = { tenant: principal.tenant, ...(patient !== undefined && { patient }) };
    const { allow, reason, obligations } = decide(principal, action, resource, call);
    if (!allow) {
      await store.record([refused(call, null, reason)]);
      throw new VitalmeshError(reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED');
    }
    call.obligations = obligations;
    return call;
  }
}

async function* resumed<T>(first: IteratorResult<T>, walk: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; !next.done; next = await walk.next()) yield next.value;
  } finally {
    await walk.return?.();
  }
}

/** What is asked of one patient names no other who was shown beside. */
function ofOne(record: EvidenceRecord, patient: string | null): EvidenceRecord {
  if (patient === null || record.event.patients === undefined) return record;
  const { subjects: _, ...rest } = record;
  return { ...rest, event: { ...record.event, patients: [patient] } };
}

async function* mapped<A, B>(rows: AsyncIterable<A>, shown: (row: A) => B): AsyncGenerator<B> {
  for await (const row of rows) yield shown(row);
}
