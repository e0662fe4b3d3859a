import type { AlertPriority, AlertType, DeviceAlert } from '../../shared/alert.ts';
import { TEXT_LIMITS } from '../../shared/observation-code.ts';
import { cleanText, identifier } from '../decoding.ts';
import { type CodedVital, codedUnit, codedVital } from './codes.ts';
import { NO_SENTINELS, type ObxRules, type RowGroup, type RowUse } from './dialect.ts';
import { unescapeText } from './escapes.ts';
import { componentOf, type Segment, type Separators } from './segment.ts';

/** Measurements are of the SCADA partition; 0401 and 0402 (EMFC) and 0007 are private to Philips, and refused. */
const MEASUREMENTS = '0002-';
const NO_VITAL: CodedVital = { rows: [], mdc: undefined };

/** OBX-13 of rows that are no measurements. */
const ACCESS: ReadonlyMap<string, RowUse> = new Map([
  ['SETTING', 'setting'],
  ['CONFIGURATION', 'aside'],
]);

const ALERT_CODES = 'MDIL-ALERT';
/**
 * Alarms whose level is written down: `2^Yellow Alarm` is a medium-level physiological one (Efficia CM Data Export Guide 2-16), an INOP is
 * Philips' word for a technical alarm. Of every other, level and type are unknown.
 */
const ALERTS: ReadonlyMap<string, { priority: AlertPriority; type: AlertType }> = new Map([
  ['2^Yellow Alarm', { priority: 'medium', type: 'physiological' }],
  ['5^HardInop', { priority: 'unknown', type: 'technical' }],
]);
const UNKNOWN_ALERT = { priority: 'unknown', type: 'unknown' } as const;
/** OBX-11 of an alarm that is there. */
const PRESENT = new Set(['', 'F', 'R']);

/** Rows of Philips: MDIL codes, which are MDC in hexadecimal, in OBX-3 and OBX-6, and alarms among them. */
export const MDIL_ROWS: ObxRules = {
  vital: mdilVital,
  unit: codedUnit,
  sentinels: NO_SENTINELS,
  // Its group is asked for where it is a text only.
  ofRowAlone: true,
  use: useOf,
  alarm: alertOf,
};

/** Philips counts by codes, not by labels, which the user can change; its first identifier alone says what a row is. */
function mdilVital(field: string, separators: Separators): CodedVital {
  const { component } = separators;
  const isMeasurement = field.startsWith(MEASUREMENTS) && componentOf(field, 3, component).trim() === 'MDIL';
  return isMeasurement && componentOf(field, 4, component) === '' ? codedVital(field, separators) : NO_VITAL;
}

function useOf(obx: Segment, { obr }: RowGroup): RowUse {
  if (obx.component(3, 3).trim() === ALERT_CODES || (obx.field(2).trim() === 'TX' && obr?.component(4, 1).trim() === 'ALARM'))
    return 'alarm';
  const access = obx.field(13);
  return access === '' ? 'value' : (ACCESS.get(access.trim().toUpperCase()) ?? 'value');
}

/** `5^HardInop^MDIL-ALERT` with what the monitor shows in OBX-5. An empty one is not known to be an alarm at all. */
function alertOf(obx: Segment): DeviceAlert | undefined {
  const code = identifier(obx.component(3, 1), TEXT_LIMITS.identifier);
  const text = cleanText(unescapeText(obx.field(5), obx.separators), TEXT_LIMITS.display);
  const isAlert = obx.field(2).trim() === 'TX' && obx.component(3, 3).trim() === ALERT_CODES && PRESENT.has(obx.field(11).trim());
  if (!isAlert || code === undefined || text === undefined || text === '""') return undefined;
  const level = ALERTS.get(`${code}^${obx.component(3, 2).trim()}`) ?? UNKNOWN_ALERT;
  return { code: { system: ALERT_CODES, code }, text, phase: 'present', state: 'unknown', ...level };
}
