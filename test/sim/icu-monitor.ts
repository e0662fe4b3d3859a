import { createConnection, type Socket } from 'node:net';
import { atEvery, type Counts } from './device.ts';
import { simulatedPatient, type VitalSigns } from './physiology.ts';

const VT = 0x0b;
const FS = 0x1c;
const CR = 0x0d;

export interface IcuMonitorOptions {
  host: string;
  port: number;
  bed: string;
  seed: number;
  intervalMs: number;
  deteriorates: boolean;
}

const TRIES = 3;
const ACK_LIMIT_MS = 5000;
const NIBP_EVERY = 10;

/**
 * A bedside monitor that sends PCD-01 ORU^R01 over MLLP (the dialect of GE and Mindray gateways): it calls the agent, sends one
 * message an interval, waits for its acknowledgement, sends it again when there is none, and after three tries drops it.
 */
export async function runIcuMonitor(options: IcuMonitorOptions, signal: AbortSignal): Promise<Counts> {
  const counts = { sent: 0, acknowledged: 0, lost: 0 };
  const patient = simulatedPatient({ seed: options.seed, ...(options.deteriorates ? { deteriorates: { afterS: 5, overS: 60 } } : {}) });
  const line = new MllpLine(options.host, options.port);
  let number = 0;
  await atEvery(options.intervalMs, (options.seed * 137) % options.intervalMs, signal, async (at) => {
    number += 1;
    const message = oruMessage(patient.next(options.intervalMs / 1000), {
      ...options,
      at,
      number,
      withPressure: number % NIBP_EVERY === 1,
    });
    counts.sent += 1;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const code = await line.send(message).catch(() => undefined);
      if (code === 'AA' || code === 'CA') {
        counts.acknowledged += 1;
        return;
      }
      if (code === 'AR' || code === 'CR') break;
    }
    counts.lost += 1;
  });
  line.close();
  return counts;
}

/** One MLLP connection that is opened when needed and carries one message at a time. */
class MllpLine {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Sends a message and resolves with MSA-1 of its acknowledgement; rejects when the connection or the time is lost. */
  send(message: string): Promise<string> {
    this.#socket ??= this.#open();
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      let answer = '';
      const done = (finish: () => void): void => {
        clearTimeout(timer);
        socket.off('data', onData).off('error', onLost).off('close', onLost);
        finish();
      };
      const onLost = (): void =>
        done(() => {
          this.close();
          reject(new Error('connection lost'));
        });
      const onData = (chunk: Buffer): void => {
        answer += chunk.toString('latin1');
        if (answer.includes(String.fromCharCode(FS, CR))) done(() => resolve(/\rMSA\|([A-Z]{2})/.exec(answer)?.[1] ?? ''));
      };
      const timer = setTimeout(onLost, ACK_LIMIT_MS);
      socket.on('data', onData).once('error', onLost).once('close', onLost);
      socket.write(Buffer.concat([Buffer.of(VT), Buffer.from(message, 'utf8'), Buffer.of(FS, CR)]));
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    const socket = createConnection({ host: this.#host, port: this.#port, noDelay: true });
    socket.on('error', () => socket.destroy());
    return socket;
  }
}

export interface OruOptions {
  bed: string;
  seed: number;
  at: number;
  number: number;
  withPressure: boolean;
}

/** One PCD-01 ORU^R01 (IHE PCD TF-2, DEC) with the values of one moment; synthetic identifiers. */
export function oruMessage(vitals: VitalSigns, { bed, seed, at, number, withPressure }: OruOptions): string {
  const time = hl7Time(at);
  const eui = `00A037FFFE${seed.toString(16).toUpperCase().padStart(6, '0')}`;
  const rows: string[] = [];
  const metric = (code: number, refid: string, value: number | null, unit: string, path: string, limits = ''): void => {
    const content = value === null ? '' : String(value);
    const condition = value === null ? 'INV' : '';
    rows.push(`OBX|${rows.length + 2}|NM|${code}^${refid}^MDC|${path}.${code}|${content}|${unit}|${limits}|${condition}|||R|||${time}`);
  };
  const perMinute = '264864^MDC_DIM_BEAT_PER_MIN^MDC';
  const percent = '262688^MDC_DIM_PERCENT^MDC';
  const mmHg = '266016^MDC_DIM_MMHG^MDC';
  metric(147842, 'MDC_ECG_HEART_RATE', vitals.heartRate, perMinute, '1.1.1', '50-120');
  metric(150456, 'MDC_PULS_OXIM_SAT_O2', vitals.spo2, percent, '1.2.1', '90-100');
  metric(149530, 'MDC_PULS_OXIM_PULS_RATE', vitals.pulse, perMinute, '1.2.1');
  metric(151578, 'MDC_TTHOR_RESP_RATE', vitals.respiration, '264928^MDC_DIM_RESP_PER_MIN^MDC', '1.3.1', '8-30');
  metric(150344, 'MDC_TEMP', vitals.temperature, '268192^MDC_DIM_DEGC^MDC', '1.4.1');
  if (withPressure) {
    metric(150021, 'MDC_PRESS_BLD_NONINV_SYS', vitals.systolic, mmHg, '1.5.1');
    metric(150022, 'MDC_PRESS_BLD_NONINV_DIA', vitals.diastolic, mmHg, '1.5.1');
    metric(150023, 'MDC_PRESS_BLD_NONINV_MEAN', vitals.mean, mmHg, '1.5.1');
  }
  return `${[
    `MSH|^~\\&|VITALSIM^${eui}^EUI-64|SIM|VITALMESH|GATEWAY|${time}||ORU^R01^ORU_R01|${eui}-${at}-${number}|P|2.6|||NE|AL||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO`,
    `PID|||SIM-${String(seed).padStart(4, '0')}^^^SIMHOSPITAL^MR`,
    `PV1||I|^^${bed}`,
    `OBR|1|${number}^VITALSIM|${number}^VITALSIM|182777000^monitoring of patient^SCT|||${time}`,
    `OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||${eui}^^${eui}^EUI-64`,
    ...rows,
  ].join('\r')}\r`;
}

/** HL7 DTM with milliseconds and offset (HL7 v2.6 ch. 2A.21). */
function hl7Time(at: number): string {
  return `${new Date(at)
    .toISOString()
    .replace(/[-:TZ]/g, '')
    .slice(0, 18)}+0000`;
}
