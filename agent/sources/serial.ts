import { AwakeLimit } from '../../shared/awake-limit.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { Backoff } from '../../shared/lifecycle.ts';
import type { LineSettings, StreamDecoder } from '../decoding.ts';
import { resilientDecoder } from './delivery.ts';
import { type Line, type LineAddress, openLine } from './line.ts';
import { ReopeningSource } from './reopening.ts';
import { ReplyQueue } from './reply-queue.ts';
import type { Source, SourceEnvironment } from './source.ts';
import { SourceTally } from './tally.ts';

export interface SerialOptions {
  name: string;
  /** As the operator wrote it; shown by status. */
  endpoint: string;
  address: LineAddress;
  line: LineSettings;
  /** A fresh decoder each time the line is opened. */
  decoder: () => StreamDecoder;
  /** Silence after which the line is taken for lost and opened again. */
  silenceMs: number;
  openTimeoutMs: number;
  /** Shortest and longest waiting time before opening again. */
  reopenMinMs: number;
  reopenMaxMs: number;
}

/** Limits that hold unless the configuration says otherwise. */
export const SERIAL_DEFAULTS = {
  silenceMs: 60_000,
  openTimeoutMs: 10_000,
  reopenMinMs: 500,
  reopenMaxMs: 30_000,
} as const satisfies Partial<SerialOptions>;

const MAX_PENDING = 64;
const MAX_UNREAD_BYTES = 4096;

/**
 * Reads a device on a serial line, here or behind a device server. It counts as running once bytes arrive: a line can be opened
 * with nothing at its other end. Replies (Nonin data format 13) are written after their measurement is on disk.
 */
export function createSerial(options: SerialOptions, environment: SourceEnvironment): Source {
  const tally = new SourceTally(options.name, 'serial', options.endpoint, environment);
  const backoff = new Backoff(options.reopenMinMs, options.reopenMaxMs);
  return new ReopeningSource(tally, backoff, async (signal) => {
    const line = await openLine(options.address, options.line, options.openTimeoutMs, signal);
    try {
      tally.waiting();
      environment.log.debug({ source: options.name }, 'serial line is open');
      await readLine(line, options, environment, tally, backoff, signal);
    } finally {
      await line.close();
    }
  });
}

/** Reads until the signal aborts (resolves) or the line is lost (throws SOURCE-LOST), and until everything read is settled. */
async function readLine(
  { stream }: Line,
  options: SerialOptions,
  { intake, clock }: SourceEnvironment,
  tally: SourceTally,
  backoff: Backoff,
  signal: AbortSignal,
): Promise<void> {
  const decoder = resilientDecoder(options.decoder);
  const link = tally.link();
  const { promise: over, resolve: finish } = Promise.withResolvers<VitalmeshError | undefined>();
  const lost = (detail: string, cause?: unknown): void => finish(new VitalmeshError('SOURCE-LOST', { detail, cause }));
  let settled = (): void => undefined;
  let closing = false;

  const queue = new ReplyQueue(
    intake,
    tally,
    (replies) => {
      if (!stream.writable) return;
      stream.write(replies);
      if (stream.writableLength > MAX_UNREAD_BYTES) lost('replies are not read');
    },
    () => {
      if (!closing && queue.length < MAX_PENDING) stream.resume();
      settled();
    },
  );
  const silence = new AwakeLimit(options.silenceMs, () => {
    // While the disk is slow the line is not read, and its silence says nothing.
    if (queue.length >= MAX_PENDING) silence.refresh();
    else lost('nothing was received in time');
  });
  const receive = (chunk: Uint8Array): void => {
    silence.refresh();
    backoff.reset();
    tally.received(chunk, link);
    tally.up();
    for (const part of decoder.push(chunk, clock.now())) void queue.accept(part, chunk.length);
    if (queue.length >= MAX_PENDING) stream.pause();
  };
  const stop = (): void => finish(undefined);

  stream.on('data', receive);
  stream.on('error', (cause) => lost('error on the line', cause));
  stream.on('close', () => lost('closed'));
  stream.on('end', () => lost('closed'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();

  const error = await over;
  closing = true;
  silence[Symbol.dispose]();
  signal.removeEventListener('abort', stop);
  stream.off('data', receive);
  stream.pause();
  for (const part of decoder.end(clock.now())) void queue.accept(part, 0);
  if (queue.length > 0) {
    await new Promise<void>((resolve) => {
      settled = () => {
        if (queue.length === 0) resolve();
      };
    });
  }
  if (error) throw error;
}
