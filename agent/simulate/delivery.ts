import { pause } from '../../shared/lifecycle.ts';
import { mllpFrame } from '../framing/mllp.ts';
import type { Fault } from './faults.ts';
import type { Hl7Simulator, Persistence, SimulatedMessage, SimulationCounts, Tell } from './simulator.ts';
import type { Wire } from './wire.ts';

/** A message on its way. */
export interface Outgoing {
  id: string;
  /** Counts the messages of a device from 1. */
  number: number;
  frame: Uint8Array;
  /** Times that it was sent. */
  attempts: number;
}

export interface DeliveryOptions {
  persistence: Persistence;
  fault?: Fault | undefined;
  counts: SimulationCounts;
  tell: Tell;
  /** The connection as it is, or a new one; undefined where there is none to be had. */
  open(): Promise<Wire | undefined>;
  /** Whether an unanswered message is sent again on a new connection, which the device opens itself. */
  reopens: boolean;
  /** Told of each message that nobody took. */
  missed(message: Outgoing, why: string): void;
  /** Ends the repeating; what is on its way is still waited for. */
  signal: AbortSignal;
}

/** Before a message is sent once more. */
const BETWEEN_TRIES_MS = 250;
/** A peer that reads nothing must cut a device that does not read, or be left. */
const DEAF_LIMIT_MS = 120_000;
const TAKEN = new Set(['AA', 'CA']);
const REFUSED = new Set(['AR', 'CR']);
const NEVER = new AbortController().signal;

/** A message in its MLLP block, with what a fault changes in its text. */
export function outgoing(message: SimulatedMessage, number: number, { encoding }: Hl7Simulator, fault?: Fault): Outgoing {
  const text = fault?.text ? fault.text(message.text, number) : message.text;
  return { id: message.id, number, frame: mllpFrame(Buffer.from(text, encoding)), attempts: 0 };
}

/** Sends messages as a device does: waits for what it waits for, repeats what it repeats, and makes the mistakes it is told to make. */
export class Delivery {
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Sends messages together; resolves when each is taken, refused or missed. Never rejects. */
  async deliver(batch: readonly Outgoing[]): Promise<void> {
    const { persistence, signal, missed, reopens } = this.#options;
    let open = batch;
    let why = 'no connection';
    for (let tries = 0; tries < persistence.tries && open.length > 0; tries += 1) {
      if (tries > 0) {
        if (signal.aborted || !(reopens || (await this.#options.open()))) break;
        await pause(BETWEEN_TRIES_MS, signal);
      }
      const wire = await this.#options.open();
      if (!wire) continue;
      why = 'not acknowledged';
      open = await this.#exchange(wire, open);
    }
    for (const message of open) missed(message, why);
  }

  /** One try; those that are neither taken nor refused. */
  async #exchange(first: Wire, batch: readonly Outgoing[]): Promise<readonly Outgoing[]> {
    const { fault, persistence, counts, signal } = this.#options;
    let wire = first;
    if (fault?.deaf) wire.deafen();
    for (const message of batch) {
      message.attempts += 1;
      if (message.attempts > 1) counts.again += 1;
      if (message.attempts === 1 && fault?.cuts?.(message.number)) {
        const next = await this.#cut(wire, message);
        if (!next) return batch;
        wire = next;
      }
    }
    await this.#write(wire, batch);
    if (fault?.deaf) return wire.closed && !signal.aborted ? batch : [];
    return persistence.waits ? await this.#settle(wire, batch) : this.#overhear(wire);
  }

  /** Loses the connection in the middle of a message; the new one. */
  async #cut(wire: Wire, { frame }: Outgoing): Promise<Wire | undefined> {
    await wire.write([frame.subarray(0, frame.length >> 1)], this.#options.persistence.ackLimitMs, NEVER);
    await wire.end();
    return this.#options.open();
  }

  async #write(wire: Wire, batch: readonly Outgoing[]): Promise<void> {
    const { fault, persistence, tell, signal } = this.#options;
    const copies = fault?.copies ?? 1;
    const all: Uint8Array[] = [];
    for (const { id, number, frame, attempts } of batch) {
      const pieces = fault?.pieces?.(frame, attempts, number) ?? [frame];
      for (let copy = 0; copy < copies; copy += 1) all.push(...pieces);
      tell({ event: 'sent', at: new Date().toISOString(), id, bytes: frame.length, attempt: attempts });
    }
    const [limitMs, until] = fault?.deaf ? [DEAF_LIMIT_MS, signal] : [persistence.ackLimitMs, NEVER];
    await wire.write(fault?.together ? [Buffer.concat(all)] : all, limitMs, until);
  }

  /** Waits for the answers of a batch. */
  async #settle(wire: Wire, batch: readonly Outgoing[]): Promise<readonly Outgoing[]> {
    const { fault, persistence, counts, tell, reopens } = this.#options;
    const copies = fault?.copies ?? 1;
    const answers = await wire.answers(new Set(batch.map(({ id }) => id)), batch.length * copies, persistence.ackLimitMs, NEVER);
    if (answers.length < batch.length * copies && reopens) wire.close();
    return batch.filter(({ id }, i) => {
      const said = answers.slice(i * copies, (i + 1) * copies);
      for (const { code } of said) tell({ event: 'answered', id, code });
      const code = said[0]?.code ?? '';
      if (TAKEN.has(code)) counts.acknowledged = (counts.acknowledged ?? 0) + 1;
      else if (REFUSED.has(code)) {
        counts.refused += 1;
        tell({ event: 'refused', id, why: code });
      } else return true;
      return false;
    });
  }

  /** Nothing depends on the answers for a device that does not wait for any. */
  #overhear(wire: Wire): readonly Outgoing[] {
    for (const { code, id } of wire.takeAnswers()) this.#options.tell({ event: 'answered', id, code });
    return [];
  }
}
