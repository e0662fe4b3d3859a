import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Binding, Caller, Overlay, OverlayState } from '../../shared/overlay/overlay.ts';
import { verifies } from '../requirements.ts';
import { reaches } from '../support/overlay-states.ts';

/** What a tested network has to hold: its services, and by identity name what that identity may do. */
export interface NetworkPlan {
  services: readonly string[];
  identities: Readonly<Record<string, { dial: readonly string[]; bind: readonly string[] }>>;
}

/** A network of the implementation under test, in the test's hands. */
export interface TestedNetwork extends AsyncDisposable {
  /** The overlay of an identity of the plan, in state `ready`. */
  open(identity: string): Promise<Overlay>;
  /** The overlay identity id of an identity of the plan. */
  idOf(identity: string): string;
  /** Takes the network away under everybody, and brings it back. */
  goDown(): Promise<void>;
  comeUp(): Promise<void>;
  /** The network is reachable but answers nothing any more. */
  freeze(): Promise<void>;
}

const PLAN: NetworkPlan = {
  services: ['vitals', 'spare'],
  identities: {
    hub: { dial: [], bind: ['vitals', 'spare'] },
    'second-hub': { dial: [], bind: ['vitals'] },
    gateway: { dial: ['vitals'], bind: [] },
    stranger: { dial: [], bind: [] },
  },
};

const MIB = 1024 * 1024;
const OPTIONS = { timeout: 60_000 };

/** The suite that every overlay passes unchanged. */
export function overlayContract(name: string, makeNetwork: (plan: NetworkPlan) => Promise<TestedNetwork>): void {
  /** A network with `hub` and `gateway` in it. */
  const stage = async (): Promise<Stage> => {
    const network = await makeNetwork(PLAN);
    return new Stage(network, await network.open('hub'), await network.open('gateway'));
  };

  describe(`overlay ${name}: connections`, OPTIONS, () => {
    test('carries bytes both ways, and the host learns who called', async () => {
      verifies('OVERLAY-CONTRACT');
      await using s = await stage();
      const { near, far, caller } = await s.connect();
      near.write('from the gateway');
      assert.equal(await readText(far, 16), 'from the gateway');
      far.write('from the hub');
      assert.equal(await readText(near, 12), 'from the hub');
      assert.equal(caller.identityId, s.network.idOf('gateway'));
      assert.equal(caller.verified, true);
    });

    test('loses nothing that was written before anybody reads', async () => {
      await using s = await stage();
      await using _ = await s.hub.bind('vitals', (connection) => void guarded(connection).write('hello first'));
      const near = guarded(await s.gateway.dial('vitals'));
      for (let i = 0; i < 10; i += 1) await turn();
      assert.equal(await readText(near, 11), 'hello first');
    });

    test('10 MiB each way at the same time arrive as they were sent', async () => {
      await using s = await stage();
      const { near, far } = await s.connect();
      const [up, down] = [randomBytes(10 * MIB), randomBytes(10 * MIB)];
      const results = await Promise.all([digest(near), digest(far), send(near, up), send(far, down)]);
      assert.deepEqual(results.slice(0, 2), [sha256(down), sha256(up)]);
    });

    for (const [first, second] of [
      ['gateway', 'hub'],
      ['hub', 'gateway'],
    ] as const) {
      test(`the ${first} ends first and still hears the ${second} to its end`, async () => {
        await using s = await stage();
        const { near, far } = await s.connect();
        const [early, late] = first === 'gateway' ? [near, far] : [far, near];
        const closed = Promise.all([once(near, 'close'), once(far, 'close')]);
        early.end('question');
        assert.equal(await readAll(late), 'question');
        late.write('part one, ');
        await turn();
        late.end('part two');
        assert.equal(await readAll(early), 'part one, part two');
        await closed;
        assert.deepEqual([near.errored, far.errored], [null, null]);
      });
    }

    test('what was sent before an end arrives, even when its sender closes right behind it', async () => {
      await using s = await stage();
      const { near, far } = await s.connect();
      const answer = randomBytes(3 * MIB);
      far.end(answer, () => far.destroy());
      assert.equal(await digest(near), sha256(answer));
      near.end();
      await once(near, 'close');
      assert.equal(near.errored, null);
    });

    test('who still has something to say to a side that closed behind its end gets an error', async () => {
      await using s = await stage();
      const { near, far } = await s.connect();
      far.end('bye', () => far.destroy());
      assert.equal(await readAll(near), 'bye');
      assert.equal(await errorOf(near), 'OVERLAY-CLOSED');
    });

    for (const side of ['gateway', 'hub'] as const) {
      test(`a connection cut by the ${side} is an error on the other side, never an end`, async () => {
        await using s = await stage();
        const { near, far } = await s.connect();
        const [cutter, other] = side === 'gateway' ? [near, far] : [far, near];
        cutter.write('half of a mess');
        await readText(other, 14);
        let ended = false;
        other.on('end', () => {
          ended = true;
        });
        const error = errorOf(other);
        other.resume();
        cutter.destroy();
        assert.equal(await error, 'OVERLAY-CLOSED');
        assert.equal(ended, false);
      });
    }

    test('a reader that does not read bounds its writer, costs its neighbours nothing, and loses nothing', async () => {
      await using s = await stage();
      const { near: bulk, far: sleeper } = await s.connect();
      const { near, far } = await s.connect();
      far.pipe(far);
      const content = randomBytes(64 * MIB);
      let sent = 0;
      const sending = send(bulk, content, (bytes) => {
        sent += bytes;
      });
      // The neighbour's round trips are the clock: without a bound the writer would be through long before they are.
      for (let still = 0, last = -1; still < 50; still += 1) {
        near.write('x');
        await readText(near, 1);
        if (sent !== last) still = 0;
        last = sent;
      }
      assert.ok(sent < 8 * MIB, `${sent} bytes were taken from the writer while nobody read`);
      const received = digest(sleeper);
      await sending;
      assert.equal(await received, sha256(content));
    });

    test('200 connections at once do not mix', async () => {
      await using s = await stage();
      await using _ = await s.hub.bind('vitals', (connection) => void connection.pipe(guarded(connection)));
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const connection = guarded(await s.gateway.dial('vitals'));
          connection.end(`connection ${i} `.repeat(200));
          return readAll(connection);
        }),
      );
      assert.deepEqual(
        answers,
        Array.from({ length: 200 }, (_, i) => `connection ${i} `.repeat(200)),
      );
    });

    test('a listener that throws costs its own connection only', async () => {
      await using s = await stage();
      let calls = 0;
      await using _ = await s.hub.bind('vitals', (connection) => {
        calls += 1;
        if (calls === 1) throw new RangeError('a defect in the listener');
        connection.pipe(guarded(connection));
      });
      const first = guarded(await s.gateway.dial('vitals'));
      assert.equal(await errorOf(first), 'OVERLAY-CLOSED');
      const second = guarded(await s.gateway.dial('vitals'));
      second.end('still here');
      assert.equal(await readAll(second), 'still here');
    });
  });

  describe(`overlay ${name}: services`, OPTIONS, () => {
    test('each identity is told what it may dial and bind', async () => {
      verifies('OVERLAY-CONTRACT');
      await using s = await stage();
      assert.deepEqual(await s.services('hub'), ['spare Bind', 'vitals Bind']);
      assert.deepEqual(await s.services('gateway'), ['vitals Dial']);
      assert.deepEqual(await s.services('stranger'), []);
    });

    test('without a policy nobody dials or binds', async () => {
      await using s = await stage();
      await using _ = await s.hub.bind('vitals', refuseAll);
      await rejectsWith(s.hub.dial('vitals'), 'OVERLAY-DENIED');
      await rejectsWith(s.gateway.bind('vitals', refuseAll), 'OVERLAY-DENIED');
      const stranger = await s.open('stranger');
      // A network may hide a service from those who have no part in it.
      await rejectsWith(stranger.dial('vitals'), 'OVERLAY-DENIED', 'OVERLAY-NO-SERVICE');
      await rejectsWith(stranger.bind('vitals', refuseAll), 'OVERLAY-DENIED', 'OVERLAY-NO-SERVICE');
    });

    test('a service that does not exist is told from one that nobody hosts', async () => {
      await using s = await stage();
      await rejectsWith(s.gateway.dial('no-such-service'), 'OVERLAY-NO-SERVICE');
      await rejectsWith(s.hub.bind('no-such-service', refuseAll), 'OVERLAY-NO-SERVICE');
      await rejectsWith(s.gateway.dial('vitals'), 'OVERLAY-NO-TERMINATOR');
    });

    test('a disposed binding takes no more dials, its connections go on, and the service can be bound again', async () => {
      await using s = await stage();
      const { near, far, binding } = await s.connect();
      await binding[Symbol.asyncDispose]();
      assert.equal(binding.failure, 'OVERLAY-CLOSED');
      await rejectsWith(s.gateway.dial('vitals'), 'OVERLAY-NO-TERMINATOR');
      near.write('still open');
      assert.equal(await readText(far, 10), 'still open');
      const again = await s.connect();
      again.near.write('new');
      assert.equal(await readText(again.far, 3), 'new');
    });

    test('two hosts of one service share the dials', async () => {
      await using s = await stage();
      const second = await s.open('second-hub');
      const greet = (text: string) => (connection: Duplex) => void guarded(connection).end(text);
      await using _one = await s.hub.bind('vitals', greet('one'));
      await using _two = await second.bind('vitals', greet('two'));
      const greetings = new Set<string>();
      for (let i = 0; i < 20; i += 1) {
        const connection = guarded(await s.gateway.dial('vitals'));
        greetings.add(await readAll(connection));
        connection.end();
      }
      assert.deepEqual([...greetings].sort(), ['one', 'two']);
    });
  });

  describe(`overlay ${name}: loss and end`, OPTIONS, () => {
    test('a lost network cuts connections, says so, and bindings are made again by themselves', async () => {
      verifies('OVERLAY-CONTRACT');
      await using s = await stage();
      const { near, far, binding } = await s.connect();
      assert.equal(binding.failure, undefined);
      const seen: OverlayState[] = [];
      using _watch = s.hub.onState((state) => seen.push(state));
      const lost = Promise.all([errorOf(near), errorOf(far), reaches(s.hub, 'lost'), reaches(s.gateway, 'lost')]);
      await s.network.goDown();
      assert.deepEqual((await lost).slice(0, 2), ['OVERLAY-CLOSED', 'OVERLAY-CLOSED']);
      await rejectsWith(s.gateway.dial('vitals', { timeoutMs: 2000 }), 'OVERLAY-UNREACHABLE', 'OVERLAY-TIMEOUT');
      assert.equal(binding.failure, 'OVERLAY-UNREACHABLE');
      const back = Promise.all([reaches(s.hub, 'ready'), reaches(s.gateway, 'ready')]);
      await s.network.comeUp();
      await back;
      const again = await s.redial();
      again.near.write('after the loss');
      assert.equal(await readText(again.far, 14), 'after the loss');
      assert.equal(binding.failure, undefined);
      assert.deepEqual(
        seen.filter((state) => state !== 'connecting'),
        ['lost', 'ready'],
      );
    });

    test('a binding given up while the network is away does not come back', async () => {
      await using s = await stage();
      const { binding } = await s.connect();
      const lost = reaches(s.hub, 'lost');
      await s.network.goDown();
      await lost;
      await binding[Symbol.asyncDispose]();
      const back = Promise.all([reaches(s.hub, 'ready'), reaches(s.gateway, 'ready')]);
      await s.network.comeUp();
      await back;
      await rejectsWith(s.gateway.dial('vitals'), 'OVERLAY-NO-TERMINATOR');
    });

    test('a dial ends at its time limit and when its caller gives up', async () => {
      await using s = await stage();
      await using _ = await s.hub.bind('vitals', refuseAll);
      await rejectsWith(s.gateway.dial('vitals', { signal: AbortSignal.abort() }), 'OVERLAY-CLOSED');
      await s.network.freeze();
      await rejectsWith(s.gateway.dial('vitals', { timeoutMs: 50 }), 'OVERLAY-TIMEOUT');
      const controller = new AbortController();
      const dialling = s.gateway.dial('vitals', { signal: controller.signal });
      controller.abort();
      await rejectsWith(dialling, 'OVERLAY-CLOSED');
    });

    test('a signal that aborts after the dial does not touch the connection', async () => {
      await using s = await stage();
      await using _ = await s.hub.bind('vitals', (connection) => void connection.pipe(guarded(connection)));
      const controller = new AbortController();
      const connection = guarded(await s.gateway.dial('vitals', { signal: controller.signal }));
      controller.abort();
      connection.end('untouched');
      assert.equal(await readAll(connection), 'untouched');
    });

    test('disposing an overlay destroys all that was made through it', async () => {
      await using s = await stage();
      const { near, far } = await s.connect();
      const errors = Promise.all([errorOf(near), errorOf(far)]);
      const closed = reaches(s.hub, 'closed');
      await s.hub[Symbol.asyncDispose]();
      assert.deepEqual(await errors, ['OVERLAY-CLOSED', 'OVERLAY-CLOSED']);
      await closed;
      assert.equal(s.hub.state, 'closed');
      await rejectsWith(s.gateway.dial('vitals'), 'OVERLAY-NO-TERMINATOR');
      await rejectsWith(s.hub.dial('vitals'), 'OVERLAY-CLOSED');
      await rejectsWith(s.hub.bind('vitals', refuseAll), 'OVERLAY-CLOSED');
      await rejectsWith(s.hub.services(), 'OVERLAY-CLOSED');
    });

    test('a dial under way ends with its overlay', async () => {
      await using s = await stage();
      await s.network.freeze();
      const dialling = rejectsWith(s.gateway.dial('vitals'), 'OVERLAY-CLOSED');
      await s.gateway[Symbol.asyncDispose]();
      await dialling;
    });

    test('nothing is left open behind a disposed network', async () => {
      const before = openHandles();
      {
        await using s = await stage();
        await s.connect();
        await s.redial();
      }
      // Handles close in turns of their own; one that does not is found by the time limit of the suite.
      while (openHandles() > before) await turn();
    });
  });
}

interface Pair {
  near: Duplex;
  far: Duplex;
  caller: Caller;
}

/** The actors of a test, and what they do again and again. */
class Stage implements AsyncDisposable {
  readonly network: TestedNetwork;
  readonly hub: Overlay;
  readonly gateway: Overlay;
  readonly #others: Overlay[] = [];
  #arrived: ((arrival: { far: Duplex; caller: Caller }) => void) | undefined;

  constructor(network: TestedNetwork, hub: Overlay, gateway: Overlay) {
    this.network = network;
    this.hub = hub;
    this.gateway = gateway;
  }

  async open(identity: string): Promise<Overlay> {
    const overlay = await this.network.open(identity);
    this.#others.push(overlay);
    return overlay;
  }

  /** Binds `vitals` on the hub and dials it from the gateway. */
  async connect(): Promise<Pair & { binding: Binding }> {
    const binding = await this.hub.bind('vitals', (far, caller) => {
      this.#arrived?.({ far: guarded(far), caller });
    });
    return { ...(await this.redial()), binding };
  }

  async redial(): Promise<Pair> {
    const arrival = new Promise<{ far: Duplex; caller: Caller }>((resolve) => {
      this.#arrived = resolve;
    });
    const near = guarded(await this.gateway.dial('vitals'));
    return { near, ...(await arrival) };
  }

  /** As `name permission,permission`, sorted by name. */
  async services(identity: 'hub' | 'gateway' | 'stranger'): Promise<string[]> {
    const overlay = identity === 'stranger' ? await this.open('stranger') : this[identity];
    const services = await overlay.services();
    return services.map(({ name, permissions }) => `${name} ${[...permissions].sort().join(',')}`).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const overlay of [this.gateway, this.hub, ...this.#others]) await overlay[Symbol.asyncDispose]();
    await this.network[Symbol.asyncDispose]();
  }
}

/** Tests look at `errored`; without a listener an expected cut would end the process. */
function guarded(connection: Duplex): Duplex {
  return connection.on('error', () => connection.destroy());
}

function refuseAll(connection: Duplex): void {
  connection.destroy();
}

/** The next `bytes` bytes as text. */
async function readText(stream: Duplex, bytes: number): Promise<string> {
  for (;;) {
    const chunk: Buffer | null = stream.read(bytes);
    if (chunk) return chunk.toString();
    await once(stream, 'readable');
  }
}

async function readAll(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) text += chunk;
  return text;
}

/** SHA-256 of everything up to the end; rejects when there is none. */
async function digest(stream: Duplex): Promise<string> {
  const hash = createHash('sha256');
  stream.on('data', (chunk: Buffer) => hash.update(chunk));
  await once(stream, 'end');
  return hash.digest('hex');
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Writes in pieces of 64 KiB as fast as the stream takes them, and ends it. */
async function send(stream: Duplex, content: Buffer, onTaken: (bytes: number) => void = () => undefined): Promise<void> {
  for (let at = 0; at < content.length; at += 64 * 1024) {
    const piece = content.subarray(at, at + 64 * 1024);
    const more = stream.write(piece);
    onTaken(piece.length);
    if (!more) await once(stream, 'drain');
  }
  stream.end();
}

/** The code with which the stream fails. */
async function errorOf(stream: Duplex): Promise<ErrorCode> {
  if (stream.errored) return (stream.errored as { code?: ErrorCode }).code ?? 'INTERNAL';
  const { promise, resolve } = Promise.withResolvers<ErrorCode>();
  stream.once('error', (error: { code?: ErrorCode }) => resolve(error.code ?? 'INTERNAL'));
  return promise;
}

async function rejectsWith(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<void> {
  await assert.rejects(promise, (error: { code?: ErrorCode }) => {
    assert.ok(error.code !== undefined && codes.includes(error.code), `${error.code} instead of ${codes.join(' or ')}`);
    return true;
  });
}

function openHandles(): number {
  return process.getActiveResourcesInfo().filter((resource) => /^(?:Pipe|TCP|TLS|Timeout)/.test(resource)).length;
}
