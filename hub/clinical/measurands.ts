import { panel, vital } from '../../shared/vitals.ts';

/** From which difference on two current values of one measurand are said to disagree: the greater of both. */
export interface DisagreementLimit {
  /** In the measurand's unit. */
  absolute: number;
  /** Part of the greater value. */
  relative?: number;
  /** Of a panel: the part that is compared. */
  part?: 'systolic';
  /** Where the limit is written, and how it follows from that. */
  source: string;
}

/** What a reader asks for, and by which vital signs it is measured. */
export interface Measurand {
  key: string;
  /** Plain English. */
  name: string;
  /** Keys of the parameter table and of panels, the preferred method first; those of one rank are equally good. */
  ranks: readonly (readonly string[])[];
  /** Without one, no difference is called a disagreement. */
  disagreement?: DisagreementLimit;
}

/**
 * Vital signs that measure the same thing by other means. They are never merged, averaged or put in each other's place: one of them is preferred, and all are shown. What
 * is not listed is a measurand of its own: preductal and postductal saturation, mechanical and spontaneous breaths, core and skin are different things.
 *
 * The limits say what two devices that both keep their accuracy standard may differ by, so that more than that wants an explanation; they are no alarm limits. The standards are
 * cited from general knowledge and were not read again here. Temperature has none: sites of one body differ; breathing has none: no standard bounds impedance.
 */
export const MEASURANDS: readonly Measurand[] = [
  {
    key: 'heart-rate',
    name: 'Heart rate',
    // The ECG counts beats of the heart, the others pulses that arrive; a cuff's is one moment of some hours.
    ranks: [['hr'], ['pr'], ['pr_oxi'], ['pr_nibp']],
    disagreement: {
      absolute: 10,
      relative: 0.2,
      source: 'IEC 60601-2-27, 201.7.9.2.9.101 (ANSI/AAMI EC13): each within 5 /min or 10 %, whichever is more; two within twice that',
    },
  },
  {
    key: 'blood-pressure',
    name: 'Blood pressure',
    // A line in an artery measures each beat, a cuff one moment.
    ranks: [
      ['abp', 'art'],
      ['nibp', 'cuff'],
    ],
    disagreement: {
      absolute: 21,
      part: 'systolic',
      source: 'ISO 81060-2: a cuff is off by at most 5 mmHg on average with a standard deviation of 8; 95 of 100 lie within 5 + 2 × 8',
    },
  },
  {
    key: 'oxygen-saturation',
    name: 'Oxygen saturation',
    ranks: [['spo2']],
    disagreement: {
      absolute: 11,
      source: 'ISO 80601-2-61, 201.12.1.101: each with A_rms of at most 4 %; of two, 95 of 100 differences lie within 2 × √2 × 4',
    },
  },
  // What breath itself says before what the chest's movement and the pulse say of it; a monitor's own choice between them.
  { key: 'respiratory-rate', name: 'Respiratory rate', ranks: [['rr_aw'], ['rr'], ['rr_imp'], ['rr_pleth']] },
  // The body's core, then where it is taken for it, then what does not say where it is.
  {
    key: 'temperature',
    name: 'Body temperature',
    ranks: [['t_blood', 't_core', 't_esoph'], ['t_rect'], ['t_tymp', 't_oral'], ['temp'], ['t_ax'], ['temp_u']],
  },
  { key: 'end-tidal-co2', name: 'End-tidal CO2', ranks: [['etco2', 'etco2_p']] },
  { key: 'glucose', name: 'Glucose', ranks: [['glu', 'glu_si']] },
];

const RANKED = new Map(
  MEASURANDS.flatMap((measurand) => measurand.ranks.flatMap((keys, rank) => keys.map((key) => [key, { measurand, rank }] as const))),
);

/** What a vital sign or panel measures, and how good its method is for that, 0 for the best. What is in no group is its own. */
export function measurandOf(key: string): { measurand: Measurand; rank: number } {
  return RANKED.get(key) ?? { measurand: { key, name: vital(key)?.name ?? panel(key)?.name ?? key, ranks: [[key]] }, rank: 0 };
}
