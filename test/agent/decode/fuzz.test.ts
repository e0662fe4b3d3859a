import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { PROFILES, profile } from '../../../agent/profiles.ts';
import { resourcesOf } from '../../../agent/resources.ts';
import { verifies } from '../../requirements.ts';
import { run } from './decoding.ts';

const ROOT = join(import.meta.dirname, '../../golden/captures');
const CAPTURES = globSync('*/*.{bin,hl7,ndjson}', { cwd: ROOT }).filter((file) => !/\.(observations|rejected)\.ndjson$/.test(file));
const KEY = { agent: 'fuzz', epoch: '0000000000000', seq: 1 };

/** One change of a stream: bytes put in place of others. */
const edit = fc.record({
  at: fc.nat(),
  drop: fc.nat({ max: 12 }),
  put: fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.constantFrom(
      ...['|', '^', '~', '\\', '\r', '\n', '\x0b', '\x1c', '"', '{', '=', '-', '\xff', 'MSH|'].map((c) => Buffer.from(c, 'latin1')),
    ),
  ),
});

function edited(bytes: Uint8Array, edits: readonly { at: number; drop: number; put: Uint8Array }[]): Uint8Array {
  let result = Buffer.from(bytes);
  for (const { at, drop, put } of edits) {
    const from = at % (result.length + 1);
    result = Buffer.concat([result.subarray(0, from), put, result.subarray(from + drop)]);
  }
  return result;
}

/** Decodes, and makes resources of all that came out: whatever the decoder lets through must become one. */
function survives(name: string, stream: Uint8Array): void {
  const { records, rejected } = run(profile(name), [stream]);
  for (const record of records) {
    const made = resourcesOf(record, KEY).length;
    const { readings, alerts = [], waves = [], movement } = record;
    assert.ok(made > 0 && made <= readings.length + alerts.length + waves.length + (movement ? 1 : 0));
    for (const reading of record.readings) assert.ok((reading.value === undefined) !== (reading.absent === undefined));
  }
  // Bounded: nothing comes out that was not put in.
  const kept = rejected.reduce((sum, line) => sum + Number(/ (\d+)\+?$/.exec(line)?.[1] ?? 0), 0);
  assert.ok(kept <= stream.length * 3 + 64);
}

for (const { name } of PROFILES) {
  test(`${name}: random bytes never throw`, () => {
    verifies('GOOD-PARTS-SURVIVE');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (stream) => survives(name, stream)),
      { numRuns: 150 },
    );
  });
}

for (const file of CAPTURES) {
  const bytes = readFileSync(join(ROOT, file));
  test(`${file}: changed anywhere, it never throws`, () => {
    verifies('GOOD-PARTS-SURVIVE', 'NOTHING-INVENTED');
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 8 }), (edits) => survives(dirname(file), edited(bytes, edits))),
      { numRuns: 150 },
    );
  });
}
