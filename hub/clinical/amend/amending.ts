import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Action, AuditEvent, Principal } from '../../access/access.ts';
import { decide } from '../../access/decide.ts';
import type { DoubtfulAsked } from '../../access/door/doubtful-reads.ts';
import type { CallContext, Door } from '../../access/door.ts';
import type { DoubtfulListView } from '../../access/doubtful-views.ts';
import { type Call, granted, refused } from '../../access/evidence-of-call.ts';
import type { VersionView } from '../../access/history-views.ts';
import type { Policy } from '../../access/policy.ts';
import { readsOfAmendment, type WrongRead } from '../../patients/hand/wrong-reads.ts';
import { isMistyped } from '../../patients/public-id.ts';
import { measuredOf } from '../../privacy/given.ts';
import { heldAmong } from '../../privacy/held.ts';
import type { LiveRegistry } from '../../registry/live-registry.ts';
import type { AmendKind, AmendReason, KeptAmendment, Selected, Selection } from '../../store/amend/amend.ts';
import type { Store } from '../../store/store.ts';
import { type LostDecisions, lostDecisions } from './lost-decisions.ts';
import { refuseNoVital } from './no-vital.ts';

export interface AskedAmendment {
  kind: AmendKind;
  selection: Selection;
  /** Public id; of `reassign` alone. */
  to?: string | undefined;
  reason: AmendReason;
  /** Goes sealed into the evidence of the patient, and nowhere else. */
  note?: string | undefined;
  /** Only counts. */
  trial: boolean;
  /** Of a stretch: kept as well where no row of it has come yet. */
  toCome?: boolean | undefined;
}

/** What was taken back. */
export interface Undone extends KeptAmendment {
  /** What else was decided of the same readings, and holds, in order of deciding. */
  holding: readonly KeptAmendment[];
}

/** What was decided, or would be. Of `patients` what this decision itself changed: what another one at the same time was first about is not of it. */
export interface Amended extends Selected {
  /** Of `reassign`: to whom, by the id that survived merges. */
  to?: string;
  /** One for each patient; none of a trial. `already`: by which it was so before, decided by whom (of the evidence; null where that is gone); nothing of it was changed. */
  amendments: readonly (KeptAmendment & { already?: { by: string | null } })[];
  /** Patients of whom something is under legal hold, under whatever number and whoever had it before: what is void of it stays, with its history. */
  held: readonly string[];
}

/** An amendment with who decided, and who was shown what was wrong: before it, or until it was undone. */
export interface ShownAmendment extends KeptAmendment {
  /** Of the evidence; null where that is gone. */
  by: string | null;
  undoneBy: string | null;
  note: string | null;
  readBy: readonly WrongRead[];
}

/** One observation: which measurement it is a version of, all versions, and what people decided. */
export interface ShownReading {
  patient: string;
  vital: string;
  device: string;
  versions: readonly VersionView[];
  amendments: readonly ShownAmendment[];
}

interface Parts {
  store: Pick<Store, 'amend' | 'evidence' | 'record' | 'erasing' | 'placing'>;
  door: Pick<Door, 'history' | 'doubtful'>;
  registry: Pick<LiveRegistry, 'gateways' | 'isSandbox' | 'patient' | 'unknown'>;
  policy: () => Policy;
  clock: Clock;
  /** Resolves once what is due was done. */
  follow(): Promise<void>;
}

/** What people decide about readings, and ask of it; decided by the policy and recorded as theirs. Errors: ACCESS-*, AMEND-*, PATIENT-*, USAGE, STORAGE-*. */
export class Amending {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Voids, gives away or confirms readings; of a trial only says which. */
  async amend(caller: Principal, asked: AskedAmendment, context: CallContext): Promise<Amended> {
    const { store, clock, follow } = this.#parts;
    const { tenant } = caller;
    const call = await this.#begin(caller, 'readings.amend', context);
    const selection = await this.#selectionOf(tenant, asked.selection, clock.now());
    if (asked.kind === 'confirm' && 'patient' in selection) throw new VitalmeshError('USAGE', { detail: 'single readings are confirmed' });
    const selected = await store.amend.select(tenant, selection, asked.kind);
    const patients = 'patient' in selection ? [selection.patient] : selected.patients.map(({ patient }) => patient);
    const held = await heldAmong(this.#parts, { tenant, patients, given: measuredOf(selection) });
    if (asked.kind === 'reassign' && held.length > 0) throw new VitalmeshError('PATIENT-HELD', { detail: 'their readings stay theirs' });
    const to = asked.kind === 'reassign' ? await this.#otherOf(tenant, asked.to) : undefined;
    if (to !== undefined && patients.includes(to)) throw new VitalmeshError('AMEND-PATIENT');
    const { kind, reason, note } = asked;
    if (selected.patients.length === 0 && selected.rolledUp === 0 && !asked.toCome) {
      await store.record(patients.map((patient) => granted(call, patient, 0, { args: { act: kind, none: true } })));
      throw new VitalmeshError('AMEND-NONE');
    }
    if (asked.trial) {
      await store.record(patients.map((patient) => granted(call, patient, 0, { args: { act: kind, trial: true } })));
      return { ...selected, ...(to !== undefined && { to }), amendments: [], held };
    }
    const rowsOf = (patient: string | null) => selected.patients.find((one) => one.patient === patient)?.rows ?? 0;
    const amendment = { tenant, kind, selection, ...(to !== undefined && { to }), reason, at: call.at };
    const decided = await store.amend.amend(amendment, (kept) =>
      kept.flatMap((one) => decisionOf(call, one, { rows: rowsOf(one.patient), ...(note !== undefined && { note }) })),
    );
    await follow();
    const amendments: Amended['amendments'][number][] = decided.filter(({ already }) => !already).map(({ already: _, ...one }) => one);
    const changed = await this.#changed(tenant, selected, amendments);
    for (const { already, ...one } of decided) if (already) amendments.push(await this.#before(call, one));
    return { ...selected, patients: changed, ...(to !== undefined && { to }), amendments, held };
  }

  /** Of what was decided before: by whom. That it was asked for once more is recorded. */
  async #before(call: Call, kept: KeptAmendment): Promise<Amended['amendments'][number]> {
    const { tenant } = call.principal;
    const made = await this.#entryOf(tenant, kept.patient, kept.at, (args) => args?.amendment === kept.id);
    await this.#parts.store.record([granted(call, kept.patient, 0, { args: { act: kept.kind, already: kept.id } })]);
    return { ...kept, already: { by: made?.principal ?? null } };
  }

  /** Of each patient what the decision itself changed. */
  async #changed(tenant: string, selected: Selected, amendments: readonly KeptAmendment[]): Promise<Selected['patients']> {
    const changed: Selected['patients'][number][] = [];
    for (const { id, patient } of amendments) {
      const of = selected.patients.find((one) => one.patient === patient);
      const { rows } = await this.#parts.store.amend.changed(tenant, id, 0);
      if (of !== undefined) changed.push({ ...of, rows });
    }
    return changed;
  }

  /** Takes back what was decided. */
  async undo(caller: Principal, id: string, context: CallContext): Promise<Undone> {
    const { store, follow } = this.#parts;
    const { tenant } = caller;
    const call = await this.#begin(caller, 'readings.amend', context);
    const known = (await store.amend.amendments(tenant)).find((one) => one.id === id);
    // Only who it is taken from is asked about: it may come back to somebody who is under legal hold.
    if (known?.to !== undefined && (await heldAmong(this.#parts, { tenant, patients: [known.to] })).length > 0)
      throw new VitalmeshError('PATIENT-HELD', { detail: 'their readings stay theirs' });
    const kept = await store.amend.undo({ tenant, id, at: call.at }, ({ patient, to, kind }) => {
      const whom = [patient, to].filter((one) => one !== null && one !== undefined);
      const args = { undo: id, act: kind };
      return whom.length === 0 ? [granted(call, null, 0, { args })] : whom.map((one) => granted(call, one, 0, { args }));
    });
    await follow();
    return { ...kept, holding: await store.amend.holding(tenant, id) };
  }

  /** What one observation was, and what people decided about it. */
  async show(caller: Principal, observation: string, context: CallContext): Promise<ShownReading> {
    const { store, door } = this.#parts;
    const { tenant } = caller;
    const call = await this.#begin(caller, 'audit.read', context);
    const { patient, ...query } = await store.amend.find(tenant, observation);
    const versions = await door.history(caller, patient, query, context);
    const amendments: ShownAmendment[] = [];
    for (const one of await store.amend.amendmentsOf(tenant, observation)) amendments.push(await this.#shown(tenant, one));
    await store.record([granted(call, patient, amendments.length, { args: { amendments: true } })]);
    return { patient, vital: query.vital, device: query.device, versions, amendments };
  }

  /** What is doubtful, for whoever decides about it. Decided and recorded by the door. */
  doubtful(caller: Principal, asked: DoubtfulAsked, context: CallContext): Promise<DoubtfulListView> {
    return this.#parts.door.doubtful(caller, asked, context);
  }

  /** What of that is gone with a store that was put back, and was not confirmed since; for whoever lists the rest. */
  lost(tenant: string): LostDecisions[] {
    const { registry, clock } = this.#parts;
    return lostDecisions(registry.gateways(), registry.unknown, clock.now()).filter((one) => one.tenant === tenant);
  }

  /** What was decided, of one patient on either side or of all, in order of deciding. */
  async *list(caller: Principal, patient: string | undefined, context: CallContext): AsyncGenerator<ShownAmendment> {
    const { store } = this.#parts;
    const { tenant } = caller;
    const call = await this.#begin(caller, 'audit.read', context);
    let shown = 0;
    // A name that nothing answers to is free text, and has no place in the evidence.
    let whose: string | null = null;
    try {
      if (patient !== undefined) await this.#known(tenant, patient);
      whose = patient ?? null;
      for (const one of await store.amend.amendments(tenant, patient)) {
        shown += 1;
        yield await this.#shown(tenant, one);
      }
    } finally {
      await store.record([granted(call, whose, shown, { args: { amendments: true } })]);
    }
  }

  async #begin(principal: Principal, action: Action, context: CallContext): Promise<Call> {
    const { policy, clock, store } = this.#parts;
    const call: Call = { principal, action, context, policy: policy(), at: clock.now(), startedMs: clock.monotonicMs(), clock };
    const { allow, reason, obligations } = decide(principal, action, { tenant: principal.tenant }, call);
    call.obligations = obligations;
    // Whoever is masked by the policy has pseudonyms for patients, and knows no observation by its own id.
    if (allow && obligations.mask === 'none') return call;
    await store.record([refused(call, null, allow ? 'mask' : reason)]);
    throw new VitalmeshError(reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED');
  }

  async #selectionOf(tenant: string, selection: Selection, now: Instant): Promise<Selection> {
    if (!('patient' in selection)) return selection;
    if (selection.vital !== undefined) refuseNoVital(selection.vital);
    if (!(selection.from < selection.to)) throw new VitalmeshError('USAGE', { detail: '--from must be before --to' });
    // What is measured from now on would be void unseen.
    if (selection.to > now) throw new VitalmeshError('USAGE', { detail: '--to lies in the future: a stretch is amended once it is over' });
    return { ...selection, patient: await this.#known(tenant, selection.patient) };
  }

  async #otherOf(tenant: string, to: string | undefined): Promise<string> {
    if (to === undefined) throw new VitalmeshError('AMEND-PATIENT');
    const survivor = this.#survivorOf(tenant, to);
    if (!(await this.#isKnown(tenant, survivor))) throw new VitalmeshError('AMEND-PATIENT');
    return survivor;
  }

  /** By the id that survived merges. Throws PATIENT-UNKNOWN for somebody of whom nothing is known here, PATIENT-MISTYPED. */
  async #known(tenant: string, patient: string): Promise<string> {
    const survivor = this.#survivorOf(tenant, patient);
    if (!(await this.#isKnown(tenant, survivor))) throw new VitalmeshError('PATIENT-UNKNOWN');
    return survivor;
  }

  async #isKnown(tenant: string, patient: string): Promise<boolean> {
    const { registry, store } = this.#parts;
    return registry.patient(tenant, patient) !== undefined || (await store.erasing.knows(tenant, patient));
  }

  #survivorOf(tenant: string, patient: string): string {
    if (isMistyped(patient)) throw new VitalmeshError('PATIENT-MISTYPED');
    return this.#parts.registry.patient(tenant, patient)?.patient ?? patient;
  }

  async #shown(tenant: string, kept: KeptAmendment): Promise<ShownAmendment> {
    const { id, patient, at, undoneAt } = kept;
    const made = await this.#entryOf(tenant, patient, at, (args) => args?.amendment === id);
    const undone = undoneAt === null ? undefined : await this.#entryOf(tenant, patient, undoneAt, (args) => args?.undo === id);
    const { note = null } = made?.detail?.args ?? {};
    const { store, registry } = this.#parts;
    const { before, between } = await readsOfAmendment(store, tenant, kept, (one) => registry.patient(tenant, one)?.patient ?? one);
    const who = { by: made?.principal ?? null, undoneBy: undone?.principal ?? null, note: note === null ? null : String(note) };
    return { ...kept, ...who, readBy: [...before, ...between] };
  }

  async #entryOf(
    tenant: string,
    patient: string | null,
    at: Instant,
    isIt: (args: NonNullable<AuditEvent['detail']>['args']) => boolean,
  ): Promise<AuditEvent | undefined> {
    const filter = { from: at, to: at + 1, ...(patient !== null && { patient }) };
    for await (const { event } of this.#parts.store.evidence(tenant, filter))
      if (event.action === 'readings.amend' && isIt(event.detail?.args)) return event;
    return undefined;
  }
}

/** That something was decided: for whose the readings are, and for whose they become. Each names itself alone, for it is sealed for that one. */
function decisionOf(call: Call, kept: KeptAmendment, { rows, note }: { rows: number; note?: string }): AuditEvent[] {
  const { id: amendment, kind: act, reason, patient, to, stretch, measuredFrom } = kept;
  const { device = null, vital = null, to: until = null } = stretch ?? {};
  const args = { amendment, act, reason, device, vital, from: measuredFrom, to: until, ...(note !== undefined && { note }) };
  const own = granted(call, patient, rows, { args });
  return to === undefined ? [own] : [own, granted(call, to, rows, { args: { amendment, act, reason, here: true } })];
}
