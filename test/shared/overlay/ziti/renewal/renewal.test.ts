import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setTimeout as ms } from 'node:timers/promises';
import type { Validity } from '../../../../../provisioning/fabric/ca.ts';
import type { Clock } from '../../../../../shared/clock.ts';
import type { HeldIdentity } from '../../../../../shared/identity/held-identity.ts';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { IdentityFiles } from '../../../../../shared/identity/identity-files.ts';
import { validityOf } from '../../../../../shared/identity/identity-status.ts';
import { type Logger, silentLogger } from '../../../../../shared/log.ts';
import { openChannel } from '../../../../../shared/overlay/ziti/channel/open.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import type { RenewableOverlay } from '../../../../../shared/overlay/ziti/overlay.ts';
import { renewIdentity } from '../../../../../shared/overlay/ziti/renewal/renew.ts';
import { IdentityRenewal } from '../../../../../shared/overlay/ziti/renewal/renewal.ts';
import { openRenewedOverlay, type RenewedOverlay } from '../../../../../shared/overlay/ziti/ziti.ts';
import { secureDialer, secureListener } from '../../../../../shared/uplink/inner-tls.ts';
import { verifies } from '../../../../requirements.ts';
import { until } from '../../../../support/until.ts';
import { refused } from '../../../../support/ziti/controller-script.ts';
import { echo } from '../../../../support/ziti/hub-and-gateway.ts';
import { type PlannedFabric, plannedFabric } from '../../../../support/ziti/network.ts';
import { fingerprintOf, LOST, RenewingSite } from './renewing-site.ts';

const PLAN = {
  services: ['vitals', 'inner'],
  identities: { hub: { dial: [], bind: ['vitals', 'inner'] }, gateway: { dial: ['vitals', 'inner'], bind: [] } },
};
const DAY_MS = 24 * 60 * 60 * 1000;

/** A clock that a test sets; the network's own goes right. */
class SetClock implements Clock {
  aheadMs = 0;
  /** How often it was looked at. */
  looks = 0;
  now(): number {
    this.looks += 1;
    return Date.now() + this.aheadMs;
  }
  monotonicMs(): number {
    return performance.now();
  }
}

interface Program extends RenewedOverlay {
  held: HeldIdentity;
  path: string;
  clock: SetClock;
}

async function program(network: PlannedFabric, name: string, signIn: 'certificate' | 'oidc', clock = new SetClock()): Promise<Program> {
  const path = network.identityPath(name);
  const files = new IdentityFiles(path);
  const held = files.open(silentLogger);
  const renewed = await openRenewedOverlay({
    ...{ held, files, clock, log: silentLogger, signIn, lookAgainMs: 5, backoff: { minMs: 5, maxMs: 50 }, flushMs: 50 },
    controller: { signOutTimeoutMs: 50 },
  });
  return { ...renewed, held, path, clock, [Symbol.asyncDispose]: () => renewed[Symbol.asyncDispose]() };
}

/** Sends counted bytes and takes them back for as long as it lasts; the longest silence in between. */
class Pulse {
  readonly #stream: Duplex;
  #stopped = false;
  readonly running: Promise<number>;
  beats = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.running = this.#run();
    this.running.catch(() => undefined);
  }

  async #run(): Promise<number> {
    for (const reading = this.#stream[Symbol.asyncIterator](); !this.#stopped; this.beats += 1) {
      this.#stream.write(Buffer.from([this.beats & 0xff]));
      const { value, done } = await reading.next();
      assert.deepEqual({ done, value: [...(value ?? [])] }, { done: false, value: [this.beats & 0xff] });
      await ms(1);
    }
    return this.beats;
  }

  async stop(): Promise<number> {
    this.#stopped = true;
    const beats = await this.running;
    this.#stream.destroy();
    return beats;
  }
}

for (const signIn of ['certificate', 'oidc'] as const)
  test(`renewal by itself, sessions by ${signIn}: streams go on, dials go on, both sides show new certificates`, {
    timeout: 180_000,
  }, async () => {
    verifies('RENEWAL-MAKE-BEFORE-BREAK');
    await using network = await plannedFabric(PLAN, true);
    const early = new SetClock();
    early.aheadMs = 240 * DAY_MS;
    await using hub = await program(network, 'hub', signIn, early);
    await using gateway = await program(network, 'gateway', signIn);
    await hub.overlay.bind('vitals', echo);
    assert.equal(hub.renewal.status().state, 'waiting');
    assert.ok(hub.renewal.status().nextAt > early.now());
    const before = { hub: fingerprintOf(hub.held.identity.certPem), gateway: fingerprintOf(gateway.held.identity.certPem) };
    const pulse = new Pulse(await gateway.overlay.dial('vitals'));

    // Dials all the time, one after the other; each must succeed and answer.
    let dialling = true;
    const dials = (async () => {
      let count = 0;
      for (; dialling; count += 1) {
        const stream = await gateway.overlay.dial('vitals');
        stream.end('x');
        let answer = '';
        for await (const chunk of stream) answer += chunk;
        assert.equal(answer, 'x');
        // Not for the sake of load: what is renewed needs its share of the machine too.
        await ms(5);
      }
      return count;
    })();

    const files = { hub: new IdentityFiles(hub.path), gateway: new IdentityFiles(gateway.path) };
    for (const { renewal, held, clock } of [hub, gateway]) {
      clock.aheadMs = 300 * DAY_MS;
      await until(() => renewal.status().lastRenewedAt !== null);
      assert.equal(held.next, undefined);
    }
    assert.notEqual(fingerprintOf(hub.held.identity.certPem), before.hub);
    assert.notEqual(fingerprintOf(gateway.held.identity.certPem), before.gateway);
    assert.equal(loadIdentity(gateway.path).certPem, gateway.held.identity.certPem);

    const beatsThen = pulse.beats;
    await until(() => pulse.beats > beatsThen + 50);
    dialling = false;
    assert.ok((await dials) > 5);
    assert.ok(
      files.gateway.hasNext === false && existsSync(`${gateway.path}.previous`),
      'a channel of the old session is open, so the old pair is kept',
    );

    // Only a listener can look at the certificate it was shown, so either side is that once.
    const arrivals: Duplex[] = [];
    await hub.overlay.bind('inner', (raw) => void arrivals.push(raw));
    for (const [listener, dialer] of [
      [hub, gateway],
      [gateway, hub],
    ] as const) {
      const dialled = await gateway.overlay.dial('inner');
      await until(() => arrivals.length === 1);
      const arrived = arrivals.pop();
      assert.ok(arrived);
      const [atListener, atDialer] = listener === hub ? [arrived, dialled] : [dialled, arrived];
      const [{ stream }, secured] = await Promise.all([
        secureListener(atListener, listener.held.identity, { timeoutMs: 5000 }),
        secureDialer(atDialer, dialer.held.identity, { timeoutMs: 5000 }),
      ]);
      assert.equal(stream.getPeerX509Certificate()?.fingerprint256, fingerprintOf(dialer.held.identity.certPem));
      for (const end of [stream, secured.stream]) end.destroy();
    }

    assert.ok((await pulse.stop()) > 50);
    // The last stream of the old channels has ended, and they with it; then the sessions and old pairs go.
    await until(() => !existsSync(`${gateway.path}.previous`) && !existsSync(`${hub.path}.previous`));
  });

/** A controller that renews as told, an overlay that is always there, and the renewal of a program over them. */
async function scripted(aheadMs: number, log: Logger = silentLogger, validity?: Validity): Promise<Scripted> {
  await using stack = new AsyncDisposableStack();
  const site = stack.use(await RenewingSite.start(validity));
  const clock = new SetClock();
  clock.aheadMs = aheadMs;
  const files = new IdentityFiles(site.path);
  const held = files.open(log);
  const controller = stack.use(openController({ identity: held, limits: { signOutTimeoutMs: 50 } }));
  const ended: string[] = [];
  const overlay = {
    state: 'ready',
    onState: () => ({ [Symbol.dispose]: () => undefined }),
    withoutSession: async () => undefined,
  } as Partial<RenewableOverlay> as RenewableOverlay;
  const endSession = controller.endSession.bind(controller);
  controller.endSession = (session) => {
    ended.push(session.token);
    return endSession(session);
  };
  const renewal = new IdentityRenewal({ files, held, controller, overlay, clock, log, random: () => 0, lookAgainMs: 5 });
  const made = stack.move();
  return { site, clock, held, renewal, ended, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** The renewal has looked at the clock several times since. */
async function lookedAt(clock: SetClock): Promise<void> {
  const before = clock.looks;
  await until(() => clock.looks > before + 4);
}

interface Scripted extends AsyncDisposable {
  site: RenewingSite;
  clock: SetClock;
  held: HeldIdentity;
  renewal: IdentityRenewal;
  /** Tokens of the sessions that were ended. */
  ended: string[];
}

const NEVER = new AbortController().signal;

describe('the renewal of a program', { timeout: 60_000 }, () => {
  test('asks nothing before it is due, not even when the clock goes backwards; when it is, it ends the old session and drops the old pair', async () => {
    await using at = await scripted(0);
    const { site, clock, renewal, held } = at;
    await renewal.start(NEVER);
    const { notBefore, notAfter } = validityOf(held.inUse);
    assert.equal(renewal.status().nextAt, Math.round(notBefore + ((notAfter - notBefore) * 2) / 3));
    for (const aheadMs of [-400 * DAY_MS, 0, 230 * DAY_MS]) {
      clock.aheadMs = aheadMs;
      await lookedAt(clock);
      assert.deepEqual(site.script.asked, []);
    }
    clock.aheadMs = 250 * DAY_MS;
    await until(() => renewal.status().lastRenewedAt !== null && !existsSync(`${site.path}.previous`));
    assert.deepEqual(at.ended, ['token-1']);
    assert.equal(site.fileSignsIn, true);
    assert.deepEqual({ ...renewal.status(), nextAt: 0, lastRenewedAt: 0 }, { state: 'waiting', nextAt: 0, lastRenewedAt: 0, code: null });
    // The clock is months ahead of the network's, so the new certificate seems to be due: there is rest all the same.
    clock.aheadMs = 350 * DAY_MS;
    await lookedAt(clock);
    assert.deepEqual(site.posted, ['extend', 'extend-verify']);
    assert.ok(renewal.status().nextAt > clock.now());
    await renewal[Symbol.asyncDispose]();
  });

  test('is told to whoever wants to know, tries again when it failed, and says why in the status and the log, once', async () => {
    verifies('RENEWAL-MAKE-BEFORE-BREAK');
    const logged: string[] = [];
    const note =
      (level: string) =>
      (fields: { err?: { code: string } }): void => {
        if (fields.err) logged.push(`${level} ${fields.err.code}`);
      };
    const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') } as unknown as Logger;
    // Two thirds of its life are over, and what is left is longer than any test: what fails is tried again within a tenth of a second.
    await using at = await scripted(0, log, { notBefore: Date.now() - 450_000, notAfter: Date.now() + 150_000 });
    const { site, renewal } = at;
    site.refuseExtend = refused(403, 'FORBIDDEN');
    let told = 0;
    using _told = renewal.onRenewed(() => {
      told += 1;
    });
    await renewal.start(NEVER);
    await until(() => renewal.status().state === 'retrying');
    assert.equal(renewal.status().code, 'RENEW-REFUSED');
    assert.ok(renewal.status().nextAt > at.clock.now());
    await until(() => site.posted.length > 2);
    assert.deepEqual([logged[0], ...new Set(logged.slice(1))], ['warn RENEW-REFUSED', 'debug RENEW-REFUSED']);
    assert.equal(told, 0);
    site.refuseExtend = undefined;
    await until(() => renewal.status().lastRenewedAt !== null);
    assert.deepEqual([told, renewal.status().code], [1, null]);
    assert.equal(site.fileSignsIn, true);
    await renewal[Symbol.asyncDispose]();
  });

  test('that was left half done is finished at the start, due or not', async () => {
    verifies('RENEWAL-NEVER-LOCKS-OUT');
    await using first = await scripted(250 * DAY_MS);
    const { site } = first;
    site.verifyReply = LOST;
    await first.renewal.start(NEVER);
    await until(() => first.renewal.status().state === 'retrying');
    await first.renewal[Symbol.asyncDispose]();
    assert.equal(site.fileSignsIn, false);
    // Not yet ended by the first one's controller, the next process begins.
    const files = new IdentityFiles(site.path);
    const held = files.open(silentLogger);
    await using controller = openController({ identity: held, limits: { signOutTimeoutMs: 50 } });
    const overlay = { state: 'connecting', onState: () => ({ [Symbol.dispose]: () => undefined }), withoutSession: async () => undefined };
    const parts = { files, held, controller, overlay: overlay as Partial<RenewableOverlay> as RenewableOverlay };
    await using renewal = new IdentityRenewal({ ...parts, clock: new SetClock(), log: silentLogger, lookAgainMs: 5 });
    await renewal.start(NEVER);
    await until(() => renewal.status().lastRenewedAt !== null);
    assert.equal(site.fileSignsIn, true);
    assert.equal(site.keys.length, 1);
  });

  test('tidies up what a run of before left, once the network has let it in', async () => {
    await using at = await scripted(0);
    writeFileSync(`${at.site.path}.previous`, 'old', { mode: 0o600 });
    await at.renewal.start(NEVER);
    await until(() => !existsSync(`${at.site.path}.previous`));
    assert.deepEqual(at.site.script.asked, []);
    await at.renewal[Symbol.asyncDispose]();
  });

  test('whose file is taken away meanwhile says so and goes on with what it has', async () => {
    await using at = await scripted(250 * DAY_MS);
    rmSync(at.site.path);
    await at.renewal.start(NEVER);
    await until(() => at.renewal.status().state === 'retrying');
    assert.equal(at.renewal.status().code, 'IDENTITY-FILE');
    assert.deepEqual(at.site.script.asked, []);
    await at.renewal[Symbol.asyncDispose]();
  });

  test('that fails for long with the end near is an error, told once in a while and not at each attempt', async () => {
    const logged: string[] = [];
    const note =
      (level: string) =>
      (fields: { err?: { code: string } }): void => {
        if (fields.err) logged.push(`${level} ${fields.err.code}`);
      };
    const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') } as unknown as Logger;
    // So short that the first attempts are a second apart, and less.
    await using at = await scripted(0, log, { notBefore: Date.now() - 850_000, notAfter: Date.now() + 50_000 });
    at.site.extendable = false;
    await at.renewal.start(NEVER);
    await until(() => logged.length >= 3);
    assert.deepEqual(logged.slice(0, 3), ['error RENEW-NOT-OFFERED', 'debug RENEW-NOT-OFFERED', 'debug RENEW-NOT-OFFERED']);
    assert.deepEqual(at.site.posted, []);
    await at.renewal[Symbol.asyncDispose]();
  });

  test('is left to the process that holds the identity, and that is said', async () => {
    await using at = await scripted(250 * DAY_MS);
    using _held = new IdentityFiles(at.site.path).lock();
    await at.renewal.start(NEVER);
    assert.equal(at.renewal.status().code, 'IDENTITY-IN-USE');
    assert.deepEqual(at.site.script.asked, []);
    await at.renewal[Symbol.asyncDispose]();
  });
});

test('routers take the old certificate and the new one, with the session of either', { timeout: 60_000 }, async () => {
  verifies('RENEWAL-MAKE-BEFORE-BREAK');
  await using network = await plannedFabric(PLAN, true);
  const files = new IdentityFiles(network.identityPath('gateway'));
  const held = files.open(silentLogger);
  await using controller = openController({ identity: held, limits: { signOutTimeoutMs: 50 } });
  const pairs = [held.inUse];
  const sessions = [await controller.signIn()];
  await renewIdentity({ files, held, controller, now: Date.now });
  pairs.push(held.inUse);
  sessions.push(await controller.signIn());
  const { hostname: host, port } = new URL(network.fabric.routerUrl);
  for (const identity of pairs)
    for (const { token } of sessions) {
      await using channel = await openChannel({ host, port: Number(port), identity, sessionToken: token, log: silentLogger });
      await channel.probe(new AbortController().signal);
    }
  assert.notEqual(pairs[0], pairs[1]);
  assert.notEqual(sessions[0]?.token, sessions[1]?.token);
});
