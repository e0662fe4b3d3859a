import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { normalize } from '../../agent/normalize.ts';
import { resourcesOf } from '../../agent/resources.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import type { BatchBundle } from '../../shared/fhir.ts';
import type { Reading } from '../../shared/reading.ts';
import { VITALS } from '../../shared/vitals.ts';
import { verifies } from '../requirements.ts';
import { FOREIGN_REGISTRY } from '../support/foreign.ts';
import { observationGoldens } from '../support/goldens.ts';
import { hapiValidate } from '../support/hapi.ts';
import { gathered, testHub } from '../support/hub.ts';

const RECEIVED_AT = Date.parse('2026-11-21T09:00:00Z');
const RECORD = { source: 's', profile: 'p', receivedAt: RECEIVED_AT, subject: {}, test: true };
const KEY = { agent: 'gw', epoch: '0123456789abc', seq: 1 };

function ndjson(observations: readonly unknown[]): string {
  return observations.map((o) => `${JSON.stringify(o)}\n`).join('');
}

const golden = (name: string): BatchBundle =>
  JSON.parse(readFileSync(new URL(`../golden/uplink/${name}`, import.meta.url), 'utf8')) as BatchBundle;

/** A value and an absence of each vital sign of the table. */
function everyVitalSign(): readonly unknown[] {
  const readings = VITALS.filter((v) => !v.panel && v.class !== 'waveform').flatMap((v): Reading[] => [
    { vital: v.key, value: 30 },
    { vital: v.key, absent: 'temp-unknown', effective: RECEIVED_AT },
  ]);
  const device = { id: 'd', idType: 'config' as const };
  return normalize({ ...RECORD, device, class: 'spot', readings }, KEY);
}

/** A device, its parts, and what they measure. */
function deviceWithParts(): readonly unknown[] {
  return resourcesOf(
    {
      ...RECORD,
      device: { id: 'd', idType: 'serial' },
      class: 'device',
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
    },
    KEY,
  );
}

describe('HAPI FHIR, offline, as an independent judge', () => {
  it('finds no error in any golden Observation', async () => {
    verifies('OBSERVATION-VALID');
    const observations = observationGoldens().flatMap((one) => one.observations);
    const result = await hapiValidate(ndjson(observations));
    assert.equal(result.errors, 0, result.text);
    assert.equal(result.resources, observations.length);
    assert.equal(result.valid, observations.length);
    for (const profile of ['heartrate', 'oxygensat', 'bodytemp', 'bodyweight', 'bp', 'vitalsigns'])
      assert.ok(result.profiles[profile], profile);
  });

  it('finds no error in a value and an absence of every vital sign, in what describes a device, in what tells of missing data, and in a batch', async () => {
    verifies('OBSERVATION-VALID', 'VOCABULARY-TRUE', 'DEVICES-DESCRIBED', 'GAPS-TOLD', 'FHIR-SERVER-ONCE');
    const signs = everyVitalSign();
    const device = deviceWithParts();
    const gaps = golden('gap.json').entry.map(({ resource }) => resource);
    // The batch that a FHIR server gets: one record of each class, with the identifier of its key. It counts, and so does each of its entries.
    const batch = golden('fhir-server.json');
    assert.deepEqual([device.length, gaps.length], [5, 2]);
    const result = await hapiValidate(ndjson([...signs, ...device, ...gaps, batch]));
    assert.equal(result.errors, 0, result.text);
    const count = signs.length + device.length + gaps.length + 1 + batch.entry.length;
    assert.deepEqual([result.resources, result.valid], [count, count]);
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
    const [first] = observationGoldens();
    const [observation] = first?.observations ?? [];
    const { subject: _, ...rest } = observation ?? assert.fail('no golden');
    const result = await hapiValidate(ndjson([{ ...rest, status: 'done' }]));
    assert.ok(result.errors > 0);
    assert.equal(result.valid, 0);
  });
});
