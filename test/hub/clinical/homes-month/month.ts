import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '../../../../hub/access/access.ts';
import type { Timer } from '../../../../hub/clinical/staleness-watch.ts';
import { type Ca, createCa } from '../../../../provisioning/fabric/ca.ts';
import { type Instant, systemClock } from '../../../../shared/clock.ts';
import { type Identity, parseIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { createMemoryNetwork, type MemoryNetwork } from '../../../../shared/overlay/memory.ts';
import { NetworkClock } from '../../../../shared/time/network-clock.ts';
import { TestTimer, WallClock } from '../wall-clock.ts';
import { HomeGateway, HUB } from './gateway.ts';
import { type CountyHub, openCountyHub } from './hub.ts';
import { gatewayRows, READER, registryOf } from './site.ts';

/** Where nothing is due the watch looks every second; over a month of the test's time a third of what is silent soonest is often enough. */
const SELDOM_MS = 20_000;
const A_SECOND_MS = 1000;
/** Nothing here is about what a disk does. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const YEARS_MS = 9 * 365 * 86_400_000;

interface Parts {
  clock: WallClock;
  timer: TestTimer;
  hub: CountyHub;
  network: MemoryNetwork;
  folder: string;
  /** When the network's certificates begin. */
  madeAt: Instant;
  identityOf: (id: string) => Promise<Identity>;
  stack: AsyncDisposableStack;
}

/** The hub of a county over a month of its own time, and the gateways of 50 homes, all in this process and joined by a network in memory. */
export class Month implements AsyncDisposable {
  readonly hub: CountyHub;
  /** Rows of registry.yaml by gateway; whoever changes them calls `reload`. */
  readonly rows: Map<string, string>;
  readonly #parts: Parts;
  readonly #gateways = new Map<string, HomeGateway>();
  readonly #heard = new Map<string, Set<string>>();

  private constructor(parts: Parts, rows: Map<string, string>) {
    this.#parts = parts;
    this.hub = parts.hub;
    this.rows = rows;
    this.hub.feed.subscribe(({ patient, kind }) => this.#heard.set(patient, (this.#heard.get(patient) ?? new Set()).add(kind)));
  }

  static async begin(at: Instant): Promise<Month> {
    const stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(PLACE, 'vitalmesh-month-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const clock = new WallClock(at);
    const timer = new TestTimer(clock);
    // Certificates are good by the month's clock and by the machine's, which TLS itself goes by.
    const madeAt = Math.min(at, Date.now()) - 86_400_000;
    const ca = await createCa({ trustDomain: 'county.test', commonName: 'County', clock: { now: () => madeAt, monotonicMs: () => 0 } });
    const identityOf = (id: string): Promise<Identity> => issued(ca, id, madeAt);
    const network = createMemoryNetwork();
    const rows = gatewayRows();
    const overlay = stack.use(network.overlay({ id: HUB, name: 'hub' }));
    const site = { folder, registry: registryOf(rows), overlay, identity: await identityOf(HUB), clock, timer: seldom(timer) };
    const hub = stack.use(await openCountyHub(site));
    return new Month({ clock, timer, hub, network, folder, madeAt, identityOf, stack }, rows);
  }

  get now(): Instant {
    return this.#parts.clock.now();
  }

  /** Whoever asks. */
  get reader(): Principal {
    return this.hub.registry.principal(READER) ?? assert.fail();
  }

  /** Kinds of changes that whoever follows a patient was told of since this was asked last. */
  heard(patient: string): string[] {
    const kinds = [...(this.#heard.get(patient) ?? [])].sort();
    this.#heard.delete(patient);
    return kinds;
  }

  /** Lets time pass until then. */
  until(at: Instant): void {
    this.#parts.timer.pass(at - this.now);
  }

  /** The gateway of this identity, which is switched on and connected where it is asked for first; `box` where it has an outbox already. */
  async gateway(id: string, box = id): Promise<HomeGateway> {
    const known = this.#gateways.get(id);
    if (known) return known;
    const made = await this.#opened(id, box);
    await made.connect();
    await made.drained();
    return made;
  }

  /** The same, whose machine starts now without knowing the time: it shows 1970, and what it kept of the time on its disk is `kept`. It is not connected yet. */
  async startsWithoutClock(id: string, kept: Instant): Promise<{ gateway: HomeGateway; tellTime: () => void }> {
    const bootedAt = this.now;
    const sinceMs = (): number => this.now - bootedAt;
    const clock = new NetworkClock({
      floors: { certain: this.#parts.madeAt, kept },
      log: silentLogger,
      machine: { now: sinceMs, monotonicMs: () => systemClock.monotonicMs() },
      boot: { id: `${id} at ${bootedAt}`, sinceMs, countsSleep: true },
    });
    const gateway = await this.#opened(id, id, clock);
    const certificate = { notBefore: this.#parts.madeAt, notAfter: this.#parts.madeAt + YEARS_MS };
    return { gateway, tellTime: () => void clock.take(this.now, certificate) };
  }

  async #opened(id: string, box: string, clock?: NetworkClock): Promise<HomeGateway> {
    const { folder, network, identityOf, stack, hub } = this.#parts;
    const site = { box, folder, identity: await identityOf(id), network, now: () => this.now, isHere: () => hub.here.has(id) };
    const made = stack.use(await HomeGateway.open({ ...site, ...(clock && { clock }) }));
    this.#gateways.set(id, made);
    return made;
  }

  /** Takes it out of its home: what it had not sent stays in its box. */
  async switchOff(id: string): Promise<void> {
    await this.#gateways.get(id)?.[Symbol.asyncDispose]();
    this.#gateways.delete(id);
  }

  async reload(): Promise<void> {
    await this.hub.reload(registryOf(this.rows));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.stack.disposeAsync();
  }
}

async function issued(ca: Ca, id: string, notBefore: Instant): Promise<Identity> {
  return parseIdentity(await ca.issueIdentity({ id, name: id, validity: { notBefore, notAfter: notBefore + YEARS_MS } }));
}

function seldom(timer: TestTimer): Timer {
  return { set: (fire, delayMs) => timer.set(fire, delayMs < A_SECOND_MS ? delayMs : SELDOM_MS) };
}
