/** What of NEWS2 is scored, in the order of the chart. */
export const NEWS2_PARAMETERS = [
  'respiratory-rate',
  'oxygen-saturation',
  'oxygen',
  'systolic-pressure',
  'heart-rate',
  'consciousness',
  'temperature',
] as const;
export type News2Parameter = (typeof NEWS2_PARAMETERS)[number];

/** By which saturations are judged: 1 for everybody, 2 for those for whom somebody set a target of 88–92 %. */
export type SpO2Scale = 1 | 2;

/** What is known now; undefined for what is not, whatever the reason. Units of the parameter table. */
export interface News2Inputs {
  'respiratory-rate'?: number;
  'oxygen-saturation'?: number;
  /** Whether oxygen is given. */
  oxygen?: boolean;
  'systolic-pressure'?: number;
  'heart-rate'?: number;
  /** Alert; false for new confusion and for whoever answers to voice or pain alone, or not at all. */
  consciousness?: boolean;
  temperature?: number;
}

export interface News2 {
  scale: SpO2Scale;
  /** The points of each; null where it is not known. */
  points: Readonly<Record<News2Parameter, number | null>>;
  missing: readonly News2Parameter[];
  /** The score; null where anything is missing, for then there is none. */
  total: number | null;
  /** The least that the score can be, of what is known. */
  atLeast: number;
  /** A single parameter has three points: the chart asks for more than the sum does then. */
  singleThree: boolean;
}

/** Bands upwards: the points of a value up to and with `upTo`. */
type Bands = readonly { upTo: number; points: number }[];

const REST = Number.POSITIVE_INFINITY;

/**
 * Chart 1 of Royal College of Physicians, National Early Warning Score (NEWS) 2 (London, 2017), for people of 16 years and more who are not pregnant. Values are rounded to what the chart
 * is written in.
 */
const BANDS: Readonly<Record<'respiratory-rate' | 'systolic-pressure' | 'heart-rate' | 'temperature', Bands>> = {
  'respiratory-rate': [
    { upTo: 8, points: 3 },
    { upTo: 11, points: 1 },
    { upTo: 20, points: 0 },
    { upTo: 24, points: 2 },
    { upTo: REST, points: 3 },
  ],
  'systolic-pressure': [
    { upTo: 90, points: 3 },
    { upTo: 100, points: 2 },
    { upTo: 110, points: 1 },
    { upTo: 219, points: 0 },
    { upTo: REST, points: 3 },
  ],
  'heart-rate': [
    { upTo: 40, points: 3 },
    { upTo: 50, points: 1 },
    { upTo: 90, points: 0 },
    { upTo: 110, points: 1 },
    { upTo: 130, points: 2 },
    { upTo: REST, points: 3 },
  ],
  temperature: [
    { upTo: 35, points: 3 },
    { upTo: 36, points: 1 },
    { upTo: 38, points: 0 },
    { upTo: 39, points: 1 },
    { upTo: REST, points: 2 },
  ],
};

const SPO2_SCALE_1: Bands = [
  { upTo: 91, points: 3 },
  { upTo: 93, points: 2 },
  { upTo: 95, points: 1 },
  { upTo: REST, points: 0 },
];

const SPO2_SCALE_2: Bands = [
  { upTo: 83, points: 3 },
  { upTo: 85, points: 2 },
  { upTo: 87, points: 1 },
  { upTo: 92, points: 0 },
];

/** Above the target, on oxygen; on air there is nothing to be said against it. */
const SPO2_SCALE_2_ON_OXYGEN: Bands = [
  { upTo: 94, points: 1 },
  { upTo: 96, points: 2 },
  { upTo: REST, points: 3 },
];

/** The score of what is known. Pure. */
export function news2(inputs: News2Inputs, scale: SpO2Scale): News2 {
  const points: Record<News2Parameter, number | null> = {
    'respiratory-rate': banded(BANDS['respiratory-rate'], inputs['respiratory-rate']),
    'oxygen-saturation': saturation(inputs, scale),
    oxygen: chosen(inputs.oxygen, 2, 0),
    'systolic-pressure': banded(BANDS['systolic-pressure'], inputs['systolic-pressure']),
    'heart-rate': banded(BANDS['heart-rate'], inputs['heart-rate']),
    consciousness: chosen(inputs.consciousness, 0, 3),
    temperature: banded(BANDS.temperature, inputs.temperature, 10),
  };
  const missing = NEWS2_PARAMETERS.filter((parameter) => points[parameter] === null);
  const atLeast = NEWS2_PARAMETERS.reduce((sum, parameter) => sum + (points[parameter] ?? 0), 0);
  const singleThree = NEWS2_PARAMETERS.some((parameter) => points[parameter] === 3);
  return { scale, points, missing, total: missing.length === 0 ? atLeast : null, atLeast, singleThree };
}

function saturation({ 'oxygen-saturation': value, oxygen }: News2Inputs, scale: SpO2Scale): number | null {
  if (value === undefined) return null;
  if (scale === 1) return banded(SPO2_SCALE_1, value);
  if (Math.round(value) <= 92) return banded(SPO2_SCALE_2, value);
  // Above the target it depends on whether oxygen is given.
  if (oxygen === undefined) return null;
  return oxygen ? banded(SPO2_SCALE_2_ON_OXYGEN, value) : 0;
}

/** `parts`: how many parts of a unit the chart is written in. */
function banded(bands: Bands, value: number | undefined, parts = 1): number | null {
  if (value === undefined) return null;
  // Half a part up, as one reads a scale, without what a binary fraction makes of 38.05.
  const read = Math.round(Number((value * parts).toFixed(6))) / parts;
  return bands.find(({ upTo }) => read <= upTo)?.points ?? null;
}

function chosen(is: boolean | undefined, yes: number, no: number): number | null {
  if (is === undefined) return null;
  return is ? yes : no;
}
