import { Hl7Message as MedplumMessage } from '@medplum/core';
import { Hl7Message } from '../../agent/hl7/message.ts';
import { normalize } from '../../agent/normalize.ts';
import { hl7Pcd01 } from '../support/hl7.ts';
import { type Figure, median } from './figure.ts';

const ROUNDS = 5;
const ROUND_MS = 250;
const METRICS: readonly (readonly [code: number, refid: string, value: string, unit: string, path: string])[] = [
  [147842, 'MDC_ECG_HEART_RATE', '72', '264864^MDC_DIM_BEAT_PER_MIN^MDC', '1.1.1'],
  [150456, 'MDC_PULS_OXIM_SAT_O2', '97', '262688^MDC_DIM_PERCENT^MDC', '1.2.1'],
  [149530, 'MDC_PULS_OXIM_PULS_RATE', '71', '264864^MDC_DIM_BEAT_PER_MIN^MDC', '1.2.1'],
  [151578, 'MDC_TTHOR_RESP_RATE', '15', '264928^MDC_DIM_RESP_PER_MIN^MDC', '1.3.1'],
  [150344, 'MDC_TEMP', '36.8', '268192^MDC_DIM_DEGC^MDC', '1.4.1'],
  [150488, 'MDC_BLD_PERF_INDEX', '3.6', '262688^MDC_DIM_PERCENT^MDC', '1.2.1'],
  [150087, 'MDC_PRESS_BLD_VEN_CENT_MEAN', '7', '266016^MDC_DIM_MMHG^MDC', '1.6.1'],
  [151708, 'MDC_CONC_AWAY_CO2_ET', '38', '266016^MDC_DIM_MMHG^MDC', '1.7.1'],
];

/** An ORU^R01 of the length (894 bytes) and shape that monitors send: 8 OBX under MDC codes and units, timed by their OBR. */
export function benchMessage(): Buffer {
  const time = '20261121100000+0100';
  const rows = METRICS.map(
    ([code, refid, value, unit, path], i) => `OBX|${i + 1}|NM|${code}^${refid}^MDC|${path}.${i + 1}|${value}|${unit}|||||R|||`,
  );
  const message = [
    `MSH|^~\\&|MON^00A037FFFE01^EUI-64||||${time}||ORU^R01^ORU_R01|M1|P|2.6|||NE|AL`,
    'PID|||P-1^^^HOSP^MR',
    'PV1||I|^^B-1',
    `OBR|1|||182777000^monitoring of patient^SCT|||${time}`,
    ...rows,
  ].join('\r');
  return Buffer.from(`${message}\r`, 'latin1');
}

/** Messages a second, the median of several short rounds. */
function rate(work: () => unknown): number {
  const rates: number[] = [];
  // One round warms up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    let done = 0;
    const start = performance.now();
    let elapsedMs = 0;
    while (elapsedMs < ROUND_MS) {
      for (let i = 0; i < 200; i += 1) work();
      done += 200;
      elapsedMs = performance.now() - start;
    }
    if (round > 0) rates.push((done / elapsedMs) * 1000);
  }
  return median(rates);
}

const READ = [2, 3, 4, 5, 6, 7, 8, 11, 14] as const;

function readWithOurs(bytes: Buffer): number {
  const message = new Hl7Message(bytes);
  let characters = 0;
  for (let i = 0; i < message.segments; i += 1) {
    if (message.name(i) !== 'OBX') continue;
    const obx = message.open(i);
    for (const field of READ) characters += obx.field(field).length;
    characters += obx.component(3, 1).length;
  }
  return characters;
}

function readWithMedplum(bytes: Buffer): number {
  const message = MedplumMessage.parse(bytes.toString('utf8'));
  let characters = 0;
  for (const obx of message.getAllSegments('OBX')) {
    for (const field of READ) characters += obx.getField(field)?.toString().length ?? 0;
    characters += obx.getComponent(3, 1)?.length ?? 0;
  }
  return characters;
}

/** Reading of HL7 messages: parse and read the fields of 8 OBX, the same by @medplum/core, and all the way to 8 Observations. */
export async function benchHl7(): Promise<Figure[]> {
  const bytes = benchMessage();
  const context = { source: 'bench', zone: 'UTC', test: false, maxFrameBytes: 1024 * 1024 };
  const receivedAt = Date.UTC(2026, 10, 21, 9);
  const key = { agent: 'bench', epoch: '0000000000000', seq: 1 };
  const parsed = rate(() => readWithOurs(bytes));
  const peer = rate(() => readWithMedplum(bytes));
  const mapped = rate(() => hl7Pcd01.read(bytes, receivedAt, context).records.map((record) => normalize(record, key)));
  return [
    { name: 'HL7 parse + read 8 OBX', value: parsed, unit: 'messages/s', ratio: { to: '@medplum/core', value: parsed / peer } },
    { name: 'HL7 parse + map to 8 Observations', value: mapped, unit: 'messages/s' },
    { name: 'HL7 parse + read 8 OBX, @medplum/core', value: peer, unit: 'messages/s' },
  ];
}
