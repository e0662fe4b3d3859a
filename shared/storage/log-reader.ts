import { closeSync, openSync, readSync } from 'node:fs';
import { VitalmeshError } from '../errors.ts';

/** Pages that were committed since the last reading, as they stand in the log: encrypted, byte for byte what belongs into the file. */
export interface LoggedPages {
  /** By page number, from 1; of several versions the last one. */
  pages: Map<number, Buffer>;
  /** Length of the database in pages after the last of these commits; undefined when there was none. */
  databasePages: number | undefined;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** First word of a log; its lowest bit says in which byte order checksums are reckoned. */
const MAGIC = 0x377f0682;
const FRAMES_A_READ = 64;

interface Position {
  salt: Buffer;
  /** Where the first frame after the last commit begins. */
  at: number;
  sums: readonly [number, number];
}

/**
 * Reads a write-ahead log beside the connection that writes it (sqlite.org/fileformat2.html, 4). Only to be called between two transactions.
 * A frame counts when its salts are those of the header, its checksum continues that of the frame before, and a commit follows.
 */
export class LogReader implements Disposable {
  readonly #path: string;
  readonly #pageBytes: number;
  #fd: number | undefined;
  #position: Position | undefined;
  #isLittle = true;
  /** While everything that was read is in the file. */
  #mayBeginAnew = true;

  constructor(path: string, pageBytes: number) {
    this.#path = path;
    this.#pageBytes = pageBytes;
  }

  /** Frames that were read since the log was last begun anew. */
  get frames(): number {
    return this.#position === undefined ? 0 : (this.#position.at - HEADER_BYTES) / this.#frameBytes;
  }

  /** Says that all that was read is in the file: from now on SQLite may begin the log anew. */
  checkpointed(): void {
    this.#mayBeginAnew = true;
  }

  /** What was committed since the last call. Throws STORAGE-COPY when the log was begun anew although not all of it was read. */
  read(): LoggedPages {
    const found: LoggedPages = { pages: new Map(), databasePages: undefined };
    const position = this.#begin();
    if (position === undefined) return found;
    const waiting = new Map<number, Buffer>();
    let { at } = position;
    let sums = position.sums;
    for (;;) {
      const block = this.#bytes(at, FRAMES_A_READ * this.#frameBytes);
      const whole = Math.floor(block.length / this.#frameBytes);
      for (let i = 0; i < whole; i += 1) {
        const frame = block.subarray(i * this.#frameBytes, (i + 1) * this.#frameBytes);
        const next = checked(frame, position.salt, sums, this.#isLittle);
        if (next === undefined) return found;
        sums = next;
        at += this.#frameBytes;
        waiting.set(frame.readUInt32BE(0), frame.subarray(FRAME_HEADER_BYTES));
        const databasePages = frame.readUInt32BE(4);
        if (databasePages === 0) continue;
        for (const [number, page] of waiting) found.pages.set(number, page);
        waiting.clear();
        found.databasePages = databasePages;
        this.#position = { ...position, at, sums };
        this.#mayBeginAnew = false;
      }
      if (whole < FRAMES_A_READ) return found;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  get #frameBytes(): number {
    return FRAME_HEADER_BYTES + this.#pageBytes;
  }

  /** Where to go on reading; undefined while there is no log. */
  #begin(): Position | undefined {
    const header = this.#bytes(0, HEADER_BYTES);
    if (header.length < HEADER_BYTES) {
      if (this.#position !== undefined && !this.#mayBeginAnew) throw lost();
      return undefined;
    }
    const magic = header.readUInt32BE(0);
    const salt = header.subarray(16, 24);
    if (this.#position?.salt.equals(salt)) return this.#position;
    // SQLite counts the first half up by one each time (sqlite.org/fileformat2.html, 4.1).
    const isNext = this.#position === undefined || salt.readUInt32BE(0) === (this.#position.salt.readUInt32BE(0) + 1) >>> 0;
    if (!this.#mayBeginAnew || !isNext) throw lost();
    if ((magic & ~1) >>> 0 !== MAGIC || header.readUInt32BE(8) !== this.#pageBytes) throw lost();
    this.#isLittle = (magic & 1) === 0;
    const sums = [header.readUInt32BE(24), header.readUInt32BE(28)] as const;
    this.#position = { salt, at: HEADER_BYTES, sums };
    return this.#position;
  }

  #bytes(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    try {
      this.#fd ??= openSync(this.#path, 'r');
      return bytes.subarray(0, readSync(this.#fd, bytes, 0, length, at));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return bytes.subarray(0, 0);
      throw new VitalmeshError('STORAGE-COPY', {
        cause,
        detail: `${this.#path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`,
      });
    }
  }
}

function lost(): VitalmeshError {
  return new VitalmeshError('STORAGE-COPY', { detail: 'the log was begun anew while it was copied' });
}

/** The checksum up to the end of a frame; undefined when it does not continue the one before. */
function checked(frame: Buffer, salt: Buffer, before: readonly [number, number], isLittle: boolean): readonly [number, number] | undefined {
  if (frame.compare(salt, 0, 8, 8, 16) !== 0) return undefined;
  const sums = summed(frame, FRAME_HEADER_BYTES, frame.length, summed(frame, 0, 8, before, isLittle), isLittle);
  return sums[0] === frame.readUInt32BE(16) && sums[1] === frame.readUInt32BE(20) ? sums : undefined;
}

function summed(
  bytes: Buffer,
  from: number,
  to: number,
  [first, second]: readonly [number, number],
  isLittle: boolean,
): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let [a, b] = [first, second];
  for (let at = from; at < to; at += 8) {
    a = (a + view.getUint32(at, isLittle) + b) >>> 0;
    b = (b + view.getUint32(at + 4, isLittle) + a) >>> 0;
  }
  return [a, b];
}
