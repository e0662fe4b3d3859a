import type { AlertSourceView, AlertsView, AlertView } from '../../access/alert-views.ts';

/** The alerts of a patient for people at a terminal. Text of devices stands in quotes, as it was cleaned when it came. */
export function formatAlerts({
  patient,
  discharged,
  leftBed,
  unplaced,
  alsoKnownAs,
  asOf,
  alerts,
  truncated,
  lookedBackTo,
  sources,
  limits,
  notice,
}: AlertsView): string {
  return [
    `Patient ${patient}, as of ${asOf}`,
    ...(discharged === undefined ? [] : [`Discharged at ${discharged}: what is told in the bed since is not of this patient.`]),
    ...(leftBed === undefined ? [] : [`Left the bed at ${leftBed}: what is told in it since is not of this patient.`]),
    ...(alsoKnownAs ? [`Is ${alsoKnownAs.patient} too: alerts of the bed are shown under that id.`] : []),
    ...(unplaced ? ['Lies in no bed for sure: alerts of the bed are shown under nobody. Look at the patient.'] : []),
    ...(alerts.length === 0 ? [`No alert was told of since ${lookedBackTo}.`] : alerts.map(alertLine)),
    ...(truncated ? ['There are more alerts than shown.'] : []),
    ...sources.map(sourceLine),
    ...limits.device.map(
      ({ vital, device, untrusted }) => `Limits of the device ${device} for ${vital}: ${JSON.stringify(untrusted.limits)}`,
    ),
    ...limits.site.map(
      ({ vital, low, high, unit, by }) =>
        `Range of the site for ${vital} (by ${by}, version ${limits.siteVersion ?? 'none'}): ${low ?? ''} to ${high ?? ''} ${unit}; shown, not applied`,
    ),
    notice,
  ].join('\n');
}

const STATE_WORDS: Readonly<Record<AlertView['state'], string>> = { active: 'ACTIVE', unknown: 'STATE UNKNOWN', ended: 'ended' };

function alertLine({ state, stateSince, since, delayedSeconds, priority, type, about, device, test, untrusted }: AlertView): string {
  return [
    `${STATE_WORDS[state]} since ${stateSince}`,
    ...(since === stateSince ? [] : [`told of since ${since}`]),
    `priority ${priority}`,
    `${type}${about?.vital ? ` (${about.vital})` : ''}`,
    `device ${device}${test ? ', TEST' : ''}`,
    ...(delayedSeconds === null ? [] : [`DELAYED by ${delayedSeconds} s`]),
    ...(untrusted.text === null ? [] : [JSON.stringify(untrusted.text)]),
  ].join('; ');
}

const REPORT_WORDS: Readonly<Record<NonNullable<AlertSourceView['reports']>, string>> = {
  alarms: 'can tell of alarms',
  none: 'CANNOT tell of alarms',
  unknown: 'is not known to tell of alarms',
};

function sourceLine({ kind, id, state, since, reports }: AlertSourceView): string {
  const what = id === null ? kind : `${kind} ${id}`;
  return `Source ${what}: ${state}${since === null ? '' : ` since ${since}`}${reports === null ? '' : `; ${REPORT_WORDS[reports]}`}`;
}
