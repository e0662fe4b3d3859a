import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { EventFacts } from '../../shared/event.ts';
import { EVENT_CHECKS } from '../../shared/event-checks.ts';
import { checkObservation, readObservation } from '../../shared/observation.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { AccessResource, Principal } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import type { Policy } from '../access/policy.ts';
import { isDoubtable } from '../clinical/doubt/jumps.ts';
import { withRange } from '../clinical/plausible.ts';
import { MAX_AHEAD_MS, sortTimeOf, type Times, timesOf } from '../clinical/sort-time.ts';
import type { Place } from '../clinical/staleness.ts';
import { boundFrom, isBeforeBinding, type MeasuredAt, mayReachInto } from '../patients/before-binding.ts';
import { movementTimeOf } from '../patients/movement-time.ts';
import { PATIENT_SYSTEM, type Subject, subjectOf } from '../patients/subject.ts';
import { NOWHERE } from '../patients/whereabouts/devices.ts';
import type { BatchPlaces, RowPlace } from '../patients/whereabouts/placing.ts';
import type { NamedDevice } from '../registry/adopted.ts';
import { countsSince } from '../registry/adoptions.ts';
import { isBeforeStore, type UnknownStretch } from '../registry/bindings.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';
import type { Placed } from '../store/placing/placing.ts';
import type { Arrival, EventArrival, Refusal } from '../store/store.ts';
import { deviceNamed, isAdopted, isOfDevice } from './adopted/adopted.ts';
import { canonicalJson } from './canonical.ts';

/** Who sends, and what the checks need to know. */
export interface Sender {
  gateway: GatewayEntry;
  principal: Principal;
  registry: Registry;
  policy: Policy;
  at: Instant;
  /** Who lies where by movements; of a tenant that follows none, nothing is placed by them. */
  places?: BatchPlaces | undefined;
  /** Of which vital signs it is asked whose they are; of all of the table unless given. */
  isDoubted?: ((vital: string) => boolean) | undefined;
  /** Since when the device of the entry at hand counts at this gateway (hub's clock); as long as the gateway is its patient's unless given. */
  countsSince?: Instant;
  /** What kind of id it has, where that is asked: of a tenant that follows movements. */
  idType?: NamedDevice['idType'];
}

/** Whose device said that it is in demonstration mode. */
export interface DemoOf {
  patient: string;
  device: string;
}

/** `bed` is the one that the source names, where something well-formed was refused; `heard` the device that a home's gateway heard. */
export type Admitted = { heard?: NamedDevice | null } & (
  | { arrival: Arrival | EventArrival }
  | { refusal: Refusal; bed?: string | undefined; demo?: DemoOf | undefined }
);

const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;

/**
 * Takes one entry of a batch through every check, in this order: it is a `PUT <type>/<id>`, the id's agent part is the sender, the
 * resource keeps its rules, its device is adopted where the home has a list, and was when it measured, the sender is bound to somebody, may write for that patient, and was bound to it when it was measured.
 * What is measured in a bed that follows movements is whoever's they say, or nobody's (`nobodyIn`), as where a store that was put back misses some. Of a tenant in production nothing passes that says it is a test.
 * `sentAt` is the sender's clock at sending, null where it did not say so. Pure.
 */
export function admit(entry: unknown, by: Sender, sentAt: Instant | null = null): Admitted {
  const { resource, request } = fields(entry);
  const { id } = fields(resource);
  const named = typeof id === 'string' && FHIR_ID.test(id) ? id : '';
  const refuse = (code: ErrorCode, rule: string, bed?: string): Admitted => ({
    refusal: { id: named, code, rule, received: asReceived(resource ?? entry) },
    bed,
  });

  const key = parseObservationId(named);
  if (key && key.agent !== by.gateway.identity) return refuse('INGEST-FOREIGN-ID', 'id: of another gateway');
  const event = EVENT_CHECKS.find((kind) => kind.fits(fields(resource)))?.check(fields(resource));
  const checked = event ?? checkObservation(resource);
  if (!checked.ok) return refuse('INGEST-INVALID', checked.rule);
  if (!key) return refuse('INGEST-FOREIGN-ID', 'id: not <gateway>.<epoch>.<row>.<part>');
  const { method, url } = fields(request);
  const { resourceType } = fields(resource);
  if (method !== 'PUT' || url !== `${resourceType}/${named}`)
    return refuse('INGEST-INVALID', 'request: not PUT <type>/<id of the resource>');

  const heard = deviceNamed(fields(resource));
  const isAsked = !('facts' in checked) || isOfDevice(checked.facts, heard);
  if (isAsked && !isAdopted(by.gateway, heard)) return { ...refuse('INGEST-NOT-ADOPTED', 'device: not adopted at this home'), heard };
  const since = isAsked ? countsSince(by.gateway, heard) : 0;
  const idType = by.places && heard?.idType;
  const sender = since > 0 || idType ? { ...by, countsSince: since, ...(idType && { idType }) } : by;
  const takesTests = sender.registry.isSandbox(sender.gateway.tenant);
  if ('facts' in checked) {
    const admitted = checked.facts.test && !takesTests ? TEST_DATA : admitEvent(checked.facts, sender, sentAt);
    return 'code' in admitted
      ? refuse(admitted.code, admitted.rule, checked.facts.hints.bed)
      : { arrival: { ...admitted, id: named, received: canonicalJson(checked.resource) }, heard };
  }
  const { observation } = checked;
  const { hints, flags: given, ...facts } = readObservation(observation);
  const owned = ownerOf({ ...facts, hints, flags: given }, sender, sentAt);
  if ('code' in owned) return refuse(owned.code, owned.rule, hints.bed);
  const { patient, times, placed } = owned;
  if (facts.test && !takesTests) {
    const demo = given.includes('demo') ? { patient, device: facts.device } : undefined;
    return { ...refuse(TEST_DATA.code, TEST_DATA.rule, hints.bed), demo };
  }
  const { sortTime, freshAt, flags } = times;
  const place = placeOf(owned, sender);
  // Whether it is doubtful whose it is follows from what the store holds.
  const marked = withRange({ ...facts, flags: flags.filter((flag) => flag !== 'identity-doubtful') });
  const judged = isPersonal({ ...owned, vital: facts.vital, place }, sender);
  const received = canonicalJson(observation);
  return {
    arrival: {
      ...facts,
      id: named,
      patient,
      flags: marked,
      sortTime,
      freshAt,
      place,
      received,
      ...(placed && { placed }),
      ...(judged && { judged }),
    },
    heard,
  };
}

/**
 * Where it was measured. What the gateway of a home measures is so at home, also while its patient lies in a bed: it says the same whether it or the admission came first. Of a device that
 * is bound to somebody, wherever it is, it is where they lie.
 */
function placeOf({ patient, bed, placed }: Pick<Owned, 'patient' | 'bed' | 'placed'>, { gateway, registry }: Sender): Place {
  if (bed !== null || placed) return 'bed';
  return gateway.patient === patient || !registry.patient(gateway.tenant, patient)?.bed ? 'home' : 'bed';
}

/** Whether a reading is of a device that others in the home may use, so that it may be theirs. */
function isPersonal(
  { patient, place, vital }: { patient: string; place: Place; vital: string },
  { gateway, isDoubted }: Sender,
): true | undefined {
  return place === 'home' && gateway.patient === patient && isDoubtable(vital) && (isDoubted?.(vital) ?? true) ? true : undefined;
}

/** Why something is refused. */
type Refused = Pick<Refusal, 'code' | 'rule'>;

type Bound = Exclude<Subject, Refused>;
type Owned = { patient: string; bed: string | null; times: Times; placed?: Placed };

const TEST_DATA: Refused = { code: 'INGEST-TEST', rule: 'meta.security: test data, and the tenant is in production' };

const BEFORE_BINDING: Refused = { code: 'INGEST-BEFORE-BINDING', rule: 'time: before the binding, or not known to be after it' };

const BEFORE_ADOPTION: Refused = {
  code: 'INGEST-BEFORE-BINDING',
  rule: 'time: before the device was adopted at this home, or not known to be after it',
};

const UNKNOWN_TIME: Refused = {
  code: 'INGEST-BEFORE-BINDING',
  rule: 'time: out of a memory whose clock is in doubt, so nobody knows who lay in the bed',
};

const CLOCK_APART: Refused = {
  code: 'INGEST-BEFORE-BINDING',
  rule: 'time: the clock of the gateway is not that of the hub, and by that one somebody else lay in the bed, or nobody',
};

const ANOTHER_STATED: Refused = { code: 'INGEST-NOT-BOUND', rule: 'the patient stated is another' };

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
function ownerOf(facts: Measured, sender: Sender, sentAt: Instant | null): Owned | Refused {
  const { effective, receivedAt, flags } = facts;
  const claim = claimOf(facts, sender, sentAt);
  if (isFollowed(claim, sender)) return placedBy(facts, claim, sender, sentAt);
  const bound = boundTo(claim, sender);
  if ('code' in bound) return bound;
  const { patient, bed, since } = bound;
  const sorted = sortTimeOf(effective, receivedAt, flags);
  // Nothing is measured after it was received, so a device whose clock is ahead makes nothing newer than that.
  const measured = { ...sorted, sortTime: Math.min(sorted.sortTime, receivedAt), storedAt: sender.at, sentAt };
  if (isBeforeBinding(measured, since)) return BEFORE_BINDING;
  if (isBeforeBinding(measured, sender.countsSince ?? 0)) return BEFORE_ADOPTION;
  const unknown = unknownOf(sender).filter((stretch) => mayReachInto(stretch, measured));
  if (unknown.length > 0) return unknownIn(unknown);
  return { patient, bed, times: timesOf(sorted, { at: sender.at, sentAt }) };
}

type Measured = Pick<EventFacts, 'device' | 'hints' | 'effective' | 'receivedAt' | 'flags'>;
type Claim = Pick<EventFacts, 'device' | 'hints'>;

/** What it says of whose it is, but for the bed: where a device was put by hand decides over what its messages say. */
function claimOf({ device, hints, effective, receivedAt, flags }: Measured, sender: Sender, sentAt: Instant | null): Claim {
  if (!sender.places) return { device, hints };
  const { sortTime } = timesOf(sortTimeOf(effective, receivedAt, flags), { at: sender.at, sentAt });
  const bed = sender.places.bedOf({ gateway: sender.gateway.identity, device, idType: sender.idType }, hints.bed, sortTime);
  return bed === hints.bed || bed === undefined ? { device, hints } : { device, hints: { ...hints, bed } };
}

/** Whether movements say whose it is: a device that is bound straight to a patient is that one's. */
function isFollowed({ device, hints: { bed } }: Claim, { gateway: { followed, devices }, places }: Sender): boolean {
  if (!places || !followed || bed === undefined || Object.hasOwn(devices, device)) return false;
  return bed === NOWHERE || followed.has(bed);
}

/** Whose something is by movements, when it was measured; where nobody is known for sure it is the bed's. */
function placedBy({ effective, receivedAt, flags }: Measured, claim: Claim, sender: Sender, sentAt: Instant | null): Owned | Refused {
  const { places, at } = sender;
  const { device, hints } = claim;
  const { bed = NOWHERE } = hints;
  const refused = refusedWrite(bed === NOWHERE ? {} : { bed }, sender);
  if (refused) return refused;
  const stated = statedIn(claim, sender);
  if (stated && 'code' in stated) return stated;
  const sorted = sortTimeOf(effective, receivedAt, flags);
  if (sorted.flags.includes('memory') && (sorted.flags.includes('clock') || sorted.flags.includes('clockless'))) return UNKNOWN_TIME;
  const times = timesOf(sorted, { at, sentAt });
  const measured = { sortTime: Math.min(sorted.sortTime, receivedAt), flags: sorted.flags, storedAt: at, sentAt };
  if (isBeforeBinding(measured, sender.countsSince ?? 0)) return BEFORE_ADOPTION;
  const asked = { bed, gateway: sender.gateway.identity, device, idType: sender.idType, stated, mayBeLost: mayBeLost(measured, sender) };
  const row = places?.place({ ...asked, at: times.sortTime });
  if (!row) return BEFORE_BINDING;
  // How long ago it was by the gateway's own clock, from when the hub has it: another time where the clocks differ.
  const apart = sentAt === null ? 0 : at - sentAt;
  if (Math.abs(apart) > MAX_AHEAD_MS && places?.place({ ...asked, at: times.sortTime + apart }).patient !== row.patient) return CLOCK_APART;
  return { patient: row.patient, bed, times, placed: row.placed };
}

/**
 * Whether it may be of a time of which the store lost the movements, and by its own time alone that cannot be told (`TenantPlaces` goes by that): its clock is in doubt, or nobody knows how long ago it was. What was
 * before a new store, movements themselves tell.
 */
function mayBeLost(measured: MeasuredAt, sender: Sender): boolean {
  const { sentAt, flags } = measured;
  if (sentAt !== null && !flags.includes('clock') && !flags.includes('clockless')) return false;
  return unknownOf(sender).some((stretch) => !isBeforeStore(stretch) && mayReachInto(stretch, measured));
}

/** Whom it names, as movements can be compared with; one of our own ids that stands for nobody of them is refused. */
function statedIn({ hints: { patient } }: Claim, { places, registry }: Sender): RowPlace['stated'] | Refused {
  if (patient === undefined) return undefined;
  if (places?.isPerson(patient.value)) return { id: patient.value };
  return patient.authority === PATIENT_SYSTEM || registry.isPatient(patient.value) ? ANOTHER_STATED : patient;
}

/** Whom the gateway is bound to for it, and may write for, whenever it was. */
function boundTo(claim: Claim, sender: Sender): Bound | Refused {
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
    const { at } = sender;
    const sortTime =
      facts.kind === 'movement'
        ? movementTimeOf({ ...facts, at, sentAt })
        : timesOf(sortTimeOf(facts.effective, facts.receivedAt, flags), { at, sentAt }).sortTime;
    return { ...kept, patient: null, sortTime };
  }
  const owned = ownerOf(facts, sender, sentAt);
  if ('code' in owned) return owned;
  const { patient, times, placed } = owned;
  return { ...kept, patient, sortTime: times.sortTime, ...(placed && { placed }) };
}

/**
 * A stretch of time may begin with one patient and end with the next: only what is surely of the present binding is stored as this one's. What is
 * missing of movements and devices is missing of nobody, as they are themselves; and so is what a gateway with several patients cannot say
 * whose it was, such as all of a damaged file: it is told without a patient, and never as anybody's. In a bed that follows movements it is whoever's it was when it
 * began, since a movement that comes late may still move it.
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
  if (gap.lost === 'movement' || gap.lost === 'device') return { ...kept, patient: null, ...stretch(start) };
  const claim = claimOf(facts, sender, sentAt);
  if (isFollowed(claim, sender)) {
    const owned = placedBy(facts, claim, sender, sentAt);
    return 'code' in owned ? owned : { ...kept, patient: owned.patient, ...stretch(start), ...(owned.placed && { placed: owned.placed }) };
  }
  if (isOfNobody(facts, sender)) return { ...kept, patient: null, ...stretch(start) };
  const bound = boundTo(claim, sender);
  if ('code' in bound) return bound;
  const measured = { flags: facts.flags, ...clocks };
  const unknown = unknownOf(sender).filter((stretch) => mayReachInto(stretch, { ...measured, sortTime: start }, end));
  const since = Math.max(bound.since, sender.countsSince ?? 0, ...unknown.map(({ until }) => until));
  const from = Math.max(start, boundFrom(clocks, since));
  if (from > end || isBeforeBinding({ ...measured, sortTime: end }, since)) {
    if (unknown.length > 0) return unknownIn(unknown);
    return since > bound.since ? BEFORE_ADOPTION : BEFORE_BINDING;
  }
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
