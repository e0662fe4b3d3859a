import type { DeviceIdType } from '../../registry/adopted.ts';
import type { DeviceKey } from '../../store/placing/placing.ts';

/** Most pairs of a device and a bed that are remembered, of one gateway and of all of a tenant: one that names a new device or bed in each message must not fill the memory, nor push out what others have. */
export const SEEN_DEVICES = { ofGateway: 8192, all: 65_536 } as const;

/** Of how many devices of a gateway it is no longer known where they stood. */
export interface LeftOut {
  gateway: string;
  /** As often as one was let go of to make room, with all its beds. */
  count: number;
}

interface Seen {
  beds: Set<string>;
  /** What kinds of id its messages gave it. */
  idTypes: DeviceIdType[];
}

interface OfGateway {
  /** By id; whichever was first heard of last at the end. */
  devices: Map<string, Seen>;
  /** How many beds they have, all together. */
  pairs: number;
  leftOut: number;
}

/** Where the messages of devices said that they stood, since the hub began. In memory alone, and as much as `SEEN_DEVICES` says. */
export class SeenDevices {
  readonly #of = new Map<string, OfGateway>();
  readonly #most: { ofGateway: number; all: number };
  #pairs = 0;

  constructor(most: { ofGateway: number; all: number } = SEEN_DEVICES) {
    this.#most = most;
  }

  /** What names no device says nothing of one. */
  note({ gateway, device, idType }: DeviceKey, bed: string): void {
    if (device === '') return;
    const of = this.#of.get(gateway) ?? { devices: new Map<string, Seen>(), pairs: 0, leftOut: 0 };
    this.#of.set(gateway, of);
    const known = of.devices.get(device);
    if (known === undefined || !known.beds.has(bed)) this.#makeRoom(of);
    // It may be the one that made room.
    const seen = of.devices.get(device) ?? { beds: new Set<string>(), idTypes: known?.idTypes ?? [] };
    of.devices.set(device, seen);
    if (idType && !seen.idTypes.includes(idType)) seen.idTypes.push(idType);
    if (seen.beds.has(bed)) return;
    seen.beds.add(bed);
    of.pairs += 1;
    this.#pairs += 1;
  }

  /** How many pairs of a device and a bed are remembered. */
  get pairs(): number {
    return this.#pairs;
  }

  /** In which beds a device was said to stand; undefined where that is not all, because its gateway named more than is remembered. */
  bedsOf({ gateway, device }: DeviceKey): ReadonlySet<string> | undefined {
    const of = this.#of.get(gateway);
    return of !== undefined && of.leftOut > 0 ? undefined : (of?.devices.get(device)?.beds ?? new Set());
  }

  /** What kinds of id messages gave it, as far as it is remembered. More than one: two devices are called so. */
  idTypesOf({ gateway, device }: DeviceKey): readonly DeviceIdType[] {
    return this.#of.get(gateway)?.devices.get(device)?.idTypes ?? [];
  }

  /** Gateways of which a device of this id was heard. */
  gatewaysOf(device: string): string[] {
    return [...this.#of].flatMap(([gateway, { devices }]) => (devices.has(device) ? [gateway] : []));
  }

  /** Gateways of which devices were let go of, in order. */
  leftOut(): LeftOut[] {
    return [...this.#of]
      .flatMap(([gateway, { leftOut: count }]) => (count > 0 ? [{ gateway, count }] : []))
      .sort((a, b) => (a.gateway < b.gateway ? -1 : 1));
  }

  /** For one pair more. */
  #makeRoom(of: OfGateway): void {
    if (of.pairs >= this.#most.ofGateway) this.#letGo(of);
    else if (this.#pairs >= this.#most.all) this.#letGo(this.#fullest() ?? of);
  }

  /** The device that was heard of first; one that still sends is remembered anew with its next message. */
  #letGo(of: OfGateway): void {
    const first = of.devices.entries().next().value;
    if (first === undefined) return;
    const [device, { beds }] = first;
    of.devices.delete(device);
    of.leftOut += 1;
    of.pairs -= beds.size;
    this.#pairs -= beds.size;
  }

  #fullest(): OfGateway | undefined {
    let fullest: OfGateway | undefined;
    for (const of of this.#of.values()) if (fullest === undefined || of.pairs > fullest.pairs) fullest = of;
    return fullest;
  }
}
