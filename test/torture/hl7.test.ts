import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { HL7_FOLDERS, hl7CaptureProfile, hl7Captures, readWhole, watchHeap } from '../support/hl7-streams.ts';
import { mutilate } from '../support/mutilate.ts';
import { seedOf } from '../support/seed.ts';

const RUNS = 100_000;

for (const folder of HL7_FOLDERS) {
  test(`${folder}: ${RUNS} mutilated streams are read without a crash, what comes out is whole, and nothing stays in memory`, (t) => {
    const profile = hl7CaptureProfile(folder);
    const originals = hl7Captures(folder);
    const seed = seedOf();
    const uniform = random(seed);
    let records = 0;
    let rejected = 0;
    const read = (runs: number) => (): void => {
      for (let run = 0; run < runs; run += 1) {
        const original = originals[run % originals.length] ?? Buffer.alloc(0);
        const bytes = mutilate(original.subarray(0, 4096), uniform);
        const found = readWhole(profile, bytes, Math.floor(uniform() * bytes.length));
        records += found.records;
        rejected += found.rejected;
      }
    };
    const growth = watchHeap(read(RUNS / 10), read(RUNS));
    assert.ok(records > 0 && rejected > 0, `seed ${seed}`);
    t.diagnostic(`seed ${seed}: ${records} records, ${rejected} rejected parts, ${growth} bytes of heap more`);
  });
}
