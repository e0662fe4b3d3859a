import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Action, AuditEvent, Principal } from '../../access/access.ts';
import { decide } from '../../access/decide.ts';
import type { CallContext, Door } from '../../access/door.ts';
import { type Call, granted, refused } from '../../access/evidence-of-call.ts';
import type { VersionView } from '../../access/history-views.ts';
import type { Policy } from '../../access/policy.ts';
import { type Correction, readersOf } from '../../patients/hand/corrected.ts';
import { isMistyped } from '../../patients/public-id.ts';
import { measuredOf } from '../../privacy/given.ts';
import { heldAmong } from '../../privacy/held.ts';
import type { LiveRegistry } from '../../registry/live-registry.ts';
import type { AmendKind, AmendReason, KeptAmendment, Selected, Selection } from '../../store/amend/amend.ts';
import type { Store } from '../../store/store.ts';
import { type LostDecisions, lostDecisions } from './lost-decisions.ts';

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
}

/** What was decided, or would be. */
export interface Amended extends Selected {
  /** One for each patient; none of a trial. */
  amendments: readonly KeptAmendment[];
  /** Patients of whom something is under legal hold, under whatever number and whoever had it before: what is void of it stays, with its history. */
  held: readonly string[];
}

/** An amendment with who decided, and who had been shown what was wrong. */
export interface ShownAmendment extends KeptAmendment {
  /** Of the evidence; null where that is gone. */
  by: string | null;
  undoneBy: string | null;
  note: string | null;
  /** As `Correction.readBy`. */
  readBy: Correction['readBy'];
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
  door: Pick<Door, 'history'>;
  registry: Pick<LiveRegistry, 'gateways' | 'patient' | 'unknown'>;
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
    const selection = this.#selectionOf(tenant, asked.selection, clock.now());
    const selected = await store.amend.select(tenant, selection);
    const patients = 'patient' in selection ? [selection.patient] : selected.patients.map(({ patient }) => patient);
    const held = await heldAmong(this.#parts, { tenant, patients, given: measuredOf(selection) });
    if (asked.kind === 'reassign' && held.length > 0) throw new VitalmeshError('PATIENT-HELD', { detail: 'their readings stay theirs' });
    const to = asked.kind === 'reassign' ? await this.#otherOf(tenant, asked.to) : undefined;
    if (to !== undefined && patients.includes(to)) throw new VitalmeshError('AMEND-PATIENT');
    const { kind, reason, note } = asked;
    if (asked.trial) {
      await store.record(patients.map((patient) => granted(call, patient, 0, { args: { act: kind, trial: true } })));
      return { ...selected, amendments: [], held };
    }
    const rowsOf = (patient: string | null) => selected.patients.find((one) => one.patient === patient)?.rows ?? 0;
    const amendment = { tenant, kind, selection, ...(to !== undefined && { to }), reason, at: call.at };
    const amendments = await store.amend.amend(amendment, (kept) =>
      kept.flatMap((one) => decisionOf(call, one, { rows: rowsOf(one.patient), ...(note !== undefined && { note }) })),
    );
    await follow();
    return { ...selected, amendments, held };
  }

  /** Takes back what was decided. */
  async undo(caller: Principal, id: string, context: CallContext): Promise<KeptAmendment> {
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
    return kept;
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
    try {
      for (const one of await store.amend.amendments(tenant, patient)) {
        shown += 1;
        yield await this.#shown(tenant, one);
      }
    } finally {
      await store.record([granted(call, patient ?? null, shown, { args: { amendments: true } })]);
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

  #selectionOf(tenant: string, selection: Selection, now: Instant): Selection {
    if (!('patient' in selection)) return selection;
    if (!(selection.from < selection.to)) throw new VitalmeshError('USAGE', { detail: '--from must be before --to' });
    // What is measured from now on would be void unseen.
    if (selection.to > now) throw new VitalmeshError('USAGE', { detail: '--to lies in the future: a stretch is amended once it is over' });
    return { ...selection, patient: this.#survivorOf(tenant, selection.patient) };
  }

  async #otherOf(tenant: string, to: string | undefined): Promise<string> {
    if (to === undefined) throw new VitalmeshError('AMEND-PATIENT');
    const survivor = this.#survivorOf(tenant, to);
    const isKnown =
      this.#parts.registry.patient(tenant, survivor) !== undefined || (await this.#parts.store.erasing.knows(tenant, survivor));
    if (!isKnown) throw new VitalmeshError('AMEND-PATIENT');
    return survivor;
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
    const readBy = patient === null ? [] : await readersOf(this.#parts.store, tenant, { was: patient, from: kept.measuredFrom, at });
    return { ...kept, by: made?.principal ?? null, undoneBy: undone?.principal ?? null, note: note === null ? null : String(note), readBy };
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
