import { ALERT_FACETS, type AlertFacet } from '../../../shared/alert.ts';
import { vital } from '../../../shared/vitals.ts';
import { ALERT_STANDINGS } from '../../clinical/alerts/fold.ts';
import { REPORTING } from '../../clinical/alerts/reporting.ts';
import { LIMIT_SETTERS } from '../../clinical/limits/limits.ts';
import { ALERT_NOTICE, type AlertSourceView, type AlertsView, type AlertView } from '../alert-views.ts';
import { NOTICE, SANDBOX_NOTICE } from '../views.ts';
import { type MaskFrame, NO_ZONE, oneOf, plausibleOf, shownOf, timeTextOf, unitOf, WITHHELD } from './frame.ts';
import { maskedSource, wardOf, withheldOf } from './views.ts';

const NOTICES = [NOTICE, SANDBOX_NOTICE].map((notice) => `${ALERT_NOTICE} ${notice}`);

/** The alerts of a patient by codes of tables: what devices wrote, and what a site calls its rules, is text. */
export function maskedAlerts(frame: MaskFrame, view: AlertsView): AlertsView {
  const { patient } = view;
  return shownOf<AlertsView>({
    patient: frame.names.patient(patient),
    bed: null,
    ward: wardOf(frame, view.ward),
    mergedFrom: undefined,
    alsoKnownAs: undefined,
    admitted: view.admitted === undefined ? undefined : timeTextOf(frame, view.admitted, patient),
    discharged: view.discharged === undefined ? undefined : timeTextOf(frame, view.discharged, patient),
    leftBed: view.leftBed === undefined ? undefined : timeTextOf(frame, view.leftBed, patient),
    unplaced: view.unplaced,
    asOf: timeTextOf(frame, view.asOf, patient),
    zone: NO_ZONE,
    alerts: view.alerts.flatMap((alert) => maskedAlert(frame, alert, patient)),
    truncated: view.truncated,
    lookedBackTo: timeTextOf(frame, view.lookedBackTo, patient),
    sources: view.sources.flatMap((source) => maskedAlertSource(frame, source, patient)),
    limits: {
      device: [],
      site: view.limits.site.flatMap(({ vital: key, low, high, by: setter }) => {
        const by = oneOf(LIMIT_SETTERS, setter);
        if (vital(key) === undefined || by === undefined || by === 'class') return [];
        return [{ vital: key, low: plausibleOf(key, low), high: plausibleOf(key, high), by, unit: unitOf(key) }];
      }),
      siteVersion: null,
    },
    withheld: withheldOf(view.withheld),
    notice: oneOf(NOTICES, view.notice) ?? `${ALERT_NOTICE} ${NOTICE}`,
    masked: frame.profile,
  });
}

function maskedAlert(frame: MaskFrame, alert: AlertView, patient: string): AlertView[] {
  const state = oneOf(ALERT_STANDINGS, alert.state);
  const { code, about } = alert;
  const time = (text: string): string => timeTextOf(frame, text, patient);
  if (state === undefined) return [];
  return [
    shownOf<AlertView>({
      state,
      stateSince: time(alert.stateSince),
      since: time(alert.since),
      lastTold: time(alert.lastTold),
      delayedSeconds: alert.delayedSeconds,
      priority: facet('priority', alert.priority) ?? 'unknown',
      type: facet('type', alert.type) ?? 'unknown',
      phase: facet('phase', alert.phase) ?? 'unknown',
      deviceState: facet('state', alert.deviceState) ?? 'unknown',
      inactivation: alert.inactivation === null ? null : (facet('inactivation', alert.inactivation) ?? null),
      code: code?.system === 'MDC' && /^\d{1,9}$/.test(code.code) ? { system: 'MDC', code: code.code } : null,
      about: about && { vital: about.vital !== null && vital(about.vital) ? about.vital : null, mdc: about.mdc },
      device: frame.names.device(patient, alert.device),
      gateway: WITHHELD,
      event: frame.names.observation(alert.event),
      test: alert.test,
      untrusted: { text: null, instance: null },
    }),
  ];
}

function facet<F extends AlertFacet>(name: F, word: string): (typeof ALERT_FACETS)[F]['values'][number] | undefined {
  return oneOf<(typeof ALERT_FACETS)[F]['values'][number]>(ALERT_FACETS[name].values, word);
}

function maskedAlertSource(frame: MaskFrame, source: AlertSourceView, patient: string): AlertSourceView[] {
  return maskedSource(frame, source, patient).map((masked) => ({
    ...masked,
    reports: source.reports === null ? null : (oneOf(REPORTING, source.reports) ?? 'unknown'),
  }));
}
