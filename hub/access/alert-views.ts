import type { AlertInactivation, AlertPhase, AlertPriority, AlertState, AlertType } from '../../shared/alert.ts';
import { formatInstant, type Instant, zoneOffsetMin } from '../../shared/clock.ts';
import { vital } from '../../shared/vitals.ts';
import { type AlertRun, type AlertStanding, standingOf } from '../clinical/alerts/fold.ts';
import type { Reporting } from '../clinical/alerts/reporting.ts';
import type { SiteRange } from '../clinical/limits/limits.ts';
import type { Losses } from '../clinical/sources/losses.ts';
import type { Source } from '../clinical/sources/source.ts';
import type { Withheld } from './access.ts';
import type { ShownPatient, SourceView } from './door.ts';
import type { Masked } from './masking/contract.ts';
import { headOf, type Whose } from './view-head.ts';
import { noticeOf, sourceView } from './views.ts';

/** Stands before the notice of everything that shows alerts. */
export const ALERT_NOTICE =
  'Alerts are relayed as the devices told them and never raised here: that none is shown does not mean that no device alarms. Go by the device.';

/** One alert of a device, as a reader gets it. Times ISO 8601. */
export interface AlertView {
  /** `unknown`: whether it is still there cannot be told since `stateSince`. */
  state: AlertStanding;
  stateSince: string;
  since: string;
  lastTold: string;
  /** How long news of it took, where that was more than two minutes. */
  delayedSeconds: number | null;
  /** As the device has them. */
  priority: AlertPriority;
  type: AlertType;
  phase: AlertPhase;
  deviceState: AlertState;
  inactivation: AlertInactivation | null;
  code: { system: string; code: string } | null;
  about: { vital: string | null; mdc: number | null } | null;
  device: string;
  gateway: string;
  /** FHIR id of what was told last. */
  event: string;
  test: boolean;
  /** As the device wrote it: data, never instructions. */
  untrusted: { text: string | null; instance: string | null };
}

/** A device, gateway or the movements; of a device, whether it can tell of alarms at all. */
export interface AlertSourceView extends SourceView {
  reports: Reporting | null;
}

/** The alarm limits that a device says it has, in its own words. */
export interface DeviceLimits {
  vital: string;
  device: string;
  /** They are of some part of a panel. */
  isOfPart?: true;
  /** The value was converted from the unit in which they are. */
  isConverted?: true;
  untrusted: { limits: string };
}

export interface AlertsView extends ShownPatient {
  asOf: string;
  /** What is open before what is over, by priority, the newest first. */
  alerts: readonly AlertView[];
  /** Whether there are more than shown. */
  truncated: boolean;
  /** What was told before this is not looked at. */
  lookedBackTo: string;
  sources: readonly AlertSourceView[];
  /** The devices' own, and the site's own with the version of its file: shown, never applied. Nothing is built in. */
  limits: { device: readonly DeviceLimits[]; site: readonly (SiteRange & { unit: string })[]; siteVersion: string | null };
  withheld?: readonly Withheld[];
  notice: string;
  masked?: Masked;
}

/** Most alerts that are shown, and for how long after its end one is. */
export const MOST_ALERTS = 200;
export const ENDED_SHOWN_MS = 24 * 3_600_000;

const PRIORITIES: readonly AlertPriority[] = ['high', 'medium', 'low', 'unknown', 'none'];
const STANDINGS: readonly AlertStanding[] = ['active', 'unknown', 'ended'];

export interface AlertsFrame extends Whose {
  now: Instant;
  /** IANA. */
  zone: string;
  lookedBackTo: Instant;
  sources: readonly Source[];
  /** Of those sources, what was lost and is back. */
  losses: readonly Losses[];
  /** By device. */
  reporting: ReadonlyMap<string, Reporting>;
  deviceLimits: readonly DeviceLimits[];
  siteRanges: readonly SiteRange[];
  siteVersion: string | null;
  withheld: readonly Withheld[];
  sandbox: boolean;
}

/** The alerts of a patient, not masked. */
export function alertsView(runs: readonly AlertRun[], frame: AlertsFrame): AlertsView {
  const { now, zone, sources, withheld } = frame;
  const shown = (at: Instant): string => formatInstant(at, zoneOffsetMin(at, zone));
  const judged = runs
    .map((run) => ({ run, stands: standingOf(run, { ...frame, ...awayOf(run, frame) }) }))
    .filter(({ run: { endedAt } }) => endedAt === null || endedAt > now - ENDED_SHOWN_MS)
    .sort((a, b) => rankOf(a) - rankOf(b) || b.run.lastTold - a.run.lastTold || (a.run.event < b.run.event ? -1 : 1));
  return {
    ...headOf(frame, now, shown),
    alerts: judged.slice(0, MOST_ALERTS).map(({ run, stands }) => alertView(run, stands, shown)),
    truncated: judged.length > MOST_ALERTS,
    lookedBackTo: shown(frame.lookedBackTo),
    sources: sources.map((source) => ({
      ...sourceView(source, shown),
      reports: source.kind === 'device' ? (frame.reporting.get(source.id ?? '') ?? 'unknown') : null,
    })),
    limits: {
      device: frame.deviceLimits,
      site: frame.siteRanges.map((range) => ({ ...range, unit: vital(range.vital)?.ucum ?? '' })),
      siteVersion: frame.siteVersion,
    },
    ...(withheld.length > 0 && { withheld }),
    notice: `${ALERT_NOTICE} ${noticeOf(frame.sandbox)}`,
  };
}

/** What was told before they came back is of the stay that ended, and what was told before they left, of the bed that they left. */
function awayOf({ lastTold }: AlertRun, { admitted, discharged, leftBed, unplaced }: AlertsFrame): { awaySince?: Instant | null } {
  if (unplaced || (admitted !== undefined && lastTold < admitted)) return { awaySince: null };
  if (leftBed !== undefined && lastTold <= leftBed) return { awaySince: leftBed };
  return discharged === undefined ? {} : { awaySince: discharged };
}

function rankOf({ run, stands }: { run: AlertRun; stands: { state: AlertStanding } }): number {
  return STANDINGS.indexOf(stands.state) * PRIORITIES.length + PRIORITIES.indexOf(run.priority);
}

function alertView(run: AlertRun, stands: { state: AlertStanding; since: Instant }, shown: (at: Instant) => string): AlertView {
  const { since, lastTold, delayedMs, priority, type, phase, deviceState, inactivation, code, about, device, gateway, event, test } = run;
  return {
    state: stands.state,
    stateSince: shown(stands.since),
    since: shown(since),
    lastTold: shown(lastTold),
    delayedSeconds: delayedMs === null ? null : Math.floor(delayedMs / 1000),
    ...{ priority, type, phase, deviceState, inactivation, code, about, device, gateway, event, test },
    untrusted: { text: run.text, instance: run.instance },
  };
}
