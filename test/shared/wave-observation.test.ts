import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../agent/resources.ts';
import { checkObservation } from '../../shared/observation.ts';
import { decodeRecord, encodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import { checkRecord, checkWave } from '../../shared/reading-check.ts';
import { VITALS } from '../../shared/vitals.ts';
import { MAX_SAMPLES, type Wave } from '../../shared/wave.ts';
import { samplesOf, WAVE_CHECK } from '../../shared/wave-observation.ts';
import { verifies } from '../requirements.ts';

const AT = Date.UTC(2026, 10, 21, 9);
const KEY = { agent: 'gw-1', epoch: '0123456789abc', seq: 3 };
const WAVES = VITALS.filter((row) => row.class === 'waveform').map(({ key }) => key);

function recordOf(wave: Wave): ReadingRecord {
  const device = { id: 'MON-1', idType: 'serial' as const };
  const subject = { bed: 'ICU^^1' };
  return {
    source: 'icu',
    profile: 'hl7-capsule',
    device,
    receivedAt: AT,
    subject,
    test: false,
    class: 'waveform',
    readings: [],
    waves: [wave],
  };
}

function sent(wave: Wave): Record<string, unknown> {
  return JSON.parse(JSON.stringify(resourcesOf(recordOf(wave), KEY)[0])) as Record<string, unknown>;
}

test('a wave is kept, sent and checked with every sample as it was', () => {
  verifies('WAVES-WHOLE');
  const sample = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => Math.round(value * 1000) / 1000 || 0));
  fc.assert(
    fc.property(
      fc.constantFrom(...WAVES),
      fc.array(sample, { minLength: 1, maxLength: 50 }),
      fc.constantFrom(2, 3.333333, 20),
      (key, samples, periodMs) => {
        const wave = { vital: key, samples, periodMs, effective: AT - 1000, offsetMin: 60 };
        const record = recordOf(wave);
        assert.equal(checkRecord(record), undefined);
        assert.deepEqual(decodeRecord(encodeRecord(record)), record);
        const resource = sent(wave);
        assert.ok(WAVE_CHECK.fits(resource));
        const checked = WAVE_CHECK.check(resource);
        assert.ok(checked.ok);
        assert.equal(checked.facts.effective, wave.effective);
        const { data, period } = resource.valueSampledData as { data: string; period: number };
        assert.deepEqual([samplesOf(data), period], [samples, periodMs]);
        assert.equal(checkObservation(resource).ok, false, 'no vital sign');
      },
    ),
  );
});

test('what is no wave is refused, on the gateway and at the hub', () => {
  verifies('WAVES-WHOLE');
  const good: Wave = { vital: 'w_ecg2', samples: [1, null, -0.5], periodMs: 4 };
  const bad: [Wave, string][] = [
    [{ ...good, vital: 'hr' }, 'DECODE-UNKNOWN-CODE'],
    [{ ...good, samples: [] }, 'DECODE-FIELD'],
    [{ ...good, samples: [Number.NaN] }, 'DECODE-FIELD'],
    [{ ...good, samples: Array.from({ length: MAX_SAMPLES + 1 }, () => 1) }, 'DECODE-FIELD'],
    [{ ...good, periodMs: 0 }, 'DECODE-FIELD'],
    [{ ...good, effective: 1e18 }, 'DECODE-TIME'],
  ];
  for (const [wave, code] of bad) assert.equal(checkWave(wave), code);

  const resource = sent(good);
  const value = resource.valueSampledData as Record<string, unknown>;
  for (const change of [
    { valueSampledData: { ...value, data: '1 NAME 2' } },
    { valueSampledData: { ...value, data: '1  2' } },
    { valueSampledData: { ...value, period: 0 } },
    { valueSampledData: { ...value, origin: { ...(value.origin as object), code: 'kg' } } },
    { valueSampledData: { ...value, comment: 'NAME' } },
    {
      code: {
        coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '150456', display: 'MDC_PULS_OXIM_SAT_O2' }],
        text: 'Oxygen saturation (SpO2)',
      },
    },
    { valueQuantity: { value: 1 } },
  ])
    assert.equal(WAVE_CHECK.check({ ...resource, ...change }).ok, false, JSON.stringify(change));
});
