/** What a simulated patient's body shows at one moment. `null`: the probe is off. */
export interface VitalSigns {
  heartRate: number;
  pulse: number | null;
  spo2: number | null;
  perfusion: number | null;
  respiration: number;
  systolic: number;
  diastolic: number;
  mean: number;
  temperature: number;
  weightKg: number;
}

export interface PatientOptions {
  /** Same seed, same patient. */
  seed: number;
  /** Begins to get worse after `afterS` seconds, and is at the worst `overS` seconds later. */
  deteriorates?: { afterS: number; overS: number };
  /** Seconds between two losses of the oximeter's probe, on average. */
  probeOffEveryS?: number;
}

const PROBE_OFF_S = 4;

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A value that wanders about zero with a spread of one and forgets itself in `timeConstantS` seconds (Ornstein-Uhlenbeck). */
function drift(next: () => number, timeConstantS: number): (dtS: number) => number {
  let x = gaussian(next);
  return (dtS) => {
    const keep = Math.exp(-dtS / timeConstantS);
    x = x * keep + Math.sqrt(1 - keep * keep) * gaussian(next);
    return x;
  };
}

function gaussian(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/**
 * A simulated patient: values drift slowly, and together, because one arousal drives heart rate, breathing and pressure. In
 * deterioration the pulse and breathing rise while saturation and pressure fall, as in a developing sepsis. Call `next` with
 * the seconds passed since the last call.
 */
export function simulatedPatient({ seed, deteriorates, probeOffEveryS = 120 }: PatientOptions): { next(dtS: number): VitalSigns } {
  const uniform = random(seed);
  const base = {
    heartRate: 62 + 26 * uniform(),
    spo2: 95.5 + 3 * uniform(),
    respiration: 12 + 5 * uniform(),
    systolic: 108 + 30 * uniform(),
    temperature: 36.4 + 0.7 * uniform(),
    weightKg: 55 + 40 * uniform(),
  };
  const arousal = drift(uniform, 90);
  const wander = {
    heartRate: drift(uniform, 20),
    spo2: drift(uniform, 40),
    respiration: drift(uniform, 15),
    pressure: drift(uniform, 60),
    heat: drift(uniform, 900),
  };
  let elapsedS = 0;
  let probeOffUntilS = -1;

  return {
    next(dtS) {
      elapsedS += dtS;
      const worse = deteriorates ? Math.min(1, Math.max(0, (elapsedS - deteriorates.afterS) / deteriorates.overS)) : 0;
      const a = arousal(dtS);
      if (elapsedS > probeOffUntilS && uniform() < dtS / probeOffEveryS) probeOffUntilS = elapsedS + PROBE_OFF_S;
      const probeOff = elapsedS < probeOffUntilS;
      const heartRate = Math.round(base.heartRate + 5 * a + 2 * wander.heartRate(dtS) + 45 * worse);
      const systolic = Math.round(base.systolic + 7 * a + 4 * wander.pressure(dtS) - 38 * worse);
      const diastolic = Math.round(systolic * 0.6 + 4);
      const spo2 = Math.round(Math.min(100, base.spo2 + 0.7 * wander.spo2(dtS) - 11 * worse));
      return {
        heartRate,
        pulse: probeOff ? null : heartRate + (uniform() < 0.3 ? 1 : 0),
        spo2: probeOff ? null : spo2,
        perfusion: probeOff ? null : Math.round(10 * Math.max(0.3, 3.2 - 0.5 * a - 2 * worse)) / 10,
        respiration: Math.round(base.respiration + 1.2 * a + wander.respiration(dtS) + 13 * worse),
        systolic,
        diastolic,
        mean: Math.round((systolic + 2 * diastolic) / 3),
        temperature: Math.round(10 * (base.temperature + 0.1 * wander.heat(dtS) + 1.8 * worse)) / 10,
        weightKg: Math.round(10 * (base.weightKg + 0.2 * a)) / 10,
      };
    },
  };
}
