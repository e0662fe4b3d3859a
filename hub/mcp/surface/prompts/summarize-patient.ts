import { patientOf } from './arguments.ts';
import type { PromptRow } from './contract.ts';
import { RULES } from './contract.ts';
import { alertsLink, gapsLink, latestLink } from './links.ts';

export const summarizePatient: PromptRow = {
  name: 'summarize_patient',
  title: 'Summarize a patient',
  description:
    'Summarizes the vital signs of one patient: first what is not known, then what is current and how it was, with devices and alerts.',
  arguments: { patient: patientOf },
  make: ({ patient = '' }) => ({
    text: [
      `Summarize the vital signs of patient ${patient} for a clinician, in at most 200 words.`,
      'Read get_patient_overview (or the resources beside this) first; get_vitals_trend for a vital sign whose course matters; get_device_status where something is stale or silent.',
      'Order: 1. what is not known (missing, stale, doubtful, withheld, lost; devices that are silent); 2. what is current; 3. how it was over 24 h, with coverage; 4. open alerts, and which devices cannot tell of any.',
      RULES,
    ].join('\n\n'),
    links: [latestLink(patient), alertsLink(patient), gapsLink(patient)],
  }),
};
