import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { Http2Session } from 'node:http2';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { SESSION_LIMITS } from '../../../../hub/ingest/session.ts';
import { Liveness, MOST_INTERVALS } from '../../../../shared/overlay/ziti/channel/latency.ts';
import { LATENCY_EVERY_MS } from '../../../../shared/overlay/ziti/channel/open.ts';
import { Heartbeat } from '../../../../shared/overlay/ziti/circuit/heartbeat.ts';
import { circuitLimits } from '../../../../shared/overlay/ziti/circuit/limits.ts';
import { openZitiOverlayOf } from '../../../../shared/overlay/ziti/overlay.ts';
import { keepAlive } from '../../../../shared/uplink/liveness.ts';
import { UPLINK_TIMES } from '../../../../shared/uplink/protocol.ts';
import { verifies } from '../../../requirements.ts';
import { ScriptedChannel, ScriptedNetwork } from '../../../support/ziti/scripted-network.ts';

const HOUR_MS = 3_600_000;
const STEP_MS = 500;

/** Most an hour of an idle connected gateway, by cause: what finds a fault in the promised time, and no more. */
const MOST_AN_HOUR = {
  'PINGs of the gateway': 180,
  'PINGs of the hub': 0,
  'PINGs of the hub to a gateway that sends none': 108,
  'probes beside PINGs': HOUR_MS / LATENCY_EVERY_MS / MOST_INTERVALS,
  'probes of a channel on which nothing comes': 120,
  'heartbeats beside PINGs': 1,
  'heartbeats alone': 104,
  'lists of routers': 6,
  'questions for a change of services': 6,
  'lists of services while nothing changes': 2,
} as const;
type Cause = keyof typeof MOST_AN_HOUR;

/** Less would mean that a fault is found later than promised. */
const LEAST_AN_HOUR: Partial<Record<Cause, number>> = {
  'PINGs of the gateway': 150,
  'PINGs of the hub to a gateway that sends none': 90,
  'probes beside PINGs': 29,
  'probes of a channel on which nothing comes': 119,
  'heartbeats alone': 79,
  'lists of routers': 2,
};

function holds(cause: Cause, count: number): void {
  assert.ok(count <= MOST_AN_HOUR[cause], `${cause}: ${count}, ${MOST_AN_HOUR[cause]} at most`);
  assert.ok(count >= (LEAST_AN_HOUR[cause] ?? 0), `${cause}: ${count}, ${LEAST_AN_HOUR[cause]} at least`);
}

/** An hour in steps, behind each of which what was sent is answered. */
async function anHour(t: TestContext, each: () => void = () => undefined): Promise<void> {
  for (let at = 0; at < HOUR_MS; at += STEP_MS) {
    t.mock.timers.tick(STEP_MS);
    each();
    await Promise.resolve();
  }
}

/** A session whose PINGs are answered at once; `onPing` tells of each, `hear` is what comes from the other side. */
function pinging(t: TestContext, everyMs: number, onPing: () => void): { hear(): void } {
  const raw = new PassThrough();
  const session = Object.assign(new EventEmitter(), {
    destroyed: false,
    closed: false,
    ping(done: (error: null, durationMs: number) => void): boolean {
      onPing();
      raw.emit('data', Buffer.alloc(39));
      done(null, 1);
      return true;
    },
  });
  keepAlive({ session: session as unknown as Http2Session, raw }, { everyMs, limitMs: UPLINK_TIMES.pingLimitMs });
  t.after(async () => {
    raw.destroy();
    await once(raw, 'close');
  });
  return { hear: () => void raw.emit('data', Buffer.alloc(39)) };
}

/** Channel and circuit of which nobody is silent; what they send is counted. */
function watched(t: TestContext, counts: { probes: number; beats: number }): { liveness: Liveness; heartbeat: Heartbeat } {
  const liveness = new Liveness({
    everyMs: LATENCY_EVERY_MS,
    timeoutMs: 10_000,
    probe(onAnswer) {
      counts.probes += 1;
      queueMicrotask(onAnswer);
      return { [Symbol.dispose]: () => undefined };
    },
    isReading: () => true,
    isSending: () => false,
    onSilence: () => assert.fail('nobody is silent'),
  });
  const heartbeat = new Heartbeat(new ScriptedChannel('router', 'token'), circuitLimits().heartbeatMs, {
    beat() {
      counts.beats += 1;
    },
    silent: () => assert.fail('nobody is silent'),
  });
  t.after(() => {
    liveness[Symbol.dispose]();
    heartbeat[Symbol.dispose]();
  });
  return { liveness, heartbeat };
}

test('on an idle uplink the gateway sends a PING now and then, the hub none, and the channel and the circuit hardly anything beside them', async (t) => {
  verifies('LINK-QUIET', 'OVERLAY-HEARTBEAT');
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const counts = { gateway: 0, hub: 0, probes: 0, beats: 0 };
  const hub = pinging(t, SESSION_LIMITS.pingEveryMs, () => {
    counts.hub += 1;
  });
  const { liveness, heartbeat } = watched(t, counts);
  pinging(t, UPLINK_TIMES.pingEveryMs, () => {
    counts.gateway += 1;
    // The PING itself, and its answer.
    hub.hear();
    heartbeat.sent();
    heartbeat.heard(false);
    liveness.sign();
  });
  await anHour(t);
  holds('PINGs of the gateway', counts.gateway);
  holds('PINGs of the hub', counts.hub);
  holds('probes beside PINGs', counts.probes);
  holds('heartbeats beside PINGs', counts.beats);
});

test('where nothing else comes, each keeps to its own time', async (t) => {
  verifies('LINK-QUIET', 'OVERLAY-HEARTBEAT', 'OVERLAY-LIVENESS');
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const counts = { hub: 0, probes: 0, beats: 0 };
  pinging(t, SESSION_LIMITS.pingEveryMs, () => {
    counts.hub += 1;
  });
  watched(t, counts);
  await anHour(t);
  holds('PINGs of the hub to a gateway that sends none', counts.hub);
  holds('probes of a channel on which nothing comes', counts.probes);
  holds('heartbeats alone', counts.beats);
});

test('the controller of an idle gateway is asked a few times an hour, and lists services only when something changed', async (t) => {
  verifies('LINK-QUIET');
  const network = new ScriptedNetwork();
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  await using _idle = await openZitiOverlayOf(network.parts, network.log);
  const before = { routers: network.count('routers'), marks: network.count('mark'), services: network.count('services') };
  for (let at = 0; at < HOUR_MS; at += 5000) {
    t.mock.timers.tick(5000);
    await new Promise(setImmediate);
  }
  holds('lists of routers', network.count('routers') - before.routers);
  holds('questions for a change of services', network.count('mark') - before.marks);
  holds('lists of services while nothing changes', network.count('services') - before.services);
});
