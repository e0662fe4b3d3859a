import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { Decoded, Rejected, StreamDecoder } from '../decoding.ts';
import type { Intake } from './source.ts';
import type { SourceTally } from './tally.ts';

/**
 * Hands one decoded part to the intake and counts what came of it. The call itself hands over in order; the promise resolves
 * to whether all of the part is on disk, and never rejects. `replayable`: the device sends again what was not acknowledged; unless
 * told, one that can be told of a failure does.
 */
export async function deliver(part: Decoded, intake: Intake, tally: SourceTally, replayable?: boolean): Promise<boolean> {
  // Asked only when something failed: to know it the refusal has to be written.
  const sendsAgain = (): boolean => replayable ?? (part.reply?.failed.byteLength ?? 0) > 0;
  try {
    const storing = part.records.length > 0 ? intake.store(part.records, part.message, sendsAgain) : undefined;
    if (part.rejected.length > 0) tally.rejected(part.rejected);
    const rejecting = part.rejected.length > 0 ? intake.reject(tally.name, part.rejected) : undefined;
    // A refusal of the one must not leave the other without somebody who waits for it.
    const [stored] = rejecting ? await Promise.all([storing, rejecting]) : [await storing];
    if (stored === 'held') tally.repeated();
    else tally.stored(part.records);
    if (stored === 'stored-again') tally.storedAgain();
    return true;
  } catch (error) {
    tally.unstored(asVitalmeshError(error), sendsAgain() ? 0 : part.records.length);
    return false;
  }
}

/** A decoder that survives a defect of the one inside: the chunk is put in quarantine as INTERNAL and a fresh one takes over. */
export function resilientDecoder(fresh: () => StreamDecoder): StreamDecoder {
  let decoder = fresh();
  const guarded = (chunk: Uint8Array, decode: () => Decoded[]): Decoded[] => {
    try {
      return decode();
    } catch {
      decoder = fresh();
      decoder.lose?.();
      return [{ records: [], rejected: [defect('chunk', chunk)] }];
    }
  };
  return {
    push: (chunk: Uint8Array, receivedAt: Instant) => guarded(chunk, () => decoder.push(chunk, receivedAt)),
    end: (receivedAt: Instant) => guarded(new Uint8Array(0), () => decoder.end(receivedAt)),
    ...(decoder.quiet && {
      quiet: (receivedAt: Instant) => guarded(new Uint8Array(0), () => decoder.quiet?.(receivedAt) ?? []),
    }),
    get held() {
      return decoder.held ?? 0;
    },
  };
}

/** What is kept of bytes on which a decoder failed by a defect of its own. */
export function defect(part: string, bytes: Uint8Array): Rejected {
  return { code: 'INTERNAL', part, bytes: bytes.byteLength, raw: Uint8Array.from(bytes) };
}
