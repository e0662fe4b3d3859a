import { patientOf } from './arguments.ts';
import type { PromptRow } from './contract.ts';
import { RULES } from './contract.ts';
import { alertsLink, latestLink } from './links.ts';

export const explainAlert: PromptRow = {
  name: 'explain_alert',
  title: 'Explain an alert',
  description: 'Explains what the devices of a patient told of alerts, and what was measured around them.',
  arguments: { patient: patientOf },
  make: ({ patient = '' }) => ({
    text: [
      `Explain the alerts that devices of patient ${patient} told of.`,
      'Read get_alerts; then, for the vital sign that an alert is about, get_vitals_trend around its time, describe_vital for what it is, and get_device_status for the device.',
      'For each alert: device, priority and type as the device has them, since when, whether it is active, ended, or not known; how late news of it came; what was measured before and after, with gaps. A technical alert is about the device. State no cause that no answer names: say what would have to be looked at.',
      'Do not call an alert false, resolved or harmless, and do not advise to silence it. Say first which devices cannot tell of alarms or are silent.',
      RULES,
    ].join('\n\n'),
    links: [alertsLink(patient), latestLink(patient)],
  }),
};
