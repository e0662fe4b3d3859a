import type { Reading, ReadingRecord } from '../shared/reading.ts';
import { type Panel, panelOfPart } from '../shared/vitals.ts';
import { normalize } from './normalize.ts';

const ANY_KEY = { agent: 'count', epoch: '0000000000000', seq: 1 };

/**
 * How many Observations `normalize` makes of a record, without making them: one a reading, and one for the pressures of a panel
 * that were measured together. For records that `checkRecord` passed.
 */
export function observationCount(record: ReadingRecord): number {
  let panels: Map<Panel, Reading[]> | undefined;
  for (const reading of record.readings) {
    const panel = panelOfPart(reading.vital);
    if (!panel) continue;
    panels ??= new Map();
    const parts = panels.get(panel);
    if (!parts) panels.set(panel, [reading]);
    // Several measurements of one panel in a record are rare, and normalize knows how they are told apart.
    else if (parts.every((part) => belongTogether(part, reading))) parts.push(reading);
    else return normalize(record, ANY_KEY).length;
  }
  let count = record.readings.length;
  for (const parts of panels?.values() ?? []) count -= parts.length - 1;
  return count;
}

function belongTogether(a: Reading, b: Reading): boolean {
  return (
    a.vital !== b.vital &&
    a.measurement === b.measurement &&
    a.effective === b.effective &&
    a.offsetMin === b.offsetMin &&
    a.status === b.status
  );
}
