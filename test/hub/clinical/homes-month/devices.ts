import { mllpFrame } from '../../../../agent/framing/mllp.ts';
import { formatInstant, type Instant } from '../../../../shared/clock.ts';
import { oximeterFrame } from '../../../support/fabric-site.ts';

/** What a simulated device says once, in the bytes of its kind, and by which source of its gateway. */
export interface Utterance {
  source: 'hub' | 'oximeter' | 'hl7' | 'monitor';
  bytes: (at: Instant) => Uint8Array;
}

export interface HomeHubSays {
  /** What its own clock says, where that is not the truth. */
  ts?: Instant;
  memory?: boolean;
}

/** A home hub publishes what one of its devices measured (format: agent/mappings/home-hub.yaml). */
function published(serial: string, content: object, { ts, ...more }: HomeHubSays = {}): Utterance {
  const bytes = (at: Instant): Uint8Array => {
    const payload = { ts: formatInstant(ts ?? at, 120), serial, ...content, ...more };
    return Buffer.from(`${JSON.stringify({ topic: `home/hub-01/${serial}/measurement`, payload })}\n`);
  };
  return { source: 'hub', bytes };
}

export const weight = (serial: string, kg: number, says?: HomeHubSays): Utterance =>
  published(serial, { type: 'weight', weight: kg, unit: 'kg' }, says);

export const cuff = (serial: string, systolic: number, diastolic: number, says?: HomeHubSays): Utterance =>
  published(serial, { type: 'bp', systolic, diastolic, unit: 'mmHg' }, says);

export const finger = (serial: string, spo2: number, pulse: number): Utterance => published(serial, { type: 'spo2', spo2, pulse });

/** One frame of an oximeter on a serial line, which has no clock; without a value the finger is out. */
export const oximeter = (saturation: number | null, pulse: number | null): Utterance => ({
  source: 'oximeter',
  bytes: () => oximeterFrame(pulse ?? 511, saturation ?? 127),
});

let messages = 0;

/** A message of HL7 with an id of its own, made when it is sent. */
function message(
  source: Utterance['source'],
  said: (at: Instant) => { sender: string; time: string; type: string; segments: string[] },
): Utterance {
  return {
    source,
    bytes(at) {
      messages += 1;
      const { sender, time, type, segments } = said(at);
      const header = `MSH|^~\\&|SIM^${sender}^EUI-64||||${time}||${type}|M${messages}|P|2.6`;
      return mllpFrame(Buffer.from(`${[header, ...segments].join('\r')}\r`));
    },
  };
}

/** A hub of the Continua guidelines tells of a weight, by the clock on the wall and without its zone (`20261025023000`); OBX-11 says what it is: F, C corrected, D deleted. */
export const weightByHl7 = (kg: number | '', time: string, status: 'F' | 'C' | 'D' = 'F'): Utterance =>
  message('hl7', () => ({
    ...{ sender: '00091FFFFE000007', time, type: 'ORU^R01^ORU_R01' },
    segments: [
      'PID|||HOME',
      `OBR|1|7^SIM|7^SIM|182777000^monitoring of patient^SCT|||${time}`,
      'OBX|1||531981^MDC_MOC_VMS_MDS_AHD^MDC|0|||||||X|||||||00091FFFFE000007^^00091FFFFE000007^EUI-64',
      'OBX|2||528399^MDC_DEV_SPEC_PROFILE_SCALE^MDC|1|||||||X|||||||00091FFFFE00000A^^00091FFFFE00000A^EUI-64',
      `OBX|3|NM|188736^MDC_MASS_BODY_ACTUAL^MDC|1.0.0.1|${kg}|263875^MDC_DIM_KILO_G^MDC|||||${status}|||${time}`,
    ],
  }));

const VENTILATOR = '00A037FFFE000009';

/** In UTC, with its zone. */
const utc = (at: Instant): string => `${new Date(at).toISOString().replace(/[-:TZ]|\..*/g, '')}+0000`;

/** A ventilator at home tells of an alarm (IHE PCD-04). */
export const alarm = (instance: string, phase: 'start' | 'continue' | 'end'): Utterance =>
  message('monitor', (at) => ({
    ...{ sender: VENTILATOR, time: utc(at), type: 'ORU^R40^ORU_R40' },
    segments: [
      `OBR|1||${instance}^VENT|196616^MDC_EVT_ALARM^MDC|||${utc(at)}`,
      `OBX|1|ST|196674^MDC_EVT_LO_VAL_LT_LIM^MDC|1.1.0.1.1|Low minute volume|||L~PH~SP|||R|||${utc(at)}`,
      `OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.1.0.1.3|${phase}`,
      `OBX|3|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.1.0.1.4|${phase === 'end' ? 'inactive' : 'active'}`,
    ],
  }));

/** And of what it measures (PCD-01). */
export const breaths = (perMinute: number): Utterance =>
  message('monitor', (at) => ({
    ...{ sender: VENTILATOR, time: utc(at), type: 'ORU^R01^ORU_R01' },
    segments: [
      `OBR|1||1^VENT|182777000^monitoring of patient^SCT|||${utc(at)}`,
      `OBX|1|NM|151562^MDC_RESP_RATE^MDC|1.1.1.1|${perMinute}|264928^MDC_DIM_RESP_PER_MIN^MDC|||||R|||${utc(at)}`,
    ],
  }));
