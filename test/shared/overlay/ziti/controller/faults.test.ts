import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Identity } from '../../../../../shared/identity/identity.ts';
import type { Controller } from '../../../../../shared/overlay/ziti/controller/contract.ts';
import { type ControllerLimits, openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { verifies } from '../../../../requirements.ts';
import { testNetwork } from '../../../../support/identities.ts';
import { refused, type ScriptedController, scriptedController } from '../../../../support/ziti/controller-script.ts';

interface Listening extends AsyncDisposable {
  readonly address: string;
  /** Resolves when somebody connects. */
  readonly connected: Promise<unknown>;
  readonly open: Set<Socket>;
}

/** A TCP server that does with each connection what the test says. */
async function listening(onSocket: (socket: Socket) => void): Promise<Listening> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    onSocket(socket);
  });
  const connected = once(server, 'connection');
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connected,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function gateway(address: string): Promise<Identity> {
  return { ...(await (await testNetwork()).identity('gw1')), controllers: [address] };
}

test('a controller that the identity’s network did not certify is not spoken to', async () => {
  verifies('OVERLAY-CONTROLLER-BOUNDED');
  await using script = await scriptedController();
  await using controller = openController({ identity: await gateway(`https://127.0.0.1:${script.port}`) });
  await assert.rejects(controller.signIn(), { code: 'OVERLAY-UNREACHABLE', message: /127\.0\.0\.1:\d+ CERT_SIGNATURE_FAILURE/ });
  assert.deepEqual(script.asked, []);
});

test('a certificate for another host, or that of an identity, is no controller’s', async () => {
  const network = await testNetwork();
  const impostor = await network.identity('gw2');
  await using posing = await scriptedController({ network, certificate: impostor });
  await using controller = openController({ identity: await posing.identity() });
  await assert.rejects(controller.signIn(), { code: 'OVERLAY-UNREACHABLE', message: /INVALID_PURPOSE|ALTNAME_INVALID/ });
  assert.deepEqual(posing.asked, []);

  await using script = await scriptedController({ network });
  // The certificate names 127.0.0.1, ::1 and localhost; the whole of 127/8 leads there.
  await using elsewhere = openController({ identity: await script.identity([`https://127.0.0.2:${script.port}`]) });
  await assert.rejects(elsewhere.signIn(), { code: 'OVERLAY-UNREACHABLE' });
  assert.deepEqual(script.asked, []);
});

test('a certificate that is out of date says so', async () => {
  const network = await testNetwork();
  const certificate = await network.ca.certifyServer({
    commonName: 'controller',
    validity: { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2021, 0, 1) },
  });
  await using script = await scriptedController({ network, certificate });
  await using controller = openController({ identity: await script.identity() });
  await assert.rejects(controller.signIn(), { code: 'OVERLAY-UNREACHABLE', message: /CERT_HAS_EXPIRED/ });
});

test('nobody there, no TLS there, a connection cut: unreachable, by its own code', async () => {
  verifies('OVERLAY-CONTROLLER-BOUNDED');
  const gone = await listening(() => undefined);
  await gone[Symbol.asyncDispose]();
  await using plain = await listening((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await using cut = await listening((socket) => void socket.resetAndDestroy());
  for (const [address, message] of [
    [gone.address, /ECONNREFUSED/],
    [plain.address, /ERR_SSL_\w+/],
    [cut.address, /ECONNRESET/],
  ] as const) {
    await using controller = openController({ identity: await gateway(address) });
    await assert.rejects(controller.services(), { code: 'OVERLAY-UNREACHABLE', message });
  }
});

test('a controller that refuses the certificate within TLS refuses the identity', async () => {
  // Alert records by hand (RFC 8446 §6): bad_certificate, certificate_expired, unknown_ca, access_denied, certificate_required; handshake_failure.
  const refusals = [42, 45, 48, 49, 116];
  for (const alert of [...refusals, 40]) {
    await using server = await listening((socket) => void socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert]))));
    await using controller = openController({ identity: await gateway(server.address) });
    await assert.rejects(controller.signIn(), { code: refusals.includes(alert) ? 'OVERLAY-SIGN-IN' : 'OVERLAY-UNREACHABLE' }, `${alert}`);
  }
});

test('the first controller that answers is used, and asked first from then on', async () => {
  const network = await testNetwork();
  await using script = await scriptedController({ network });
  let attempts = 0;
  await using dead = await listening((socket) => {
    attempts += 1;
    socket.resetAndDestroy();
  });
  await using controller = openController({ identity: await script.identity([dead.address, `https://127.0.0.1:${script.port}`]) });
  await controller.services();
  await controller.services();
  assert.equal(attempts, 1);
  assert.equal(script.lines.length, 3);
});

test('a controller that takes connections and says nothing is left for the next one', async () => {
  const network = await testNetwork();
  await using script = await scriptedController({ network });
  await using frozen = await listening((socket) => void socket.resume());
  const identity = await script.identity([frozen.address, `https://127.0.0.1:${script.port}`]);
  await using controller = openController({ identity, limits: { connectTimeoutMs: 1000 } });
  assert.deepEqual(await controller.services(), []);
});

test('when none of several answers the call fails, and each was asked', async () => {
  const seen: string[] = [];
  await using first = await listening((socket) => {
    seen.push('first');
    socket.resetAndDestroy();
  });
  await using second = await listening((socket) => {
    seen.push('second');
    socket.resetAndDestroy();
  });
  await using controller = openController({
    identity: { ...(await gateway(first.address)), controllers: [first.address, second.address] },
  });
  await assert.rejects(controller.signIn(), { code: 'OVERLAY-UNREACHABLE' });
  assert.deepEqual(seen, ['first', 'second']);
});

test('an answer larger than the limit is cut off, whether it says its size or not', async () => {
  verifies('OVERLAY-CONTROLLER-BOUNDED');
  await using script = await scriptedController();
  const [piece, limits] = [Buffer.alloc(64 * 1024, 0x20), { maxBodyBytes: 1024 * 1024 }];
  const endless = (response: ServerResponse): void => {
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more).writeHead(200);
    more();
  };
  await using controller = openController({ identity: await script.identity(), limits });
  script.on(({ path }) => (path.startsWith('/services') ? { status: 200, body: Buffer.alloc(1024 * 1024 + 1, 0x20) } : undefined));
  await assert.rejects(controller.services(), { code: 'OVERLAY-UNREACHABLE', message: /RES_EXCEEDED_MAX_SIZE/ });
  script.on(({ path }) => (path.startsWith('/services') ? endless : undefined));
  await assert.rejects(controller.services(), { code: 'OVERLAY-UNREACHABLE', message: /RES_EXCEEDED_MAX_SIZE/ });
  script.on(({ path }) => (path.startsWith('/services') ? { status: 200, headers: { 'x-long': 'x'.repeat(100_000) } } : undefined));
  await assert.rejects(controller.services(), { code: 'OVERLAY-UNREACHABLE', message: /HEADERS_OVERFLOW/ });
});

test('an answer that is no HTTP is refused, and nothing of it stands in the error', async () => {
  verifies('LOG-CLEAN');
  await using script = await scriptedController();
  script.on(({ path }) =>
    path.startsWith('/services') ? (response) => void response.socket?.end('zt-session: SECRET\r\n\r\n') : undefined,
  );
  await using controller = openController({ identity: await script.identity() });
  await assert.rejects(controller.services(), (error: Error & { code?: string; detail?: string }) => {
    assert.equal(error.code, 'OVERLAY-UNREACHABLE');
    assert.match(error.detail ?? '', /answers with no HTTP$/);
    assert.equal(error.cause, undefined);
    assert.doesNotMatch(error.message, /SECRET/);
    return true;
  });
});

/** Where a call can be when nothing goes on: how to bring it there, and a signal when it is. */
interface Stage {
  name: string;
  limits: Partial<ControllerLimits>;
  /** Starts what does not go on; `call` is then to be made. */
  begin(): Promise<{ identity: Identity; reached: Promise<unknown>; idle(): Promise<void>; end(): PromiseLike<void> }>;
}

const list = ({ path }: { path: string }): boolean => path.startsWith('/services');
const signIn = ({ path }: { path: string }): boolean => path.startsWith('/authenticate');

function scripted(name: string, limits: Partial<ControllerLimits>, act: (script: ScriptedController) => Promise<unknown>): Stage {
  return {
    name,
    limits,
    async begin() {
      const script = await scriptedController();
      const reached = act(script);
      return { identity: await script.identity(), reached, idle: () => script.idle(), end: () => script[Symbol.asyncDispose]() };
    },
  };
}

/** Answers with a head and the first byte of a body, then a byte now and then if `more` says so. */
function drips(script: ScriptedController, more: boolean): Promise<unknown> {
  return new Promise((resolve) => {
    script.on((asked) =>
      list(asked)
        ? (response) => {
            response.writeHead(200).write('{');
            const timer = more && setInterval(() => response.write(' '), 5);
            response.on('close', () => timer && clearInterval(timer));
            resolve(undefined);
          }
        : undefined,
    );
  });
}

const STAGES: Stage[] = [
  {
    name: 'TLS',
    limits: { connectTimeoutMs: 50 },
    async begin() {
      const silent = await listening((socket) => void socket.resume());
      return {
        identity: await gateway(silent.address),
        reached: silent.connected,
        idle: async () => {
          for (const socket of silent.open) await once(socket, 'close');
        },
        end: () => silent[Symbol.asyncDispose](),
      };
    },
  },
  scripted('the sign-in', { answerTimeoutMs: 50 }, (script) => {
    script.on((asked) => (signIn(asked) ? () => undefined : undefined));
    return script.nextAsked(signIn);
  }),
  scripted('the head of an answer', { answerTimeoutMs: 50 }, (script) => {
    script.on((asked) => (list(asked) ? () => undefined : undefined));
    return script.nextAsked(list);
  }),
  scripted('the body of an answer', { answerTimeoutMs: 50 }, (script) => drips(script, false)),
  scripted('a body that drips', { callTimeoutMs: 200 }, (script) => drips(script, true)),
  scripted('the pause before a new session', { callTimeoutMs: 200, refusedPauseMs: 60_000 }, (script) => {
    script.on((asked) => (list(asked) ? refused(401, 'UNAUTHORIZED') : undefined));
    return script.nextAsked(list);
  }),
];

for (const { name, limits, begin } of STAGES) {
  const stage = async (
    limit: Partial<ControllerLimits>,
    ends: (controller: Controller, reached: Promise<unknown>) => Promise<void>,
  ): Promise<void> => {
    const { identity, reached, idle, end } = await begin();
    await using stack = new AsyncDisposableStack();
    stack.defer(end);
    const controller = stack.use(openController({ identity, limits: { signOutTimeoutMs: 50, ...limit } }));
    await ends(controller, reached);
    await controller[Symbol.asyncDispose]();
    await idle();
  };

  test(`time is over at ${name}`, () => {
    verifies('OVERLAY-CONTROLLER-BOUNDED');
    return stage(limits, (controller) => assert.rejects(controller.services(), { code: 'OVERLAY-TIMEOUT' }));
  });

  test(`the caller gives up at ${name}`, () =>
    stage({ refusedPauseMs: 60_000 }, async (controller, reached) => {
      const caller = new AbortController();
      const outcome = assert.rejects(controller.services(caller.signal), { code: 'OVERLAY-CLOSED', message: /gave up/ });
      await reached;
      caller.abort();
      await outcome;
    }));

  test(`disposed at ${name}: the call ends, no connection stays`, () =>
    stage({ refusedPauseMs: 60_000 }, async (controller, reached) => {
      const outcome = assert.rejects(controller.services(), { code: 'OVERLAY-CLOSED' });
      await reached;
      await controller[Symbol.asyncDispose]();
      await outcome;
    }));
}
