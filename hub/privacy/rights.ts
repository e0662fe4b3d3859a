import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import type { AccessResource, Action, Principal } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import type { CallContext } from '../access/door.ts';
import { type Call, granted, refused } from '../access/evidence-of-call.ts';
import { auditEventOf } from '../audit/fhir.ts';
import { onlyParties } from '../patients/movement-parts.ts';
import type { LegalHold } from '../store/erasing/erasing.ts';
import type { IsErased } from '../store/erasing/tombstone.ts';
import { bindingOf } from './bound.ts';
import type { ErasureAsked, ErasureReport, NumbersReport, PeopleStatus, PrivacyOptions } from './contract.ts';
import { rowsOfErased } from './erased-again.ts';
import { finishErasures, keepTombstones, listFault } from './finish-erasures.ts';
import { whoGave } from './held.ts';
import { movedFromHeld } from './moved-from-held.ts';
import { type NumbersAndKin, readNumbers } from './read-numbers.ts';
import { REASON } from './reason.ts';
import { amendmentResource, patientResource, registryResource, rollupResource } from './resources.ts';
import { faultOf, setAside } from './tombstone-file.ts';
import { nameOf, type WhoseNumbers } from './whose-numbers.ts';

/**
 * What a person may ask of the hospital about their data, for whoever does it in their name. Decided, and recorded as the caller. Errors: ACCESS-DENIED,
 * ACCESS-EXPIRED, PATIENT-*, USAGE, STORAGE-*.
 */
export class PatientRights {
  readonly #options: PrivacyOptions;
  #counts: Omit<PeopleStatus, 'listed'> = { erased: 0, underWay: 0, held: 0 };
  #isErased: IsErased = () => false;

  constructor(options: PrivacyOptions) {
    this.#options = options;
  }

  /** As of the last look, and of the registry in force; for the status. */
  get counts(): PeopleStatus {
    const listed = rowsOfErased(this.#options.registry, this.#isErased);
    return { ...this.#counts, ...(listed.length > 0 && { listed }) };
  }

  /** Looks how many people were erased, or are on hold, and whether the list beside the store can be followed. */
  async look(): Promise<void> {
    const { store, tombstones } = this.#options;
    const counts = await store.erasing.erasureCounts();
    this.#isErased = await store.erasing.whoWasErased();
    const list = await listFault(store.erasing, tombstones);
    this.#counts = { ...counts, ...(list && { list }) };
  }

  /**
   * Goes on without what the list beside the store says: it is moved aside, and a new one is begun from the store. What it said of people whom the store does not know to be erased
   * is left; whoever does this answers for it. Throws USAGE where the list can be followed.
   */
  async acceptTombstones(caller: Principal, reason: string, context: CallContext): Promise<{ aside: string | null }> {
    checkReason(reason);
    const { store, tombstones, clock } = this.#options;
    const call = await this.#begin(caller, 'patient.erase', context);
    await this.look();
    const { list } = this.#counts;
    if (list === undefined)
      throw new VitalmeshError('USAGE', { detail: 'the list of tombstones is as it must be: there is nothing to accept' });
    await store.record([granted(call, null, 0, { args: { accept: true, reason, list } })]);
    const aside = setAside(tombstones, clock.now()) ?? null;
    await keepTombstones(store.erasing, tombstones);
    await this.look();
    return { aside };
  }

  /**
   * Everything that the hub holds of one person, as FHIR R4: the person, what the registry says of them, every version of every observation that is kept, gaps, alerts and
   * waves, movements that name them by a number that is surely theirs, what remains of older readings, and who saw them. Nobody else is named in it. Before all of it comes the
   * report on those numbers, which is for whoever asks and not for the person.
   */
  async *export(
    caller: Principal,
    { patient, also = [] }: Pick<ErasureAsked, 'patient' | 'also'>,
    context: CallContext,
  ): AsyncGenerator<NumbersReport | { resourceType: string }> {
    const { store, registry } = this.#options;
    const { tenant } = caller;
    const call = await this.#begin(caller, 'patient.export', context, patient);
    // Who is masked by the policy must not be given somebody whole.
    if (call.obligations?.mask !== 'none') await this.#refuse(call, 'mask', null, 'ACCESS-DENIED');
    if (await store.erasing.isErased(tenant, patient)) await this.#refuse(call, 'erased', null, 'PATIENT-ERASED');
    const numbers = await this.#numbers(tenant, patient, also);
    const report = { included: also.length, ambiguous: numbers.ambiguous };
    const place = registryResource(registry, tenant, patient);
    const { seq: toSeq } = await store.auditHead();
    let whose = place === undefined ? null : patient;
    let rows = 0;
    const observations = await store.observations(tenant, { patient }, (count) => {
      if (count > 0) whose = patient;
      return granted(call, whose, count, { args: { included: also.length, ambiguous: numbers.ambiguous.length } });
    });
    let whole = false;
    try {
      for await (const resource of this.#resources(call, patient, { place, observations, toSeq, numbers })) {
        whose = patient;
        rows += 1;
        if (rows === 1) {
          yield report;
          yield patientResource(patient);
        }
        yield resource;
      }
      whole = true;
    } finally {
      await store.record([{ ...granted(call, whose, rows), reason: whole ? 'closed' : 'cut' }]);
    }
    if (rows === 0) throw new VitalmeshError('PATIENT-UNKNOWN');
  }

  async *#resources(
    call: Call,
    patient: string,
    known: {
      place: ReturnType<typeof registryResource>;
      observations: AsyncIterable<{ resource: { resourceType: string } }>;
      toSeq: number;
      numbers: WhoseNumbers;
    },
  ): AsyncGenerator<{ resourceType: string }> {
    const { store } = this.#options;
    const { tenant } = call.principal;
    if (known.place) yield known.place;
    for await (const { resource } of known.observations) yield resource;
    const amendments = await store.amend.amendments(tenant, patient);
    for (const [i, one] of amendments.entries()) yield amendmentResource(one, patient, i + 1);
    const events = await store.events(tenant, { patient }, (count) => granted(call, count > 0 ? patient : null, count));
    for await (const { resource } of events) yield resource;
    const { sure } = known.numbers;
    if (sure.size > 0)
      for await (const { resource } of store.erasing.movements(tenant)) {
        const own = onlyParties(resource, (name) => sure.has(name));
        if (own) yield own;
      }
    let number = 0;
    for await (const rollup of store.erasing.rollupsOf(tenant, patient)) {
      number += 1;
      yield rollupResource(rollup, patient, number);
    }
    for await (const { event, subjects: _, ...record } of store.evidence(tenant, { patient, toSeq: known.toSeq })) {
      // Of a list of many it is told that this one was in it.
      const { patients, ...own } = event;
      yield auditEventOf({ ...record, event: patients === undefined ? own : { ...own, patient } }, store.storeId);
    }
  }

  /** Erases a person for good. What was begun goes on also when the caller goes away. */
  async erase(caller: Principal, { patient, confirm, reason, also = [] }: ErasureAsked, context: CallContext): Promise<ErasureReport> {
    if (confirm !== patient) throw new VitalmeshError('USAGE', { detail: 'the id was not given the same twice: --confirm repeats it' });
    checkReason(reason, patient);
    const { store, registry, tombstones, feed, staleness, clock } = this.#options;
    const { tenant, id: principal } = caller;
    const call = await this.#begin(caller, 'patient.erase', context, patient);
    const bound = bindingOf(registry, tenant, patient);
    if (bound !== undefined) await this.#refuse(call, 'bound', patient, 'PATIENT-BOUND', bound);
    const fault = faultOf(tombstones);
    if (fault !== undefined) await this.#refuse(call, 'list', null, fault.code, fault.detail);
    const numbers = await this.#numbers(tenant, patient, also);
    // What movements say under a number that was merged is said of whoever goes by the other one now.
    for (const id of numbers.kin) {
      const place = bindingOf(registry, tenant, id);
      if (place !== undefined) await this.#refuse(call, 'bound', patient, 'PATIENT-BOUND', `under another of their numbers: ${place}`);
    }
    const people = [patient, ...numbers.kin];
    if (await movedFromHeld(store, { tenant, people, holds: await store.erasing.holds(tenant) }))
      await this.#refuse(call, 'held', patient, 'PATIENT-HELD', 'what is theirs now was moved from somebody who is');
    const given = await whoGave({ store, registry }, { tenant, people });
    const report = { included: also.length, ambiguous: numbers.ambiguous };
    const { tombstone, gone } = await this.#trying(call, () =>
      store.erasing.beginErasure({
        ...{ tenant, patient, reason, principal, at: clock.now() },
        ...{ names: [...numbers.sure], kin: [...numbers.kin, ...numbers.former, ...given] },
        evidence: ({ mark }) => {
          const { detail = {}, ...event } = granted(call, patient, 0);
          const erasure = { reason, mark: Buffer.from(mark).toString('hex'), included: also.length, ambiguous: numbers.ambiguous.length };
          return { ...event, detail: { ...detail, erasure } };
        },
      }),
    );
    staleness.changed(gone);
    feed.publish({ tenant, patient, kind: 'erased', vitals: [], at: clock.now() });
    // A file that cannot be written must not stop what was begun.
    const kept = await keepTombstones(store.erasing, tombstones).catch((thrown: unknown) => asVitalmeshError(thrown));
    const ended = (await finishErasures(store.erasing, () => clock.now())).find(
      (end) => end.patient === patient && end.tombstone.tenant === tenant,
    );
    if (kept instanceof VitalmeshError) throw kept;
    await keepTombstones(store.erasing, tombstones);
    await this.look();
    const removed = ended?.removed ?? { observations: 0, rollups: 0, events: 0, movements: 0, quarantine: 0 };
    return { mark: Buffer.from(tombstone.mark).toString('hex'), at: tombstone.at, reason: tombstone.reason, removed, ...report };
  }

  async hold(caller: Principal, { patient, reason }: Pick<ErasureAsked, 'patient' | 'reason'>, context: CallContext): Promise<void> {
    checkReason(reason, patient);
    const call = await this.#begin(caller, 'patient.hold', context, patient);
    const { tenant, id: principal } = caller;
    const { store, clock, registry } = this.#options;
    // A mistyped id must not read as a patient whom nobody can erase.
    const isKnown =
      registry.patient(tenant, patient) !== undefined ||
      (await store.erasing.knows(tenant, patient)) ||
      (await store.erasing.isErased(tenant, patient));
    if (!isKnown) await this.#refuse(call, 'unknown', null, 'PATIENT-UNKNOWN');
    await this.#trying(call, () =>
      store.erasing.hold(
        { tenant, patient, reason, principal, at: clock.now() },
        granted(call, patient, 1, { args: { hold: true, reason } }),
      ),
    );
    await this.look();
  }

  /** Everybody who is under legal hold, each hold with who set it, when and why. Not for whoever is masked: it is a list of ids. */
  async holds(caller: Principal, context: CallContext): Promise<readonly LegalHold[]> {
    const call = await this.#begin(caller, 'patient.hold', context);
    if (call.obligations?.mask !== 'none') await this.#refuse(call, 'mask', null, 'ACCESS-DENIED');
    const { store } = this.#options;
    const holds = await store.erasing.holds(caller.tenant);
    const patients = [...new Set(holds.map(({ patient }) => patient))];
    await store.record([granted(call, null, holds.length, { patients, args: { list: true } })]);
    return holds;
  }

  async release(caller: Principal, { patient, reason }: Pick<ErasureAsked, 'patient' | 'reason'>, context: CallContext): Promise<void> {
    checkReason(reason, patient);
    const call = await this.#begin(caller, 'patient.hold', context, patient);
    await this.#trying(call, () =>
      this.#options.store.erasing.release(caller.tenant, patient, reason, granted(call, patient, 1, { args: { hold: false, reason } })),
    );
    await this.look();
  }

  #numbers(tenant: string, patient: string, also: readonly string[]): Promise<NumbersAndKin> {
    const { store, registry } = this.#options;
    return readNumbers({ store: store.erasing, placing: store.placing, registry }, { tenant, patient, also: also.map(nameOfNumber) });
  }

  async #begin(principal: Principal, action: Action, context: CallContext, patient?: string): Promise<Call> {
    const { policy, clock, registry } = this.#options;
    const call: Call = { principal, action, context, policy: policy(), at: clock.now(), startedMs: clock.monotonicMs(), clock };
    const { tenant } = principal;
    const { ward, panels } = (patient !== undefined && registry.patient(tenant, patient)) || {};
    const resource: AccessResource = {
      tenant,
      ...(patient !== undefined && { patient }),
      ...(ward !== undefined && { ward }),
      ...(panels && { panels }),
    };
    const { allow, reason, obligations } = decide(principal, action, resource, call);
    if (!allow) await this.#refuse(call, reason, null, reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED');
    call.obligations = obligations;
    return call;
  }

  /** What the store refuses stands in the evidence, too. */
  async #trying<T>(call: Call, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const { code, detail } = asVitalmeshError(thrown);
      if (!code.startsWith('PATIENT-')) throw thrown;
      return await this.#refuse(call, code, null, code, detail);
    }
  }

  async #refuse(call: Call, reason: string, patient: string | null, code: VitalmeshError['code'], detail?: string): Promise<never> {
    await this.#options.store.record([refused(call, patient, reason)]);
    throw new VitalmeshError(code, detail === undefined ? {} : { detail });
  }
}

/** It stays where nothing of the person may stay. Throws USAGE. */
function checkReason(reason: string, patient?: string): void {
  if (REASON.test(reason) && (patient === undefined || !reason.includes(patient))) return;
  throw new VitalmeshError('USAGE', {
    detail: '--reason is a code or a ticket of 1 to 64 letters, digits and . _ : / # -, without the id: it stays',
  });
}

/** As a movement names the number. Throws USAGE, without what was given. */
function nameOfNumber(number: string): string {
  const [, authority = '', value = ''] = /^([^|]{0,255})\|([^|]{1,255})$/.exec(number) ?? [];
  if (value === '')
    throw new VitalmeshError('USAGE', { detail: 'a number is AUTHORITY|VALUE, one a line of the file that --also-from names' });
  return nameOf({ authority, value });
}
