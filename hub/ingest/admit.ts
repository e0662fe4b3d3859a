import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { EventFacts } from '../../shared/event.ts';
import { EVENT_CHECKS } from '../../shared/event-checks.ts';
import { checkObservation, readObservation } from '../../shared/observation.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { Principal } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import { withRange } from '../clinical/plausible.ts';
import { sortTimeOf, type Times, timesOf } from '../clinical/sort-time.ts';
import { isBeforeBinding } from '../patients/before-binding.ts';
import { subjectOf } from '../patients/subject.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';
import type { Arrival, EventArrival, Refusal } from '../store/store.ts';
import { canonicalJson } from './canonical.ts';

/** Who sends, and what the checks need to know. */
export interface Sender {
  gateway: GatewayEntry;
  principal: Principal;
  registry: Registry;
  at: Instant;
}

export type Admitted = { arrival: Arrival | EventArrival } | { refusal: Refusal };

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
  const refuse = (code: ErrorCode, rule: string): Admitted => ({
    refusal: { id: named, code, rule, received: asReceived(resource ?? entry) },
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
      ? refuse(admitted.code, admitted.rule)
      : { arrival: { ...admitted, id: named, received: canonicalJson(checked.resource) } };
  }
  const { observation } = checked;
  const { hints, flags: given, ...facts } = readObservation(observation);
  const owned = ownerOf({ ...facts, hints, flags: given }, sender, sentAt);
  if ('code' in owned) return refuse(owned.code, owned.rule);
  const { patient, bed, times } = owned;
  const { sortTime, freshAt, flags } = times;
  const place = bed === null && !sender.registry.patient(sender.gateway.tenant, patient)?.bed ? 'home' : 'bed';
  const marked = withRange({ ...facts, flags });
  return { arrival: { ...facts, id: named, patient, flags: marked, sortTime, freshAt, place, received: canonicalJson(observation) } };
}

/** Why something is refused. */
type Refused = Pick<Refusal, 'code' | 'rule'>;

type Owned = { patient: string; bed: string | null; times: Times };

/** Whose something is and when it was, or why this gateway may not send it. */
function ownerOf(
  { device, hints, effective, receivedAt, flags }: Pick<EventFacts, 'device' | 'hints' | 'effective' | 'receivedAt' | 'flags'>,
  { gateway, principal, registry, at }: Sender,
  sentAt: Instant | null,
): Owned | Refused {
  const subject = subjectOf(gateway, { device, hints }, registry);
  if ('code' in subject) return subject;
  const { patient, bed, since } = subject;
  const decision = decide(principal, 'observations.write', { tenant: gateway.tenant, patient }, at);
  if (!decision.allow) return { code: 'INGEST-NOT-BOUND', rule: `access: ${decision.reason}` };
  const sorted = sortTimeOf(effective, receivedAt, flags);
  if (isBeforeBinding({ ...sorted, storedAt: at, sentAt }, since))
    return { code: 'INGEST-BEFORE-BINDING', rule: 'time: before the binding, or not known to be after it' };
  return { patient, bed, times: timesOf(sorted, { at, sentAt }) };
}

/**
 * An event but for its id and resource. A movement is nobody's of the registry: who may tell of movements may tell of anybody's. A device is of
 * no patient, and its gateway may always say what it is made of.
 */
function admitEvent(facts: EventFacts, sender: Sender, sentAt: Instant | null): Omit<EventArrival, 'id' | 'received'> | Refused {
  const { hints: _, flags, ...kept } = facts;
  if (facts.kind === 'movement' || facts.kind === 'device') {
    if (facts.kind === 'movement' && !sender.gateway.movements)
      return { code: 'INGEST-NOT-BOUND', rule: 'movements: this gateway may not tell of them' };
    const { sortTime } = timesOf(sortTimeOf(facts.effective, facts.receivedAt, flags), { at: sender.at, sentAt });
    return { ...kept, patient: null, sortTime };
  }
  const owned = ownerOf(facts, sender, sentAt);
  return 'code' in owned ? owned : { ...kept, patient: owned.patient, sortTime: owned.times.sortTime };
}

/** JSON of what was refused, whatever it is; '' for what is nested too deeply to be written. */
function asReceived(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
