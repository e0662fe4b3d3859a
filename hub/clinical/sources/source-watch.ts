import type { Clock, Instant } from '../../../shared/clock.ts';
import type { Feed } from '../../feed.ts';
import type { PatientPlace } from '../../registry/registry.ts';
import { ClockJumps } from '../clock-jumps.ts';
import { type Concern, DeviceSilence } from './device-silence.ts';
import type { Fleet } from './fleet.ts';
import { Lines, type LinesOptions } from './lines.ts';
import type { Losses } from './losses.ts';
import type { Source } from './source.ts';

export interface SourceWatchOptions extends LinesOptions {
  feed: Pick<Feed, 'publish'>;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
}

/** By what something came. */
export interface Origin {
  device: string;
  gateway: string;
}

/**
 * Tells the feed (kind `sources`) when a device, a gateway or the movements fall silent or come back, one change a patient for all that happens at once. It has no timer: whoever has one
 * calls `look` when `nextDue` is reached, and every second besides.
 */
export class SourceWatch {
  readonly devices: DeviceSilence;
  readonly #lines: Lines;
  readonly #feed: Pick<Feed, 'publish'>;
  readonly #jumps: ClockJumps;
  /** Of whom something changed, and of which devices; of all of them where that is undefined. */
  readonly #concerned = new Map<string, { tenant: string; patient: string; devices: Set<string> | undefined }>();

  constructor({ feed, clock, ...options }: SourceWatchOptions) {
    this.#feed = feed;
    this.#jumps = new ClockJumps(clock);
    const concern: Concern = (tenant, patient, device) => this.#note(tenant, patient, device);
    this.devices = new DeviceSilence(concern);
    this.#lines = new Lines(options, concern);
  }

  /** A gateway came or went. */
  presence(gateway: string, connected: boolean, now: Instant): void {
    this.#catchUp();
    this.#lines.presence(gateway, connected, now);
    this.tell(now);
  }

  look(now: Instant): void {
    this.#catchUp();
    this.devices.look(now);
    this.#lines.look(now);
    this.tell(now);
  }

  nextDue(): Instant {
    return Math.min(this.devices.nextDue() ?? Number.POSITIVE_INFINITY, this.#lines.nextDue() ?? Number.POSITIVE_INFINITY);
  }

  /** The wall clock was set, or limits are others: devices go by when their rows were measured. */
  again(now: Instant): void {
    this.devices.again(now);
  }

  sourcesOf(tenant: string, place: PatientPlace, gateways: readonly string[], now: Instant): Source[] {
    this.#catchUp();
    return this.#lines.sourcesOf(tenant, place, gateways, now);
  }

  /** All that there is of a tenant. */
  fleet(tenant: string, now: Instant): Fleet {
    this.#catchUp();
    return { gateways: this.#lines.gatewaysOf(tenant, now), devices: this.devices.of(tenant, now) };
  }

  /** Which of these devices sent last what is another's than this patient's, or nobody's; in order of id. */
  elsewhereOf(tenant: string, patient: string, devices: ReadonlySet<string>): string[] {
    return [...devices].filter((device) => this.devices.isElsewhere(tenant, patient, device)).sort();
  }

  /** What was lost and is back, of a device with one patient or of a gateway. */
  lossesOf(tenant: string, patient: string, { device, gateway }: Origin): Losses[] {
    return [
      { kind: 'device', id: device, losses: this.devices.lossesOf({ tenant, patient, device }) },
      { kind: 'gateway', id: gateway, losses: this.#lines.lossesOf(gateway) },
    ];
  }

  /** Lines go by when they came and went, which is another time once the wall clock was set: to be called before any is given or taken. */
  #catchUp(): void {
    const jump = this.#jumps.take();
    if (jump !== 0) this.#lines.shift(jump);
  }

  /** Publishes what has happened since it last did. */
  tell(at: Instant): void {
    const concerned = [...this.#concerned.values()];
    this.#concerned.clear();
    for (const { tenant, patient, devices } of concerned) {
      const names = devices === undefined ? this.devices.namesOf(tenant, patient) : [...devices];
      this.#feed.publish({ tenant, patient, kind: 'sources', vitals: [], devices: names, at });
    }
  }

  #note(tenant: string, patient: string, device: string | undefined): void {
    const key = JSON.stringify([tenant, patient]);
    const known = this.#concerned.get(key);
    if (known === undefined) this.#concerned.set(key, { tenant, patient, devices: device === undefined ? undefined : new Set([device]) });
    else if (device === undefined) known.devices = undefined;
    else known.devices?.add(device);
  }
}
