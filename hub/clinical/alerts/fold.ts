import type { AlertInactivation, AlertPhase, AlertPriority, AlertState, AlertType, DeviceAlert } from '../../../shared/alert.ts';
import type { Instant } from '../../../shared/clock.ts';
import type { Loss, Losses } from '../sources/losses.ts';
import type { Source } from '../sources/source.ts';

/** One telling of an alert, as it was stored. */
export interface Told {
  /** FHIR id of the event. */
  id: string;
  device: string;
  gateway: string;
  /** By which it is ordered. */
  sortTime: Instant;
  receivedAt: Instant;
  storedAt: Instant;
  test: boolean;
  alert: DeviceAlert;
}

/** An alert through its life: what was told of it, with the words of the last telling. Times UTC ms. */
export interface AlertRun {
  device: string;
  gateway: string;
  /** FHIR id of the last telling. */
  event: string;
  since: Instant;
  lastTold: Instant;
  /** Until when it is sure that its device was heard: by no clock of those that saw it pass was it told later. */
  heardAt: Instant;
  /** The longest that news of it took to arrive, where that was more than `DELAYED_MS`; else null. */
  delayedMs: number | null;
  /** When it was told to be over; null while it is not. */
  endedAt: Instant | null;
  /** One that its device tells of again and again while it is there, and never that it ended. */
  isStanding: boolean;
  phase: AlertPhase;
  deviceState: AlertState;
  inactivation: AlertInactivation | null;
  priority: AlertPriority;
  type: AlertType;
  code: { system: string; code: string } | null;
  about: { vital: string | null; mdc: number | null } | null;
  text: string | null;
  instance: string | null;
  test: boolean;
}

/** News that took longer than this says how it was, and is marked (issue 9). */
export const DELAYED_MS = 120_000;

/** How long one that is told again and again is taken to be there after it was last told; senders repeat theirs each minute at least (Philips Efficia, Data Export Guide). */
export const STANDING_MS = 120_000;

/**
 * The alerts of one patient out of everything that was told, in whatever order and however often it came: one run for each time that one was there. An alert is known by the name that its
 * sender gives it, within the device; without one by its code or text, and what it is about. Pure.
 */
export function foldAlerts(told: Iterable<Told>): AlertRun[] {
  const byId = new Map<string, Told>();
  for (const one of told) byId.set(one.id, one);
  const runs: AlertRun[] = [];
  const open = new Map<string, AlertRun>();
  for (const one of [...byId.values()].sort(inOrder)) {
    const key = keyOf(one);
    const run = open.get(key);
    if (run) {
      Object.assign(run, wordsOf(one, run));
    } else {
      // The end of one of which nothing else is known is one that is over.
      const begun: AlertRun = { ...wordsOf(one), since: one.sortTime };
      runs.push(begun);
      open.set(key, begun);
    }
    if (isOver(one.alert)) open.delete(key);
  }
  return runs;
}

/** A device's own numbers of alerts begin anew with another device or gateway. */
function keyOf({ gateway, device, alert: { instance, code, text, source } }: Told): string {
  const own =
    instance !== undefined ? [instance] : [code?.system ?? null, code?.code ?? text ?? null, source?.vital ?? null, source?.mdc ?? null];
  return JSON.stringify([gateway, device, ...own]);
}

/** An end of the same moment as a beginning comes behind it. */
function inOrder(a: Told, b: Told): number {
  return (
    a.sortTime - b.sortTime ||
    Number(isOver(a.alert)) - Number(isOver(b.alert)) ||
    a.storedAt - b.storedAt ||
    (a.id < b.id ? -1 : Number(a.id > b.id))
  );
}

/** Over is what its sender says is over, and what was one moment. `latched` is shown until somebody resets it. */
function isOver({ phase, state }: DeviceAlert): boolean {
  if (phase === 'end' || phase === 'tpoint' || state === 'inactive') return true;
  return phase === 'reset' && state !== 'active' && state !== 'latched';
}

function wordsOf({ id, device, gateway, sortTime, receivedAt, storedAt, test, alert }: Told, before?: AlertRun): Omit<AlertRun, 'since'> {
  const { phase, state, inactivation = null, priority, type, code = null, source, text, instance = null } = alert;
  // A device whose clock runs ahead hides how old its news is, not how long it lay with the gateway.
  const lateMs = storedAt - Math.min(sortTime, receivedAt);
  const delayedMs = lateMs > DELAYED_MS ? Math.max(lateMs, before?.delayedMs ?? 0) : (before?.delayedMs ?? null);
  return {
    ...{
      device,
      gateway,
      event: id,
      lastTold: sortTime,
      heardAt: Math.max(Math.min(sortTime, receivedAt, storedAt), before?.heardAt ?? Number.NEGATIVE_INFINITY),
      delayedMs,
      phase,
      deviceState: state,
      inactivation,
      priority,
      type,
      code,
      instance,
    },
    endedAt: isOver(alert) ? sortTime : null,
    isStanding: phase === 'present' && instance === null,
    about: source ? { vital: source.vital ?? null, mdc: source.mdc ?? null } : (before?.about ?? null),
    text: text ?? before?.text ?? null,
    test: test || before?.test === true,
  };
}

/** `unknown`: nobody can tell, because the link to its source is gone or it is not told any more: never taken for active, and never for ended. */
export const ALERT_STANDINGS = ['active', 'unknown', 'ended'] as const;
export type AlertStanding = (typeof ALERT_STANDINGS)[number];

/** How long a device that told of an alert was heard, whatever else it sends or does not: as long as a continuous value is current. */
export const HEARD_MS = 60_000;

/** What is known at `now` of the sources that alerts came by. */
export interface Standing {
  sources: readonly Source[];
  /** Of what was lost and is back. */
  losses: readonly Losses[];
  /** Since when whoever it is lies in no bed any more, or not for sure, so that nothing that is told there is told of them; null where nobody knows, undefined while they do. */
  awaySince?: Instant | null;
  now: Instant;
}

/**
 * How an alert stands at `now`. A source that is back says nothing of an alert that was told before it was lost: that one stays unknown until its device tells of it again. `since` of one
 * that is unknown: since when. Pure.
 */
export function standingOf(run: AlertRun, { sources, losses, awaySince, now }: Standing): { state: AlertStanding; since: Instant } {
  if (run.endedAt !== null) return { state: 'ended', since: run.endedAt };
  const before = losses.filter((one) => isOf(run, one)).flatMap(({ kind, losses: all }) => all.filter((loss) => isBehind(run, kind, loss)));
  const wasHeard = now < run.heardAt + HEARD_MS;
  const lost = sources.filter((one) => one.state !== 'live' && isOf(run, one) && !(one.kind === 'device' && wasHeard));
  const away = awaySince === undefined ? [] : [awaySince];
  if (before.length + lost.length + away.length > 0) {
    const since = [...lost.map((one) => one.since), ...away].map((at) => at ?? run.heardAt);
    const from = Math.min(...before.map((loss) => loss.from), ...since);
    return { state: 'unknown', since: Math.max(from, run.heardAt) };
  }
  if (run.isStanding && now >= run.heardAt + STANDING_MS) return { state: 'unknown', since: run.heardAt };
  return { state: 'active', since: run.since };
}

function isOf(run: AlertRun, { kind, id }: Pick<Source, 'kind' | 'id'>): boolean {
  return (kind === 'gateway' && id === run.gateway) || (kind === 'device' && id === run.device);
}

/** Whether nothing was told of an alert since this loss ended. A device that told of it so short a time before was heard all along. */
function isBehind({ heardAt }: AlertRun, kind: Source['kind'], { backAt }: Loss): boolean {
  return (kind === 'device' ? heardAt + HEARD_MS : heardAt) < backAt;
}
