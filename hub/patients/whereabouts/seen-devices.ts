import type { DeviceIdType } from '../../registry/adopted.ts';
import type { DeviceKey } from '../../store/placing/placing.ts';

/** Most devices that are remembered, of one gateway and of all of a tenant: one that names a new device in each message must not fill the memory, nor push out what others have. */
export const SEEN_DEVICES = { ofGateway: 2048, all: 65_536 } as const;

/** Of how many devices of a gateway it is no longer known where they stood. */
export interface LeftOut {
  gateway: string;
  /** As often as one was let go of to make room. */
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
  leftOut: number;
}

/** Where the messages of devices said that they stood, since the hub began. In memory alone, and of as many devices as `SEEN_DEVICES` says. */
export class SeenDevices {
  readonly #of = new Map<string, OfGateway>();
  readonly #most: { ofGateway: number; all: number };
  #count = 0;

  constructor(most: { ofGateway: number; all: number } = SEEN_DEVICES) {
    this.#most = most;
  }

  /** What names no device says nothing of one. */
  note({ gateway, device, idType }: DeviceKey, bed: string): void {
    if (device === '') return;
    const of = this.#of.get(gateway) ?? { devices: new Map<string, Seen>(), leftOut: 0 };
    this.#of.set(gateway, of);
    const seen = of.devices.get(device);
    if (seen !== undefined) {
      seen.beds.add(bed);
      if (idType && !seen.idTypes.includes(idType)) seen.idTypes.push(idType);
      return;
    }
    if (of.devices.size >= this.#most.ofGateway) this.#letGo(of);
    else if (this.#count >= this.#most.all) this.#letGo(this.#fullest() ?? of);
    of.devices.set(device, { beds: new Set([bed]), idTypes: idType ? [idType] : [] });
    this.#count += 1;
  }

  /** In which beds a device was said to stand; undefined where that is not all, because its gateway named more devices than are remembered. */
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

  /** The one that was heard of first; a device that still sends is remembered anew with its next message. */
  #letGo(of: OfGateway): void {
    const first = of.devices.keys().next().value;
    if (first === undefined) return;
    of.devices.delete(first);
    of.leftOut += 1;
    this.#count -= 1;
  }

  #fullest(): OfGateway | undefined {
    let fullest: OfGateway | undefined;
    for (const of of this.#of.values()) if (fullest === undefined || of.devices.size > fullest.devices.size) fullest = of;
    return fullest;
  }
}
