import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import type { Profile } from '../decoding.ts';
import { type Blanker, blankerFor } from './blank.ts';
import type { CaptureEnding, CaptureRow } from './format.ts';
import type { Taps } from './taps.ts';

/** Longest and largest capture, and how many at a time. Reads are counted as well as bytes: a sender may send one byte a time. */
export const CAPTURE_LIMITS = {
  ...{ seconds: 3600, underWay: 2 },
  ...{ bytes: 64 * 1024 * 1024, reads: 1_000_000 },
  ...{ queuedBytes: 8 * 1024 * 1024, queuedReads: 20_000 },
  /** Connections whose place in their stream is known; of an older one, the next read is blanked as one that begins anywhere. */
  links: 2000,
} as const;
export const DEFAULT_CAPTURE_SECONDS = 60;

/** What a capture must know of a source. */
export interface CapturedSource {
  name: string;
  profile: Profile;
  framing?: 'mllp' | 'none';
  zone: string;
}

export interface CaptureOptions {
  sources: readonly CapturedSource[];
  taps: Taps;
  clock: Clock;
  log: Logger;
}

/**
 * The operator's command `capture`: the bytes of a source as they come, as `CaptureRow`s. Arguments: `source`, `seconds`,
 * `withIdentifiers`. Identifiers are blanked before anything leaves the process, unless told. It ends by time, by size, or when its caller is too
 * slow; the source never waits for it. Errors: USAGE, CAPTURE-SOURCE, CAPTURE-BUSY.
 */
export function captureCommand({ sources, taps, clock, log }: CaptureOptions): OperatorCommand {
  let underWay = 0;
  return async function* capture(args, principal, gone): AsyncGenerator<CaptureRow> {
    const { source, seconds, withIdentifiers } = argumentsOf(args, sources);
    if (source.profile.kind === 'mqtt') throw new VitalmeshError('CAPTURE-SOURCE', { detail: source.profile.name });
    // Not at the first byte: an operator must learn at once that it cannot be done.
    if (!withIdentifiers) blankerFor(source.profile);
    if (underWay >= CAPTURE_LIMITS.underWay) throw new VitalmeshError('CAPTURE-BUSY');
    underWay += 1;
    const recording = new Recording(source, withIdentifiers, clock);
    const timer = setTimeout(() => recording.end('time'), seconds * 1000).unref();
    // A source that says nothing gives no row at which it would be noticed that nobody listens any more.
    const abandon = (): void => recording.end('stopped');
    gone?.addEventListener('abort', abandon, { once: true });
    if (gone?.aborted) abandon();
    using _tap = taps.open(source.name, (link, chunk) => recording.take(link, chunk));
    log.warn({ source: source.name, seconds, withIdentifiers, principal }, 'a capture of a source begins');
    try {
      yield* recording.rows();
    } finally {
      clearTimeout(timer);
      gone?.removeEventListener('abort', abandon);
      underWay -= 1;
      log.info({ source: source.name, recordedBytes: recording.bytes }, 'a capture of a source ended');
    }
  };
}

function argumentsOf(args: Record<string, unknown>, sources: readonly CapturedSource[]) {
  const { source: name, seconds = DEFAULT_CAPTURE_SECONDS, withIdentifiers = false } = args;
  const source = sources.find((each) => each.name === name);
  if (!source) throw new VitalmeshError('USAGE', { detail: `--source is one of ${sources.map((each) => each.name).join(', ')}` });
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > CAPTURE_LIMITS.seconds)
    throw new VitalmeshError('USAGE', { detail: `--seconds is a whole number from 1 to ${CAPTURE_LIMITS.seconds}` });
  if (typeof withIdentifiers !== 'boolean') throw new VitalmeshError('USAGE', { detail: 'withIdentifiers is true or false' });
  return { source, seconds, withIdentifiers };
}

/** Bytes between the source and whoever writes them down: bounded, and never in the source's way. */
class Recording {
  readonly #source: CapturedSource;
  readonly #withIdentifiers: boolean;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #blankers = new Map<number, Blanker>();
  #queue: { ms: number; link: number; bytes: Uint8Array }[] = [];
  #queued = 0;
  #reads = 0;
  #ending: CaptureEnding | undefined;
  #more = Promise.withResolvers<void>();
  bytes = 0;

  constructor(source: CapturedSource, withIdentifiers: boolean, clock: Clock) {
    this.#source = source;
    this.#withIdentifiers = withIdentifiers;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  take(link: number, chunk: Uint8Array): void {
    if (this.#ending) return;
    const { bytes, reads, queuedBytes, queuedReads } = CAPTURE_LIMITS;
    if (this.bytes + chunk.length > bytes || this.#reads >= reads) this.end('size');
    else if (this.#queued + chunk.length > queuedBytes || this.#queue.length >= queuedReads) this.end('slow');
    else this.#keep(link, chunk);
  }

  #keep(link: number, chunk: Uint8Array): void {
    // A copy: the source goes on with its buffer.
    const bytes = this.#withIdentifiers ? Uint8Array.from(chunk) : this.#blanker(link).blank(Uint8Array.from(chunk));
    this.#queue.push({ ms: Math.max(0, Math.round(this.#clock.monotonicMs() - this.#startMs)), link, bytes });
    this.#queued += chunk.length;
    this.bytes += chunk.length;
    this.#reads += 1;
    this.#more.resolve();
  }

  end(ending: CaptureEnding): void {
    this.#ending ??= ending;
    this.#more.resolve();
  }

  async *rows(): AsyncGenerator<CaptureRow> {
    const { name: source, profile, framing, zone } = this.#source;
    yield {
      ...{ vitalmesh: 'capture', version: 1, replay: true, source, profile: profile.name, ...(framing && { framing }) },
      ...{ startedAt: this.#clock.now(), zone, identifiers: this.#withIdentifiers ? 'kept' : 'blanked' },
    };
    for (;;) {
      for (const { bytes, ...at } of this.#queue.splice(0)) {
        this.#queued -= bytes.length;
        yield { ...at, bytes: Buffer.from(bytes).toString('base64') };
      }
      if (this.#queue.length > 0) continue;
      if (this.#ending) break;
      await this.#more.promise;
      this.#more = Promise.withResolvers();
    }
    yield { end: this.#ending };
  }

  #blanker(link: number): Blanker {
    const known = this.#blankers.get(link);
    if (known) return known;
    const blanker = blankerFor(this.#source.profile);
    this.#blankers.set(link, blanker);
    const [oldest] = this.#blankers.keys();
    if (oldest !== undefined && this.#blankers.size > CAPTURE_LIMITS.links) this.#blankers.delete(oldest);
    return blanker;
  }
}
