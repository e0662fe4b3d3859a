import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { EventFacts } from '../../shared/event.ts';
import { EVENT_CHECKS } from '../../shared/event-checks.ts';
import { checkObservation, readObservation } from '../../shared/observation.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { AccessResource, Principal } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import type { Policy } from '../access/policy.ts';
import { withRange } from '../clinical/plausible.ts';
import { sortTimeOf, type Times, timesOf } from '../clinical/sort-time.ts';
import { boundFrom, isBeforeBinding, mayReachInto } from '../patients/before-binding.ts';
import { type Subject, subjectOf } from '../patients/subject.ts';
import { isBeforeStore, type UnknownStretch } from '../registry/bindings.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';
import type { Arrival, EventArrival, Refusal } from '../store/store.ts';
import { canonicalJson } from './canonical.ts';

/** Who sends, and what the checks need to know. */
export interface Sender {
  gateway: GatewayEntry;
  principal: Principal;
  registry: Registry;
  policy: Policy;
  at: Instant;
}

/** `bed` is the one that the source names, where something well-formed was refused. */
export type Admitted = { arrival: Arrival | EventArrival } | { refusal: Refusal; bed?: string | undefined };

const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;

/**
 * Takes one entry of a batch through every check, in this order: it is a `PUT <type>/<id>`, the id's agent part is the sender, the
 * resource keeps its rules, the sender is bound to somebody, may write for that patient, and was bound to it when it was measured.
 * `sentAt` is the sender's clock at sending, null where it did not say so. Pure.
 */
export function admit(entry: unknown, sender: Sender, sentAt: Instant | null = null): Admitted {
  const { resource, request } = fields(entry);
  const { id } = fields(resource);
  const named = typeof id === 'string' && FHIR_ID.test(id) ? id : '';
  const refuse = (code: ErrorCode, rule: string, bed?: string): Admitted => ({
    refusal: { id: named, code, rule, received: asReceived(resource ?? entry) },
    bed,
  });

  const key = parseObservationId(named);
  if (key && key.agent !== sender.gateway.identity) return refuse('INGEST-FOREIGN-ID', 'id: of another gateway');
  const event = EVENT_CHECKS.find((kind) => kind.fits(fields(resource)))?.check(fields(resource));
  const checked = event ?? checkObservation(resource);
  if (!checked.ok) return refuse('INGEST-INVALID', checked.rule);
  if (!key) return refuse('INGEST-FOREIGN-ID', 'id: not <gateway>.<epoch>.<row>.<part>');
  const { method, url } = fields(request);
  const { resourceType } = fields(resource);
  if (method !== 'PUT' || url !== `${resourceType}/${named}`)
    return refuse('INGEST-INVALID', 'request: not PUT <type>/<id of the resource>');

  if ('facts' in checked) {
    const admitted = admitEvent(checked.facts, sender, sentAt);
    return 'code' in admitted
      ? refuse(admitted.code, admitted.rule, checked.facts.hints.bed)
      : { arrival: { ...admitted, id: named, received: canonicalJson(checked.resource) } };
  }
  const { observation } = checked;
  const { hints, flags: given, ...facts } = readObservation(observation);
  const owned = ownerOf({ ...facts, hints, flags: given }, sender, sentAt);
  if ('code' in owned) return refuse(owned.code, owned.rule, hints.bed);
  const { patient, bed, times } = owned;
  const { sortTime, freshAt, flags } = times;
  const place = bed === null && !sender.registry.patient(sender.gateway.tenant, patient)?.bed ? 'home' : 'bed';
  const marked = withRange({ ...facts, flags });
  return { arrival: { ...facts, id: named, patient, flags: marked, sortTime, freshAt, place, received: canonicalJson(observation) } };
}

/** Why something is refused. */
type Refused = Pick<Refusal, 'code' | 'rule'>;

type Bound = Exclude<Subject, Refused>;
type Owned = { patient: string; bed: string | null; times: Times };

const BEFORE_BINDING: Refused = { code: 'INGEST-BEFORE-BINDING', rule: 'time: before the binding, or not known to be after it' };

const UNKNOWN_BINDING: Refused = {
  code: 'INGEST-BEFORE-BINDING',
  rule: 'time: the store was put back, and nobody confirmed who was bound since',
};

const UNKNOWN_BEFORE_STORE: Refused = {
  code: 'INGEST-BEFORE-BINDING',
  rule: 'time: before this store began, and nobody confirmed who was bound then',
};

/** When the bindings of a gateway are not known and nobody confirmed them since. A confirmation from the future would hold for restores to come. */
function unknownOf({ gateway: { since, confirmed = 0 }, at }: Sender): UnknownStretch[] {
  return (since?.unknown ?? []).filter(({ found }) => confirmed > at || confirmed < found);
}

function unknownIn(stretches: readonly UnknownStretch[]): Refused {
  return stretches.every(isBeforeStore) ? UNKNOWN_BEFORE_STORE : UNKNOWN_BINDING;
}

/** Whose something is and when it was, or why this gateway may not send it. */
function ownerOf(
  { effective, receivedAt, flags, ...claim }: Pick<EventFacts, 'device' | 'hints' | 'effective' | 'receivedAt' | 'flags'>,
  sender: Sender,
  sentAt: Instant | null,
): Owned | Refused {
  const bound = boundTo(claim, sender);
  if ('code' in bound) return bound;
  const { patient, bed, since } = bound;
  const sorted = sortTimeOf(effective, receivedAt, flags);
  // Nothing is measured after it was received, so a device whose clock is ahead makes nothing newer than that.
  const measured = { ...sorted, sortTime: Math.min(sorted.sortTime, receivedAt), storedAt: sender.at, sentAt };
  if (isBeforeBinding(measured, since)) return BEFORE_BINDING;
  const unknown = unknownOf(sender).filter((stretch) => mayReachInto(stretch, measured));
  if (unknown.length > 0) return unknownIn(unknown);
  return { patient, bed, times: timesOf(sorted, { at: sender.at, sentAt }) };
}

/** Whom the gateway is bound to for it, and may write for, whenever it was. */
function boundTo(claim: Pick<EventFacts, 'device' | 'hints'>, sender: Sender): Bound | Refused {
  const { gateway, registry } = sender;
  const subject = subjectOf(gateway, claim, registry);
  if ('code' in subject) return subject;
  const { patient, bed } = subject;
  const { device } = claim;
  const by = Object.hasOwn(gateway.devices, device) ? { device } : bed === null ? {} : { bed };
  return refusedWrite({ patient, ...by }, sender) ?? subject;
}

/** Why the gateway may not write this; undefined where it may. */
function refusedWrite(
  of: Pick<AccessResource, 'patient' | 'bed' | 'device'>,
  { gateway, principal, policy, at }: Sender,
): Refused | undefined {
  const { allow, reason } = decide(principal, 'observations.write', { tenant: gateway.tenant, ...of }, { at, policy });
  return allow ? undefined : { code: 'INGEST-NOT-BOUND', rule: `access: ${reason}` };
}

/**
 * An event but for its id and resource. A movement is nobody's of the registry: who may tell of movements may tell of anybody's. A device is of
 * no patient, and its gateway may always say what it is made of.
 */
function admitEvent(facts: EventFacts, sender: Sender, sentAt: Instant | null): Omit<EventArrival, 'id' | 'received'> | Refused {
  const { hints: _, flags, gap, ...kept } = facts;
  if (gap) return admitGap(kept, { ...facts, gap }, sender, sentAt);
  if (facts.kind === 'movement' || facts.kind === 'device') {
    if (facts.kind === 'movement' && !sender.gateway.movements)
      return { code: 'INGEST-NOT-BOUND', rule: 'movements: this gateway may not tell of them' };
    const { sortTime } = timesOf(sortTimeOf(facts.effective, facts.receivedAt, flags), { at: sender.at, sentAt });
    return { ...kept, patient: null, sortTime };
  }
  const owned = ownerOf(facts, sender, sentAt);
  return 'code' in owned ? owned : { ...kept, patient: owned.patient, sortTime: owned.times.sortTime };
}

/**
 * A stretch of time may begin with one patient and end with the next: only what is surely of the present binding is stored as this one's. What is
 * missing of movements and devices is missing of nobody, as they are themselves; and so is what a gateway with several patients cannot say
 * whose it was, such as all of a damaged file: it is told without a patient, and never as anybody's.
 */
function admitGap(
  kept: Omit<EventFacts, 'hints' | 'flags' | 'gap'>,
  { gap, ...facts }: EventFacts & { gap: NonNullable<EventFacts['gap']> },
  sender: Sender,
  sentAt: Instant | null,
): Omit<EventArrival, 'id' | 'received'> | Refused {
  const clocks = { storedAt: sender.at, sentAt };
  const start = sortTimeOf(facts.effective, facts.receivedAt, facts.flags).sortTime;
  const end = Math.max(start, sortTimeOf(gap.until, facts.receivedAt, facts.flags).sortTime);
  const stretch = (from: Instant): Pick<EventArrival, 'sortTime' | 'until'> => {
    const [sortTime, until] = [shownAt(from, sender, sentAt), shownAt(end, sender, sentAt)];
    return { sortTime, until: Math.max(sortTime, until) };
  };
  if (gap.lost === 'movement' || gap.lost === 'device' || isOfNobody(facts, sender)) return { ...kept, patient: null, ...stretch(start) };
  const bound = boundTo(facts, sender);
  if ('code' in bound) return bound;
  const measured = { flags: facts.flags, ...clocks };
  const unknown = unknownOf(sender).filter((stretch) => mayReachInto(stretch, { ...measured, sortTime: start }, end));
  const since = Math.max(bound.since, ...unknown.map(({ until }) => until));
  const from = Math.max(start, boundFrom(clocks, since));
  if (from > end || isBeforeBinding({ ...measured, sortTime: end }, since)) return unknown.length > 0 ? unknownIn(unknown) : BEFORE_BINDING;
  return { ...kept, patient: bound.patient, ...(from > start && { effective: from }), ...stretch(from) };
}

/** Names nobody, and the gateway has no patient of its own. What names somebody whom the gateway may not speak for is not nobody's. */
function isOfNobody({ device, hints }: EventFacts, { gateway, registry }: Sender): boolean {
  const isUnnamed = hints.patient === undefined && hints.bed === undefined && hints.visit === undefined;
  return isUnnamed && 'code' in subjectOf(gateway, { device, hints }, registry);
}

function shownAt(sortTime: Instant, { at }: Sender, sentAt: Instant | null): Instant {
  return timesOf({ sortTime, flags: [] }, { at, sentAt }).sortTime;
}

/** JSON of what was refused, whatever it is; '' for what is nested too deeply to be written. */
export function asReceived(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
