import type { Instant } from '../../../shared/clock.ts';
import type { Feed } from '../../feed.ts';
import type { PatientPlace } from '../../registry/registry.ts';
import { type Concern, DeviceSilence } from './device-silence.ts';
import { Lines, type LinesOptions } from './lines.ts';
import type { Losses } from './losses.ts';
import type { Source } from './source.ts';

export interface SourceWatchOptions extends LinesOptions {
  feed: Pick<Feed, 'publish'>;
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
  readonly #concerned = new Map<string, { tenant: string; patient: string }>();

  constructor({ feed, ...options }: SourceWatchOptions) {
    this.#feed = feed;
    const concern: Concern = (tenant, patient) => void this.#concerned.set(JSON.stringify([tenant, patient]), { tenant, patient });
    this.devices = new DeviceSilence(concern);
    this.#lines = new Lines(options, concern);
  }

  /** A gateway came or went. */
  presence(gateway: string, connected: boolean, now: Instant): void {
    this.#lines.presence(gateway, connected, now);
    this.tell(now);
  }

  look(now: Instant): void {
    this.devices.look(now);
    this.#lines.look(now);
    this.tell(now);
  }

  nextDue(): Instant {
    return Math.min(this.devices.nextDue() ?? Number.POSITIVE_INFINITY, this.#lines.nextDue() ?? Number.POSITIVE_INFINITY);
  }

  /** The wall clock was set by so much. */
  shift(byMs: number, now: Instant): void {
    this.devices.again(now);
    this.#lines.shift(byMs);
  }

  sourcesOf(tenant: string, place: PatientPlace, gateways: readonly string[], now: Instant): Source[] {
    return this.#lines.sourcesOf(tenant, place, gateways, now);
  }

  /** What was lost and is back, of a device with one patient or of a gateway. */
  lossesOf(tenant: string, patient: string, { device, gateway }: Origin): Losses[] {
    return [
      { kind: 'device', id: device, losses: this.devices.lossesOf({ tenant, patient, device }) },
      { kind: 'gateway', id: gateway, losses: this.#lines.lossesOf(gateway) },
    ];
  }

  /** Publishes what has happened since it last did. */
  tell(at: Instant): void {
    const concerned = [...this.#concerned.values()];
    this.#concerned.clear();
    for (const { tenant, patient } of concerned) this.#feed.publish({ tenant, patient, kind: 'sources', vitals: [], at });
  }
}
