import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { checkObservation, readObservation } from '../../shared/observation.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { Principal } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import { withRange } from '../clinical/plausible.ts';
import { sortTimeOf, timesOf } from '../clinical/sort-time.ts';
import { isBeforeBinding } from '../patients/before-binding.ts';
import { subjectOf } from '../patients/subject.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';
import type { Arrival, Refusal } from '../store/store.ts';
import { canonicalJson } from './canonical.ts';

/** Who sends, and what the checks need to know. */
export interface Sender {
  gateway: GatewayEntry;
  principal: Principal;
  registry: Registry;
  at: Instant;
}

export type Admitted = { arrival: Arrival } | { refusal: Refusal };

const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;

/**
 * Takes one entry of a batch through every check, in this order: it is a `PUT Observation/<id>`, the id's agent part is the sender, the
 * Observation keeps its rules, the sender is bound to somebody, may write for that patient, and was bound to it when it was measured.
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
  const checked = checkObservation(resource);
  if (!checked.ok) return refuse('INGEST-INVALID', checked.rule);
  if (!key) return refuse('INGEST-FOREIGN-ID', 'id: not <gateway>.<epoch>.<row>.<part>');
  const { method, url } = fields(request);
  if (method !== 'PUT' || url !== `Observation/${named}`)
    return refuse('INGEST-INVALID', 'request: not PUT Observation/<id of the resource>');

  const { observation } = checked;
  const { hints, flags: given, ...facts } = readObservation(observation);
  const subject = subjectOf(sender.gateway, { device: facts.device, hints }, sender.registry);
  if ('code' in subject) return refuse(subject.code, subject.rule);
  const { patient, bed, since } = subject;
  const decision = decide(sender.principal, 'observations.write', { tenant: sender.gateway.tenant, patient }, sender.at);
  if (!decision.allow) return refuse('INGEST-NOT-BOUND', `access: ${decision.reason}`);
  const sorted = sortTimeOf(facts.effective, facts.receivedAt, given);
  if (isBeforeBinding({ ...sorted, storedAt: sender.at, sentAt }, since))
    return refuse('INGEST-BEFORE-BINDING', 'time: before the binding, or not known to be after it');
  const { sortTime, freshAt, flags } = timesOf(sorted, { at: sender.at, sentAt });
  const place = bed === null && !sender.registry.patient(sender.gateway.tenant, patient)?.bed ? 'home' : 'bed';
  const marked = withRange({ ...facts, flags });
  return { arrival: { ...facts, id: named, patient, flags: marked, sortTime, freshAt, place, received: canonicalJson(observation) } };
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
