import type { Instant } from '../../../shared/clock.ts';
import { eui64, secondsInZone, segments } from '../hl7-text.ts';
import { MDC_NUMERICS, mdcRows } from '../mdc-rows.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../simulator.ts';

/** The cuff under the codes of non-invasive pressure that Mindray uses. */
const CUFF: ReadonlyMap<number, { code: number; refid: string }> = new Map([
  [150021, { code: 150301, refid: 'MDC_PRESS_CUFF_SYS' }],
  [150022, { code: 150302, refid: 'MDC_PRESS_CUFF_DIA' }],
  [150023, { code: 150303, refid: 'MDC_PRESS_CUFF_MEAN' }],
]);
const ROWS = MDC_NUMERICS.map((row) => ({ ...row, ...CUFF.get(row.code) }));
const INDIA_MIN = 330;
const CUFF_AGE_MS = 60_000;
/** The row that names the monitor in OBX-18; the others leave it out. */
const FIRST_CODE = 147842;

/** Mindray eGateway: PCD-01 with a zone; the cuff has an older time of its own, and APERIODIC in OBX-17 (public samples, devices.md §2.2). */
export const mindrayEgateway: Hl7Simulator = {
  profile: 'hl7-mindray-egateway',
  device: 'a Mindray eGateway with one bed',
  role: { calls: true },
  persistence: { waits: true, ackLimitMs: 5000, tries: 3, afterwards: 'lost' },
  assumed: 'No manual is public: how often it repeats (three times here) and sends (every ten seconds here).',
  encoding: 'utf8',
  intervalMs: 10_000,
  messages: (moment) => [message(moment)],
};

function message(moment: Moment): SimulatedMessage {
  const { at, beat, seed, bed, patient } = moment;
  const time = timeOf(at);
  const eui = eui64('00A037', seed);
  const monitor = eui64('000F14', seed);
  // Counts on from a small number.
  const id = String(beat);
  const rows = mdcRows(moment, {
    first: 1,
    path: ({ channel, code }) => `${channel}.${code}`,
    status: 'R',
    time: ({ cuff, code }) => {
      if (cuff) return `${timeOf(at - CUFF_AGE_MS)}|||^APERIODIC`;
      return code === FIRST_CODE ? `${time}||||${monitor}^SIM_MONITOR^${monitor}^EUI-64` : time;
    },
    rows: ROWS,
  });
  const text = segments(
    `MSH|^~\\&|MINDRAY_EGATEWAY^${eui}^EUI-64|MINDRAY|||${time}||ORU^R01^ORU_R01|${id}|T|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO`,
    `PID|||${patient}^^^Hospital^PI||TEST^PATIENT`,
    `PV1||I|^^${bed}`,
    `OBR|1|${beat}^MINDRAY_EGATEWAY^${eui}^EUI-64|${beat}^MINDRAY_EGATEWAY^${eui}^EUI-64|182777000^monitoring of patient^SCT|||${time}`,
    ...rows,
  );
  return { id, text };
}

/** To the ten-thousandth of a second, as the samples have it. */
function timeOf(at: Instant): string {
  return secondsInZone(at, INDIA_MIN).replace('+', '.0000+');
}
