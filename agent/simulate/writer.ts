import type { Instant } from '../../shared/clock.ts';
import { atEvery } from './beat.ts';
import { type Outgoing, outgoing } from './delivery.ts';
import type { Fault } from './faults.ts';
import { simulatedPatient, type VitalSigns } from './physiology.ts';
import type { Hl7Simulator, Moment, Persistence, SimulationCounts, Tell } from './simulator.ts';

/** Who is simulated, and for how long. */
export interface SimulationOptions {
  /** Same seed, same patient and same device. */
  seed: number;
  bed: string;
  patient: string;
  intervalMs: number;
  /** After so many messages it ends; it goes on until the signal aborts unless told. */
  count?: number | undefined;
  fault?: Fault | undefined;
  /** Whether the patient gets worse, beginning in a few seconds. */
  deteriorates?: boolean;
  tell: Tell;
}

export type Hl7SimulationOptions = SimulationOptions & { simulator: Hl7Simulator; persistence?: Partial<Persistence> };

/** What became of the messages, and whether there ever was a connection. */
export type SimulationResult = SimulationCounts & { connected: boolean };

/** The cuff measures in the first of so many beats. */
const CUFF_EVERY = 10;
const DETERIORATION = { afterS: 5, overS: 60 };

/** Makes the messages of a device, beat by beat. */
export class Writer {
  readonly counts: SimulationCounts;
  readonly #options: Hl7SimulationOptions;
  readonly #patient: ReturnType<typeof simulatedPatient>;
  #beat = 0;
  #vitals: VitalSigns | undefined;
  #previous: VitalSigns | undefined;
  #number = 0;
  #lastAt: Instant | undefined;
  #heartbeatAt: Instant = 0;
  /** Waiting for others to be sent together with. */
  #waiting: Outgoing[] = [];

  constructor(options: Hl7SimulationOptions) {
    this.#options = options;
    const { seed, deteriorates, simulator } = options;
    this.#patient = simulatedPatient({ seed, ...(deteriorates ? { deteriorates: DETERIORATION } : {}) });
    this.counts = { sent: 0, acknowledged: simulator.persistence.waits ? 0 : null, refused: 0, lost: 0, again: 0 };
  }

  /**
   * Hands over the messages of each beat in the batches in which they are sent, until the signal aborts, `count` is reached or `send`
   * resolves with false. `hearers`: how many take each message; a beat that nobody hears is not told of.
   */
  async run(signal: AbortSignal, send: (batches: Outgoing[][]) => Promise<boolean>, hearers: () => number = () => 1): Promise<void> {
    const { seed, intervalMs, count = Number.POSITIVE_INFINITY } = this.#options;
    if (count < 1) return;
    await atEvery(intervalMs, intervalMs === 0 ? 0 : (seed * 137) % intervalMs, signal, async (at) => {
      if (hearers() === 0) return true;
      const made = this.#next(at).slice(0, count - this.#number);
      const batches = this.#batches(made, this.#number + made.length >= count);
      this.#number += made.length;
      this.counts.sent += made.length * hearers();
      return (await send(batches)) && this.#number < count;
    });
    if (this.#waiting.length > 0) await send([this.#waiting]);
  }

  /** What somebody is told who has just called; counted as sent, and not in `count`. */
  greeting(at: Instant): Outgoing[] {
    const { simulator, fault } = this.#options;
    const messages = simulator.greeting?.(this.#moment(at)) ?? [];
    this.counts.sent += messages.length;
    return messages.map((message) => outgoing(message, 0, simulator, fault));
  }

  #moment(at: Instant): Moment {
    const { seed, bed, patient, fault } = this.#options;
    this.#vitals ??= this.#patient.next(0);
    const pressure = this.#beat % CUFF_EVERY === 1;
    const plain: Moment = {
      at,
      beat: this.#beat,
      seed,
      bed,
      patient,
      vitals: this.#vitals,
      previous: this.#previous,
      pressure,
      demo: false,
    };
    return fault?.moment?.(plain) ?? plain;
  }

  #next(at: Instant): Outgoing[] {
    const { simulator, intervalMs, fault } = this.#options;
    this.#beat += 1;
    this.#previous = this.#vitals;
    this.#vitals = this.#patient.next(Math.max(0, at - (this.#lastAt ?? at - intervalMs)) / 1000);
    this.#lastAt = at;
    const moment = this.#moment(at);
    const messages = simulator.messages(moment);
    const { heartbeat } = simulator;
    if (heartbeat && at - this.#heartbeatAt >= heartbeat.everyMs) {
      this.#heartbeatAt = at;
      messages.unshift(heartbeat.message(moment));
    }
    return messages.map((message, i) => outgoing(message, this.#number + i + 1, simulator, fault));
  }

  #batches(made: Outgoing[], isLast: boolean): Outgoing[][] {
    const together = this.#options.fault?.together ?? 1;
    if (together === 1) return made.map((message) => [message]);
    this.#waiting.push(...made);
    if (this.#waiting.length < together && !isLast) return [];
    return [this.#waiting.splice(0)];
  }
}
