import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { listeningSockets } from '../../provisioning/demo/listening.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Identity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import type { ApiSession, ServiceSession } from '../../shared/overlay/ziti/controller/contract.ts';
import { openController } from '../../shared/overlay/ziti/controller/controller.ts';
import { openZitiOverlay } from '../../shared/overlay/ziti/ziti.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import type { Wire } from '../agent/sources/support.ts';
import { verifies } from '../requirements.ts';
import { type AgentProcess, type Enrolled, FabricSite, type HubProcess, INGEST, oximeterFrame } from '../support/fabric-site.ts';
import { certify, ForgedNetwork, honest } from '../support/forged.ts';
import { testNetwork } from '../support/identities.ts';
import { frameBytes, type RawFrame, takeFrames } from '../support/ziti/raw-client.ts';

const [RESULT, CONNECT, STATE_CLOSED] = [2, 60783, 60785];
const LIMIT_MS = 60_000;
/** Content type of a TLS record that is an alert (RFC 8446 §5.1). */
const ALERT = 21;

describe('a hub, an agent and the network between them, each a process of its own', () => {
  let site: FabricSite;
  let device: DeviceServer;
  let wire: Wire;
  let hub: HubProcess;
  let agent: AgentProcess;
  let gateway: Enrolled;
  let stranger: Enrolled;
  let strangersPlace: Overlay;
  /** What the gateway's own process would show: a good session, and the right to dial. */
  let stolen: { session: ApiSession; dial: ServiceSession };
  let sent = 0;

  before(async () => {
    site = await FabricSite.start();
    device = await DeviceServer.listen();
    const hubIdentity = await site.enrol('hub', 'hubs');
    gateway = await site.enrol('gateway', 'gateways');
    stranger = await site.enrol('stranger', 'strangers');
    [hub, agent] = await Promise.all([site.hub(hubIdentity, [gateway]), site.agent(gateway, hubIdentity, device.port)]);
    wire = await device.call();
    strangersPlace = await openZitiOverlay({ identity: stranger.identity, log: silentLogger });
    const controller = openController({ identity: gateway.identity });
    const [service] = await controller.services();
    assert.ok(service);
    stolen = { session: await controller.signIn(), dial: await controller.createSession(service.id, 'Dial') };
  });

  after(async () => {
    await strangersPlace[Symbol.asyncDispose]();
    await device[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
  });

  /** A reading goes all the way, over the connection that was there from the beginning: nobody has suffered, and all before it is done. */
  async function allIsWell(): Promise<void> {
    sent += 1;
    wire.send(oximeterFrame(60 + sent, 97));
    const { gateways, uplink } = await hub.until(({ counts }) => counts.observations === 2 * sent);
    assert.deepEqual(
      gateways.map((session) => session.gateway),
      [gateway.id],
    );
    assert.equal(uplink.bound, true);
    assert.equal(hub.stderr.match(/"uplink connected"/g)?.length, 1, hub.stderr);
    assert.equal(site.fabric.running && agent.running, true);
    assert.doesNotMatch(site.fabric.stderr, /"level":"(?:error|fatal)"/);
  }

  /** Everything that the hub counts and says of connections; `refused` may not change it. */
  async function hubUntouched(refused: () => Promise<unknown>): Promise<void> {
    const { metrics } = await hub.status();
    const said = hub.stderr;
    await refused();
    await allIsWell();
    const counted = (all: Record<string, number>): string[] =>
      Object.entries(all).flatMap(([name, count]) =>
        /^uplink_(?:connections|failed|turned|refused|ended)/.test(name) ? [`${name} ${count}`] : [],
      );
    assert.deepEqual(counted((await hub.status()).metrics), counted(metrics));
    assert.equal(hub.stderr, said);
  }

  test('neither hub nor agent has a network listening socket while data flows; the network has its two', async () => {
    verifies('NO-LISTENING-SOCKET');
    await allIsWell();
    assert.equal(listeningSockets(hub.pid), 0);
    assert.equal(listeningSockets(agent.pid), 0);
    assert.equal(listeningSockets(site.fabric.pid), 2);
  });

  test('an identity without a Dial policy does not reach the service, and the hub does not hear of it', async () => {
    verifies('OVERLAY-DARK');
    await hubUntouched(async () => {
      assert.deepEqual(await strangersPlace.services(), []);
      assert.equal(await codeOf(strangersPlace.dial(INGEST)), 'OVERLAY-NO-SERVICE');
      assert.match(await codeOf(strangersPlace.bind(INGEST, (connection) => connection.destroy())), /^OVERLAY-(?:DENIED|NO-SERVICE)$/);
      const controller = openController({ identity: stranger.identity });
      assert.match(await codeOf(controller.createSession(stolen.dial.serviceId, 'Dial')), /^OVERLAY-(?:DENIED|NO-SERVICE)$/);
      await controller[Symbol.asyncDispose]();
    });
  });

  test("another's tokens are of no use to it, whatever it calls itself", async () => {
    verifies('OVERLAY-DARK');
    const own = openController({ identity: stranger.identity });
    const { token } = await own.signIn();
    const tls = certificateOf(stranger.identity);
    await hubUntouched(async () => {
      // A hello's answer says nothing (openziti-wire.md §0.1); what counts is that the Connect behind it gets none.
      const asGateway = await probe({ port: site.routerPort, tls, say: dialWith(stolen.session.token, stolen.dial.token) });
      assert.deepEqual(typesOf(asGateway), [RESULT]);
      const asItself = await probe({ port: site.routerPort, tls, say: dialWith(token, stolen.dial.token), last: STATE_CLOSED });
      assert.deepEqual(typesOf(asItself), [RESULT, STATE_CLOSED]);
    });
    await own[Symbol.asyncDispose]();
  });

  test('with a Dial policy the same identity is there at once, and without it is gone again', async () => {
    await site.allow('Dial', 'strangers', INGEST);
    const connection = await strangersPlace.dial(INGEST);
    const lost = once(connection, 'error');
    await site.admin.deletePolicy(`strangers Dial ${INGEST}`);
    const [error] = await lost;
    assert.equal((error as { code: string }).code, 'OVERLAY-CLOSED');
    assert.match(await codeOf(strangersPlace.dial(INGEST)), /^OVERLAY-(?:DENIED|NO-SERVICE)$/);
    await allIsWell();
  });

  test('at the router nobody without an identity of the network gets an answer, with good tokens neither', async () => {
    verifies('OVERLAY-DARK');
    await hubUntouched(async () => {
      for (const [name, credentials] of await impostors()) {
        for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
          const { frames, bytes } = await probe({
            port: site.routerPort,
            tls: { ...credentials, maxVersion },
            say: dialWith(stolen.session.token, stolen.dial.token),
          });
          assert.deepEqual([frames.length, bytes.length], [0, 0], `${name}, ${maxVersion}`);
        }
      }
    });
  });

  test('plain bytes get nothing from the router or the controller but a TLS alert', async () => {
    verifies('OVERLAY-DARK');
    await hubUntouched(async () => {
      for (const port of [site.routerPort, site.controllerPort]) {
        for (const say of [
          Buffer.from('GET /edge/client/v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n'),
          dialWith(stolen.session.token, stolen.dial.token),
          randomBytes(64 * 1024),
          Buffer.alloc(64 * 1024, 0x16),
          Buffer.alloc(0),
        ]) {
          const { bytes } = await probe({ port, say, end: true });
          assert.ok(bytes.length === 0 || (bytes[0] === ALERT && bytes.length <= 7), bytes.toString('hex', 0, 64));
        }
      }
    });
  });

  test('connections that say nothing, in numbers, keep nobody out', async () => {
    const silent: Socket[] = [];
    for (const port of [site.routerPort, site.controllerPort]) {
      for (let i = 0; i < 100; i += 1) {
        const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
        silent.push(socket);
        await once(socket, 'connect');
      }
    }
    await allIsWell();
    const another = await openZitiOverlay({ identity: gateway.identity, log: silentLogger });
    assert.equal(another.state, 'ready');
    await another[Symbol.asyncDispose]();
    for (const socket of silent) socket.destroy();
  });

  test('at the controller who is nobody learns its version and its CA, and is refused the rest', async () => {
    verifies('OVERLAY-DARK');
    const { serviceId } = stolen.dial;
    await hubUntouched(async () => {
      for (const [name, credentials] of [['no certificate', {}] as const, ...(await impostors())]) {
        const ask = (method: string, path: string, body?: string) => askController(site.controllerPort, credentials, method, path, body);
        assert.equal((await ask('GET', '/edge/client/v1/version')).status, 200, name);
        assert.equal((await ask('GET', '/edge/client/v1/.well-known/est/cacerts')).status, 200, name);
        for (const [method, path, body] of [
          ['POST', '/enroll?method=ott&token=00000000-0000-4000-8000-000000000000', 'no CSR'],
          ['POST', '/authenticate?method=cert', '{}'],
          ['POST', '/authenticate?method=password', '{"username":"admin","password":"admin"}'],
          ['GET', '/current-api-session'],
          ['GET', '/current-identity'],
          ['GET', '/current-identity/edge-routers'],
          ['GET', '/services'],
          ['GET', `/services/${serviceId}`],
          ['GET', `/services/${serviceId}/edge-routers`],
          ['GET', '/sessions'],
          ['POST', '/sessions', JSON.stringify({ serviceId, type: 'Dial' })],
          ['GET', '/no-such-thing'],
        ] as const) {
          const { status, text } = await ask(method, `/edge/client/v1${path}`, body);
          assert.ok(status >= 400 && status < 500, `${name}: ${method} ${path} ${status}`);
          assert.doesNotMatch(text, new RegExp(`vitals|${gateway.id}|"gateway"|:${site.routerPort}`), `${name}: ${method} ${path}`);
        }
        for (const path of ['/fabric/v1/links', '/']) {
          assert.equal((await ask('GET', path)).status, 404, `${name}: ${path}`);
        }
        // Who administers the network shows a password, not a certificate.
        for (const [method, path, body] of [
          ['GET', '/identities'],
          ['GET', '/services'],
          ['GET', '/summary'],
          ['POST', '/services', '{"name":"mine","encryptionRequired":false}'],
          ['POST', '/authenticate?method=password', '{"username":"admin","password":"admin"}'],
          ['POST', '/authenticate?method=cert', '{}'],
        ] as const) {
          const { status, text } = await ask(method, `/edge/management/v1${path}`, body);
          assert.equal(status, 401, `${name}: management ${method} ${path}`);
          assert.doesNotMatch(text, new RegExp(`vitals|${gateway.id}|"gateway"|:${site.routerPort}`), `${name}: management ${path}`);
        }
      }
    });
  });
});

/** A hello and a Connect right behind it, from somebody who wants to be taken for the gateway (openziti-wire.md §4, §6). */
function dialWith(sessionToken: string, dialToken: string): Buffer {
  const claims = { 1008: 'gateway', 1034: 'gateway', 1035: 'gateway' };
  return Buffer.concat([
    frameBytes(0, -1, { 1002: sessionToken }, 'gateway'),
    frameBytes(CONNECT, 1, { 1000: 1, 1003: Buffer.alloc(32, 9), 1009: '\0', ...claims }, dialToken),
  ]);
}

type Credentials = { key?: string; cert?: string };

function certificateOf({ keyPem: key, certPem: cert }: Identity): Credentials {
  return { key, cert };
}

/** Who has no identity of the network, although some come close. */
async function impostors(): Promise<[string, Credentials][]> {
  const other = await ForgedNetwork.create();
  const selfSigned = other.identity(await certify({ subject: 'gateway', extensions: honest('gateway') }));
  return [
    ['no certificate', {}],
    ['a self-signed certificate', certificateOf(selfSigned)],
    ['an identity of another network', certificateOf(await (await testNetwork()).identity('gateway'))],
  ];
}

interface Probe {
  port: number;
  /** Plain TCP when absent. */
  tls?: Credentials & { maxVersion?: 'TLSv1.2' | 'TLSv1.3' };
  say: Buffer;
  /** Ends its side behind what it said. */
  end?: boolean;
  /** Closes when a frame of this content type has come. */
  last?: number;
}

interface Heard {
  bytes: Buffer;
  frames: RawFrame[];
}

/** What came back until the connection closed; within TLS, where there is one. Unless told what comes last, the other side must close. */
async function probe({ port, tls, say, end = false, last }: Probe): Promise<Heard> {
  const options = { host: '127.0.0.1', port };
  const socket = tls ? connectTls({ ...options, ...tls, rejectUnauthorized: false }) : connectTcp(options);
  let bytes = Buffer.alloc(0);
  const framesOf = (): RawFrame[] => (tls ? takeFrames(bytes).frames : []);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (framesOf().some(({ type }) => type === last)) socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.once(tls ? 'secureConnect' : 'connect', () => {
    socket.write(say);
    if (end) socket.end();
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the connection was left open')), LIMIT_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return { bytes, frames: framesOf() };
}

function typesOf({ frames }: Heard): number[] {
  return frames.map(({ type }) => type);
}

/** One request on a connection of its own. */
async function askController(
  port: number,
  credentials: Credentials,
  method: string,
  path: string,
  body?: string,
): Promise<{ status: number; text: string }> {
  const headers = body === undefined ? {} : { 'content-type': path.includes('/enroll') ? 'application/x-pem-file' : 'application/json' };
  const outgoing = request({ host: '127.0.0.1', port, method, path, headers, ...credentials, rejectUnauthorized: false, agent: false });
  outgoing.end(body);
  const [answer] = await once(outgoing, 'response');
  let text = '';
  for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode, text };
}

async function codeOf(attempt: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await attempt;
    return 'none';
  } catch (error) {
    return (error as { code: ErrorCode }).code;
  }
}
