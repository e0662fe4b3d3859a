import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { normalize } from '../../agent/normalize.ts';
import { resourcesOf } from '../../agent/resources.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import type { BatchBundle } from '../../shared/fhir.ts';
import type { Reading, ReadingRecord } from '../../shared/reading.ts';
import { VITALS } from '../../shared/vitals.ts';
import { verifies } from '../requirements.ts';
import { FOREIGN_REGISTRY } from '../support/foreign.ts';
import { observationGoldens } from '../support/goldens.ts';
import { hapiValidate } from '../support/hapi.ts';
import { gathered, testHub } from '../support/hub.ts';

function ndjson(observations: readonly unknown[]): string {
  return observations.map((o) => `${JSON.stringify(o)}\n`).join('');
}

describe('HAPI FHIR, offline, as an independent judge', () => {
  it('finds no error in any golden Observation', async () => {
    verifies('OBSERVATION-VALID');
    const observations = observationGoldens().flatMap((golden) => golden.observations);
    const result = await hapiValidate(ndjson(observations));
    assert.equal(result.errors, 0, result.text);
    assert.equal(result.resources, observations.length);
    assert.equal(result.valid, observations.length);
    for (const profile of ['heartrate', 'oxygensat', 'bodytemp', 'bodyweight', 'bp', 'vitalsigns'])
      assert.ok(result.profiles[profile], profile);
  });

  it('finds no error in a value and an absence of every vital sign of the table', async () => {
    verifies('OBSERVATION-VALID', 'VOCABULARY-TRUE');
    const readings = VITALS.filter((v) => !v.panel && v.class !== 'waveform').flatMap((v): Reading[] => [
      { vital: v.key, value: 30 },
      { vital: v.key, absent: 'temp-unknown', effective: 1_795_251_600_000 },
    ]);
    const receivedAt = Date.parse('2026-11-21T09:00:00Z');
    const record = { source: 's', profile: 'p', device: { id: 'd', idType: 'config' as const }, receivedAt, subject: {}, test: true };
    const observations = normalize({ ...record, class: 'spot', readings }, { agent: 'gw', epoch: '0123456789abc', seq: 1 });
    const result = await hapiValidate(ndjson(observations));
    assert.equal(result.errors, 0, result.text);
    assert.equal(result.valid, observations.length);
  });

  it('finds no error in what describes a device, its parts and what they measure', async () => {
    verifies('DEVICES-DESCRIBED');
    const receivedAt = Date.parse('2026-11-21T09:00:00Z');
    const record: ReadingRecord = {
      ...{ source: 's', profile: 'p', device: { id: 'd', idType: 'serial' }, receivedAt, subject: {}, test: true, class: 'device' },
      readings: [],
      tree: {
        mdc: 69965,
        parts: [
          { path: '1.5', level: 'vmd', mdc: 69798 },
          { path: '1.5.1', level: 'channel' },
          { path: '1.5.1.1', level: 'metric', mdc: 147842, vital: 'hr' },
          { path: '1.30.1.1', level: 'setting', mdc: 16929196, vital: 'vt_set' },
        ],
      },
    };
    const resources = resourcesOf(record, { agent: 'gw', epoch: '0123456789abc', seq: 1 });
    const result = await hapiValidate(ndjson(resources));
    assert.equal(result.errors, 0, result.text);
    assert.deepEqual([result.resources, result.valid], [5, 5]);
  });

  it('finds no error in what tells of missing data', async () => {
    verifies('GAPS-TOLD');
    const { entry } = JSON.parse(readFileSync(new URL('../golden/uplink/gap.json', import.meta.url), 'utf8')) as BatchBundle;
    const resources = entry.map(({ resource }) => resource);
    const result = await hapiValidate(ndjson(resources));
    assert.equal(result.errors, 0, result.text);
    assert.deepEqual([result.resources, result.valid], [2, 2]);
  });

  it('finds no error in the batch that a FHIR server gets: one record of each class, with the identifier of its key', async () => {
    verifies('FHIR-SERVER-ONCE');
    const bundle: unknown = JSON.parse(readFileSync(new URL('../golden/uplink/fhir-server.json', import.meta.url), 'utf8'));
    const result = await hapiValidate(ndjson([bundle]));
    assert.equal(result.errors, 0, result.text);
    const { entry } = bundle as BatchBundle;
    // The Bundle itself, and each of its entries.
    assert.deepEqual([result.resources, result.valid], [1 + entry.length, 1 + entry.length]);
  });

  it('finds no error in what the hub makes of another vendor’s Bundle', async () => {
    verifies('FOREIGN-CLIENTS');
    await using hub = testHub({ registry: FOREIGN_REGISTRY });
    const bundle = JSON.parse(readFileSync(new URL('../golden/foreign/home-monitoring.json', import.meta.url), 'utf8'));
    await hub.ingest.foreign('gw-home', bundle);
    const stored = await gathered(await hub.door.export(operatorPrincipal(1000, 'clinic'), {}, { channel: 'operator' }));
    const result = await hapiValidate(ndjson(stored.map(({ resource }) => resource)));
    assert.equal(result.errors, 0, result.text);
    assert.deepEqual([result.resources, result.valid], [3, 3]);
    for (const profile of ['bp', 'bodytemp', 'oxygensat']) assert.ok(result.profiles[profile], profile);
  });

  it('does find errors where there are some', async () => {
    const [golden] = observationGoldens();
    const [observation] = golden?.observations ?? [];
    const { subject: _, ...rest } = observation ?? assert.fail('no golden');
    const result = await hapiValidate(ndjson([{ ...rest, status: 'done' }]));
    assert.ok(result.errors > 0);
    assert.equal(result.valid, 0);
  });
});
