import { VitalmeshError } from '../../../../shared/errors.ts';
import type { ChangeKind } from '../../follow.ts';
import type { VarsOf } from '../../uris.ts';
import type { ResourceRow } from '../contract.ts';
import { nowOf } from '../shown.ts';
import { compactTrend } from '../trend/view.ts';
import { knownVital, patientsLike, vitalsLike } from './variables.ts';

const HOUR_MS = 3_600_000;
const WINDOWS: Readonly<Record<string, number>> = {
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '24h': 24 * HOUR_MS,
  '7d': 168 * HOUR_MS,
  '30d': 720 * HOUR_MS,
};
const MOST_POINTS = 200;
const POINTS = 48;
/** Buckets over all devices. */
const MOST_BUCKETS = 4096;
/** What changes how it was. */
const OVER_TIME: readonly ChangeKind[] = ['stored', 'late', 'patients', 'corrected', 'gap'];

export const trendResource: ResourceRow<'trend'> = {
  name: 'trend',
  title: 'Trend of a vital sign',
  description: `One vital sign of a patient over a window until now (${Object.keys(WINDOWS).join(', ')}; 24h unless given), in at most points buckets (1 to ${MOST_POINTS}; ${POINTS} unless given), by device, with coverage, gaps and what was not counted. Stretches without data are unknown, never normal.`,
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: {
    id: patientsLike,
    vital: vitalsLike,
    window: async (typed) => Object.keys(WINDOWS).filter((name) => name.startsWith(typed)),
  },
  follow: (vars) => ({ of: 'patient', patient: vars.id, hears: OVER_TIME, vital: asked(vars).vital }),
  async read(vars, call) {
    const { door, caller, context, fit } = call;
    const { vital, windowMs, points } = asked(vars);
    const to = await nowOf(vars.id, call);
    const view = await door.trend(caller, vars.id, { vital, from: to - windowMs, to, points }, context);
    return fit(MOST_BUCKETS, (rows) => compactTrend(view, rows));
  },
};

/** What the variables of its URI mean. Throws MCP-URI. */
function asked({ vital, window = '24h', points = `${POINTS}` }: VarsOf<'trend'>): { vital: string; windowMs: number; points: number } {
  const windowMs = Object.hasOwn(WINDOWS, window) ? WINDOWS[window] : undefined;
  if (windowMs === undefined) throw new VitalmeshError('MCP-URI', { detail: `window is one of ${Object.keys(WINDOWS).join(', ')}` });
  const count = /^[1-9]\d{0,2}$/.test(points) ? Number(points) : 0;
  if (count < 1 || count > MOST_POINTS) throw new VitalmeshError('MCP-URI', { detail: `points is 1 to ${MOST_POINTS}` });
  return { vital: knownVital(vital), windowMs, points: count };
}
