import { hash } from 'node:crypto';
import type { AuditEvent } from '../access/access.ts';
import { SHOWING } from './saw.ts';
import type { SubjectKey } from './sealed.ts';

/** Of each observation: one in 65,536 others has the same. */
const TAG_BYTES = 2;

/**
 * What the index of patients says of an entry beside whose it is: of each observation that it showed a tag, so that who saw one is found without opening all that
 * is sealed. Made with the key of the patient, so that it tells nobody anything without it, and no more once that is destroyed. Empty for what showed none;
 * null for what does not say which it showed. Pure.
 */
export function shownTags({ action, outcome, count, detail }: AuditEvent, { secret }: Pick<SubjectKey, 'secret'>): Uint8Array | null {
  const shown = detail?.shown;
  if (shown !== undefined) return Buffer.concat(shown.map(([observation]) => tagOf(observation, secret)));
  return outcome === 'allowed' && count > 0 && SHOWING.includes(action) ? null : new Uint8Array();
}

/** Whether an entry may have shown an observation, by its tags: it has to be opened to know. */
export function maySay(tags: Uint8Array | null, tag: Uint8Array): boolean {
  if (tags === null) return true;
  for (let at = 0; at < tags.length; at += TAG_BYTES) if (tags[at] === tag[0] && tags[at + 1] === tag[1]) return true;
  return false;
}

export function tagOf(observation: string, secret: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([Buffer.from('vitalmesh-shown:'), secret, Buffer.from(observation)]), 'buffer').subarray(
    0,
    TAG_BYTES,
  );
}
