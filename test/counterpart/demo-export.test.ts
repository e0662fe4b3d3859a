import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { demo, summaryOf } from '../support/demo.ts';
import { hapiValidate } from '../support/hapi.ts';

test('what the hub exports after a demo is valid FHIR R4 to the last Observation, judged by HAPI', async () => {
  verifies('DEMO-WORKS', 'OBSERVATION-VALID');
  const folder = mkdtempSync(join(tmpdir(), 'vm-export-'));
  const file = join(folder, 'export.ndjson');
  const run = await demo('--seconds', '12', '--json', '--export', file);
  const summary = summaryOf(run);
  assert.equal(run.code, 0, run.stderr);
  assert.ok(summary.patients >= 6);
  const verdict = await hapiValidate(readFileSync(file, 'utf8'));
  // What is under nobody is in no export.
  assert.equal(verdict.resources, summary.observations.stored - summary.observations.ofNobody);
  assert.equal(verdict.errors, 0, verdict.text);
  assert.equal(verdict.valid, verdict.resources);
  rmSync(folder, { recursive: true });
});
