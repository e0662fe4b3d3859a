import assert from 'node:assert/strict';
import type { DecodeContext, Decoded, Profile } from '../../../agent/decoding.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { checkRecord } from '../../../shared/reading-check.ts';

/** 2026-11-21 10:00:05 in Berlin. */
export const RECEIVED_AT = Date.UTC(2026, 10, 21, 9, 0, 5);

export const CONTEXT: DecodeContext = { source: 'line-1', zone: 'Europe/Berlin', test: false, maxFrameBytes: 64 * 1024 };

export interface Outcome {
  records: ReadingRecord[];
  /** `CODE part bytes`, a `+` behind those kept for quarantine. */
  rejected: string[];
}

/** Everything decoded parts say, and that normalize will take every record of them. */
export function outcome(parts: readonly Decoded[]): Outcome {
  const records = parts.flatMap((part) => part.records);
  for (const record of records) assert.equal(checkRecord(record), undefined);
  const rejected = parts.flatMap((part) =>
    part.rejected.map(({ code, part: which, bytes, raw }) => `${code} ${which} ${bytes}${raw ? '+' : ''}`),
  );
  return { records, rejected };
}

/** The outcome of a stream as a whole, asserted to be the same when it is cut in two at every offset and into single bytes. */
export function decoded(profile: Profile, stream: Uint8Array, context: Partial<DecodeContext> = {}): Outcome {
  const whole = run(profile, [stream], context);
  for (let cut = 1; cut < stream.length; cut += 1) {
    assert.deepEqual(run(profile, [stream.subarray(0, cut), stream.subarray(cut)], context), whole, `cut at ${cut}`);
  }
  assert.deepEqual(
    run(
      profile,
      Array.from(stream, (_, i) => stream.subarray(i, i + 1)),
      context,
    ),
    whole,
    'byte by byte',
  );
  return whole;
}

/** The outcome of a stream in these chunks. */
export function run(profile: Profile, chunks: readonly Uint8Array[], context: Partial<DecodeContext> = {}): Outcome {
  const decoder = profile.decoder({ ...CONTEXT, ...context });
  return outcome([...chunks.flatMap((chunk) => decoder.push(chunk, RECEIVED_AT)), ...decoder.end(RECEIVED_AT)]);
}

/** Readings in short: `spo2=97`, `spo2=!temp-unknown`, flags behind. */
export function short({ records }: Outcome): string[] {
  return records.flatMap(({ readings }) =>
    readings.map(({ vital, value, absent, flags = [] }) => [`${vital}=${value ?? `!${absent}`}`, ...flags].join(' ')),
  );
}
