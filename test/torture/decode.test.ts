import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DecodeContext } from '../../agent/decoding.ts';
import { DEFAULT_MAX_FRAME_BYTES } from '../../agent/framing/framing.ts';
import { PROFILES } from '../../agent/profiles.ts';
import { random } from '../../agent/simulate/physiology.ts';
import { checkReading } from '../../shared/reading-check.ts';
import { mutilate } from '../support/mutilate.ts';
import { seedOf } from '../support/seed.ts';

const RUNS = 100_000;
const captures = join(import.meta.dirname, '..', 'golden', 'captures');
const context: DecodeContext = { source: 'torture', zone: 'Europe/Berlin', test: true, maxFrameBytes: DEFAULT_MAX_FRAME_BYTES };

/** Dialects of HL7 have a test of their own. */
for (const profile of PROFILES.filter(({ kind }) => kind !== 'hl7')) {
  test(`${profile.name}: ${RUNS} mutilated streams are read without a crash, and what comes out is whole`, (t) => {
    const files = globSync(`${profile.name}/*`, { cwd: captures }).filter((file) => !/\.(observations|rejected)\.ndjson$/.test(file));
    assert.ok(files.length > 0, `no capture of ${profile.name}`);
    const originals = files.map((file) => readFileSync(join(captures, file)));
    const seed = seedOf();
    const uniform = random(seed);
    let records = 0;
    let rejected = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const original = originals[run % originals.length] ?? Buffer.alloc(0);
      const decoder = profile.decoder(context);
      const bytes = mutilate(original.subarray(0, 4096), uniform);
      const cut = Math.floor(uniform() * bytes.length);
      for (const part of [
        ...decoder.push(bytes.subarray(0, cut), 1e12),
        ...decoder.push(bytes.subarray(cut), 1e12),
        ...decoder.end(1e12),
      ]) {
        rejected += part.rejected.length;
        for (const record of part.records) {
          records += 1;
          for (const reading of record.readings) assert.equal(checkReading(reading), undefined);
        }
      }
    }
    assert.ok(records > 0 && rejected > 0, `seed ${seed}`);
    t.diagnostic(`seed ${seed}: ${records} records, ${rejected} rejected parts`);
  });
}
