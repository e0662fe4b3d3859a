import type { ReadingRecord } from '../../shared/reading.ts';
import { identifier, MAX_DEVICE_ID } from '../decoding.ts';
import { componentOf, type Segment } from './segment.ts';
import type { Hint } from './subject.ts';

export type Device = Pick<ReadingRecord['device'], 'id' | 'idType'>;

const NULL = '""';

/**
 * OBX-18 (EI, v2.6 ch. 2A.28), the first repetition that says something: an EUI-64 wherever it stands (`ID^^EUI64^EUI-64`, `EUI64^EUI-64`),
 * else the identifier. The universal id of any other kind names who gave it (`F037EF2X^DEVICE^mindray.com^DNS`) and stands for it only
 * where there is no other.
 */
export function deviceOf(obx: Segment): Hint<Device> {
  if (obx.field(18) === '') return 'none';
  for (const field of obx.repetitions(18)) {
    const parts = [1, 2, 3, 4].map((n) => componentOf(field, n, obx.separators.component).trim());
    const [first = '', second = '', third = '', fourth = ''] = parts.map((part) => (part === NULL ? '' : part));
    const named = isEui64(fourth) && third !== '' && !isEui64(third) ? third : first || (isEui64(third) ? '' : third);
    if (named === '') continue;
    const id = identifier(named, MAX_DEVICE_ID);
    return id === undefined ? 'unreadable' : { id, idType: [second, third, fourth].some(isEui64) ? 'eui64' : 'serial' };
  }
  return 'none';
}

/** MSH-3 `application^EUI64^EUI-64`: the sending monitor or gateway, where it names itself so. */
export function senderOf(header: Segment): Device | undefined {
  const id = isEui64(header.component(3, 3)) ? identifier(header.component(3, 2), MAX_DEVICE_ID) : undefined;
  return id === undefined ? undefined : { id, idType: 'eui64' };
}

function isEui64(type: string): boolean {
  return /^EUI-?64$/i.test(type);
}
