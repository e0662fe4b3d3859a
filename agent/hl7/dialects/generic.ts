import { type CodedUnit, type CodedVital, codedUnit } from '../codes.ts';
import { type Dialect, NO_SENTINELS, ORU_R01 } from '../dialect.ts';
import { componentOf, type Separators } from '../segment.ts';

const NO_VITAL: CodedVital = { rows: [], mdc: undefined };

/** Any sender of ORU^R01 whose codes a dialect file names; by itself it knows none, so that nothing is guessed. */
export const generic: Dialect = {
  name: 'hl7-generic',
  vendor: 'any',
  models: ['Senders of ORU^R01 with codes of their own'],
  protocol: 'HL7 v2.1 to 2.8 ORU^R01 over MLLP: codes, units and sentinels of a dialect file',
  source: 'HL7 v2.6 chapters 2 and 7; the dialect file names that of its codes',
  connects: { senderCalls: true },
  messages: ORU_R01,
  uniqueControlIds: false,
  dictionary: 'site',
  obx: { vital: () => NO_VITAL, unit: unitOf, sentinels: NO_SENTINELS, ofRowAlone: true, use: () => 'value' },
  alarms: {
    form: 'none',
    says: [],
    limits: 'Nothing is said about alarms: no alarm is shown for a device of this kind, whatever it sounds.',
  },
  limits: [
    'Not usable by itself: the source names a dialect file, which lists every code with the vital sign that it is. A code that is not listed is refused and kept.',
    'Units are those of the dialect file, then the spellings of UCUM and MDC; a value without a unit is refused unless the file says which one it has.',
  ],
};

/** A bare number is somebody's own code of a unit: `1` need not be the UCUM unit 1. */
function unitOf(field: string, separators: Separators): CodedUnit {
  const id = componentOf(field, 1, separators.component).trim();
  const isOwnCode = /^\d+$/.test(id) && componentOf(field, 3, separators.component).trim().toUpperCase() !== 'MDC';
  return isOwnCode ? 'unknown' : codedUnit(field, separators);
}
