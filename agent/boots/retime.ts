import type { Instant } from '../../shared/clock.ts';
import type { Flag, ReadingRecord } from '../../shared/reading.ts';
import { MAX_AHEAD_MS } from '../../shared/sort-time.ts';
import type { Decision } from './decide.ts';

/**
 * A record as of when it was received by what was decided of the clock that stamped it. What devices say of their own time stays as they
 * said it: by the true time of receipt it is judged when the record is sent. What is in doubt goes as out of a memory, and never for current.
 */
export function retimed(record: ReadingRecord, { shift, inDoubt: isInDoubt, notEarlier }: Decision): ReadingRecord {
  const { gap } = record;
  const moved = {
    ...record,
    receivedAt: record.receivedAt + shift,
    ...(gap && { gap: { ...gap, from: gap.from + shift, to: gap.to + shift } }),
  };
  return isInDoubt ? fromMemory(inDoubt(moved), notEarlier === true) : moved;
}

/** A record whose time of receipt is no time to order by: all of its content says so, and none of it is taken for a current one's time. */
export function inDoubt({ readings, alerts, movement, waves, ...record }: ReadingRecord): ReadingRecord {
  return {
    ...record,
    readings: readings.map((reading) => flagged(reading, 'clock')),
    ...(alerts && { alerts: alerts.map((alert) => flagged(alert, 'clock')) }),
    ...(movement && { movement: flagged(movement, 'clock') }),
    ...(waves && { waves: waves.map((wave) => flagged(wave, 'clock')) }),
  };
}

function fromMemory(record: ReadingRecord, isBounded: boolean): ReadingRecord {
  const { readings, waves, receivedAt } = record;
  const notEarlier = isBounded ? receivedAt - MAX_AHEAD_MS : Number.POSITIVE_INFINITY;
  return {
    ...record,
    readings: readings.map((reading) => remembered(reading, notEarlier)),
    ...(waves && { waves: waves.map((wave) => remembered(wave, notEarlier)) }),
  };
}

/** What the device itself had in its memory, or says that it measured before, may have been measured long before it was received. */
function remembered<T extends { flags?: readonly Flag[]; effective?: Instant }>(timed: T, notEarlier: Instant): T {
  const { flags = [], effective = Number.MAX_SAFE_INTEGER } = timed;
  const isBounded = effective >= notEarlier && !flags.includes('memory');
  const marked = flagged(timed, 'memory');
  return isBounded ? flagged(marked, 'not-earlier') : marked;
}

function flagged<T extends { flags?: readonly Flag[] }>(timed: T, flag: Flag): T {
  const { flags = [] } = timed;
  return flags.includes(flag) ? timed : { ...timed, flags: [...flags, flag] };
}
