import { z } from 'zod';
import type { CheckedEvent, EventCheck } from './event.ts';
import { type EventFrame, eventFacts, eventFrame, eventShape } from './event-observation.ts';
import { type Coding, type Observation, SYSTEMS } from './fhir.ts';
import { quantity } from './observation-code.ts';
import { VITALS, type Vital, vital } from './vitals.ts';
import { MAX_SAMPLES, MAX_SAMPLES_TEXT, type Wave } from './wave.ts';

const CATEGORY: Coding = { system: SYSTEMS.category, code: 'procedure', display: 'Procedure' };
/** FHIR R4 SampledData: what stands for a sample that there is not. */
const NO_SAMPLE = 'E';
/** A decimal as JavaScript writes it. */
const SAMPLE = /^-?\d{1,16}(?:\.\d{1,24})?(?:e[+-]?\d{1,3})?$/;

/** A run of samples as an Observation with SampledData (FHIR R4 datatypes), under its MDC code. */
export function waveObservation(wave: Wave, frame: EventFrame): Observation {
  const row = waveRow(wave.vital);
  return {
    ...eventFrame(wave, frame, CATEGORY, { coding: row ? [codingOf(row)] : [], text: row?.name ?? '' }, []),
    valueSampledData: {
      origin: quantity(0, row?.ucum ?? '1'),
      period: wave.periodMs,
      dimensions: 1,
      data: wave.samples.map((sample) => (sample === null ? NO_SAMPLE : `${sample}`)).join(' '),
    },
  };
}

/** The row of a wave; undefined for what is none. */
export function waveRow(key: string): Vital | undefined {
  const row = vital(key);
  return row?.class === 'waveform' ? row : undefined;
}

function codingOf({ mdc }: Vital): Coding {
  return { system: SYSTEMS.mdc, code: `${mdc?.code ?? ''}`, display: mdc?.refid ?? '' };
}

const BY_CODE = new Map(VITALS.filter((row) => row.class === 'waveform').map((row) => [codingOf(row).code, row]));

const resource = eventShape(CATEGORY, {}).extend({
  code: z.strictObject({
    coding: z.tuple([z.strictObject({ system: z.literal(SYSTEMS.mdc), code: z.string(), display: z.string() })]),
    text: z.string(),
  }),
  valueSampledData: z.strictObject({
    origin: z.strictObject({ value: z.literal(0), unit: z.string(), system: z.literal(SYSTEMS.ucum), code: z.string() }),
    period: z.number().min(0.01).max(60_000),
    dimensions: z.literal(1),
    data: z.string().min(1).max(MAX_SAMPLES_TEXT),
  }),
});

/** How the hub knows and checks a wave. */
export const WAVE_CHECK: EventCheck = {
  kind: 'wave',
  fits: ({ resourceType, valueSampledData }) => resourceType === 'Observation' && valueSampledData !== undefined,
  check(value): CheckedEvent {
    const parsed = resource.safeParse(value);
    if (!parsed.success) return { ok: false, rule: `${parsed.error.issues[0]?.path.join('.') || 'Observation'}: not as a wave has it` };
    const { code, valueSampledData } = parsed.data;
    const row = BY_CODE.get(code.coding[0].code);
    if (!row || code.text !== row.name || code.coding[0].display !== row.mdc?.refid)
      return { ok: false, rule: 'code: not a wave of the parameter table' };
    const { unit, code: ucum } = quantity(0, row.ucum);
    if (valueSampledData.origin.code !== ucum || valueSampledData.origin.unit !== unit)
      return { ok: false, rule: 'valueSampledData.origin: not the unit of this wave' };
    if (samplesOf(valueSampledData.data) === undefined) return { ok: false, rule: 'valueSampledData.data: not samples' };
    return eventFacts('wave', parsed.data, value);
  },
};

/** The samples of SampledData.data; undefined for what has none, too many, or something else in it. */
export function samplesOf(data: string): (number | null)[] | undefined {
  const tokens = data.split(' ');
  if (tokens.length > MAX_SAMPLES) return undefined;
  const samples: (number | null)[] = [];
  for (const token of tokens) {
    if (token !== NO_SAMPLE && !SAMPLE.test(token)) return undefined;
    samples.push(token === NO_SAMPLE ? null : Number(token));
  }
  return samples;
}
