/** MDC dimension codes as devices send them, and what they are in UCUM (IEEE 11073-10101 Annex; IHE PCD Rosetta). */
const MDC_UNITS: ReadonlyMap<number, string> = new Map([
  [262_656, '1'],
  [262_688, '%'],
  [263_441, 'cm'],
  [263_762, 'mL'],
  [263_875, 'kg'],
  [264_096, 'kg/m2'],
  [264_864, '/min'],
  [264_928, '/min'],
  [265_216, 'L/min'],
  [266_016, 'mm[Hg]'],
  [266_048, 'cm[H2O]'],
  [266_418, 'mV'],
  [266_560, '[degF]'],
  [268_192, 'Cel'],
]);

/** The UCUM unit of an MDC unit code (262688 → `%`); undefined for a code that is not in the table. */
export function ucumOfMdcUnit(code: number): string | undefined {
  return MDC_UNITS.get(code);
}

/** Spellings that senders use, in lower case without spaces; each means one unit whatever the parameter. */
const SPELLINGS: Readonly<Record<string, string>> = {
  '%': '%',
  percent: '%',
  pct: '%',
  '1': '1',
  '{ratio}': '{ratio}',
  '{steps}': '{steps}',
  steps: '{steps}',
  '/min': '/min',
  '1/min': '/min',
  'min-1': '/min',
  '{beats}/min': '/min',
  '{beat}/min': '/min',
  '{breaths}/min': '/min',
  '{breath}/min': '/min',
  bpm: '/min',
  rpm: '/min',
  brpm: '/min',
  'b/min': '/min',
  'br/min': '/min',
  'beat/min': '/min',
  'beats/min': '/min',
  'resp/min': '/min',
  'breath/min': '/min',
  'breaths/min': '/min',
  'mm[hg]': 'mm[Hg]',
  mmhg: 'mm[Hg]',
  'cm[h2o]': 'cm[H2O]',
  cmh2o: 'cm[H2O]',
  mbar: 'mbar',
  hpa: 'hPa',
  kpa: 'kPa',
  cel: 'Cel',
  '°c': 'Cel',
  '℃': 'Cel',
  degc: 'Cel',
  c: 'Cel',
  celsius: 'Cel',
  '[degf]': '[degF]',
  '°f': '[degF]',
  '℉': '[degF]',
  degf: '[degF]',
  f: '[degF]',
  fahrenheit: '[degF]',
  kg: 'kg',
  g: 'g',
  lb: '[lb_av]',
  lbs: '[lb_av]',
  '[lb_av]': '[lb_av]',
  cm: 'cm',
  m: 'm',
  in: '[in_i]',
  inch: '[in_i]',
  '[in_i]': '[in_i]',
  'kg/m2': 'kg/m2',
  'kg/m²': 'kg/m2',
  'kg/m^2': 'kg/m2',
  'mg/dl': 'mg/dL',
  'mmol/l': 'mmol/L',
  l: 'L',
  ml: 'mL',
  'l/min': 'L/min',
  lpm: 'L/min',
  'ml/min': 'mL/min',
  'l/min/m2': 'L/min/m2',
  s: 's',
  sec: 's',
  ms: 'ms',
  msec: 'ms',
  mv: 'mV',
  'ml/cm[h2o]': 'mL/cm[H2O]',
  'ml/cmh2o': 'mL/cm[H2O]',
  'cm[h2o].s/l': 'cm[H2O].s/L',
  'cmh2o/l/s': 'cm[H2O].s/L',
  'cmh2o/(l/s)': 'cm[H2O].s/L',
  'dyn.s/cm5': 'dyn.s/cm5',
  'dyn.s.m2/cm5': 'dyn.s.m2/cm5',
  '/min/l': '/min/L',
};

/** The UCUM unit that a sender's spelling means (`bpm` → `/min`, `°C` → `Cel`); undefined when it is not one that is known. */
export function ucumOfText(text: string): string | undefined {
  const spelling = text.replaceAll(' ', '').toLowerCase();
  return Object.hasOwn(SPELLINGS, spelling) ? SPELLINGS[spelling] : undefined;
}

/** A linear change of unit: (value − zero) × numerator ÷ denominator + offset. Each factor is exact by definition of the units. */
interface Conversion {
  from: string;
  to: string;
  multiply: number;
  divide: number;
  /** Subtracted before, and added after. */
  subtract?: number;
  add?: number;
}

/** Pairs that mean the same whatever is measured; amount of substance to mass is not one of them, see `glucose`. */
const EXACT: readonly Conversion[] = [
  { from: '[degF]', to: 'Cel', subtract: 32, multiply: 5, divide: 9 },
  { from: 'Cel', to: '[degF]', multiply: 9, divide: 5, add: 32 },
  ...bothWays('[lb_av]', 'kg', 45_359_237, 100_000_000),
  ...bothWays('g', 'kg', 1, 1000),
  ...bothWays('[lb_av]', 'g', 45_359_237, 100_000),
  ...bothWays('[in_i]', 'cm', 254, 100),
  ...bothWays('[in_i]', 'm', 254, 10_000),
  ...bothWays('m', 'cm', 100, 1),
  // UCUM: mm[Hg] is 133.322 Pa, m[H2O] is 9.80665 kPa.
  ...bothWays('kPa', 'mm[Hg]', 1_000_000, 133_322),
  ...bothWays('hPa', 'mm[Hg]', 100_000, 133_322),
  ...bothWays('mbar', 'mm[Hg]', 100_000, 133_322),
  ...bothWays('kPa', 'cm[H2O]', 1_000_000, 98_066.5),
  ...bothWays('hPa', 'cm[H2O]', 100_000, 98_066.5),
  ...bothWays('mbar', 'cm[H2O]', 100_000, 98_066.5),
  ...bothWays('mm[Hg]', 'cm[H2O]', 133_322, 98_066.5),
  ...bothWays('mbar', 'hPa', 1, 1),
  ...bothWays('L', 'mL', 1000, 1),
  ...bothWays('L/min', 'mL/min', 1000, 1),
  ...bothWays('s', 'ms', 1000, 1),
  ...bothWays('1', '%', 100, 1),
];

/** 1 mmol/L of glucose is 18.0156 mg/dL (molar mass 180.156 g/mol); true of no other substance. */
const GLUCOSE: readonly Conversion[] = bothWays('mmol/L', 'mg/dL', 180_156, 10_000);

const CONVERSIONS = indexed(EXACT);
const GLUCOSE_CONVERSIONS = indexed(GLUCOSE);

/** Decimal digits kept: far beyond any device's resolution, short of what binary arithmetic adds behind it (98.60000000000001). */
const SIGNIFICANT_DIGITS = 12;

function bothWays(from: string, to: string, multiply: number, divide: number): Conversion[] {
  return [
    { from, to, multiply, divide },
    { from: to, to: from, multiply: divide, divide: multiply },
  ];
}

function indexed(conversions: readonly Conversion[]): ReadonlyMap<string, Conversion> {
  return new Map(conversions.map((c) => [`${c.from}\n${c.to}`, c]));
}

function apply(value: number, conversion: Conversion | undefined): number | undefined {
  if (!conversion) return undefined;
  const { subtract = 0, multiply, divide, add = 0 } = conversion;
  const result = ((value - subtract) * multiply) / divide + add;
  return Number.isFinite(result) ? Number(result.toPrecision(SIGNIFICANT_DIGITS)) : undefined;
}

/**
 * `value` in another unit, both UCUM, for pairs whose relation does not depend on what is measured. Undefined when the two cannot be
 * converted, or the value or the result is not finite: nothing is guessed. The same unit gives the value back untouched.
 */
export function convert(value: number, fromUcum: string, toUcum: string): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  return fromUcum === toUcum ? value : apply(value, CONVERSIONS.get(`${fromUcum}\n${toUcum}`));
}

/** As `convert`, for glucose, whose molar mass is known: also between mmol/L and mg/dL. */
export function convertGlucose(value: number, fromUcum: string, toUcum: string): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  return fromUcum === toUcum ? value : apply(value, GLUCOSE_CONVERSIONS.get(`${fromUcum}\n${toUcum}`));
}
