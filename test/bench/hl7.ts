import { Hl7Message as MedplumMessage } from '@medplum/core';
import { Hl7Message } from '../../agent/hl7/message.ts';
import { normalize } from '../../agent/normalize.ts';
import { hl7Pcd01 } from '../support/hl7.ts';
import { type Figure, median } from './figure.ts';
import { benchHl7Ack } from './hl7-ack.ts';
import { benchMessage } from './hl7-message.ts';

const ROUNDS = 5;
const ROUND_MS = 250;
/** Architecture §6. */
const LEAST_READ = 150_000;
const LEAST_OF_PEER = 3;
const LEAST_MAPPED = 40_000;
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

/** What a monitor sends in the course of time: the same rows, in each message with other values, another id and another time. */
function withOtherValues(bytes: Buffer): Buffer[] {
  const text = bytes.toString('latin1');
  return Array.from({ length: 256 }, (_, i) => {
    const second = String(i % 60).padStart(2, '0');
    const valued = text.replace(
      /(\|[\d.]+\|)([\d.]+)(\|\d+\^MDC_DIM)/g,
      (_row, path, value, unit) => `${path}${(Number(value) + i / 10).toFixed(i % 2)}${unit}`,
    );
    return Buffer.from(valued.replace('|M1|', `|M${i}|`).replace(/\d\d\|\|(?=ORU)/, `${second}||`), 'latin1');
  });
}

/** Reading of HL7 messages: parse and read the fields of 8 OBX, the same by @medplum/core, all the way to 8 Observations, and to the disk. */
export async function benchHl7(): Promise<Figure[]> {
  const messages = withOtherValues(benchMessage());
  let next = 0;
  const bytes = (): Buffer => messages[next++ % messages.length] ?? Buffer.alloc(0);
  const context = { source: 'bench', zone: 'UTC', test: false, maxFrameBytes: 1024 * 1024 };
  const receivedAt = Date.UTC(2026, 10, 21, 9);
  const key = { agent: 'bench', epoch: '0000000000000', seq: 1 };
  const parsed = rate(() => readWithOurs(bytes()));
  const peer = rate(() => readWithMedplum(bytes()));
  const mapped = rate(() => hl7Pcd01.read(bytes(), receivedAt, context).records.map((record) => normalize(record, key)));
  return [
    { name: 'HL7 parse + read 8 OBX', value: parsed, unit: 'messages/s', bar: { least: LEAST_READ } },
    {
      ...{
        name: 'the same, beside an object tree',
        value: parsed,
        unit: 'messages/s',
        ratio: { to: '@medplum/core', value: parsed / peer },
      },
      bar: { least: LEAST_OF_PEER },
    },
    { name: 'HL7 parse + map to 8 Observations', value: mapped, unit: 'messages/s', bar: { least: LEAST_MAPPED } },
    { name: 'HL7 parse + read 8 OBX, @medplum/core', value: peer, unit: 'messages/s' },
    ...(await benchHl7Ack()),
  ];
}
