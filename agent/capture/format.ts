import { createHash, type Hash } from 'node:crypto';
import { z } from 'zod';
import { VitalmeshError } from '../../shared/errors.ts';

/*
 * A capture is NDJSON. Its first line is a `CaptureHeader`; then one `CaptureChunk` a read, in the order of arrival; its last line is a
 * `CaptureTrailer` with the SHA-256 of everything before it, so that a file that was cut off or changed is known. The bytes are base64, so that
 * nothing that reads devices can take a capture for one; and `replay: true` says to whoever unpacks them that they are no measurements.
 */

const headerSchema = z.strictObject({
  vitalmesh: z.literal('capture'),
  version: z.literal(1),
  /** The mark: everything that is read from this file is test data. */
  replay: z.literal(true),
  source: z.string().min(1).max(64),
  profile: z.string().min(1).max(1024),
  /** Of HL7 v2: whether messages stand in MLLP blocks. */
  framing: z.enum(['mllp', 'none']).optional(),
  /** UTC ms. */
  startedAt: z.int().min(0),
  /** Zone of device times without one. */
  zone: z.string().min(1).max(64),
  identifiers: z.enum(['blanked', 'kept']),
});

const chunkSchema = z.strictObject({
  /** Milliseconds since `startedAt`. */
  ms: z.int().min(0),
  /** Which connection or opening of the line. */
  link: z.int().min(0),
  bytes: z.base64(),
});

const endings = z.enum(['time', 'size', 'slow', 'stopped']);

const trailerSchema = z.strictObject({
  /** Why it ended: the time was over, the largest size was reached, whoever wrote it was too slow, or it was stopped. */
  end: endings,
  chunks: z.int().min(0),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export type CaptureHeader = z.infer<typeof headerSchema>;
export type CaptureChunk = z.infer<typeof chunkSchema>;
export type CaptureEnding = z.infer<typeof endings>;

/** What a running agent gives out, row by row. */
export type CaptureRow = CaptureHeader | CaptureChunk | { end: CaptureEnding };

/** A capture that was read as a whole and found undamaged. */
export interface Capture {
  header: CaptureHeader;
  chunks: { ms: number; link: number; bytes: Uint8Array }[];
}

/** Turns rows into the lines of a file. Throws CAPTURE-DAMAGED for what is no row, or not in its place. */
export class CaptureWriter {
  readonly #hash: Hash = createHash('sha256');
  #begun = false;
  #chunks = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  line(row: unknown): string {
    const checked = this.#begun ? chunkSchema.safeParse(row) : headerSchema.safeParse(row);
    if (!checked.success) throw damaged(this.#begun ? 'a row of the agent' : 'the header');
    this.#begun = true;
    if ('bytes' in checked.data) {
      this.#chunks += 1;
      this.#bytes += Buffer.byteLength(checked.data.bytes, 'base64');
    }
    const line = `${JSON.stringify(checked.data)}\n`;
    this.#hash.update(line);
    return line;
  }

  end(ending: CaptureEnding): string {
    return `${JSON.stringify({ end: ending, chunks: this.#chunks, bytes: this.#bytes, sha256: this.#hash.digest('hex') })}\n`;
  }
}

/** Reads a whole file. Throws CAPTURE-DAMAGED, with the line. */
export function readCapture(text: string): Capture {
  const end = text.lastIndexOf('\n', text.length - 2) + 1;
  const lines = text.slice(0, end).split('\n').slice(0, -1);
  const header = parsed(headerSchema, lines[0], 1);
  const trailer = parsed(trailerSchema, text.endsWith('\n') ? text.slice(end, -1) : undefined, lines.length + 1);
  const chunks = lines.slice(1).map((line, i) => {
    const { bytes, ...at } = parsed(chunkSchema, line, i + 2);
    return { ...at, bytes: new Uint8Array(Buffer.from(bytes, 'base64')) };
  });
  const sha256 = createHash('sha256').update(text.slice(0, end)).digest('hex');
  if (sha256 !== trailer.sha256) throw damaged('it was changed');
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
  if (trailer.chunks !== chunks.length || trailer.bytes !== bytes) throw damaged(`line ${lines.length + 1}`);
  return { header, chunks };
}

function parsed<T extends z.ZodType>(schema: T, line: string | undefined, number: number): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(line ?? '');
  } catch {
    throw damaged(`line ${number}`);
  }
  const checked = schema.safeParse(value);
  if (!checked.success) throw damaged(`line ${number}`);
  return checked.data;
}

function damaged(detail: string): VitalmeshError {
  return new VitalmeshError('CAPTURE-DAMAGED', { detail });
}
