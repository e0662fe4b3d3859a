import type { Instant } from '../../../shared/clock.ts';
import { isSameDevice, type NamedDevice, spellingOf } from '../../registry/adopted.ts';
import type { GatewayEntry } from '../../registry/registry.ts';

/** A device that a home's gateway heard since the start, and that is none of its adopted ones. */
export interface Stranger extends NamedDevice {
  gateway: string;
  tenant: string;
  /** Identity of the gateway at which it is adopted; null where it is at none. */
  adoptedAt: string | null;
  /** False at a gateway without a list: what it measured was taken. */
  refused: boolean;
  /** Readings and events. */
  count: number;
  /** Hub's clock: first and last. */
  since: Instant;
  lastAt: Instant;
}

/** Most that are remembered, of one gateway and of all: a gateway beside a street must not push out what others hear. */
export const STRANGERS = { ofGateway: 64, all: 1000 } as const;

/** Which devices were seen and are not adopted, so that somebody can adopt them. Kept in memory alone. */
export class Strangers {
  /** Of each gateway, the last seen at the end. */
  readonly #of = new Map<string, Map<string, Stranger>>();
  readonly #gateways: () => readonly GatewayEntry[];
  #from: readonly GatewayEntry[] = [];
  /** By the spelling that is the same for every way to write an id. */
  #adopters = new Map<string, { by: GatewayEntry; device: NamedDevice }[]>();
  #count = 0;
  #leftOut = 0;

  /** `gateways`: of the registry in force. */
  constructor(gateways: () => readonly GatewayEntry[]) {
    this.#gateways = gateways;
  }

  /** Notes what was refused as not adopted. */
  refused(gateway: GatewayEntry, device: NamedDevice, at: Instant): void {
    this.#note(gateway, device, { refused: true, adoptedAt: this.#adopterOf(gateway, device), at });
  }

  /** Notes what was taken at a gateway without a list, where another home adopted the device. */
  taken(gateway: GatewayEntry, device: NamedDevice, at: Instant): void {
    const adoptedAt = gateway.adopted === undefined ? this.#adopterOf(gateway, device) : null;
    if (adoptedAt !== null) this.#note(gateway, device, { refused: false, adoptedAt, at });
  }

  /** How often one was let go of to make room. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** The last seen first. What was adopted since is left out. */
  list(): Stranger[] {
    const now = new Map(this.#gateways().map((gateway) => [gateway.identity, gateway]));
    return [...this.#of.values()]
      .flatMap((devices) => [...devices.values()])
      .filter((one) => !now.get(one.gateway)?.adopted?.some((adopted) => isSameDevice(adopted, one)))
      .sort((a, b) => b.lastAt - a.lastAt);
  }

  #note(
    { identity: gateway, tenant }: GatewayEntry,
    { id, idType }: NamedDevice,
    { at, ...seen }: Pick<Stranger, 'refused' | 'adoptedAt'> & { at: Instant },
  ): void {
    const key = JSON.stringify([id, idType]);
    const devices = this.#of.get(gateway) ?? new Map<string, Stranger>();
    const known = devices.get(key);
    this.#drop(gateway, devices, key);
    if (devices.size >= STRANGERS.ofGateway) this.#letGo(gateway, devices);
    if (this.#count >= STRANGERS.all) this.#dropOldest();
    this.#of.delete(gateway);
    const stranger = { id, idType, gateway, tenant, ...seen, count: (known?.count ?? 0) + 1, since: known?.since ?? at, lastAt: at };
    this.#of.set(gateway, devices.set(key, stranger));
    this.#count += 1;
  }

  /** The gateway of another home of the tenant that adopted it; a name of a gateway's own configuration means nothing elsewhere. */
  #adopterOf({ tenant, patient }: GatewayEntry, device: NamedDevice): string | null {
    if (device.idType === 'config') return null;
    this.#look();
    const adopter = this.#adopters
      .get(spellingOf(device))
      ?.find(({ by, device: adopted }) => by.tenant === tenant && by.patient !== patient && isSameDevice(adopted, device));
    return adopter?.by.identity ?? null;
  }

  /** Whoever adopted anything, as of the registry in force. */
  #look(): void {
    const gateways = this.#gateways();
    if (gateways === this.#from) return;
    this.#from = gateways;
    this.#adopters = new Map();
    for (const by of gateways) {
      for (const device of by.adopted ?? []) {
        if (device.idType === 'config') continue;
        const name = spellingOf(device);
        this.#adopters.set(name, [...(this.#adopters.get(name) ?? []), { by, device }]);
      }
    }
  }

  /** The oldest of the gateway that heard none for the longest time. */
  #dropOldest(): void {
    const gateway = firstOf(this.#of);
    const devices = gateway === undefined ? undefined : this.#of.get(gateway);
    if (gateway !== undefined && devices) this.#letGo(gateway, devices);
  }

  #letGo(gateway: string, devices: Map<string, Stranger>): void {
    this.#drop(gateway, devices, firstOf(devices));
    this.#leftOut += 1;
  }

  #drop(gateway: string, devices: Map<string, Stranger>, key: string | undefined): void {
    if (key === undefined || !devices.delete(key)) return;
    this.#count -= 1;
    if (devices.size === 0) this.#of.delete(gateway);
  }
}

function firstOf<K>(map: ReadonlyMap<K, unknown>): K | undefined {
  return map.keys().next().value;
}
