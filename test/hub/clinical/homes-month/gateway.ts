import { join } from 'node:path';
import type { DecodeContext, StreamDecoder } from '../../../../agent/decoding.ts';
import { createIntake } from '../../../../agent/intake.ts';
import { outboxCommands } from '../../../../agent/outbox/operator.ts';
import type { Outbox } from '../../../../agent/outbox/outbox.ts';
import { openOutbox } from '../../../../agent/outbox/sqlite.ts';
import { profile } from '../../../../agent/profiles.ts';
import type { Intake } from '../../../../agent/sources/source.ts';
import { createUplink } from '../../../../agent/uplink.ts';
import { type Clock, type Instant, systemClock } from '../../../../shared/clock.ts';
import type { ErrorCode } from '../../../../shared/errors.ts';
import type { Identity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import type { MemoryNetwork } from '../../../../shared/overlay/memory.ts';
import type { NetworkClock } from '../../../../shared/time/network-clock.ts';
import { until } from '../../../support/until.ts';
import type { Utterance } from './devices.ts';

export const SERVICE = 'vitals-ingest';
export const HUB = 'hub-1';

/** By which profile each source of a home's gateway reads. */
const PROFILES: Readonly<Record<Utterance['source'], string>> = {
  hub: 'mqtt-home-hub',
  oximeter: 'nonin-df8',
  hl7: 'hl7-continua-wan',
  monitor: 'hl7-pcd01',
};

export interface GatewaySite {
  /** Name of the box: its outbox is `<box>.db`, whoever it speaks for. */
  box: string;
  folder: string;
  identity: Identity;
  network: MemoryNetwork;
  /** The true time. */
  now: () => Instant;
  /** Its own, where it is another than the true one. */
  clock?: NetworkClock;
  /** Whether the hub counts it as connected. */
  isHere: () => boolean;
}

/** The gateway of a home or house: what its devices say is decoded, kept in its outbox, and sent while its line is up. */
export class HomeGateway implements AsyncDisposable {
  readonly #site: GatewaySite;
  readonly #outbox: Outbox;
  readonly #intake: Intake;
  readonly #sources = new Map<string, StreamDecoder>();
  #line: AsyncDisposable | undefined;
  #isOff = false;

  private constructor(site: GatewaySite, outbox: Outbox) {
    this.#site = site;
    this.#outbox = outbox;
    const { clock } = site;
    const doubts = clock && { isDoubtful: (at: Instant) => clock.isDoubtful(at), runOf: (at: Instant) => clock.runOf(at) };
    this.#intake = createIntake({ outbox, metrics: new Metrics(), clock: clockOf(site), ...doubts });
    clock?.onKnown((known) => void outbox.timeKnown(known));
  }

  static async open(site: GatewaySite): Promise<HomeGateway> {
    const path = join(site.folder, `${site.box}.db`);
    const common = { clock: clockOf(site), log: silentLogger, metrics: new Metrics() };
    return new HomeGateway(site, await openOutbox({ path, keyFile: `${path}.key`, ...common }));
  }

  /** Devices say these, one after the other; resolves when all is on disk. */
  async hear(...utterances: readonly Utterance[]): Promise<void> {
    for (const { source, bytes } of utterances) {
      const receivedAt = clockOf(this.#site).now();
      for (const { records, rejected, message } of this.#decoder(source).push(bytes(this.#site.now()), receivedAt)) {
        if (rejected.length > 0) await this.#intake.reject(source, rejected);
        if (records.length > 0) await this.#intake.store(records, message);
      }
    }
  }

  /** Its line is up from now on; resolves when the hub counts it as connected. */
  async connect(): Promise<void> {
    const { identity, network, isHere } = this.#site;
    const overlay = network.overlay({ id: identity.id, name: this.#site.box });
    const uplink = createUplink({
      ...{ outbox: this.#outbox, overlay, service: SERVICE, identity, hubIdentity: [HUB] },
      ...{ log: silentLogger, metrics: new Metrics(), clock: clockOf(this.#site) },
      retry: { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 },
    });
    await uplink.start(new AbortController().signal);
    // What waited for the time is sent over another connection.
    const returns = this.#outbox.onReturn(() => uplink.moveOver());
    this.#line = {
      async [Symbol.asyncDispose]() {
        returns[Symbol.dispose]();
        await uplink[Symbol.asyncDispose]();
        await overlay[Symbol.asyncDispose]();
      },
    };
    await until(isHere);
  }

  /** Its line is gone. */
  async cut(): Promise<void> {
    await this.#line?.[Symbol.asyncDispose]();
    this.#line = undefined;
    await until(() => !this.#site.isHere());
  }

  /** Resolves once nothing waits; at once while its line is gone. */
  async drained(): Promise<void> {
    // All of its state is much to ask for each time.
    if (this.#line) await until(async () => (await this.#outbox.pending(0, 1)).length === 0 && (await this.#outbox.status()).pending === 0);
  }

  /** An operator has all sent again that was refused with this code; resolves when it was answered. */
  async replay(code: ErrorCode): Promise<void> {
    const [outbox, clock] = [this.#outbox, clockOf(this.#site)];
    const commands = outboxCommands({ outbox, sources: [], clock, log: silentLogger, answeringStore: () => null });
    for await (const _ of commands['outbox-replay']?.({ code }, 'local:0') ?? []);
    await this.drained();
  }

  /** What the hub, or this gateway itself, did not take, by code. */
  async refused(): Promise<readonly string[]> {
    return (await this.#outbox.quarantined(1000)).map(({ code }) => code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOff) return;
    this.#isOff = true;
    await this.cut();
    await this.#outbox[Symbol.asyncDispose]();
  }

  #decoder(source: Utterance['source']): StreamDecoder {
    const known = this.#sources.get(source);
    if (known) return known;
    const made = profile(PROFILES[source]).decoder(contextOf(source, this.#site.box));
    this.#sources.set(source, made);
    return made;
  }
}

function contextOf(source: Utterance['source'], box: string): DecodeContext {
  return {
    ...{ source, zone: 'Europe/Berlin', test: false, maxFrameBytes: 65_536 },
    ...(source === 'oximeter' && { deviceId: `NONIN-${box}` }),
  };
}

/** What waits for real waits by the machine's clock. */
function clockOf({ clock, now }: GatewaySite): Clock {
  return clock ?? { now, monotonicMs: () => systemClock.monotonicMs() };
}
