import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { createUplink } from '../../../agent/uplink.ts';
import { serveUplink } from '../../../hub/ingest/session.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { Identity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { openZitiOverlayOf } from '../../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../../shared/overlay/ziti/ziti.ts';
import { INGEST } from '../fabric-site.ts';
import type { TestHub } from '../hub.ts';
import type { Sending, Served } from '../ziti-uplink.ts';
import type { FaultyRelay } from './faulty-relay.ts';

// Hub and agents in the test's own process, over relays, that notice within half a second what a process notices within half a minute.

const QUICK = { minMs: 5, maxMs: 50 };
const NOTICED_MS = 400;

/** An identity's place in its network, whose routers it reaches through these relays, by their ports. */
export async function openWired(identity: Identity, through: ReadonlyMap<number, FaultyRelay>): Promise<Overlay> {
  const parts = zitiParts({
    identity,
    log: silentLogger,
    controller: { signOutTimeoutMs: 50, refusedPauseMs: 10 },
    channel: { latencyEveryMs: NOTICED_MS / 4, latencyTimeoutMs: NOTICED_MS, limits: { closeMs: 50 } },
  });
  const openChannel: typeof parts.openChannel = (router, session, signal) =>
    parts.openChannel({ ...router, port: through.get(router.port)?.port ?? router.port }, session, signal);
  return await openZitiOverlayOf({ ...parts, openChannel }, silentLogger, { backoff: QUICK, flushMs: 50, requestTimeoutMs: 1000 });
}

/** The uplink of a hub, hosted over this overlay, which ends with it. */
export async function serveWired(identity: Identity, hub: TestHub, overlay: Overlay): Promise<Served> {
  const { ingest, metrics } = hub;
  const limits = { pingEveryMs: NOTICED_MS / 2, pingLimitMs: NOTICED_MS, drainMs: 100 };
  const server = serveUplink({ overlay, service: INGEST, identity, ingest, log: silentLogger, metrics, clock: systemClock, limits });
  await server.start(new AbortController().signal);
  return { overlay, server, [Symbol.asyncDispose]: () => ended(server, overlay) };
}

/** What is in the outbox goes to the hub over this overlay, which ends with it. */
export async function sendWired(identity: Identity, hubId: string, outbox: Outbox, overlay: Overlay): Promise<Sending> {
  const uplink = createUplink({
    ...{ outbox, overlay, service: INGEST, identity, hubIdentity: [hubId], log: silentLogger, metrics: new Metrics(), clock: systemClock },
    retry: { ...QUICK, slowMinMs: QUICK.minMs, slowMaxMs: QUICK.maxMs },
    times: { setupMs: 1000, answerMs: 5000, pingEveryMs: NOTICED_MS / 2, pingLimitMs: NOTICED_MS, drainMs: 100 },
  });
  await uplink.start(new AbortController().signal);
  return { overlay, uplink, [Symbol.asyncDispose]: () => ended(uplink, overlay) };
}

async function ended(...parts: readonly AsyncDisposable[]): Promise<void> {
  for (const part of parts) await part[Symbol.asyncDispose]();
}
