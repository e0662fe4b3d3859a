import fc from 'fast-check';
import { random } from '../../../agent/simulate/physiology.ts';
import type { Arrival, EventArrival } from '../../../hub/store/store.ts';
import { arrivalOf } from '../../contract/store.ts';
import { gapArrival } from '../../contract/store-trend.ts';
import { TEST_NOW } from '../../support/hub.ts';
import type { Sent } from './model.ts';

export const PATIENTS = ['pat-icu-01', 'pat-icu-02'];
/** One of the continuous and one of the spot class. */
export const VITALS = ['hr', 'pr_nibp'];
const KEYS = 60;
/** A minute holds two of the times. */
const APART_MS = 30_000;

/** What is sent under a number: few of each, so that much falls together. */
function plannedOf(plan: number, seq: number): Omit<Sent, 'value' | 'receivedAt' | 'sortTime'> {
  const uniform = random(plan * KEYS + seq);
  const oneOf = (n: number): boolean => uniform() < 1 / n;
  const planned = {
    seq,
    patient: oneOf(2) ? 'pat-icu-01' : 'pat-icu-02',
    vital: oneOf(2) ? 'hr' : 'pr_nibp',
    device: oneOf(2) ? 'a' : 'b',
    effective: TEST_NOW - Math.ceil(uniform() * 4) * APART_MS,
    test: oneOf(5),
    doubtful: oneOf(6),
    withdrawn: oneOf(4),
  };
  return { ...planned, preliminary: !planned.withdrawn && oneOf(4), event: oneOf(8) ? 'alert' : oneOf(8) ? 'gap' : undefined };
}

export function oneIn(n: number): fc.Arbitrary<boolean> {
  return fc.nat({ max: n - 1 }).map((drawn) => drawn === n - 1);
}

/** Numbers, and whether something else comes under them than is planned. */
export const anyBatch = fc.array(fc.record({ seq: fc.integer({ min: 1, max: KEYS }), other: oneIn(8) }), { maxLength: 6 });
export type Batch = typeof anyBatch extends fc.Arbitrary<infer T> ? T : never;

/** What these are by the plan; other content came later, too. */
export function sentOf(plan: number, batch: Batch): Sent[] {
  return batch.map(({ seq, other }) => {
    const planned = plannedOf(plan, seq);
    const receivedAt = planned.effective + (other ? 10_000 : 0);
    const sortTime = planned.doubtful ? receivedAt : planned.effective;
    return { ...planned, value: 40 + seq / 2 + (other ? 20 : 0), receivedAt, sortTime };
  });
}

/** As ingest would make it. */
export function arrivalFor(sent: Sent): Arrival | EventArrival {
  const { seq, patient, vital, device, effective, receivedAt, value, test } = sent;
  const flags = sent.doubtful ? (['memory', 'clock'] as const) : [];
  if (sent.event === 'gap') return gapArrival(seq, { from: effective, to: effective, values: value * 2 }, { patient, receivedAt, test });
  const arrival = arrivalOf({ seq, vital, device, effective, receivedAt, value, test, flags, patientId: patient });
  if (sent.event === undefined)
    return { ...arrival, status: sent.withdrawn ? 'entered-in-error' : sent.preliminary ? 'preliminary' : 'final' };
  const { id, offsetMin, sortTime, received } = arrival;
  return { kind: sent.event, id, patient, device, effective, offsetMin, receivedAt, sortTime, test, received };
}
