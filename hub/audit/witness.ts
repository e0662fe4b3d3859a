import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { type Checkpoint, readCheckpoint, signedBy } from '../../shared/signed-note.ts';

/** A note that a gateway kept. */
export interface Witness {
  gateway: string;
  /** The verifier key that it is signed with. */
  key: string;
  checkpoint: Checkpoint;
  /** When the gateway got it, by its own clock, if its file says so. */
  at?: Instant;
}

const witnessFile = z.object({
  witness: z.literal(1),
  gateway: z.string().max(256),
  stores: z
    .array(
      z.object({ key: z.string().max(512), notes: z.array(z.object({ at: z.int().optional(), note: z.string().max(2048) })).max(10_000) }),
    )
    .max(64),
});

/**
 * The notes of a file that `vitalmesh-agent witness export` wrote. Throws AUDIT-WITNESS for one that cannot be read, and for one with a note
 * that the key beside it did not sign: it is not as the gateway wrote it.
 */
export function readWitnessFile(path: string): Witness[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new VitalmeshError('AUDIT-WITNESS', { detail: `${path} cannot be read`, cause });
  }
  const { success, data } = witnessFile.safeParse(json);
  if (!success) throw new VitalmeshError('AUDIT-WITNESS', { detail: `${path} is not the export of a gateway` });
  return data.stores.flatMap(({ key, notes }) =>
    notes.map(({ at, note }) => {
      const read = readCheckpoint(note);
      if (!read || signedBy(read, [key]) !== 'good')
        throw new VitalmeshError('AUDIT-WITNESS', { detail: `${path} holds a note that is not signed` });
      return {
        gateway: data.gateway,
        key,
        checkpoint: { origin: read.origin, size: read.size, hash: read.hash },
        ...(at !== undefined && { at }),
      };
    }),
  );
}
