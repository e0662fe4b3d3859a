import { once } from 'node:events';
import type { Socket } from 'node:net';
import { VitalmeshError } from '../../shared/errors.ts';
import type { DecodeContext, Decoded, Profile, StreamDecoder } from '../decoding.ts';
import type { FramingEvent } from '../framing/framing.ts';
import { DEFAULT_MAX_FRAME_BYTES } from '../framing/framing.ts';
import { hl7Unframed, opensMessage } from '../framing/hl7-lines.ts';
import { mllp, mllpFrame } from '../framing/mllp.ts';
import { Hl7Message } from '../hl7/message.ts';
import { dial } from '../sources/dial.ts';
import { hl7Stream } from '../sources/hl7-stream.ts';
import type { Capture, CaptureHeader } from './format.ts';

/** What a capture amounts to, part by part, in the order of arrival; every record is test data, whatever the bytes say. */
export function* decodeCapture({ header, chunks }: Capture, profile: Profile): Generator<Decoded[]> {
  const context: DecodeContext = { source: 'replay', zone: header.zone, test: true, maxFrameBytes: DEFAULT_MAX_FRAME_BYTES };
  const fresh = (): StreamDecoder => (profile.kind === 'hl7' ? hl7Stream(profile, context, header.framing) : profile.decoder(context));
  const links = new Map<number, StreamDecoder>();
  let at = header.startedAt;
  for (const { ms, link, bytes } of chunks) {
    const decoder = links.get(link) ?? fresh();
    links.set(link, decoder);
    at = header.startedAt + ms;
    yield decoder.push(bytes, at);
  }
  for (const decoder of links.values()) yield decoder.end(at);
}

/** What became of messages that were sent to a listener. */
export interface ReplayReport {
  sent: number;
  accepted: number;
  refused: number;
  /** What is no message with a header: there is no place in it for the mark of a test. */
  skipped: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_ACK_BYTES = 64 * 1024;

/**
 * Sends the messages of an HL7 capture to an MLLP listener, each after the one before was answered, with MSH-11 set to T (training, HL7
 * table 0103). Throws CAPTURE-SOURCE for another kind of capture, SOURCE-OPEN, SOURCE-LOST when an answer does not come in time.
 */
export async function sendCapture(capture: Capture, to: { host: string; port: number }, ackTimeoutMs = 10_000): Promise<ReplayReport> {
  const report: ReplayReport = { sent: 0, accepted: 0, refused: 0, skipped: 0 };
  const socket = await dial({ ...to, timeoutMs: CONNECT_TIMEOUT_MS }, new AbortController().signal);
  const peer = new Listener(socket, ackTimeoutMs);
  try {
    for (const message of messagesOf(capture)) {
      const test = asTest(message);
      if (!test) report.skipped += 1;
      else {
        report.sent += 1;
        if (await peer.send(test)) report.accepted += 1;
        else report.refused += 1;
      }
    }
  } finally {
    socket.destroy();
  }
  return report;
}

/** The messages of a capture without their envelopes, connection by connection in the order of their ends. */
function* messagesOf({ header, chunks }: Capture): Generator<Uint8Array> {
  const framers = new Map<number, ReturnType<typeof framerOf>>();
  for (const { link, bytes } of chunks) {
    const framer = framers.get(link) ?? framerOf(header);
    framers.set(link, framer);
    yield* frames(framer.push(bytes));
  }
  for (const framer of framers.values()) yield* frames(framer.end());
}

function framerOf({ framing }: CaptureHeader) {
  return framing === 'none' ? hl7Unframed(DEFAULT_MAX_FRAME_BYTES) : mllp(DEFAULT_MAX_FRAME_BYTES);
}

function* frames(events: readonly FramingEvent[]): Generator<Uint8Array> {
  for (const event of events) if ('frame' in event) yield Uint8Array.from(event.frame);
}

const [BLOCK_START, BLOCK_END] = [0x0b, 0x1c];

/**
 * The message with MSH-11 T in each line that is a header; undefined when it does not begin with one, or holds what begins or ends a block: in
 * its own block it would become another message, which the mark is not in.
 */
export function asTest(message: Uint8Array): Uint8Array | undefined {
  if (message.includes(BLOCK_START) || message.includes(BLOCK_END)) return undefined;
  const lines = Buffer.from(message)
    .toString('latin1')
    .split(/(?<=[\r\n])/);
  if (!lines.some((line) => line.trim() !== '') || !opens(lines.find((line) => line.trim() !== '') ?? '')) return undefined;
  const test = Buffer.from(lines.map((line) => (opens(line) ? withProcessing(line, 'T') : line)).join(''), 'latin1');
  // Whoever reads it must find the mark where it was put.
  return processingOf(test) === 'T' ? test : undefined;
}

function processingOf(message: Uint8Array): string | undefined {
  try {
    return new Hl7Message(message).header.field(11);
  } catch {
    return undefined;
  }
}

function opens(line: string): boolean {
  return opensMessage(Buffer.from(line, 'latin1'), 0);
}

function withProcessing(line: string, id: string): string {
  const [, content = '', end = ''] = /^(.*?)([\r\n]?)$/s.exec(line) ?? [];
  const separator = content.charAt(content.indexOf('MSH') + 3);
  // MSH-1 is the separator itself, so that field n stands at n - 1.
  const fields = content.split(separator);
  while (fields.length < 11) fields.push('');
  fields[10] = id;
  return fields.join(separator) + end;
}

/** The other end, which answers each message with one MLLP block. */
class Listener {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #acks = mllp(MAX_ACK_BYTES);
  #answers: string[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on('data', (chunk: Buffer) => {
      for (const frame of frames(this.#acks.push(chunk))) this.#answers.push(codeOf(frame));
      this.#changed.resolve();
    });
    socket.on('error', () => this.#changed.resolve());
    socket.on('close', () => this.#changed.resolve());
    socket.on('end', () => socket.destroy());
  }

  /** True when it was accepted. */
  async send(message: Uint8Array): Promise<boolean> {
    this.#answers = [];
    const timer = setTimeout(() => this.#socket.destroy(), this.#timeoutMs);
    try {
      if (!this.#socket.write(mllpFrame(message))) await Promise.race([once(this.#socket, 'drain'), this.#changed.promise]);
      while (this.#answers.length === 0) {
        if (this.#socket.destroyed) throw new VitalmeshError('SOURCE-LOST', { detail: 'the listener did not answer' });
        await this.#changed.promise;
        this.#changed = Promise.withResolvers();
      }
    } finally {
      clearTimeout(timer);
    }
    return this.#answers.some((code) => code === 'AA' || code === 'CA');
  }
}

function codeOf(frame: Uint8Array): string {
  return /[\r\n]MSA.([A-Z]{2})/.exec(Buffer.from(frame).toString('latin1'))?.[1] ?? '';
}
