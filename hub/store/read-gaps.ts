import { VitalmeshError } from '../../shared/errors.ts';
import { readGap } from '../../shared/gap-observation.ts';
import { formatObservationId } from '../../shared/uplink/key.ts';
import { panel } from '../../shared/vitals.ts';
import type { EventRow } from './event-row.ts';
import { unpackReceived } from './observation-row.ts';
import type { TrendGap, TrendQuery } from './trend.ts';

export type GapRow = EventRow & { until: number };

/** Of the gaps that overlap a trend those that are, or may be, of its vital sign and device. Throws STORAGE-DAMAGED. */
export function gapsOf(rows: readonly GapRow[], { vital, device }: TrendQuery): TrendGap[] {
  const keys = new Set([vital, ...Object.values(panel(vital)?.parts ?? {})]);
  return rows.flatMap((row): TrendGap[] => {
    if (device !== undefined && row.device !== device) return [];
    const gap = readGap(JSON.parse(unpackReceived(row.received)[0] ?? 'null'));
    if (gap === undefined) throw new VitalmeshError('STORAGE-DAMAGED', { detail: 'a gap without its resource' });
    if (gap.lost !== 'spot' && gap.lost !== 'continuous') return [];
    // Of a gap that began before its patient was bound, how much and what is missing is known of the whole alone.
    const whole = gap.from === row.effective;
    if (whole && gap.vitals.length > 0 && !gap.vitals.some((key) => keys.has(key))) return [];
    const { agent, epoch, seq, part, gateway, sortTime, until, test } = row;
    return [
      {
        id: formatObservationId({ agent, epoch, seq, index: part }),
        device: row.device,
        gateway,
        from: sortTime,
        to: until,
        reason: gap.reason,
        lost: gap.lost,
        rows: whole ? gap.rows : null,
        values: whole ? gap.values : null,
        test: test === 1,
      },
    ];
  });
}
