import assert from 'node:assert/strict';
import type { Selection } from '../../../../hub/store/amend/amend.ts';
import { decides } from './amended.ts';
import { daysBut, weighs } from './calm.ts';
import { cuff, weight } from './devices.ts';
import type { Month } from './month.ts';
import { type Chapter, key, refused, type Step, says } from './script.ts';
import { patientOf } from './site.ts';
import { berlin } from './times.ts';

// Others of a household: the spouse on the scale, the neighbour's scale, and a cuff that jumps.

const SPOUSE_DAYS = { vital: 'weight', from: berlin('17 00:00'), to: berlin('20 00:00') };

/** She weighs between 71 and 71.8 kg, he 84, twice after her and once before her. */
const spouse: Chapter = [
  ...weighs(11, daysBut()),
  says(berlin('17 07:30'), 11, weight('WS-11', 84)),
  key(berlin('17 07:31'), 11, { latest: 'weight 71.4, doubtful 84', due: 'weight done 17 07:11', sources: 'WS-11 live, gw-11 live' }),
  says(berlin('18 07:30'), 11, weight('WS-11', 84.2)),
  key(berlin('18 07:31'), 11, { latest: 'weight 71.6, doubtful 84.2', due: 'weight done 18 07:11' }),
  // With none of hers since, his third is a repetition, and passes for hers; until she stands there herself, and all three are doubtful again.
  says(berlin('19 07:05'), 11, weight('WS-11', 84.1)),
  key(berlin('19 07:06'), 11, { latest: 'weight 84.1', due: 'weight done 19 07:05' }),
  key(berlin('19 07:12'), 11, {
    latest: 'weight 71.8',
    due: 'weight done 19 07:11',
    trend: { of: SPOUSE_DAYS, is: 'WS-11 n 3, 71.4 to 71.8, last 71.8, 3 doubtful' },
  }),
  // He alone on the 20th: it is doubtful, and hers is still to come.
  says(berlin('20 06:30'), 11, weight('WS-11', 84)),
  key(berlin('20 06:31'), 11, { latest: 'weight 71.8, doubtful 84', due: 'weight due since 20 06:00' }),
  key(berlin('20 07:12'), 11, { latest: 'weight 71', due: 'weight done 20 07:11' }),
];

function adopts(at: number, row: string): Step {
  return {
    at,
    async run(month) {
      month.rows.set('gw-12', row);
      await month.reload();
    },
  };
}

/** Of home 12 the scale counts, and no other: the neighbour's, which the hub of the home hears through the wall, is not adopted. */
const neighbour: Chapter = [
  adopts(berlin('01 00:00'), 'patient: home-0012, adopted: [WS-12]'),
  ...weighs(12, daysBut()),
  says(berlin('16 07:40'), 12, weight('WS-77', 95)),
  key(berlin('16 07:41'), 12, { latest: 'weight 72.2', due: 'weight done 16 07:12', sources: 'WS-12 live, gw-12 live' }),
  refused(berlin('16 07:41'), 12, 'INGEST-NOT-ADOPTED'),
  // A cuff of their own, which nobody listed: it is once that is mended, and what waited comes, for it is said since when the cuff is theirs.
  says(berlin('17 08:00'), 12, cuff('BP-12', 125, 79)),
  key(berlin('17 08:01'), 12, { latest: 'weight 72.4' }),
  refused(berlin('17 08:01'), 12, 'INGEST-NOT-ADOPTED', 'INGEST-NOT-ADOPTED'),
  adopts(
    berlin('17 09:00'),
    `patient: home-0012, adopted: [WS-12, { id: BP-12, idType: serial, label: cuff, since: ${new Date(berlin('17 07:00')).toISOString()} }]`,
  ),
  {
    at: berlin('17 09:05'),
    run: async (month) => (await month.gateway('gw-12')).replay('INGEST-NOT-ADOPTED'),
  },
  key(berlin('17 09:06'), 12, { latest: 'nibp 125/79, weight 72.4', sources: 'BP-12 live, WS-12 live, gw-12 live' }),
  refused(berlin('17 09:06'), 12, 'INGEST-NOT-ADOPTED'),
];

/** Of home 13, what is doubtful of the pressure. */
async function doubtful({ hub, reader }: Month): Promise<Selection> {
  const { vitals } = await hub.door.latest(reader, patientOf(13), { channel: 'mcp-2026' });
  return { observations: [vitals.find(({ vital }) => vital === 'nibp')?.doubtful?.observation ?? assert.fail()] };
}

/** A cuff that jumps by more than 50: once, then repeated after five minutes; and once more, confirmed by somebody who called. */
const jump: Chapter = [
  ...weighs(13, daysBut()),
  says(berlin('18 08:00'), 13, cuff('BP-13', 130, 80)),
  says(berlin('19 08:00'), 13, cuff('BP-13', 190, 85)),
  key(berlin('19 08:01'), 13, { latest: 'nibp 130/80, doubtful 190/85, weight 73.8' }),
  says(berlin('19 08:05'), 13, cuff('BP-13', 188, 84)),
  key(berlin('19 08:06'), 13, { latest: 'nibp 188/84, weight 73.8' }),
  // Her own as ever is a jump from there, too.
  says(berlin('20 08:00'), 13, cuff('BP-13', 128, 80)),
  key(berlin('20 08:01'), 13, { latest: 'nibp 188/84, doubtful 128/80, weight 73' }),
  decides(berlin('20 08:30'), { kind: 'confirm', reason: 'other', select: doubtful }),
  key(berlin('20 08:31'), 13, {
    latest: 'nibp 128/80, weight 73',
    trend: {
      of: { vital: 'nibp', from: berlin('18 00:00'), to: berlin('21 00:00') },
      is: 'BP-13 n 4, 128 to 190, last 128; BP-13 n 4, 80 to 85, last 80',
    },
  }),
];

export const household: Chapter = [...spouse, ...neighbour, ...jump];
