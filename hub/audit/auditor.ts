import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Action, Principal } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import type { CallContext } from '../access/door.ts';
import { type Call, granted, refused } from '../access/evidence-of-call.ts';
import type { Policy } from '../access/policy.ts';
import type { Store } from '../store/store.ts';
import type { EvidenceFilter, EvidenceRecord } from './evidence.ts';
import { type EvidenceVerdict, verifyEvidence } from './notes.ts';
import { type AccessReport, reportOf } from './report.ts';
import type { Witness } from './witness.ts';

export interface AuditorOptions {
  store: Pick<Store, 'storeId' | 'audit' | 'evidence' | 'auditHead' | 'checkpoints' | 'record'>;
  policy: () => Policy;
  /** The public keys that the hub's notes are verified with. */
  keys: () => readonly string[];
  clock: Clock;
}

/** Which entries an auditor wants. */
export interface AuditFilter extends EvidenceFilter {
  /** In which this observation was shown. */
  saw?: string;
}

/** Gives out the evidence: decided, and recorded before the first entry is shown and after the last. Throws ACCESS-DENIED, STORAGE-*. */
export interface Auditor {
  list(caller: Principal, filter: AuditFilter, context: CallContext): AsyncGenerator<EvidenceRecord>;
  /** Who saw one patient. */
  report(caller: Principal, patient: string, context: CallContext): Promise<AccessReport>;
  /** The whole chain, of all tenants; `caller` once for each of them. */
  verify(callers: readonly Principal[], witnesses: readonly Witness[], context: CallContext): Promise<EvidenceVerdict>;
}

export function createAuditor(options: AuditorOptions): Auditor {
  return new StoreAuditor(options);
}

class StoreAuditor implements Auditor {
  readonly #options: AuditorOptions;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  async *list(caller: Principal, filter: AuditFilter, context: CallContext): AsyncGenerator<EvidenceRecord> {
    const call = await this.#begin(caller, 'audit.read', context, filter.patient);
    const { saw, ...bounds } = filter;
    // What is recorded from here on, this reading too, is not of it.
    const { seq } = await this.#options.store.auditHead();
    const walk = this.#options.store.evidence(caller.tenant, { ...bounds, toSeq: Math.min(seq, filter.toSeq ?? seq) });
    const records = walk[Symbol.asyncIterator]();
    let next = await records.next();
    // A name that nothing answers to is free text, and has no place in the evidence.
    const whose = next.done ? null : (filter.patient ?? null);
    const args = {
      principal: next.done ? null : (filter.principal ?? null),
      ...{ from: filter.from ?? null, to: filter.to ?? null, fromSeq: filter.fromSeq ?? null, toSeq: filter.toSeq ?? null },
    };
    await this.#options.store.record([granted(call, whose, 0, { args })]);
    let rows = 0;
    try {
      for (; !next.done; next = await records.next()) {
        if (saw !== undefined && !next.value.event.detail?.shown?.some(([observation]) => observation === saw)) continue;
        rows += 1;
        yield next.value;
      }
    } finally {
      await records.return?.(undefined);
      await this.#options.store.record([{ ...granted(call, whose, rows), reason: next.done ? 'closed' : 'cut' }]);
    }
  }

  async report(caller: Principal, patient: string, context: CallContext): Promise<AccessReport> {
    const { store } = this.#options;
    const call = await this.#begin(caller, 'audit.read', context, patient);
    const { seq: toSeq } = await store.auditHead();
    const report = await reportOf(patient, store.evidence(caller.tenant, { patient, toSeq }), store.evidence(caller.tenant, { toSeq }));
    const whose = report.accesses.length > 0 ? patient : null;
    await store.record([granted(call, whose, report.accesses.length, { view: report })]);
    return report;
  }

  async verify(callers: readonly Principal[], witnesses: readonly Witness[], context: CallContext): Promise<EvidenceVerdict> {
    const { store, keys } = this.#options;
    const calls = await Promise.all(callers.map((caller) => this.#begin(caller, 'audit.verify', context)));
    let { seq: upTo } = await store.auditHead();
    for await (const { seq } of store.checkpoints()) upTo = Math.max(upTo, seq);
    await store.record(calls.map((call) => granted(call, null, 0)));
    const { storeId } = store;
    return await verifyEvidence(store.audit(), { storeId, upTo, checkpoints: store.checkpoints(), keys: keys(), witnesses });
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
