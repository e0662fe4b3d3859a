import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DEFAULT_LIMITS } from '../../../hub/mcp/limits.ts';
import { Subscriber } from '../../../hub/mcp/subscriber.ts';
import { openLocalLeg } from '../../../provisioning/connect/local-leg.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { overlayHttp } from '../../../shared/overlay/http-client.ts';
import { verifies } from '../../requirements.ts';
import { type Endpoint, eventually, INITIALIZE, LINE_SERVICE, listen, MovableClock, principal, SERVICE, startEndpoint } from './support.ts';

const LATEST = 'vitals://patient/pat-0001/latest';
const HOUR_MS = 3_600_000;
const CLIENTS = 500;
/** Bytes. */
const MOST_HELD = CLIENTS * 10_000;
/** So many at once, so that each has its turn. */
const AT_ONCE = 20;
const BEARER = 'b'.repeat(43);
const LIMITS = {
  ...{
    sessionsPerCaller: 2 * CLIENTS,
    sessions: 4 * CLIENTS,
    streamsPerCaller: 2 * CLIENTS,
    opensBurst: 10 * CLIENTS,
    opensPerMinute: 10 * CLIENTS,
  },
  ...{ connectionsPerCaller: 4 * CLIENTS, connections: 8 * CLIENTS, sessionIdleMs: HOUR_MS, idleMs: 2 * HOUR_MS, exchangeMs: 2 * HOUR_MS },
};
const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const MODERN = { ...HEADERS, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** A wire, as a client uses it that is gone without a word. */
interface Wire extends AsyncDisposable {
  /** Opens a session of 2025-11-25 and does nothing more with it. */
  abandon(): Promise<void>;
  /** Opens a stream of notifications of 2026-07-28, is told of it, and is gone. */
  vanish(): Promise<void>;
}

const WIRES: Readonly<Record<string, (endpoint: Endpoint) => Promise<Wire>>> = {
  http: async (endpoint) => {
    const overlay = endpoint.as('ai-all');
    const http = overlayHttp(overlay, SERVICE);
    const fetched = (body: unknown, headers: Record<string, string>, signal?: AbortSignal) =>
      http.fetch(new URL('/mcp', http.origin), { method: 'POST', headers, body: JSON.stringify(body), ...(signal && { signal }) });
    return overHttp(fetched, () => http[Symbol.asyncDispose]());
  },
  connect: async (endpoint) => {
    const http = overlayHttp(endpoint.as('ai-all'), SERVICE);
    const leg = await openLocalLeg({ http, host: '127.0.0.1', port: 0, bearer: BEARER, log: silentLogger });
    const fetched = (body: unknown, headers: Record<string, string>, signal?: AbortSignal) =>
      fetch(leg.url, {
        ...{ method: 'POST', body: JSON.stringify(body), ...(signal && { signal }) },
        headers: { ...headers, authorization: `Bearer ${BEARER}`, connection: 'close' },
      });
    return overHttp(fetched, async () => {
      await leg[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
    });
  },
  line: async (endpoint) => {
    const overlay = endpoint.as('ai-all');
    const said = async (message: unknown, until: string): Promise<() => void> => {
      const stream = await overlay.dial(LINE_SERVICE);
      stream.on('error', () => undefined).setEncoding('utf8');
      stream.write(`${JSON.stringify(message)}\n`);
      let read = '';
      await new Promise<void>((resolve) =>
        stream.on('data', (chunk: string) => {
          read += chunk;
          if (read.includes(until)) resolve();
        }),
      );
      return () => stream.destroy();
    };
    return {
      // A connection is what a session of the line wire is.
      abandon: async () => (await said(INITIALIZE, 'protocolVersion'))(),
      vanish: async () => (await said(listen([LATEST]), 'resources/updated'))(),
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
};

type Fetched = (body: unknown, headers: Record<string, string>, signal?: AbortSignal) => Promise<Response>;

function overHttp(fetched: Fetched, dispose: () => PromiseLike<void>): Wire {
  return {
    abandon: async () => {
      const answer = await fetched(INITIALIZE, HEADERS);
      assert.match(await answer.text(), /protocolVersion/);
    },
    vanish: async () => {
      const gone = new AbortController();
      const answer = await fetched(listen([LATEST]), MODERN, gone.signal);
      const decoder = new TextDecoder();
      let read = '';
      for await (const chunk of answer.body ?? []) {
        read += decoder.decode(chunk as Uint8Array, { stream: true });
        if (read.includes('resources/updated')) break;
      }
      gone.abort();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Rates are not what is looked at here: so much time goes by meanwhile that none is reached, and no session is over by it. */
async function repeated(times: number, act: () => Promise<void>, { clock }: Endpoint): Promise<void> {
  for (let done = 0; done < times; done += AT_ONCE) {
    clock.pass(60_000);
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, times - done) }, act));
  }
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

/** What is still reachable, in bytes, once what is closed had its turn. */
async function heap(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  return process.memoryUsage().heapUsed;
}

for (const [name, open] of Object.entries(WIRES))
  test(`${name}: ${CLIENTS} sessions that are abandoned and as many clients that vanish leave nothing: no session, stream, connection, timer or memory`, async () => {
    verifies('MCP-NO-LEAK');
    await using endpoint = await startEndpoint({ limits: LIMITS });
    const { service, clock, door } = endpoint;
    const round = async (times: number): Promise<void> => {
      await using wire = await open(endpoint);
      await repeated(times, wire.abandon, endpoint);
      await repeated(times, wire.vanish, endpoint);
      await eventually(() => service.status().streams === 0 && service.status().subscriptions === 0);
      // However many there are, their time is over.
      clock.pass(HOUR_MS + 1);
      await eventually(() => service.status().sessions === 0);
    };
    // What is made once is made: code, and pools of connections.
    await round(CLIENTS / 5);
    await eventually(() => service.status().connections === 0);
    const [before, timersBefore] = [await heap(), timers()];
    await round(CLIENTS);
    await eventually(() => service.status().connections === 0);
    assert.equal(door.of('openSubscription').length, door.of('closeSubscription').length, 'each end stands in the evidence');
    door.calls.length = 0;
    assert.ok(timers() <= timersBefore + 2, `${timers()} timers where ${timersBefore} were`);
    // A session or a stream that stayed would hold 30 kB and more.
    // What is on its way out has its turn; what is held stays held.
    let grown = (await heap()) - before;
    for (let turns = 0; grown >= MOST_HELD && turns < 200; turns += 1) grown = (await heap()) - before;
    assert.ok(grown < MOST_HELD, `${Math.round(grown / 1000)} kB more are held`);
  });

test('a reader that has not read for 30 s is cut then, and not before; one that reads again in time stays', () => {
  verifies('MCP-GATED');
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const ended: string[] = [];
    const outlet = {
      ready: true,
      sent: 0,
      send: () => {
        outlet.sent += 1;
      },
    };
    const subscriber = new Subscriber({
      ...{ principal: principal('ai-all'), proof: { overlay: 'ai-all' }, context: { channel: 'mcp-2026' }, clock: new MovableClock() },
      ...{ metrics: new Metrics(), limits: { ...DEFAULT_LIMITS, coalesceMs: 0 }, onEnd: (reason) => void ended.push(reason) },
    });
    subscriber.add(LATEST);
    subscriber.attach(outlet, { urgent: true });
    assert.equal(outlet.sent, 1);
    for (let stalled = 0; stalled < 2; stalled += 1) {
      outlet.ready = false;
      for (let i = 0; i < 5000; i += 1) subscriber.notify(LATEST, { urgent: false });
      mock.timers.tick(29_999);
      assert.deepEqual([ended, outlet.sent], [[], 1 + stalled], 'nothing is sent to whoever does not read');
      if (stalled > 0) break;
      outlet.ready = true;
      subscriber.drained();
      assert.equal(outlet.sent, 2, 'the newest, once');
    }
    mock.timers.tick(1);
    assert.deepEqual(ended, ['stalled']);
  } finally {
    mock.timers.reset();
  }
});
