import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { FabricOptions } from '../../../../provisioning/fabric/fabric.ts';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import type { ApiSession } from '../../../../shared/overlay/ziti/controller/contract.ts';
import { openZitiOverlayOf, type ZitiParts } from '../../../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../requirements.ts';
import { echo } from '../../../support/ziti/hub-and-gateway.ts';
import { plannedFabric } from '../../../support/ziti/network.ts';

const PLAN = {
  services: ['vitals'],
  identities: { hub: { dial: [], bind: ['vitals'] }, gateway: { dial: ['vitals'], bind: [] } },
};
/** Whoever does not show a new token in time is cut off when the old one ends. */
const STRICT = { routerLimits: { tokenGraceMs: 0 } };

/** One identity in the network, and what became of its session. */
class Member implements AsyncDisposable {
  readonly parts: ZitiParts;
  overlay!: Overlay;
  readonly tokens: ApiSession[] = [];
  readonly sessions: ApiSession[] = [];
  channels = 0;
  readonly #waiting = new Set<() => void>();

  constructor(identityPath: string) {
    const parts = zitiParts({ identity: loadIdentity(identityPath), log: silentLogger, signIn: 'oidc' });
    this.parts = {
      ...parts,
      openChannel: (router, session, signal) => {
        this.channels += 1;
        return parts.openChannel(router, session, signal);
      },
    };
    parts.controller.onToken((session) => this.#note(this.tokens, session));
    parts.controller.onSession((session) => this.#note(this.sessions, session));
  }

  async open(): Promise<this> {
    this.overlay = await openZitiOverlayOf(this.parts, silentLogger, { backoff: { minMs: 5, maxMs: 50 } });
    return this;
  }

  /** Resolves when it holds after a new token or session. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #note(list: ApiSession[], session: ApiSession): void {
    list.push(session);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.overlay[Symbol.asyncDispose]();
  }
}

async function members(options: Partial<FabricOptions>): Promise<AsyncDisposableStack & { hub: Member; gateway: Member }> {
  const stack = new AsyncDisposableStack();
  const { identityPath } = stack.use(await plannedFabric(PLAN, true, options));
  const hub = stack.use(await new Member(identityPath('hub')).open());
  const gateway = stack.use(await new Member(identityPath('gateway')).open());
  await hub.overlay.bind('vitals', echo);
  return Object.assign(stack, { hub, gateway });
}

async function roundTrip(connection: Duplex, text: string): Promise<void> {
  connection.write(text);
  const [answer] = await once(connection, 'data');
  assert.equal(String(answer), text);
}

test('a stream lives on through token after token, on one channel, and nobody signs in anew', { timeout: 120_000 }, async () => {
  verifies('OVERLAY-TOKEN-RENEWED');
  await using network = await members({ oidc: { accessTokenS: 3 }, ...STRICT });
  const { hub, gateway } = network;
  const connection = await gateway.overlay.dial('vitals');
  const first = (await gateway.parts.controller.signIn()).expiresAt;
  for (let n = 1; n <= 3; n += 1) {
    await Promise.all([gateway, hub].map((member) => member.until(() => member.tokens.length >= n)));
    await roundTrip(connection, `behind token ${n}`);
  }
  assert.ok((gateway.tokens.at(-1)?.expiresAt ?? 0) > first);
  assert.deepEqual([gateway.channels, hub.channels], [1, 1]);
  assert.deepEqual([...gateway.sessions, ...hub.sessions], []);
  assert.equal(new Set(gateway.tokens.map(({ id }) => id)).size, 1);
  connection.destroy();
});

test('a session that cannot be renewed gives way to a new one on channels of its own; what the old ones carry goes on to their end', {
  timeout: 120_000,
}, async () => {
  verifies('OVERLAY-TOKEN-RENEWED');
  await using network = await members({ oidc: { accessTokenS: 5, refreshTokenS: 1 }, ...STRICT });
  const { hub, gateway } = network;
  const old = await gateway.overlay.dial('vitals');
  old.on('error', () => undefined);
  const cut = new Promise((resolve) => old.once('close', resolve));
  await roundTrip(old, 'before');
  const before = await gateway.parts.controller.signIn();
  await Promise.all([gateway, hub].map((member) => member.until(() => member.sessions.length >= 1)));
  await roundTrip(old, 'the old channel still carries');
  assert.notEqual(gateway.sessions[0]?.id, before.id);
  assert.deepEqual(gateway.tokens, []);
  const fresh = await gateway.overlay.dial('vitals');
  fresh.on('error', () => undefined);
  await roundTrip(fresh, 'after');
  // Its channel cannot be shown a token of another session, so it ends with its own.
  await cut;
  assert.ok(Date.now() >= before.expiresAt - 1000);
  fresh.destroy();
});
