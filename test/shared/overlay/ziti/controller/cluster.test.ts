import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { type Identity, loadIdentity } from '../../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import type { Overlay } from '../../../../../shared/overlay/overlay.ts';
import type { ApiSession, CertificateController } from '../../../../../shared/overlay/ziti/controller/contract.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { openZitiOverlayOf } from '../../../../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../../requirements.ts';
import { testNetwork } from '../../../../support/identities.ts';
import { turnsUntil, until } from '../../../../support/until.ts';
import { refused, type ScriptedController, scriptedController, servicePage, signedIn } from '../../../../support/ziti/controller-script.ts';
import { echo } from '../../../../support/ziti/hub-and-gateway.ts';
import { plannedFabric } from '../../../../support/ziti/network.ts';
import { ScriptedNetwork } from '../../../../support/ziti/scripted-network.ts';
import { TcpRelay } from '../../../../support/ziti/tcp-relay.ts';

const BEHAVIOUR = { backoff: { minMs: 5, maxMs: 20 }, refreshEveryMs: 30, flushMs: 50 };

/** A certificate session is known to the controller that made it alone. */
function keepsToItself(script: ScriptedController, name: string): void {
  let sessions = 0;
  const router = { name: 'one', isOnline: true, supportedProtocols: { tls: 'tls://127.0.0.1:3022' } };
  const service = { id: 's1', name: 'vitals', permissions: ['Dial', 'Bind'], encryptionRequired: false };
  script.on(({ path, body, headers }) => {
    if (path === '/authenticate?method=cert') {
      sessions += 1;
      return signedIn({ id: `${name}-${sessions}`, token: `${name}-${sessions}` });
    }
    if (!String(headers['zt-session']).startsWith(`${name}-`)) return refused(401, 'UNAUTHORIZED');
    if (path.startsWith('/current-identity/edge-routers')) return servicePage([router]);
    if (path.startsWith('/services')) return servicePage([service]);
    if (path !== '/sessions') return undefined;
    const { type } = body as { type: string };
    const data = { id: `${name}-s`, token: `${headers['zt-session']}-${type}`, type, serviceId: 's1', edgeRouters: [router] };
    return { status: 201, body: { data, meta: {} } };
  });
}

test('certificate sessions: with the new one come new channels and binds, what ran runs on, and a controller that is back changes nothing', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER', 'OVERLAY-SESSION-RENEWED');
  const network = await testNetwork();
  const [a, b] = [await scriptedController({ network }), await scriptedController({ network })];
  await using stack = new AsyncDisposableStack();
  for (const [name, script] of [
    ['a', a],
    ['b', b],
  ] as const) {
    stack.use(script);
    keepsToItself(script, name);
  }
  const identity = await a.identity([a, b].map(({ port }) => `https://127.0.0.1:${port}/edge/client/v1`));
  const controller = openController({ identity, limits: { refusedPauseMs: 0, signOutTimeoutMs: 50 } });
  const scripted = new ScriptedNetwork();
  const overlay = stack.use(await openZitiOverlayOf({ ...scripted.parts, controller }, scripted.log, BEHAVIOUR));
  const carried: Duplex[] = [];
  await overlay.bind('vitals', (connection) => carried.push(connection));
  const dialled = await overlay.dial('vitals');
  const [hosting] = scripted.standing;
  assert.ok(hosting);
  scripted.arrive(hosting);

  let isSick = true;
  a.on(() => (isSick ? { status: 503, body: '' } : undefined));
  await turnsUntil(
    () => scripted.channels.length === 2 && scripted.standing.some(({ request }) => request.channel === scripted.channels[1]),
  );
  assert.deepEqual(
    scripted.channels.map(({ sessionToken }) => sessionToken),
    ['a-1', 'b-1'],
  );
  assert.deepEqual([dialled.destroyed, carried.map(({ destroyed }) => destroyed)], [false, [false]]);
  assert.equal(scripted.channels[0]?.disposed, false, 'it carries what ran');
  const next = await overlay.dial('vitals');
  assert.equal(scripted.dials.at(-1)?.session.token, 'b-1-Dial');

  isSick = false;
  const asked = [a.asked.length, b.asked.length] as const;
  await turnsUntil(() => b.asked.length > asked[1] + 10);
  assert.equal(a.asked.length, asked[0]);
  assert.equal(scripted.channels.length, 2);
  assert.equal(overlay.state, 'ready');
  for (const connection of [dialled, next, ...carried]) assert.equal(connection.destroyed, false);
});

const PLAN = {
  services: ['vitals'],
  identities: { hub: { dial: [], bind: ['vitals'] }, gateway: { dial: ['vitals'], bind: [] } },
};

/** One identity in a network whose controller is reached at two addresses. */
interface Member {
  overlay: Overlay;
  controller: CertificateController;
  channels: number;
  sessions: ApiSession[];
  tokens: ApiSession[];
}

async function join(identity: Identity, signIn: 'certificate' | 'oidc', stack: AsyncDisposableStack): Promise<Member> {
  const parts = zitiParts({ identity, log: silentLogger, signIn, controller: { signOutTimeoutMs: 50, patienceMs: 300 } });
  const member = { controller: parts.controller, channels: 0, sessions: [], tokens: [] } as unknown as Member;
  parts.controller.onSession((session) => member.sessions.push(session));
  parts.controller.onToken((session) => member.tokens.push(session));
  const openChannel: typeof parts.openChannel = (...channel) => {
    member.channels += 1;
    return parts.openChannel(...channel);
  };
  member.overlay = stack.use(await openZitiOverlayOf({ ...parts, openChannel }, silentLogger, BEHAVIOUR));
  return member;
}

async function roundTrip(connection: Duplex, text: string): Promise<void> {
  connection.write(text);
  const [answer] = await once(connection, 'data');
  assert.equal(String(answer), text);
}

for (const signIn of ['certificate', 'oidc'] as const)
  test(`a controller behind two addresses, sessions by ${signIn}: each dies in its turn, one falls silent; no circuit and no channel is lost`, async () => {
    verifies('OVERLAY-CONTROLLER-FAIL-OVER', 'OVERLAY-TOKEN-RENEWED');
    await using stack = new AsyncDisposableStack();
    const relays = [stack.use(await TcpRelay.start()), stack.use(await TcpRelay.start())] as const;
    const controllerAddresses = relays.map(({ port }) => `https://127.0.0.1:${port}`);
    const oidc = { accessTokenS: 6 };
    const { fabric, identityPath } = stack.use(await plannedFabric(PLAN, true, { controllerAddresses, oidc }));
    const target = Number(new URL(fabric.controllerUrl).port);
    // The second one comes later: who is slow to answer loses its clients for good.
    relays[0].aim(target);
    const [hub, gateway] = await Promise.all(
      ['hub', 'gateway'].map((name) => join({ ...loadIdentity(identityPath(name)), controllers: controllerAddresses }, signIn, stack)),
    );
    assert.ok(hub && gateway);
    const members = [hub, gateway];
    await hub.overlay.bind('vitals', echo);
    const connection = await gateway.overlay.dial('vitals');
    const served = (relay: TcpRelay) => (): boolean =>
      members.every(({ controller }) => controller.servedLast === `127.0.0.1:${relay.port}`);
    await until(served(relays[0]));
    await roundTrip(connection, 'before');
    const token = (): number => Math.min(...members.map(({ tokens }) => tokens.length));

    relays[1].aim(target);
    relays[0].aim(undefined);
    await until(served(relays[1]));
    const renewed = token();
    if (signIn === 'oidc') await until(() => token() > renewed);
    await roundTrip(connection, 'over the second');
    relays[0].aim(target);
    relays[1].freeze();
    await until(served(relays[0]));
    await roundTrip(connection, 'over the first again');
    const another = await gateway.overlay.dial('vitals');
    await roundTrip(another, 'and a new one');
    assert.deepEqual(
      members.map(({ channels, sessions, overlay }) => [channels, sessions.length, overlay.state]),
      [
        [1, 0, 'ready'],
        [1, 0, 'ready'],
      ],
    );
    for (const open of [connection, another]) open.destroy();
  });
