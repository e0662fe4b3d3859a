import type { MovementEvent } from '../../../shared/movement.ts';
import { secondsInZone, segments } from '../hl7-text.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

type Who = 'A' | 'B' | 'C' | 'D';

/** One patient's part in a step: who, where now, where before, and which number or account ceases to be. */
interface Part {
  who: Who;
  bed?: string;
  from?: string;
  replaces?: Who;
}

interface Step {
  event: MovementEvent;
  parts: readonly Part[];
}

/**
 * A day on a ward of three beds, over and over (HL7 v2.6 ch. 3.3): two people are admitted, one changes the bed, that was an error, the two
 * change beds with each other; a third number turns out to be the first person's and is merged; a discharge is taken back; somebody was admitted in error; all go home.
 */
const DAY: readonly Step[] = [
  { event: 'A01', parts: [{ who: 'A', bed: '1' }] },
  { event: 'A01', parts: [{ who: 'B', bed: '2' }] },
  { event: 'A02', parts: [{ who: 'A', bed: '3', from: '1' }] },
  { event: 'A12', parts: [{ who: 'A', bed: '1', from: '3' }] },
  {
    event: 'A17',
    parts: [
      { who: 'A', bed: '2', from: '1' },
      { who: 'B', bed: '1', from: '2' },
    ],
  },
  { event: 'A04', parts: [{ who: 'C' }] },
  { event: 'A40', parts: [{ who: 'A', replaces: 'C' }] },
  { event: 'A08', parts: [{ who: 'A', bed: '2' }] },
  { event: 'A03', parts: [{ who: 'A', bed: '2' }] },
  { event: 'A13', parts: [{ who: 'A', bed: '2' }] },
  { event: 'A03', parts: [{ who: 'A', bed: '2' }] },
  { event: 'A01', parts: [{ who: 'D', bed: '3' }] },
  { event: 'A11', parts: [{ who: 'D', bed: '3' }] },
  { event: 'A03', parts: [{ who: 'B', bed: '1' }] },
];

/** Message structure in MSH-9.3 where it is not that of the event itself (HL7 v2.6, table 0354). */
const STRUCTURES: Readonly<Partial<Record<MovementEvent, string>>> = {
  A01: 'ADT_A01',
  A04: 'ADT_A01',
  A08: 'ADT_A01',
  A13: 'ADT_A01',
  A11: 'ADT_A09',
  A12: 'ADT_A09',
  A40: 'ADT_A39',
};

/** A patient administration system: one movement in each interval, every one kept until it is taken. */
export const adt: Hl7Simulator = {
  profile: 'hl7-adt',
  device: 'a patient administration system: a day on a ward, one movement after the other',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: { laterMs: 5000, inOrder: true } },
  assumed: 'HL7 leaves it to the sender how often it repeats: three times here, and again five seconds later; nothing newer goes before.',
  encoding: 'utf8',
  intervalMs: 5000,
  messages: (moment) => [message(moment)],
};

function message(moment: Moment): SimulatedMessage {
  const { at, beat, seed } = moment;
  const day = Math.floor((beat - 1) / DAY.length);
  const { event, parts } = DAY[(beat - 1) % DAY.length] as Step;
  const time = secondsInZone(at, 0);
  const id = `ADT-${seed}-${at}-${beat}`;
  const structure = STRUCTURES[event] ?? `ADT_${event}`;
  const text = segments(
    `MSH|^~\\&|PASSIM|SIMHOSPITAL|VITALMESH|GATEWAY|${time}||ADT^${event}^${structure}|${id}|T|2.6|||NE|AL||UNICODE UTF-8`,
    `EVN||${time}||||${time}`,
    ...parts.flatMap((part, i) => partOf(part, i + 1, moment, day)),
  );
  return { id, text };
}

/** Beds are called as the monitors of the ward call theirs: BED-1, BED-2, BED-3. */
function partOf({ who, bed, from, replaces }: Part, sequence: number, { bed: first, patient }: Moment, day: number): string[] {
  const number = (person: Who): string => `${patient}-${day + 1}${person}`;
  const place = (name: string | undefined): string => (name === undefined ? '' : `^^${first.replace(/\d+$/, '')}${name}`);
  return [
    `PID|${sequence}||${number(who)}^^^SIMHOSPITAL^MR||TEST^PATIENT`,
    ...(replaces
      ? [`MRG|${number(replaces)}^^^SIMHOSPITAL^MR`]
      : [`PV1|${sequence}|I|${place(bed)}|||${place(from)}|||||||||||||V-${number(who)}`]),
  ];
}
