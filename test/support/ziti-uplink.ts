import type { Outbox } from '../../agent/outbox/outbox.ts';
import type { Uplink } from '../../agent/uplink/contract.ts';
import { createUplink } from '../../agent/uplink.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import { serveUplink, type UplinkServer } from '../../hub/ingest/session.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Identity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { openZitiOverlay } from '../../shared/overlay/ziti/ziti.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { INGEST } from './fabric-site.ts';
import type { TestHub } from './hub.ts';
import { until } from './uplink.ts';

// Hub and agents in the test's own process, over OpenZiti, that try again at once: what a process does within half a minute.

const QUICK = { minMs: 5, maxMs: 20 };

/** An identity's place in its network. */
export function openQuickly(identity: Identity): Promise<Overlay> {
  return openZitiOverlay({
    identity,
    log: silentLogger,
    backoff: QUICK,
    flushMs: 50,
    controller: { signOutTimeoutMs: 50, refusedPauseMs: 10 },
  });
}

/** Everything that ends with it, in the order in which it was made. */
export interface Served extends AsyncDisposable {
  overlay: Overlay;
  server: UplinkServer;
}

/** The uplink of a hub; resolves when it is hosted. */
export async function serveOverZiti(identity: Identity, hub: TestHub): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const overlay = stack.use(await openQuickly(identity));
  const { ingest, metrics } = hub;
  const server = stack.use(serveUplink({ overlay, service: INGEST, identity, ingest, log: silentLogger, metrics, clock: systemClock }));
  await server.start(new AbortController().signal);
  const made = stack.move();
  return { overlay, server, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** An agent without its sources: what is in its outbox goes to the hub. */
export interface Sending extends AsyncDisposable {
  overlay: Overlay;
  uplink: Uplink;
}

/** Sends with the certificate of `identity`, over the overlay of the same identity unless told. */
export async function sendOverZiti(identity: Identity, hubId: string, outbox: Outbox, via: Identity = identity): Promise<Sending> {
  await using stack = new AsyncDisposableStack();
  const overlay = stack.use(await openQuickly(via));
  const uplink = stack.use(
    createUplink({
      outbox,
      overlay,
      service: INGEST,
      identity,
      hubIdentity: [hubId],
      log: silentLogger,
      metrics: new Metrics(),
      clock: systemClock,
      retry: { ...QUICK, slowMinMs: QUICK.minMs, slowMaxMs: QUICK.maxMs },
    }),
  );
  await uplink.start(new AbortController().signal);
  const made = stack.move();
  return { overlay, uplink, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Resolves when the hub holds everything of this outbox. */
export function drained(outbox: Outbox): Promise<void> {
  return until(async () => (await outbox.status()).pending === 0);
}

/** One spot measurement of a gateway's own patient. */
export function spot(value: number): ReadingRecord {
  return {
    source: 'oximeter-1',
    profile: 'nonin-df8',
    device: { id: 'NONIN-0001', idType: 'serial' },
    receivedAt: systemClock.now(),
    subject: {},
    test: true,
    class: 'spot',
    readings: [{ vital: 'hr', value }],
  };
}

/** Every value that a hub has stored, in ascending order. */
export async function valuesOf({ door }: TestHub): Promise<number[]> {
  const found: number[] = [];
  for await (const { value } of await door.export(operatorPrincipal(0, 'clinic'), {}, { channel: 'operator' }))
    found.push(value ?? Number.NaN);
  return found.sort((a, b) => a - b);
}
