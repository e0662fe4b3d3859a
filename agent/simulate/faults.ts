import { mllpFrame } from '../framing/mllp.ts';
import type { Moment } from './simulator.ts';

/** One way in which real senders go wrong. A fault that is not in every message is in the second of each three. */
export interface Fault {
  name: string;
  /** What the device does. */
  does: string;
  /** What is to be seen at a receiver that is in order. */
  expect: string;
  /** Changes what the device knows or believes. */
  moment?(moment: Moment): Moment;
  /** Changes the text of a message, before its first try. */
  text?(text: string, number: number): string;
  /** What is written for a message that is `frame` in MLLP, each piece by itself; without it, the frame at once. */
  pieces?(frame: Uint8Array, attempt: number, number: number): readonly Uint8Array[];
  /** Times that each message is sent, as by a sender to whom the acknowledgement was lost. */
  copies?: number;
  /** Messages that are sent in one write, before any of them is answered. */
  together?: number;
  /** Cuts the connection in the middle of a message, and sends it whole on a new one. */
  cuts?(number: number): boolean;
  /** Sends on without reading what it is answered. */
  deaf?: true;
  /** Goes silent behind the first message, and keeps the connection. */
  mute?: true;
}

const HOUR_MS = 3_600_000;
const PIECE_BYTES = 61;
/** Above the largest message that a source takes unless told otherwise (1 MiB). */
const OVERSIZE_BYTES = 1_200_000;
const LINE_BYTES = 60_000;
const MLLP_END = 2;

const isEveryThird = (number: number): boolean => number % 3 === 2;

export const FAULTS: readonly Fault[] = [
  {
    name: 'garbage',
    does: 'sends bytes of no message in front of each one',
    expect: 'every message taken; the bytes counted as DECODE-GARBAGE',
    pieces: (frame) => [Buffer.from('\u0000\u00ffAT+NOISE\r\n', 'latin1'), frame],
  },
  {
    name: 'fragment',
    does: `sends each message in pieces of ${PIECE_BYTES} bytes`,
    expect: 'every message taken',
    pieces: (frame) => cut(frame, PIECE_BYTES),
  },
  {
    name: 'pipeline',
    does: 'sends five messages at once and waits for the answers afterwards',
    expect: 'every message taken, and answered in order',
    together: 5,
  },
  {
    name: 'no-cr',
    does: 'leaves out the CR behind the last segment and behind the MLLP block',
    expect: 'every message taken',
    pieces: (frame) => [mllpFrame(frame.subarray(1, -MLLP_END - 1)).subarray(0, -1)],
  },
  {
    name: 'no-trailer',
    does: 'leaves out the end of the MLLP block of every third message, is not answered, and sends it again',
    expect: 'every message taken; what had no end counted as DECODE-TRUNCATED',
    pieces: (frame, attempt, number) => [isEveryThird(number) && attempt === 1 ? frame.subarray(0, -MLLP_END) : frame],
  },
  {
    name: 'duplicate',
    does: 'sends each message twice, as if the first acknowledgement had been lost',
    expect: 'every message taken once and answered twice, where the dialect has unique message numbers',
    copies: 2,
  },
  {
    name: 'never-read-ack',
    does: 'sends on and never reads an acknowledgement',
    expect: 'not read from any more, and then cut; what was taken before is kept',
    deaf: true,
  },
  {
    name: 'reconnect-mid-message',
    does: 'loses the connection in the middle of every third message and sends it again on a new one',
    expect: 'every message taken once; the halves counted as DECODE-TRUNCATED',
    cuts: isEveryThird,
  },
  {
    name: 'probe-off',
    does: 'has a finger probe that is off: no saturation and no pulse',
    expect: 'Observations without a value and with a reason, never an older number',
    moment: (moment) => ({ ...moment, vitals: { ...moment.vitals, spo2: null, pulse: null, perfusion: null } }),
  },
  {
    name: 'demo',
    does: 'is in its demonstration mode and says so with each value, where its dialect can',
    expect: 'flagged as a demonstration, besides the mark of a test',
    moment: (moment) => ({ ...moment, demo: true }),
  },
  {
    name: 'clock-ahead',
    does: 'has a clock that is an hour ahead',
    expect: 'flagged as of a doubtful clock; never before the values of now',
    moment: (moment) => ({ ...moment, at: moment.at + HOUR_MS }),
  },
  {
    name: 'silence',
    does: 'sends one message, keeps the connection and says nothing more',
    expect: 'values go stale, the connection is closed after idleTimeoutMs',
    mute: true,
  },
  {
    name: 'oversize',
    does: `sends ${OVERSIZE_BYTES} bytes more in every third message than the others have`,
    expect: 'these refused with AR and counted as DECODE-OVERSIZED, the others taken',
    text: (text, number) => (isEveryThird(number) ? text + notes(OVERSIZE_BYTES) : text),
  },
];

function cut(frame: Uint8Array, pieceBytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += pieceBytes) pieces.push(frame.subarray(at, at + pieceBytes));
  return pieces;
}

/** Segments that say nothing, of so many bytes and a few more. */
function notes(bytes: number): string {
  let text = '';
  while (text.length < bytes) text += `NTE|||${'x'.repeat(LINE_BYTES)}\r`;
  return text;
}
