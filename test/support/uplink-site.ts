import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { type OutboxOptions, openOutbox } from '../../agent/outbox/sqlite.ts';
import type { Uplink } from '../../agent/uplink/contract.ts';
import { createUplink } from '../../agent/uplink.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import { serveUplink } from '../../hub/ingest/session.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { MemoryNetwork } from '../../shared/overlay/memory.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { TestHub } from './hub.ts';
import { testNetwork } from './identities.ts';
import { until } from './uplink.ts';

// A gateway and a hub in one process: real files on both sides, and a network in memory between them.

const SERVICE = 'vitals-ingest';
const TENANT = 'clinic';
const ca = await testNetwork();
const hubIdentity = await ca.identity('hub-1');
const gatewayIdentity = await ca.identity('gw-home');
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-uplink-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Spot measurements of the home gateway's patient, or of somebody else's when a patient is named. */
export function homeRecord(patient: string | undefined, ...values: number[]): ReadingRecord {
  return {
    source: 'oximeter-1',
    profile: 'nonin-df8',
    device: { id: 'NONIN-0001', idType: 'serial' },
    receivedAt: systemClock.now(),
    subject: patient === undefined ? {} : { patient: { value: patient, authority: '' } },
    test: true,
    class: 'spot',
    readings: values.map((value) => ({ vital: 'hr', value })),
  };
}

/** The hub answers on the network until this is disposed. */
export async function listen(network: MemoryNetwork, hub: TestHub): Promise<AsyncDisposable> {
  const overlay = network.overlay({ id: 'hub-1', name: 'hub' });
  const { ingest, metrics } = hub;
  const server = serveUplink({ overlay, service: SERVICE, identity: hubIdentity, ingest, log: silentLogger, metrics, clock: systemClock });
  await server.start(new AbortController().signal);
  return {
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await overlay[Symbol.asyncDispose]();
    },
  };
}

export interface OutboxFile {
  path: string;
  open(options?: Partial<OutboxOptions>): Promise<Outbox>;
}

let files = 0;

/** A place for an outbox, removed when the process ends. */
export function outboxFile(): OutboxFile {
  files += 1;
  const path = join(folder, `outbox-${files}.db`);
  const open = (options: Partial<OutboxOptions> = {}): Promise<Outbox> =>
    openOutbox({ path, keyFile: `${path}.key`, clock: systemClock, log: silentLogger, metrics: new Metrics(), ...options });
  return { path, open };
}

/** The home gateway sends what is in the outbox until this is disposed; `clock` is what it says of its time. */
export async function send(
  network: MemoryNetwork,
  outbox: Outbox,
  clock: Clock = systemClock,
): Promise<{ uplink: Uplink } & AsyncDisposable> {
  const overlay = network.overlay({ id: 'gw-home', name: 'home' });
  const uplink = createUplink({
    outbox,
    overlay,
    service: SERVICE,
    identity: gatewayIdentity,
    hubIdentity: ['hub-1'],
    log: silentLogger,
    metrics: new Metrics(),
    clock: { ...systemClock, now: () => clock.now() },
    retry: { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 },
  });
  await uplink.start(new AbortController().signal);
  return {
    uplink,
    async [Symbol.asyncDispose]() {
      await uplink[Symbol.asyncDispose]();
      await overlay[Symbol.asyncDispose]();
    },
  };
}

/** Resolves once nothing waits. */
export function drained(outbox: Outbox): Promise<void> {
  return until(async () => (await outbox.status()).pending === 0);
}

const operator = operatorPrincipal(0, TENANT);

/** The stored values, as the operator exports them. */
export async function storedValuesOf({ door }: TestHub): Promise<(number | null)[]> {
  const found: (number | null)[] = [];
  for await (const { value } of await door.export(operator, {}, { channel: 'operator' })) found.push(value);
  return found.sort((a, b) => (a ?? 0) - (b ?? 0));
}

export function countsOf({ door }: TestHub): ReturnType<TestHub['door']['counts']> {
  return door.counts(operator, { channel: 'operator' });
}
