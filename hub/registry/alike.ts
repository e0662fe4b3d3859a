import { bedsOf } from './followed.ts';
import type { Complain } from './schema.ts';

interface NamingRow {
  beds: Record<string, string | null>;
  followed?: ReadonlySet<string>;
  devices: object;
}

/**
 * Two names of one gateway that nobody can tell apart by sight: equal in Unicode's compatibility form (NFKC), with every white space the same and none
 * at the ends. Messages are compared as they are, so such a pair would be two beds, and one of them somebody else's.
 */
export function refuseAlike(rows: readonly NamingRow[], complain: Complain): void {
  for (const [i, row] of rows.entries()) {
    for (const [kind, names] of [
      ['beds', bedsOf(row)],
      ['devices', Object.keys(row.devices)],
    ] as const) {
      const seen = new Set<string>();
      for (const name of names) {
        const looks = name.normalize('NFKC').replace(/\s+/gu, ' ').trim();
        if (seen.has(looks))
          complain(['gateways', i, kind, name], 'expected names that can be told apart; another of this row looks the same');
        seen.add(looks);
      }
    }
  }
}
