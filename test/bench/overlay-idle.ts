import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import { connect } from 'node:tls';
import { createUplink } from '../../agent/uplink.ts';
import { SESSION_LIMITS, serveUplink } from '../../hub/ingest/session.ts';
import { systemClock } from '../../shared/clock.ts';
import { type Identity, loadIdentity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { LATENCY_EVERY_MS } from '../../shared/overlay/ziti/channel/open.ts';
import { circuitLimits } from '../../shared/overlay/ziti/circuit/limits.ts';
import { openZitiOverlayOf, REFRESH_EVERY_MS } from '../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../shared/overlay/ziti/ziti.ts';
import { UPLINK_TIMES } from '../../shared/uplink/protocol.ts';
import { MemoryIngest, MemoryOutbox, until } from '../support/uplink.ts';
import { type PlannedFabric, plannedFabric } from '../support/ziti/network.ts';
import { type Metered, TlsMeter } from '../support/ziti/tls-meter.ts';
import type { Figure } from './figure.ts';

const HOUR_MS = 3_600_000;
/**
 * All intervals are so much shorter, so an hour of idleness takes six minutes. Not more: a connection to the controller is kept for a
 * minute after each call, and must have ended by the next one, as it has in real life.
 */
const SPEED = 10;
const ACCESS_TOKEN_S = 1800;
const SERVICE = 'vitals-ingest';
/** IPv4 and TCP with timestamps, and as much for an acknowledgement of its own. */
const HEADERS_BYTES = 2 * 52;
/** What an idle link may cost, payload of TCP. */
const MOST_BYTES_AN_HOUR = 160_000;
const HOURS_A_MONTH = 730;

/** TLS 1.3 adds so much to a frame within its record. */
const RECORD_BYTES = 17;
/** Length of a frame by what it is for: they are few and always the same (openziti-wire.md §4, §5). */
const CAUSES: Readonly<Record<number, string>> = {
  88: 'uplink PINGs and their answers',
  36: 'probes of the router and their answers',
  57: 'probes of the router and their answers',
  44: 'heartbeats of the circuit',
};
const OTHER = 'new tokens, and all else on the channel';

/** An identity's place in the network, its ways there metered. */
interface Place {
  identity: Identity;
  overlay: Overlay;
  controller: TlsMeter;
  router: TlsMeter;
}

/** What a connected gateway without readings, and its hub, send and receive in an hour: bytes, writes, connections, and what for. */
export async function benchOverlayIdle(): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const plan = { services: [SERVICE], identities: { hub: { dial: [], bind: [SERVICE] }, gateway: { dial: [SERVICE], bind: [] } } };
  const fabric = stack.use(await plannedFabric(plan, true, { oidc: { accessTokenS: ACCESS_TOKEN_S / SPEED } }));
  const [hub, gateway] = [await openMetered(fabric, 'hub', stack), await openMetered(fabric, 'gateway', stack)];
  const ingest = new MemoryIngest();
  ingest.gateways.add(gateway.identity.id);
  const common = { service: SERVICE, log: silentLogger, metrics: new Metrics(), clock: systemClock };
  const limits = { pingEveryMs: SESSION_LIMITS.pingEveryMs / SPEED };
  const server = stack.use(serveUplink({ ...common, overlay: hub.overlay, identity: hub.identity, ingest, limits }));
  const { signal } = new AbortController();
  await server.start(signal);
  const { pingEveryMs, awaitingPingEveryMs } = UPLINK_TIMES;
  const times = { pingEveryMs: pingEveryMs / SPEED, awaitingPingEveryMs: awaitingPingEveryMs / SPEED };
  const outbox = new MemoryOutbox();
  const uplink = stack.use(
    createUplink({ ...common, overlay: gateway.overlay, identity: gateway.identity, hubIdentity: [hub.identity.id], outbox, times }),
  );
  await uplink.start(signal);
  await until(() => uplink.status().state === 'connected');
  const handshakeBytes = await handshakeOf(gateway);

  process.stderr.write(`an hour of idleness at ${SPEED} times the speed: ${HOUR_MS / SPEED / 60_000} minutes ...\n`);
  // The first heartbeat of a circuit comes early, once.
  await elapse(UPLINK_TIMES.pingEveryMs / SPEED);
  for (const { controller, router } of [hub, gateway]) [controller.take(), router.take()];
  await elapse(HOUR_MS / SPEED);
  return [...figuresOf('gateway', gateway, handshakeBytes), ...figuresOf('hub with one gateway', hub, handshakeBytes)];
}

async function openMetered(fabric: PlannedFabric, name: string, stack: AsyncDisposableStack): Promise<Place> {
  const meter = async (url: string): Promise<TlsMeter> => stack.use(await TlsMeter.start(Number(new URL(url).port)));
  const [controller, router] = [await meter(fabric.fabric.controllerUrl), await meter(fabric.fabric.routerUrl)];
  const identity = {
    ...loadIdentity(fabric.identityPath(name)),
    controllers: [`https://127.0.0.1:${controller.port}/edge/client/v1`],
  };
  const parts = zitiParts({ identity, log: silentLogger, signIn: 'oidc', channel: { latencyEveryMs: LATENCY_EVERY_MS / SPEED } });
  const openChannel: typeof parts.openChannel = (to, session, signal) => parts.openChannel({ ...to, port: router.port }, session, signal);
  const overlay = await openZitiOverlayOf({ ...parts, openChannel }, silentLogger, {
    refreshEveryMs: REFRESH_EVERY_MS / SPEED,
    circuit: { heartbeatMs: circuitLimits().heartbeatMs / SPEED },
  });
  return { identity, overlay: stack.use(overlay), controller, router };
}

/** Bytes of TCP, TLS and its end, for a connection to the controller that is asked nothing. */
async function handshakeOf({ identity: { keyPem, certPem, caPem }, controller }: Place): Promise<number> {
  controller.take();
  const tls = { key: keyPem, cert: certPem, ca: caPem, ALPNProtocols: ['http/1.1'] };
  const socket = connect({ host: '127.0.0.1', port: controller.port, ...tls });
  // Two tickets come behind the handshake.
  let tickets = 0;
  socket.on('session', () => {
    tickets += 1;
    if (tickets === 2) socket.end();
  });
  await once(socket, 'close');
  return controller.take().bytes;
}

function figuresOf(whose: string, { controller, router }: Place, handshakeBytes: number): Figure[] {
  const [calls, channel] = [controller.take(), router.take()];
  const bytes = calls.bytes + channel.bytes;
  const writes = calls.writes + channel.writes;
  const figure = (what: string, value: number, unit: string, most?: number): Figure => ({
    name: `idle ${whose}: ${what}`,
    value,
    unit,
    ...(most !== undefined && { bar: { most } }),
  });
  const handshakes = calls.connections * handshakeBytes;
  return [
    figure('payload of TCP', bytes, 'bytes/h', MOST_BYTES_AN_HOUR),
    figure('payload of TCP', (bytes * HOURS_A_MONTH) / 1e6, 'MB/month'),
    figure('with headers, at most', ((bytes + writes * HEADERS_BYTES) * HOURS_A_MONTH) / 1e6, 'MB/month'),
    figure('writes, both ways', writes, '/h'),
    figure('new connections', calls.connections + channel.connections, '/h'),
    ...[...causesOf(channel)].map(([cause, { bytes, count }]) => figure(`${cause} (${count})`, bytes, 'bytes/h')),
    figure(`TLS to the controller (${calls.connections})`, handshakes, 'bytes/h'),
    figure('calls of the controller', calls.bytes - handshakes, 'bytes/h'),
  ];
}

/** Bytes and records on the channel, by what they are for. */
function causesOf({ records }: Metered): Map<string, { bytes: number; count: number }> {
  const causes = new Map<string, { bytes: number; count: number }>();
  for (const [key, count] of records) {
    const length = Number(key.split(' ')[1]);
    const cause = CAUSES[length - RECORD_BYTES] ?? OTHER;
    const known = causes.get(cause) ?? { bytes: 0, count: 0 };
    causes.set(cause, { bytes: known.bytes + count * (length + 5), count: known.count + count });
  }
  return causes;
}
