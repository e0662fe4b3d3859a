import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { mllpFrame } from '../../agent/framing/mllp.ts';
import { pause } from '../../shared/lifecycle.ts';

/** Between an acknowledgement and the next message. */
const PACE_MS = 50;
/** Nobody answers: the connection is given up and the message sent again. */
const PATIENCE_MS = 10_000;
const ACK = /MSA\|(A[AER])\|([^\r|]+)/g;

/**
 * What the clock of a device shows at its message of this number, as DTM, and which instant that has to be taken for. `before` is the instant
 * of the message before; no two may be alike.
 */
export type DeviceTime = (number: number, before: number) => { at: number; text: string };

const universalTime: DeviceTime = (_, before) => {
  const at = Math.max(before + 1, Date.now());
  return { at, text: `${digitsOf(at)}+0000` };
};

/** An instant as DTM in UTC, without its offset. */
export function digitsOf(at: number): string {
  return `${new Date(at).toISOString().replaceAll(/[-:TZ]/g, '')}0`;
}

/** What a device tells of while it delivers. */
interface Heard {
  /** A message is on its way, unanswered. */
  sent: () => void;
  acknowledged: () => void;
}

/**
 * A bedside monitor that measures without rest and forgets a message only when its AA has come: otherwise it sends the same message, under
 * the same MSH-10, until it does. A message holds a saturation and a blood pressure, and no two are measured in the same millisecond.
 */
export class KeepingDevice implements AsyncDisposable {
  /** What was acknowledged, as `factsOf` an Observation tells it. */
  readonly acknowledged: string[] = [];
  /** How often a message was sent that had been sent before. */
  repeated = 0;
  readonly #bed: string;
  readonly #port: () => Promise<number>;
  readonly #running: Promise<void>;
  readonly #stopped = new AbortController();
  readonly #onSent: () => void;
  readonly #onAcknowledged: () => void;
  readonly #time: DeviceTime;
  #finishing = false;
  #number = 0;
  #lastAt = 0;
  #line: Line | undefined;

  /** `port` says where the agent listens now; rejects while it does not. */
  constructor(bed: string, port: () => Promise<number>, on: Partial<Heard> = {}, time: DeviceTime = universalTime) {
    this.#time = time;
    this.#bed = bed;
    this.#port = port;
    this.#onSent = on.sent ?? (() => undefined);
    this.#onAcknowledged = on.acknowledged ?? (() => undefined);
    this.#running = this.#run();
  }

  /** Measures no more; resolves once everything measured was acknowledged. */
  async finish(): Promise<void> {
    this.#finishing = true;
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.finish();
  }

  async #run(): Promise<void> {
    while (!this.#finishing) {
      const { id, frame, facts } = this.#measure();
      await this.#deliver(id, frame);
      if (this.#stopped.signal.aborted) return;
      this.acknowledged.push(...facts);
      this.#onAcknowledged();
      await pause(PACE_MS, this.#stopped.signal).catch(() => undefined);
    }
    this.#line?.close();
  }

  async #deliver(id: string, frame: Uint8Array): Promise<void> {
    for (let sent = 0; !this.#stopped.signal.aborted; ) {
      const line = await this.#connected().catch(() => undefined);
      if (line) {
        if (sent > 0) this.repeated += 1;
        sent += 1;
        const answer = line.ask(id, frame);
        this.#onSent();
        const verdict = await answer;
        if (verdict === 'AA') return;
        if (verdict === undefined) line.close();
      }
      await pause(PACE_MS, this.#stopped.signal).catch(() => undefined);
    }
  }

  async #connected(): Promise<Line> {
    if (this.#line?.open) return this.#line;
    const socket = connect({ host: '127.0.0.1', port: await this.#port() });
    await once(socket, 'connect');
    this.#line = new Line(socket);
    return this.#line;
  }

  #measure(): { id: string; frame: Uint8Array; facts: string[] } {
    this.#number += 1;
    const { at, text: time } = this.#time(this.#number, this.#lastAt);
    this.#lastAt = at;
    const [saturation, systolic, diastolic] = [50 + (this.#number % 50), 100 + (this.#number % 80), 40 + (this.#number % 50)];
    const id = `${this.#bed}-${this.#number}`;
    const rows = [
      ['150456^MDC_PULS_OXIM_SAT_O2^MDC', '1.2.1.1', saturation, '262688^MDC_DIM_PERCENT^MDC'],
      ['150021^MDC_PRESS_BLD_NONINV_SYS^MDC', '1.5.1.1', systolic, '266016^MDC_DIM_MMHG^MDC'],
      ['150022^MDC_PRESS_BLD_NONINV_DIA^MDC', '1.5.1.2', diastolic, '266016^MDC_DIM_MMHG^MDC'],
    ].map(([code, path, value, unit], i) => `OBX|${i + 2}|NM|${code}|${path}|${value}|${unit}|||||R|||${time}`);
    const message = [
      `MSH|^~\\&|SIM^00A037FFFE000001^EUI-64|SIM|VITALMESH|GATEWAY|${time}||ORU^R01^ORU_R01|${id}|P|2.6|||NE|AL||UNICODE UTF-8`,
      'PID|||P-0001^^^HOSP^MR',
      `PV1||I|^^${this.#bed}`,
      `OBR|1|1^SIM|1^SIM|182777000^monitoring of patient^SCT|||${time}`,
      'OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||00A037FFFE000001^^00A037FFFE000001^EUI-64',
      ...rows,
      '',
    ].join('\r');
    const of = `pat-${this.#bed.toLowerCase()} ${at}`;
    return { id, frame: mllpFrame(Buffer.from(message)), facts: [`${of} ${saturation}`, `${of} ${systolic}/${diastolic}`] };
  }
}

/** A connection over which one message at a time waits for its answer. */
class Line {
  readonly #socket: Socket;
  #replies = '';
  #changed: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#replies += chunk.toString('latin1');
      this.#changed();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#changed());
  }

  get open(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The acknowledgement of this message; undefined when none came. */
  async ask(id: string, frame: Uint8Array): Promise<string | undefined> {
    this.#replies = '';
    const patience = setTimeout(() => this.close(), PATIENCE_MS);
    this.#socket.write(frame);
    try {
      for (;;) {
        for (const [, verdict, of] of this.#replies.matchAll(ACK)) if (of === id) return verdict;
        if (!this.open) return undefined;
        await new Promise<void>((resolve) => {
          this.#changed = resolve;
        });
      }
    } finally {
      clearTimeout(patience);
    }
  }
}

interface ExportedObservation {
  subject: { identifier: { value: string } };
  effectiveDateTime: string;
  valueQuantity?: { value: number };
  component?: { valueQuantity?: { value: number } }[];
}

/** Of an exported Observation: patient, instant and values, as a device notes what was acknowledged. */
export function factsOf(row: unknown): string {
  const { subject, effectiveDateTime, valueQuantity, component } = row as ExportedObservation;
  const value = valueQuantity?.value ?? component?.map((part) => part.valueQuantity?.value).join('/');
  return `${subject.identifier.value} ${Date.parse(effectiveDateTime)} ${value}`;
}
