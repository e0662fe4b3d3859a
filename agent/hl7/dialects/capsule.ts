import type { CodedUnit, CodedVital } from '../codes.ts';
import { type Dialect, NO_SENTINELS, ORU_R01, type RowUse } from '../dialect.ts';
import { componentOf, type Segment } from '../segment.ts';

const NO_VITAL: CodedVital = { rows: [], mdc: undefined };

/** Streams and units come under numbers that each site gives them: only its dictionary, a dialect file with this base, says what they are. */
export const capsule: Dialect = {
  name: 'hl7-capsule',
  vendor: 'Capsule',
  models: ['DataCaptor'],
  protocol: 'HL7 v2.3 ORU^R01 over MLLP: numbers of streams and units, waves as NA',
  source: 'public samples of an intensive care unit (devices.md 2.2)',
  connects: { senderCalls: true },
  messages: ORU_R01,
  uniqueControlIds: true,
  dictionary: 'site',
  obx: { vital: () => NO_VITAL, unit: unitOf, sentinels: NO_SENTINELS, ofRowAlone: true, use: useOf },
  alarms: {
    form: 'none',
    says: [],
    limits: 'Nothing is said about alarms: no alarm is shown for a device of this kind, whatever it sounds.',
  },
  limits: [
    'Not usable by itself: the source names a dialect file with base: hl7-capsule, which lists the streams and units of the site. vitalmesh-agent decode --codes shows which ones are sent and not listed.',
    'PID is empty in what was seen: without a patient in the configuration of the source, what is read is of a bed (PV1-3) and of nobody by name.',
    'Which device measured is not said: all is of the source.',
    'Streams marked SETTING in OBX-13 are settings, and are left aside.',
    'Waves carry no sampling rate: the dialect file gives that of each stream.',
  ],
};

/** The numbers mean nothing by themselves, and number 1 is not the UCUM unit 1. */
function unitOf(field: string, { component }: Parameters<Dialect['obx']['unit']>[1]): CodedUnit {
  return [1, 2, 4, 5].every((n) => ['', '""'].includes(componentOf(field, n, component).trim())) ? 'none' : 'unknown';
}

function useOf(obx: Segment): RowUse {
  const isSetting = (said: string): boolean => componentOf(said, 1, obx.separators.component).trim().toUpperCase() === 'SETTING';
  return obx.field(13) !== '' && obx.repetitions(13).some(isSetting) ? 'setting' : 'value';
}
