import type { Instant } from '../../shared/clock.ts';
import type { VitalSigns } from './physiology.ts';

/** What a simulated device knows when it writes. */
export interface Moment {
  at: Instant;
  /** Counts what this device has told of, from 1. */
  beat: number;
  /** Same seed, same device and same patient. */
  seed: number;
  bed: string;
  /** The number of the patient; synthetic. */
  patient: string;
  vitals: VitalSigns;
  /** Those of the moment before, by which an alarm begins and ends. */
  previous?: VitalSigns | undefined;
  /** Whether the cuff has just measured. */
  pressure: boolean;
  /** Whether the device is in its demonstration mode and says so with each value. */
  demo: boolean;
}

/** One message of a device. */
export interface SimulatedMessage {
  /** MSH-10. */
  id: string;
  /** Without MLLP framing; segments end with CR. */
  text: string;
}

/** How a device behaves when it is not answered. */
export interface Persistence {
  /**
   * Whether it waits for the acknowledgement of a message before the next. One that does not wait never learns what was lost, and the
   * rest of this table does not concern it.
   */
  waits: boolean;
  ackLimitMs: number;
  /** How often it sends a message in one go; the first time counts. */
  tries: number;
  /**
   * What becomes of a message after the last try: it is lost, or kept and sent again so much later; `inOrder`: nothing newer is sent before
   * that.
   */
  afterwards: 'lost' | { laterMs: number; inOrder?: true };
}

/** A device that speaks HL7 v2 over MLLP. Its tables are written from the manual, and not from the tables of the reader. */
export interface Hl7Simulator {
  /** The profile that reads it. */
  profile: string;
  /** What it behaves as, in a few words. */
  device: string;
  /** Whether it calls the agent, or listens at this port (the device's own) until it is called. */
  role: { calls: true } | { listensAt: number };
  persistence: Persistence;
  /** Which of this is not in the public manuals, and assumed here. */
  assumed?: string;
  /** Its times carry no zone; they are in UTC. */
  zoneless?: true;
  encoding: 'utf8' | 'latin1';
  intervalMs: number;
  /** What it tells whoever calls, before anything else. */
  greeting?(moment: Moment): SimulatedMessage[];
  /** Everything that the device tells of one moment. Each message says in MSH-11 that it is a test. */
  messages(moment: Moment): SimulatedMessage[];
  /** What it sends while nothing happens, to show that it is there. */
  heartbeat?: { everyMs: number; message(moment: Moment): SimulatedMessage };
}

/** A device on a serial line, behind a serial device server: whoever connects receives its line. */
export interface LineSimulator {
  profile: string;
  device: string;
  intervalMs: number;
  /** When its clock strikes, so that it sends at whole intervals; others are out of step with each other. */
  onTheSecond: boolean;
  bytes(moment: Moment): Uint8Array;
}

export type Simulator = (Hl7Simulator & { kind: 'hl7' }) | (LineSimulator & { kind: 'serial' });

/** What happens in a simulation, as `simulate --json` prints it. Synthetic names alone are in it, and no values. */
export type SimulationEvent =
  | { event: 'ready'; profile: string; endpoint: string }
  | { event: 'connected' | 'disconnected'; peer: string }
  | { event: 'sent'; at: string; id: string; bytes: number; attempt: number }
  /** `code` is MSA-1. */
  | { event: 'answered'; id: string; code: string }
  | { event: 'kept' | 'lost' | 'refused'; id: string; why: string }
  | ({ event: 'done' } & SimulationCounts);

export interface SimulationCounts {
  /** Messages that the device had to tell, however often each was sent. */
  sent: number;
  /** Of these: taken by the other side (AA, CA); null for devices that do not ask. */
  acknowledged: number | null;
  /** Refused for good (AR, CR). */
  refused: number;
  /** Given up without an acknowledgement. */
  lost: number;
  /** Times that something was sent once more. */
  again: number;
}

export type Tell = (event: SimulationEvent) => void;
