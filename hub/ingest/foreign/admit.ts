import { formatInstant, type Instant, parseInstant } from '../../../shared/clock.ts';
import { EARLIEST } from '../../../shared/sort-time.ts';
import { SENT_DIGEST } from '../../store/observation-row.ts';
import { type Admitted, admit, asReceived, type Sender } from '../admit.ts';
import { canonicalJson } from '../canonical.ts';
import { ourEntry } from './entry.ts';
import { isListedSubject } from './subject.ts';

const UNLISTED = 'subject: not listed for this patient under `subjects` of the gateway in registry.yaml';

/** Takes one entry of any FHIR client through every check, as `admit` does; what is refused is kept as it came. `leftOut` are fields without a place here. */
export function admitForeign(entry: unknown, sender: Sender, sentAt: Instant | null): { part: Admitted; leftOut: readonly string[] } {
  const ours = ourEntry(entry, sender.gateway.identity);
  if ('rule' in ours) {
    const { id, rule } = ours;
    return { part: { refusal: { id, code: 'INGEST-INVALID', rule, received: asReceived(entry) } }, leftOut: [] };
  }
  const { observation, id, subject, digest, leftOut } = ours;
  const issued = believedReceipt(observation.issued);
  const sorted = { ...observation, issued: formatInstant(issued ?? Math.max(sender.at, sentAt ?? sender.at), 0) };
  const part = admit({ resource: sorted, request: { method: 'PUT', url: `Observation/${id}` } }, sender, sentAt);
  if ('refusal' in part) return { part: { refusal: { ...part.refusal, received: asReceived(entry) } }, leftOut: [] };
  const { arrival } = part;
  if (!isListedSubject(subject, sender.gateway, arrival.patient))
    return { part: { refusal: { id, code: 'INGEST-NOT-BOUND', rule: UNLISTED, received: asReceived(entry) } }, leftOut: [] };
  // The hub's time of receipt is none of what is kept and compared: another sending has another one.
  const extension = [...(observation.extension ?? []), { url: SENT_DIGEST, valueString: digest }];
  const kept = canonicalJson({ ...observation, extension });
  return { part: { arrival: { ...arrival, receivedAt: issued ?? sender.at, received: kept } }, leftOut };
}

/** When the client says that it had it; undefined where it does not say so, or its clock cannot be right: then it is the hub that received it. */
function believedReceipt(issued: string | undefined): Instant | undefined {
  const at = issued === undefined ? undefined : parseInstant(issued)?.at;
  return at !== undefined && at >= EARLIEST ? at : undefined;
}
