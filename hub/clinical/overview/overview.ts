import { formatInstant, zoneOffsetMin } from '../../../shared/clock.ts';
import type { Principal } from '../../access/access.ts';
import type { AlertsView } from '../../access/alert-views.ts';
import type { CallContext, Door, LatestView, VitalView } from '../../access/door.ts';
import type { Registry } from '../../registry/registry.ts';
import type { DueReadings, DueView } from '../due/due.ts';
import { type Asked, asking } from '../over-the-door.ts';
import type { Baseline } from '../support/baseline.ts';
import type { Support } from '../support/support.ts';
import { type Association, associationsOf } from './association.ts';
import type { Course } from './course.ts';
import { inOrder } from './order.ts';
import { type Shape, shapesOf } from './shape.ts';

/** What answers for one measurand, and its last day. */
export interface OverviewRow {
  row: VitalView;
  /** One a part of a panel. Null where there were more measurands than are looked at. */
  day: readonly Shape[] | null;
  /** Other rows of the same measurand. */
  others: number;
}

/** Everything about one patient at a glance; nothing is concluded from it. */
export interface OverviewView {
  latest: LatestView;
  /** In order of what is asked for first; one a measurand. */
  rows: readonly OverviewRow[];
  /** By the site's file; null where it has none on for this patient. */
  baseline: { version: string | null; rows: readonly Baseline[] } | null;
  alerts: AlertsView;
  due: DueView;
  /** Null where it is masked. ISO 8601. */
  association: readonly (Omit<Association, 'since'> & { since: string | null })[] | null;
}

export interface OverviewOptions {
  door: Pick<Door, 'latest' | 'trend' | 'alerts' | 'patientBehind'>;
  registry: Pick<Registry, 'patient' | 'isSandbox' | 'gateways' | 'bedSince'>;
  due: Pick<DueReadings, 'of'>;
  support: Pick<Support, 'baseline' | 'version'>;
  /** IANA; of whoever has no other. */
  zone: string;
}

const DAY_MS = 86_400_000;
/** Quarters of hours, and what lies beyond their edges. */
const STRETCHES = 100;
/** As many days as fit into an answer. */
const MOST_SHAPES = 12;

/** Throws as `Door.latest` does, and whatever the signal was aborted with. Each read that goes into it has its own decision and evidence; all of them are one call. */
export async function overview(
  principal: Principal,
  name: string,
  context: CallContext,
  { signal, progress }: Course,
  options: OverviewOptions,
): Promise<OverviewView> {
  const { door, registry, due, support, zone } = options;
  const asked = await asking({ door, registry }, principal, name, context);
  const { latest, place } = asked;
  const ordered = inOrder(latest.vitals);
  const steps = Math.min(ordered.length, MOST_SHAPES) + 3;
  const rows: OverviewRow[] = [];
  for (const row of ordered) {
    signal.throwIfAborted();
    const day = rows.length < MOST_SHAPES ? await dayOf(row, asked, options) : null;
    rows.push({ row, day, others: latest.vitals.filter(({ measurand }) => measurand === row.measurand).length - 1 });
    if (day) await progress(rows.length, steps);
  }
  const alerts = await door.alerts(principal, name, asked.context);
  await progress(steps - 2, steps);
  const expected = await due.of(principal, name, asked.context);
  await progress(steps - 1, steps);
  signal.throwIfAborted();
  const usual = await support.baseline(asked);
  await progress(steps, steps);
  const shown = (at: number): string => formatInstant(at, zoneOffsetMin(at, latest.zone ?? zone));
  return {
    ...{ latest, rows, alerts, due: expected },
    baseline: usual && { version: latest.masked ? null : support.version, rows: usual },
    association: latest.masked
      ? null
      : associationsOf(registry, principal.tenant, place).map((one) => ({ ...one, since: one.since === null ? null : shown(one.since) })),
  };
}

async function dayOf(row: VitalView, { principal, name, now, context }: Asked, { door }: OverviewOptions): Promise<Shape[]> {
  // The end of a trend is not in it, and what was measured just now is.
  const query = { vital: row.vital, from: now - DAY_MS, to: now + 1, points: STRETCHES };
  return shapesOf(await door.trend(principal, name, query, context), row);
}
