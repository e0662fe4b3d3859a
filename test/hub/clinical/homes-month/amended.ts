import assert from 'node:assert/strict';
import type { ReadingsCommand } from '../../../../hub/clinical/amend/operator.ts';
import type { AmendKind, AmendReason, Selection } from '../../../../hub/store/amend/amend.ts';
import type { Instant } from '../../../../shared/clock.ts';
import { daysBut, weighs } from './calm.ts';
import { weight } from './devices.ts';
import type { Month } from './month.ts';
import { type Chapter, key, type Step, says } from './script.ts';
import { patientOf } from './site.ts';
import { berlin } from './times.ts';

// What people decide about readings: a visitor of home 18 stood on its scale, and lives in flat 22; and values that are void. Days are those of October.

interface Decision {
  kind: AmendKind;
  reason: AmendReason;
  select: (month: Month) => Promise<Selection>;
  to?: number;
}

/** An operator decides; what there is follows at once, and what comes from then on as well. */
export function decides(at: Instant, { kind, reason, select, to }: Decision): Step {
  return {
    at,
    async run(month) {
      const selection = await select(month);
      const args = { kind, reason, selection, trial: false, ...(to !== undefined && { to: patientOf(to) }) };
      await operator(month, 'readings-amend', args);
    },
  };
}

/** The last decision about a home's readings is taken back. */
function undoes(at: Instant, home: number): Step {
  return {
    at,
    async run(month) {
      const last = (await operator(month, 'readings-list', { patient: patientOf(home) })).at(-1) as { id?: unknown } | undefined;
      await operator(month, 'readings-undo', { amendment: last?.id });
    },
  };
}

async function operator({ hub }: Month, command: ReadingsCommand, args: Record<string, unknown>): Promise<unknown[]> {
  const answers: unknown[] = [];
  for await (const answer of hub.amending[command](args, 'local:0')) answers.push(answer);
  return answers;
}

/** The newest weight that a reader is shown of a home. */
const newest =
  (home: number) =>
  async ({ hub, reader }: Month): Promise<Selection> => {
    const { vitals } = await hub.door.latest(reader, patientOf(home), { channel: 'mcp-2026' });
    return { observations: [vitals.find(({ vital }) => vital === 'weight')?.observation ?? assert.fail()] };
  };

const stretch = (home: number, from: Instant, to: Instant) => async (): Promise<Selection> => ({
  patient: patientOf(home),
  vital: 'weight',
  from,
  to,
});

const DAY = { vital: 'weight', from: berlin('21 00:00'), to: berlin('22 00:00') };

export const amended: Chapter = [
  ...weighs(18, daysBut()),
  says(berlin('21 09:00'), 18, weight('WS-18', 79.5)),
  key(berlin('21 09:10'), 18, {
    heard: 'due sources stored',
    latest: 'weight 79.5',
    due: 'weight done 21 09:00',
    trend: { of: DAY, is: 'WS-18 n 2, 78.2 to 79.5, last 79.5' },
  }),
  // It was the visitor: the value is theirs, by that scale; both are told.
  key(berlin('21 09:59'), 22, { latest: 'weight 82.2', heard: 'due sources stored' }),
  decides(berlin('21 10:00'), { kind: 'reassign', reason: 'wrong-patient', select: newest(18), to: 22 }),
  key(berlin('21 10:01'), 18, {
    heard: 'corrected due',
    latest: 'weight 78.2',
    trend: { of: DAY, is: 'WS-18 n 1, 78.2 to 78.2, last 78.2' },
  }),
  key(berlin('21 10:01'), 22, {
    heard: 'corrected due sources',
    latest: 'weight 79.5 WS-18, weight 82.2 WS-22',
    sources: 'WS-18 live, WS-22 live, gw-house-a live',
    trend: { of: DAY, is: 'WS-18 n 1, 79.5 to 79.5, last 79.5; WS-22 n 1, 82.2 to 82.2, last 82.2' },
  }),
  // It was not: taken back, and then void, with all that the scale measured in that hour and a half.
  undoes(berlin('21 11:00'), 18),
  key(berlin('21 11:01'), 18, { latest: 'weight 79.5' }),
  key(berlin('21 11:01'), 22, { latest: 'weight 82.2', sources: 'WS-22 live, gw-house-a live' }),
  decides(berlin('21 11:30'), { kind: 'void', reason: 'artefact', select: stretch(18, berlin('21 08:30'), berlin('21 10:00')) }),
  key(berlin('21 11:31'), 18, {
    latest: 'weight 78.2',
    due: 'weight done 21 07:18',
    trend: { of: DAY, is: 'WS-18 n 1, 78.2 to 78.2, last 78.2, 1 withdrawn' },
  }),
  // What comes of that hour later is void as well.
  says(berlin('21 12:00'), 18, weight('WS-18', 79.9, { ts: berlin('21 09:30'), memory: true })),
  key(berlin('21 12:01'), 18, { latest: 'weight 78.2', trend: { of: DAY, is: 'WS-18 n 1, 78.2 to 78.2, last 78.2, 2 withdrawn' } }),
  // The weight of a morning is void: it is still expected.
  key(berlin('23 07:30'), 18, { latest: 'weight 78.6', due: 'weight done 23 07:18' }),
  decides(berlin('23 08:00'), { kind: 'void', reason: 'device-fault', select: newest(18) }),
  key(berlin('23 08:01'), 18, { latest: 'weight 78.4', due: 'weight due since 23 06:00' }),
  key(berlin('23 10:31'), 18, { due: 'weight missed since 23 10:30' }),
];
