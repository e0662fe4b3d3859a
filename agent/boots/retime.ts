import type { Flag, ReadingRecord } from '../../shared/reading.ts';
import type { Decision } from './decide.ts';

/**
 * A record as of when it was received by what was decided of the clock that stamped it. What devices say of their own time stays as they
 * said it: by the true time of receipt it is judged when the record is sent. What is in doubt goes as out of a memory, and never for current.
 */
export function retimed(record: ReadingRecord, { shift, inDoubt: isInDoubt }: Decision): ReadingRecord {
  const { gap } = record;
  const moved = {
    ...record,
    receivedAt: record.receivedAt + shift,
    ...(gap && { gap: { ...gap, from: gap.from + shift, to: gap.to + shift } }),
  };
  return isInDoubt ? fromMemory(inDoubt(moved)) : moved;
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

function fromMemory(record: ReadingRecord): ReadingRecord {
  const { readings, waves } = record;
  return {
    ...record,
    readings: readings.map((reading) => flagged(reading, 'memory')),
    ...(waves && { waves: waves.map((wave) => flagged(wave, 'memory')) }),
  };
}

function flagged<T extends { flags?: readonly Flag[] }>(timed: T, flag: Flag): T {
  const { flags = [] } = timed;
  return flags.includes(flag) ? timed : { ...timed, flags: [...flags, flag] };
}
