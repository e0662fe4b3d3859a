import type { Registry } from '../../registry/registry.ts';
import type { EventFilter, Evidence, ObservationFilter, Store, StoredEvent, StoredObservation } from '../../store/store.ts';
import type { Principal } from '../access.ts';
import type { CallContext, ReadFor } from '../door.ts';
import { granted } from '../evidence-of-call.ts';
import { exportClosed, type HandedOut, witnessed } from '../export-evidence.ts';
import { maskedWalk, patientByPatient, sinceOf } from '../masked-reading.ts';
import type { Masking } from '../masking/contract.ts';
import type { Calls } from './calls.ts';

/** Everything that is stored, of one patient or of all, with evidence of how far it was read. */
export class Exports {
  readonly #calls: Calls;
  readonly #store: Store;
  readonly #registry: Pick<Registry, 'gateways'>;

  constructor({ calls, store, registry }: { calls: Calls; store: Store; registry: Pick<Registry, 'gateways'> }) {
    this.#calls = calls;
    this.#store = store;
    this.#registry = registry;
  }

  export(principal: Principal, filter: ObservationFilter, context: CallContext): Promise<AsyncIterable<StoredObservation>> {
    return this.#exported(principal, filter, context, async (asked, masking, evidence, seen) =>
      maskedWalk(await this.#store.observations(principal.tenant, asked, evidence), (row) => seen(row, masking.observation(row))),
    );
  }

  exportEvents(principal: Principal, filter: EventFilter, context: CallContext, readFor?: ReadFor): Promise<AsyncIterable<StoredEvent>> {
    return this.#exported(principal, { ...filter, ...(readFor && { readFor }) }, context, async (asked, masking, evidence, seen) =>
      maskedWalk(await this.#store.events(principal.tenant, asked, evidence), (row) => seen(row, masking.event(row))),
    );
  }

  async #exported<T extends { resource: unknown }>(
    principal: Principal,
    asked: EventFilter & { readFor?: ReadFor },
    context: CallContext,
    read: (filter: EventFilter, masking: Masking, evidence: Evidence, seen: Seen) => Promise<AsyncIterable<T>>,
  ): Promise<AsyncIterable<T>> {
    const call = this.#calls.begin(principal, 'observations.export', context);
    const { decision, patient: known = null, masking } = this.#calls.meant(call, asked.patient);
    if (!decision.allow) await this.#calls.refuse(call, decision.reason, known, asked.patient);
    call.obligations = decision.obligations;
    // What is stored of somebody whom the registry no longer names can still be exported, by whoever is not masked.
    const patient = known ?? (masking.profile === 'none' ? asked.patient : undefined);
    if (asked.patient !== undefined && patient === undefined)
      await this.#calls.refuse(call, 'unknown', this.#calls.known(principal, asked.patient), asked.patient);
    const since = sinceOf(masking, asked.since, patient);
    const { kind } = asked;
    const filter = { ...(since !== undefined && { since }), ...(kind && { kind }) };
    const args = { since: since ?? null, kind: kind ?? null, ...(asked.readFor && this.#told(principal.tenant, asked.readFor)) };
    // Of what is read for an answer of one's own the entry at its beginning says all there is.
    const told = (close: (out: HandedOut, whole: boolean) => Promise<void>) => (asked.readFor ? async () => undefined : close);
    // Of all whom an export of everybody shows, for its end: at its beginning nobody knows how far it will be read.
    const shown = new Set<string | null>();
    const seen: Seen = (row, masked) => {
      if (masked !== undefined) shown.add(row.patient);
      return masked;
    };
    if (patient === undefined && masking.profile === 'deidentified') {
      // Said first that all are exported, then of each patient when it is read: whoever stops has had those alone.
      const stored = await this.#store.patients(principal.tenant, () => granted(call, null, 0, { args }));
      const names = stored.map((row) => row.patient);
      const walk = patientByPatient(names, masking, (one) =>
        read({ ...filter, patient: one }, masking, (rows) => granted(call, one, rows, { args }), seen),
      );
      // Whom it showed stands in the entry of each.
      return witnessed(
        walk,
        told((out, whole) => this.#store.record([exportClosed(call, new Set(), out, whole)])),
      );
    }
    let whose: string | null = null;
    const counted: Evidence = (rows) => {
      // The filter is free text until a patient answers to it, and free text has no place in the evidence.
      whose = rows > 0 ? (patient ?? null) : known;
      return granted(call, whose, rows, { args });
    };
    const walk = await read({ ...filter, ...(patient !== undefined && { patient }) }, masking, counted, seen);
    const of = () => (patient === undefined ? shown : whose);
    return witnessed(
      walk,
      told((out, whole) => this.#store.record([exportClosed(call, of(), out, whole)])),
    );
  }

  /** What it is read for, as the evidence has it: a bed is free text until the registry has one of this name. */
  #told(tenant: string, { bed, at }: ReadFor): { bed: string | null; at: number } {
    const isListed = this.#registry.gateways().some((row) => row.tenant === tenant && bed !== undefined && Object.hasOwn(row.beds, bed));
    return { bed: bed === undefined || isListed ? (bed ?? null) : 'unlisted', at };
  }
}

/** Notes whose row is handed out, and gives it on as it is shown. */
type Seen = <T>(row: { patient: string | null }, masked: T | undefined) => T | undefined;
