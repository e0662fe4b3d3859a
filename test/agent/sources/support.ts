import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Decoded, MessageKey, Rejected, StreamDecoder } from '../../../agent/decoding.ts';
import type { Intake, Source, SourceEnvironment, Stored } from '../../../agent/sources/source.ts';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';

/** A record that carries `text` as its device's id, so that a test sees what arrived. */
export function record(text: string, receivedAt = 0): ReadingRecord {
  return {
    source: 'test',
    profile: 'test-lines',
    device: { id: text, idType: 'config' },
    receivedAt,
    subject: {},
    test: true,
    class: 'spot',
    readings: [{ vital: 'spo2', value: 97 }],
  };
}

/** `bad…` is rejected with its bytes, anything else is a record; both are answered `ack:<text>` or `nak:<text>`. */
export function decodeText(text: string, receivedAt: number): Decoded {
  const reply = { stored: Buffer.from(`ack:${text}\n`), failed: Buffer.from(`nak:${text}\n`) };
  if (text.startsWith('defect')) throw new TypeError('a defect of the decoder');
  if (!text.startsWith('bad')) return { records: [record(text, receivedAt)], rejected: [], reply };
  const raw = Buffer.from(text);
  return { records: [], rejected: [{ code: 'DECODE-FIELD', part: 'line', bytes: raw.length, raw }], reply };
}

/** Lines of text; a line above `maxBytes` is discarded. Lines of blanks are garbage without an answer. */
export function lineDecoder(maxBytes = 1024): StreamDecoder {
  let rest = '';
  const discarded = (code: ErrorCode, bytes: number): Decoded => ({ records: [], rejected: [{ code, part: 'frame', bytes }] });
  return {
    push(chunk, receivedAt) {
      const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      const parts = lines.map((line) => (line.trim() === '' ? discarded('DECODE-GARBAGE', line.length + 1) : decodeText(line, receivedAt)));
      if (rest.length > maxBytes) {
        parts.push(discarded('DECODE-OVERSIZED', rest.length));
        rest = '';
      }
      return parts;
    },
    end() {
      const bytes = rest.length;
      rest = '';
      return bytes > 0 ? [discarded('DECODE-TRUNCATED', bytes)] : [];
    },
    get held() {
      return rest.length;
    },
  };
}

/** An intake that does what the test says, and tells when something arrived. */
export class ScriptedIntake implements Intake {
  readonly stored: string[] = [];
  readonly rejections: Rejected[] = [];
  /** Calls of `store`, settled or not. */
  offered = 0;
  readonly #messages = new Set<string>();
  #mode: 'store' | 'hold' | 'fail' = 'store';
  #held: { release: () => void; fail: (error: VitalmeshError) => void }[] = [];
  #changed = Promise.withResolvers<void>();

  /** From now on nothing is stored until `release` or `fail`. */
  hold(): void {
    this.#mode = 'hold';
  }

  /** Stores what is held, and everything from now on. */
  release(): void {
    this.#mode = 'store';
    for (const { release } of this.#held.splice(0)) release();
  }

  /** Stores what was offered first and is held. */
  releaseOne(): void {
    this.#held.shift()?.release();
  }

  /** Refuses what is held, and everything from now on. */
  fail(): void {
    this.#mode = 'fail';
    for (const { fail } of this.#held.splice(0)) fail(new VitalmeshError('STORAGE-FULL'));
  }

  async store(records: readonly ReadingRecord[], message?: MessageKey): Promise<Stored> {
    this.offered += 1;
    this.#tell();
    if (this.#mode === 'fail') throw new VitalmeshError('STORAGE-FULL');
    const key = message && message.name + message.content;
    if (key !== undefined && this.#messages.has(key)) return 'held';
    if (this.#mode === 'hold') await new Promise<void>((release, fail) => this.#held.push({ release, fail }));
    if (key !== undefined) this.#messages.add(key);
    this.stored.push(...records.map(({ device }) => device.id));
    this.#tell();
    return 'stored';
  }

  async reject(_source: string, rejected: readonly Rejected[]): Promise<void> {
    this.rejections.push(...rejected);
    this.#tell();
  }

  /** Waits until `condition` holds, looking whenever something arrived. */
  async until(condition: (intake: ScriptedIntake) => boolean): Promise<void> {
    while (!condition(this)) await this.#changed.promise;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Everything a source writes to its log, and a way to wait for a line. */
export class LogTrap {
  readonly lines: { msg: string; level: string; [field: string]: unknown }[] = [];
  readonly log = createLogger({ component: 'test', level: 'debug', destination: { write: (line: string) => this.#take(line) } });
  #changed = Promise.withResolvers<void>();

  of(message: string): number {
    return this.lines.filter(({ msg }) => msg === message).length;
  }

  /** Waits until a message was written so many times. */
  async until(message: string, times = 1): Promise<void> {
    while (this.of(message) < times) await this.#changed.promise;
  }

  #take(line: string): void {
    this.lines.push(JSON.parse(line));
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

export interface TestEnvironment extends SourceEnvironment {
  intake: ScriptedIntake;
  trap: LogTrap;
}

export function testEnvironment(clock: Clock = systemClock): TestEnvironment {
  const trap = new LogTrap();
  return { intake: new ScriptedIntake(), clock, log: trap.log, metrics: new Metrics(), trap };
}

/** Starts a source for one test. */
export async function started<S extends Source>(source: S): Promise<S> {
  await source.start(new AbortController().signal);
  return source;
}

/** A device's end of a connection: what came in so far, and waiting for more. */
export class Wire {
  readonly socket: Socket;
  received = '';
  #changed = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#tell();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#tell());
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  async until(condition: (received: string) => boolean): Promise<string> {
    while (!condition(this.received)) {
      if (this.socket.closed) throw new Error(`closed after ${this.received.length} bytes`);
      await this.#changed.promise;
    }
    return this.received;
  }

  async closed(): Promise<void> {
    while (!this.socket.closed) await this.#changed.promise;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Connects to the endpoint of a listening source. */
export async function dial(source: Source): Promise<Wire> {
  const { endpoint } = source.status();
  const socket = connect({ host: '127.0.0.1', port: Number(endpoint.slice(endpoint.lastIndexOf(':') + 1)), noDelay: true });
  await once(socket, 'connect');
  return new Wire(socket);
}
