import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, describe, test } from 'node:test';
import type { ErrorCode } from '../../../shared/errors.ts';
import type { Identity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { openLocalOverlay } from '../../../shared/overlay/local.ts';
import { LocalControl } from '../../../shared/overlay/local-control.ts';
import { type LocalSwitchOptions, startLocalSwitch } from '../../../shared/overlay/local-switch.ts';
import { proofOf } from '../../../shared/overlay/local-wire.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { verifies } from '../../requirements.ts';
import { ATTACKS, ForgedNetwork } from '../../support/forged.ts';
import { testNetwork } from '../../support/identities.ts';
import { LocalNetwork } from '../../support/local-network.ts';

const identities = await testNetwork();
const scratch = mkdtempSync(join(tmpdir(), 'vitalmesh-switch-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

function start(options: Partial<LocalSwitchOptions> = {}): Promise<LocalNetwork> {
  return LocalNetwork.start(options, identities);
}

/** A host that echoes, which shows that the switch still works for everybody else. */
async function echoHost(local: LocalNetwork): Promise<Overlay> {
  const host = await local.open('host');
  await host.bind('vitals', (connection) => void connection.pipe(guarded(connection)));
  return host;
}

async function echoes(local: LocalNetwork): Promise<void> {
  await using gateway = await local.open('gateway');
  const connection = await gateway.dial('vitals');
  connection.end('a reading');
  assert.equal(await readText(connection), 'a reading');
}

/** An expected cut must not end the process. */
function guarded(connection: Duplex): Duplex {
  return connection.on('error', () => connection.destroy());
}

async function readText(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

/** A client without rules. Lines of the switch are read one by one; undefined when it closes. */
class RawClient implements Disposable {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(socketPath: string) {
    this.socket = connect(socketPath);
    this.socket.on('error', () => this.socket.destroy());
    this.#lines = linesOf(this.socket);
  }

  async next(): Promise<Record<string, unknown> | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : JSON.parse(value);
  }

  async nonce(): Promise<string> {
    return String((await this.next())?.nonce);
  }

  say(message: object | string | Buffer): void {
    this.socket.write(typeof message === 'string' || Buffer.isBuffer(message) ? message : `${JSON.stringify(message)}\n`);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    yield* lines;
  }
}

describe('local switch: who may enter', () => {
  test('every forged identity is refused by name of its fault, and an honest one is served', async () => {
    verifies('IDENTITY-CHAIN');
    const forged = await ForgedNetwork.create();
    await using local = await start({ trusted: forged.caPem });
    const open = (identity: Identity): Promise<Overlay> => openLocalOverlay({ socketPath: local.socketPath, identity, log: silentLogger });
    for (const { name, code, make } of ATTACKS) {
      await using attacker = await open(await make(forged));
      assert.equal(attacker.state, 'connecting', name);
      await assert.rejects(attacker.dial('vitals'), { code }, name);
    }
    await using host = await open(await forged.honest('host'));
    await host.bind('vitals', (connection) => void guarded(connection).end('welcome'));
    await using gateway = await open(await forged.honest('gw'));
    const connection = await gateway.dial('vitals');
    connection.end();
    assert.equal(await readText(connection), 'welcome');
  });

  test("another's certificate is worth nothing without its key, its proof nothing elsewhere", async () => {
    verifies('IDENTITY-CHAIN');
    await using local = await start();
    const [gateway, mallory] = await Promise.all([identities.identity('gateway'), identities.identity('mallory')]);
    const ask = async (request: (nonce: string) => object): Promise<unknown> => {
      using client = new RawClient(local.socketPath);
      client.say(request(await client.nonce()));
      return (await client.next())?.error;
    };
    const stolen = { ...gateway, keyPem: mallory.keyPem };
    assert.equal(await ask((nonce) => ({ op: 'attach', ...proofOf(stolen, nonce, 'attach') })), 'IDENTITY-CHAIN');
    const earlier = proofOf(gateway, randomBytes(32).toString('base64'), 'attach');
    assert.equal(await ask(() => ({ op: 'attach', ...earlier })), 'IDENTITY-CHAIN');
    assert.equal(await ask((nonce) => ({ op: 'dial', service: 'vitals', ...proofOf(gateway, nonce, 'attach') })), 'IDENTITY-CHAIN');
    const otherService = (nonce: string) => ({ op: 'dial', service: 'vitals', ...proofOf(gateway, nonce, 'dial spare') });
    assert.equal(await ask(otherService), 'IDENTITY-CHAIN');
    assert.equal(
      await ask((nonce) => ({ op: 'dial', service: 'vitals', ...proofOf(gateway, nonce, 'dial vitals') })),
      'OVERLAY-NO-TERMINATOR',
    );
  });

  test('garbage is refused and counted, and costs nobody else anything', async () => {
    verifies('OVERLAY-CONTRACT');
    const metrics = new Metrics();
    await using local = await start({ metrics });
    await using _host = await echoHost(local);
    const openings: [string | Buffer, ErrorCode][] = [
      ['garbage\n', 'OVERLAY-PROTOCOL'],
      ['\n', 'OVERLAY-PROTOCOL'],
      ['null\n', 'OVERLAY-PROTOCOL'],
      ['{"op":"attach"}\n', 'OVERLAY-PROTOCOL'],
      ['{"op":"attach","chain":[],"signature":"AA=="}\n', 'OVERLAY-PROTOCOL'],
      ['{"op":"attach","chain":["AA=="],"signature":"AA=="}\n', 'IDENTITY-CHAIN'],
      [`{"op":"attach","chain":["${'['.repeat(9000)}"],"signature":""}\n`, 'OVERLAY-PROTOCOL'],
      [`${'['.repeat(60_000)}\n`, 'OVERLAY-PROTOCOL'],
      [Buffer.alloc(70 * 1024, 'x'), 'OVERLAY-PROTOCOL'],
      [Buffer.concat([randomBytes(500), Buffer.from('\n')]), 'OVERLAY-PROTOCOL'],
      [`{"op":"accept","circuit":"${'0'.repeat(32)}"}\n`, 'OVERLAY-CLOSED'],
    ];
    for (const [opening, code] of openings) {
      using client = new RawClient(local.socketPath);
      await client.nonce();
      client.say(opening);
      assert.equal((await client.next())?.error, code);
      assert.equal(await client.next(), undefined, 'the switch closes');
    }
    for (const code of new Set(openings.map(([, c]) => c))) {
      assert.equal(metrics.get('overlay_switch_refused', code), openings.filter(([, c]) => c === code).length, code);
    }
    await echoes(local);
  });

  test('who says nothing is closed at the time limit', async () => {
    await using local = await start({ openingMs: 20 });
    using client = new RawClient(local.socketPath);
    await client.nonce();
    assert.equal((await client.next())?.error, 'OVERLAY-TIMEOUT');
    assert.equal(await client.next(), undefined);
  });

  test('the name of a caller is what the operator of the switch says, never the certificate', async () => {
    await using local = await start({ names: (id) => (id === 'gw.1' ? 'Gateway of bay 3' : undefined) });
    await using host = await local.open('host');
    const callers: unknown[] = [];
    await host.bind('vitals', (connection, caller) => {
      callers.push(caller);
      guarded(connection).end();
    });
    for (const id of ['gw.1', 'gw.2']) {
      await using gateway = await local.open(id);
      await readText((await gateway.dial('vitals')).end());
    }
    assert.deepEqual(callers, [
      { identityId: 'gw.1', name: 'Gateway of bay 3', verified: true },
      { identityId: 'gw.2', name: undefined, verified: true },
    ]);
  });
});

describe('local switch: clients that misbehave', () => {
  /** Attached by hand; `dials` are the circuits it was told of. */
  async function attach(local: LocalNetwork, id: string): Promise<RawClient> {
    const client = new RawClient(local.socketPath);
    const identity = await identities.identity(id);
    client.say({ op: 'attach', ...proofOf(identity, await client.nonce(), 'attach') });
    assert.deepEqual(await client.next(), { ok: true });
    return client;
  }

  test('garbage on a standing connection ends it and what it hosts', async () => {
    await using local = await start();
    using client = await attach(local, 'host');
    client.say({ op: 'bind', id: 1, service: 'vitals' });
    assert.deepEqual(await client.next(), { re: 1, ok: true });
    client.say('garbage\n');
    assert.equal((await client.next())?.error, 'OVERLAY-PROTOCOL');
    assert.equal(await client.next(), undefined);
    await using gateway = await local.open('gateway');
    await assert.rejects(gateway.dial('vitals'), { code: 'OVERLAY-NO-TERMINATOR' });
  });

  test('a host that does not answer costs a dialer its time limit, one that refuses or dies costs none', async () => {
    await using local = await start({ hostAnswerMs: 30 });
    using host = await attach(local, 'host');
    host.say({ op: 'bind', id: 1, service: 'vitals' });
    await host.next();
    await using gateway = await local.open('gateway');
    await assert.rejects(gateway.dial('vitals'), { code: 'OVERLAY-TIMEOUT' });
    const late = await host.next();
    assert.deepEqual(late?.caller, { identityId: 'gateway' });
    using acceptor = new RawClient(local.socketPath);
    await acceptor.nonce();
    acceptor.say({ op: 'accept', circuit: late?.circuit });
    assert.equal((await acceptor.next())?.error, 'OVERLAY-CLOSED');

    await using patient = await start({ hostAnswerMs: 60_000 });
    using second = await attach(patient, 'host');
    second.say({ op: 'bind', id: 1, service: 'vitals' });
    await second.next();
    await using dialer = await patient.open('gateway');
    const refused = assert.rejects(dialer.dial('vitals'), { code: 'OVERLAY-NO-TERMINATOR' });
    second.say({ op: 'refuse', circuit: (await second.next())?.circuit });
    await refused;
    const orphaned = assert.rejects(dialer.dial('vitals'), { code: 'OVERLAY-NO-TERMINATOR' });
    await second.next();
    second.socket.destroy();
    await orphaned;
  });

  test("nobody refuses another's circuit", async () => {
    await using local = await start();
    using host = await attach(local, 'host');
    using mallory = await attach(local, 'mallory');
    host.say({ op: 'bind', id: 1, service: 'vitals' });
    await host.next();
    await using gateway = await local.open('gateway');
    const dialling = gateway.dial('vitals');
    const { circuit } = (await host.next()) ?? {};
    mallory.say({ op: 'refuse', circuit });
    mallory.say({ op: 'services', id: 1 });
    await mallory.next();
    using acceptor = new RawClient(local.socketPath);
    await acceptor.nonce();
    acceptor.say({ op: 'accept', circuit });
    assert.deepEqual(await acceptor.next(), { ok: true });
    guarded(await dialling).destroy();
  });

  test('a binding number used twice is refused', async () => {
    await using local = await start();
    using client = await attach(local, 'host');
    for (const expected of [undefined, 'OVERLAY-PROTOCOL']) {
      client.say({ op: 'bind', id: 7, service: 'vitals' });
      assert.equal((await client.next())?.error, expected);
    }
  });

  test('a client that does not read what it asked for is cut off', async () => {
    const services = Array.from({ length: 100 }, (_, i) => `${i}-${'x'.repeat(200)}`);
    await using local = await start({ services });
    const identity = await identities.identity('host');
    using client = new RawClient(local.socketPath);
    client.say({ op: 'attach', ...proofOf(identity, await client.nonce(), 'attach') });
    await client.next();
    client.socket.pause();
    const closed = new Promise((resolve) => client.socket.once('close', resolve));
    // Written until the cut: an answer is a hundred times as long as its request.
    const ask = (): void => {
      while (!client.socket.destroyed && client.socket.write('{"op":"services","id":1}\n'));
    };
    client.socket.on('drain', ask);
    ask();
    await closed;
  });

  test('a dialer that was killed is a cut for its host, never an end', async () => {
    verifies('OVERLAY-CONTRACT');
    await using local = await start();
    await using host = await local.open('host');
    const file = await identities.identityFile(local.folder, 'doomed');
    const accepted = Promise.withResolvers<Duplex>();
    await host.bind('vitals', accepted.resolve);
    const child = spawn(process.execPath, [join(import.meta.dirname, 'local-child.ts'), local.socketPath, file], { stdio: 'inherit' });
    const connection = await accepted.promise;
    const failed = once(connection, 'error');
    connection.on('end', () => assert.fail('a killed process was taken for an orderly end'));
    await once(connection, 'data');
    child.kill('SIGKILL');
    const [error] = await failed;
    assert.equal((error as { code?: string }).code, 'OVERLAY-CLOSED');
  });
});

describe('local switch: its folder', () => {
  const startIn = (folder: string) => startLocalSwitch({ folder, trusted: identities.caPem, log: silentLogger });
  const refused = (folder: string) => assert.rejects(startIn(folder), { code: 'OVERLAY-SWITCH' });

  test('is made for this user alone', async () => {
    const folder = join(scratch, 'new', 'deep');
    await using running = await startIn(folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(running.socketPath, join(folder, 'overlay.sock'));
  });

  test('must not be open to others, a file, or too deep for a socket', async () => {
    const open = join(scratch, 'open');
    mkdirSync(open);
    chmodSync(open, 0o750);
    await refused(open);
    const file = join(scratch, 'file');
    writeFileSync(file, '');
    await refused(file);
    await refused(join(scratch, 'x'.repeat(90)));
  });

  test('holds one switch at a time, and what a killed one left behind is cleared away', async () => {
    const folder = join(scratch, 'stale');
    {
      await using running = await startIn(folder);
      await refused(folder);
      // Out of the reach of its owner, the socket stays when the switch ends, as it does when one is killed.
      renameSync(running.socketPath, join(folder, 'left-behind'));
    }
    renameSync(join(folder, 'left-behind'), join(folder, 'overlay.sock'));
    await using again = await startIn(folder);
    const identity = await identities.identity('gw');
    await using overlay = await openLocalOverlay({ socketPath: again.socketPath, identity, log: silentLogger });
    assert.equal(overlay.state, 'ready');
  });
});

describe('local overlay: a switch that is not there', () => {
  test('is waited for: binding and asking succeed once it comes, dialing fails at once', async () => {
    await using local = await start({ services: ['vitals'] });
    await local.down();
    await using host = await local.open('host');
    assert.equal(host.state, 'connecting');
    await assert.rejects(host.dial('vitals'), { code: 'OVERLAY-UNREACHABLE' });
    const bound = host.bind('vitals', (connection) => void connection.pipe(guarded(connection)));
    const asked = host.services();
    await local.up();
    await bound;
    assert.deepEqual(await asked, [{ name: 'vitals', permissions: ['Dial', 'Bind'] }]);
    await echoes(local);
  });

  test('is waited for no longer than the time limit', async () => {
    await using local = await start();
    await local.down();
    const identity = await identities.identity('host');
    const options = { socketPath: local.socketPath, identity, log: silentLogger, requestTimeoutMs: 20 };
    await using host = await openLocalOverlay(options);
    await assert.rejects(
      host.bind('vitals', (connection) => connection.destroy()),
      { code: 'OVERLAY-UNREACHABLE' },
    );
    await assert.rejects(host.services(), { code: 'OVERLAY-UNREACHABLE' });
  });

  test('a service whose policy was withdrawn while it was away is hosted again when the policy is back', async () => {
    let allowed = true;
    await using local = await start({ authorize: (_, permission) => permission === 'Dial' || allowed });
    await using host = await echoHost(local);
    const lost = new Promise<void>((resolve) => {
      host.onState((state) => state === 'lost' && resolve());
    });
    await local.down();
    await lost;
    allowed = false;
    await local.up();
    await using gateway = await local.open('gateway');
    await assert.rejects(gateway.dial('vitals'), { code: 'OVERLAY-NO-TERMINATOR' });
    allowed = true;
    for (;;) {
      const connection = await gateway
        .dial('vitals')
        .catch((error: { code?: string }) => assert.equal(error.code, 'OVERLAY-NO-TERMINATOR'));
      if (!connection) continue;
      connection.end('hosted again');
      assert.equal(await readText(connection), 'hosted again');
      break;
    }
  });
});

describe('local overlay: a switch that falls silent', () => {
  test('does not hold up the end of an overlay that offers its services again', async () => {
    await using local = await start();
    await using host = await echoHost(local);
    const asked = Promise.withResolvers<void>();
    const sockets = new Set<Socket>();
    // In place of the switch: attaches everybody, and answers nothing after that.
    const silent = createServer((socket) => {
      sockets.add(socket.on('error', () => socket.destroy()));
      socket.write(`${JSON.stringify({ nonce: randomBytes(32).toString('base64') })}\n`);
      let lines = 0;
      socket.on('data', (chunk) => {
        lines += String(chunk).split('\n').length - 1;
        if (lines === 1) socket.write('{"ok":true}\n');
        else if (lines > 1) asked.resolve();
      });
    });
    await local.down();
    await new Promise<void>((resolve) => silent.listen(local.socketPath, resolve));
    await asked.promise;
    await host[Symbol.asyncDispose]();
    assert.equal(host.state, 'closed');
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('a control connection', () => {
  test('that is lost fails what was asked on it', async () => {
    await using local = await start();
    const identity = await identities.identity('host');
    const control = await LocalControl.open(local.socketPath, identity, 10_000, new AbortController().signal);
    const running = control.run(() => undefined);
    const asked = control.services();
    control.close();
    await assert.rejects(asked, { code: 'OVERLAY-UNREACHABLE' });
    await running;
    await assert.rejects(control.services(), { code: 'OVERLAY-UNREACHABLE' });
  });
});
