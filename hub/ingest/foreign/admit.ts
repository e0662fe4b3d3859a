import type { Instant } from '../../../shared/clock.ts';
import { type Admitted, admit, asReceived, type Sender } from '../admit.ts';
import { ourEntry } from './entry.ts';

/** Takes one entry of any FHIR client through every check, as `admit` does; what is refused is kept as it came. `leftOut` are fields without a place here. */
export function admitForeign(entry: unknown, sender: Sender, sentAt: Instant | null): { part: Admitted; leftOut: readonly string[] } {
  const ours = ourEntry(entry, sender.gateway.identity);
  if ('rule' in ours) {
    const { id, rule } = ours;
    return { part: { refusal: { id, code: 'INGEST-INVALID', rule, received: asReceived(entry) } }, leftOut: [] };
  }
  const part = admit(ours.entry, sender, sentAt);
  if ('arrival' in part) return { part, leftOut: ours.leftOut };
  return { part: { refusal: { ...part.refusal, received: asReceived(entry) } }, leftOut: [] };
}
