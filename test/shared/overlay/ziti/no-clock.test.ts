import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ErrorCode } from '../../../../shared/errors.ts';
import { type Identity, loadIdentity } from '../../../../shared/identity/identity.ts';
import { aborted } from '../../../../shared/lifecycle.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { openChannel } from '../../../../shared/overlay/ziti/channel/open.ts';
import { openController } from '../../../../shared/overlay/ziti/controller/controller.ts';
import { openZitiOverlay } from '../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../requirements.ts';
import { clockAtFloor, DAY_MS } from '../../../support/clockless.ts';
import { testNetwork } from '../../../support/identities.ts';
import { reaches } from '../../../support/overlay-states.ts';
import { rawRouter } from '../../../support/raw-router.ts';
import { tellsTime } from '../../../support/tells-time.ts';
import { scriptedController } from '../../../support/ziti/controller-script.ts';
import { plannedFabric } from '../../../support/ziti/network.ts';
import { offerOidc } from '../../../support/ziti/oidc-script.ts';

// OpenSSL knows the true time here, so that what it says of a certificate's time is wrong in both directions: it must count for nothing.
const network = await testNetwork();
const NOW = Date.now();
const FLOOR = NOW + 100 * DAY_MS;
const TOLD = NOW + 450 * DAY_MS;
/** For OpenSSL not yet valid; at the floor neither, and then at the time that is told. */
const LATER = { notBefore: NOW + 400 * DAY_MS, notAfter: NOW + 500 * DAY_MS };
/** For OpenSSL valid. */
const ENDED = { notBefore: NOW - DAY_MS, notAfter: FLOOR - DAY_MS };
const ALWAYS = { notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER };

const serverCertificate = (validity: typeof LATER) => network.ca.certifyServer({ commonName: 'server', validity });

test('the embedded network tells the time, by each way to sign in, and is reached', async () => {
  verifies('NO-CLOCK-CONNECTS', 'NO-CLOCK-TIME');
  await using fabric = await plannedFabric({ services: ['s'], identities: { gw: { dial: ['s'], bind: [] } } }, true);
  const identity = loadIdentity(fabric.identityPath('gw'));
  for (const signIn of ['certificate', 'oidc', 'auto'] as const) {
    const clock = clockAtFloor(NOW - 30 * DAY_MS);
    await using overlay = await openZitiOverlay({ identity, log: silentLogger, signIn, clock, backoff: { minMs: 5, maxMs: 50 } });
    await reaches(overlay, 'ready');
    assert.equal(clock.trust, 'network', signIn);
    assert.ok(Math.abs(clock.now() - Date.now()) < DAY_MS);
  }
});

describe('a controller, called by a machine that does not know the time', () => {
  for (const signIn of ['certificate', 'oidc'] as const) {
    test(`tells the time before anything is shown to it, and is signed in to over connections of the ordinary rules: ${signIn}`, async () => {
      verifies('NO-CLOCK-CONNECTS', 'NO-CLOCK-TIME', 'NO-CLOCK-BOUNDED');
      await using script = await scriptedController({ network, certificate: await serverCertificate(LATER) });
      if (signIn === 'oidc') offerOidc(script);
      const told = tellsTime(script, TOLD);
      const clock = clockAtFloor(FLOOR);
      await using controller = openController({ identity: await script.identity(), signIn, clock });
      await controller.signIn();
      assert.equal(clock.trust, 'network');
      assert.ok(Math.abs(clock.now() - TOLD) < DAY_MS);
      assert.equal(script.lines[0], 'GET /version');
      assert.equal(clock.status()?.exceptions, 1, 'one connection');
      const [first] = told;
      assert.ok(first);
      if (!first.destroyed) await once(first, 'close');
    });
  }

  test('that tells none is spoken to all the same, under the exception', async () => {
    verifies('NO-CLOCK-CONNECTS');
    await using script = await scriptedController({ network, certificate: await serverCertificate(LATER) });
    tellsTime(script, undefined);
    script.on(() => (response) => {
      response.sendDate = false;
      response.writeHead(401).end('{}');
    });
    const clock = clockAtFloor(FLOOR);
    await using controller = openController({ identity: await script.identity(), clock });
    await assert.rejects(controller.signIn(), { code: 'OVERLAY-SIGN-IN' });
    assert.equal(clock.trust, 'floor');
  });

  test('is not believed a time at which its own certificate is not valid', async () => {
    verifies('NO-CLOCK-TIME');
    for (const told of [LATER.notBefore - DAY_MS, LATER.notAfter + DAY_MS, FLOOR - DAY_MS]) {
      await using script = await scriptedController({ network, certificate: await serverCertificate(LATER) });
      tellsTime(script, told);
      const clock = clockAtFloor(FLOOR);
      await using controller = openController({ identity: await script.identity(), clock });
      await controller.signIn();
      assert.equal(clock.trust, 'floor', new Date(told).toISOString());
    }
  });

  test('once the time is known, a certificate is good or not by that time alone', async () => {
    verifies('NO-CLOCK-TIME');
    const clock = clockAtFloor(FLOOR);
    clock.take(TOLD, ALWAYS);
    await using good = await scriptedController({ network, certificate: await serverCertificate(LATER) });
    await using controller = openController({ identity: await good.identity(), clock });
    await controller.signIn();
    assert.equal(clock.status()?.exceptions, 0);
    const outdated = { ...LATER, notAfter: TOLD - DAY_MS };
    for (const validity of [outdated, { notBefore: TOLD + DAY_MS, notAfter: TOLD + 2 * DAY_MS }, ENDED]) {
      await using script = await scriptedController({ network, certificate: await serverCertificate(validity) });
      await using refusing = openController({ identity: await script.identity(), clock });
      await assert.rejects(refusing.signIn(), { code: 'OVERLAY-UNREACHABLE', message: /IDENTITY-EXPIRED/ });
      assert.deepEqual(script.asked, []);
    }
  });

  const beyond = { notBefore: FLOOR + 5 * 366 * DAY_MS, notAfter: FLOOR + 6 * 366 * DAY_MS };
  const impostors: Record<string, [ErrorCode, () => Promise<{ keyPem: string; certPem: string }>]> = {
    'whose certificate ended before the floor': ['IDENTITY-EXPIRED', () => serverCertificate(ENDED)],
    'whose certificate begins beyond the bound': ['IDENTITY-EXPIRED', () => serverCertificate(beyond)],
    'of another CA': ['IDENTITY-UNTRUSTED', async () => (await testNetwork()).ca.certifyServer({ commonName: 'server', validity: LATER })],
    'with the certificate of an identity': ['IDENTITY-CHAIN', () => network.identity('gw2')],
  };
  for (const [name, [code, certificate]] of Object.entries(impostors)) {
    test(`${name} hears nothing`, async () => {
      verifies('NO-CLOCK-BOUNDED');
      await using script = await scriptedController({ network, certificate: await certificate() });
      const clock = clockAtFloor(FLOOR);
      await using controller = openController({ identity: await script.identity(), clock });
      await assert.rejects(controller.signIn(), { code: 'OVERLAY-UNREACHABLE', message: new RegExp(code) });
      assert.deepEqual(script.asked, []);
      assert.deepEqual([clock.trust, clock.status()?.exceptions], ['floor', 0]);
    });
  }

  test('of another host hears nothing', async () => {
    verifies('NO-CLOCK-BOUNDED');
    await using script = await scriptedController({ network, certificate: await serverCertificate(LATER) });
    const elsewhere = await script.identity([`https://127.0.0.2:${script.port}`]);
    await using controller = openController({ identity: elsewhere, clock: clockAtFloor(FLOOR) });
    await assert.rejects(controller.signIn());
    assert.deepEqual(script.asked, []);
  });
});

test('a machine that jumped years ahead is told to look at its clock, and makes no exception', async () => {
  verifies('NO-CLOCK-BOUNDED');
  // As a clock that is ahead sees a good certificate.
  const ended = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2021, 0, 1) };
  await using script = await scriptedController({ network, certificate: await serverCertificate(ended) });
  await using controller = openController({ identity: await script.identity() });
  await assert.rejects(controller.signIn(), {
    code: 'OVERLAY-UNREACHABLE',
    message: /CERT_HAS_EXPIRED\); is the clock of this machine right\?/,
  });
  assert.deepEqual(script.asked, []);
});

describe('a router, called by a machine that does not know the time', () => {
  const channelTo = async (
    certificate: { keyPem: string; certPem: string },
    {
      identity,
      clock = clockAtFloor(FLOOR),
      host = '127.0.0.1',
    }: { identity?: Identity; clock?: ReturnType<typeof clockAtFloor>; host?: string } = {},
  ) => {
    const { keyPem: key, certPem: cert } = certificate;
    const router = await rawRouter(network, { key, cert });
    const own = identity ?? (await network.identity('gw1'));
    const opening = openChannel({ host, port: router.port, identity: own, sessionToken: 'token', log: silentLogger, clock });
    return { router, opening, clock };
  };

  test('whose certificate begins later is spoken to, and cut when the time proves that it was too early', async () => {
    verifies('NO-CLOCK-CONNECTS', 'NO-CLOCK-BOUNDED');
    const { router, opening, clock } = await channelTo(await serverCertificate(LATER));
    await using _router = router;
    const peer = await router.accept();
    await peer.greet();
    await using channel = await opening;
    assert.equal(clock.status()?.exceptions, 1);
    peer.socket.resume();
    clock.take(LATER.notBefore - DAY_MS, ALWAYS);
    await aborted(channel.closed);
  });

  test('goes on when the time is known and its certificate good', async () => {
    verifies('NO-CLOCK-CONNECTS');
    const { router, opening, clock } = await channelTo(await serverCertificate(LATER));
    await using _router = router;
    const peer = await router.accept();
    await peer.greet();
    await using channel = await opening;
    peer.socket.resume();
    clock.take(TOLD, ALWAYS);
    // A socket that was destroyed says so in the next turn.
    await setImmediate();
    assert.equal(channel.closed.aborted, false);
  });

  const impostors = {
    'whose certificate ended before the floor': [() => serverCertificate(ENDED), /outside its time.*clock/, 'IDENTITY-EXPIRED'],
    'of another CA': [
      async () => (await testNetwork()).ca.certifyServer({ commonName: 'server', validity: LATER }),
      /not of this network/,
      'IDENTITY-UNTRUSTED',
    ],
    'with the certificate of an identity': [() => network.identity('gw2'), /not of this network/, 'IDENTITY-CHAIN'],
  } as const;
  for (const [name, [certificate, detail, code]] of Object.entries(impostors)) {
    test(`${name} hears nothing`, async () => {
      verifies('NO-CLOCK-BOUNDED');
      const { router, opening } = await channelTo(await certificate());
      await using _router = router;
      await assert.rejects(opening, (error: Error) => {
        assert.match(error.message, detail);
        assert.equal((error.cause as { code?: string }).code, code);
        return true;
      });
    });
  }

  test('of another host hears nothing', async () => {
    verifies('NO-CLOCK-BOUNDED');
    const { router, opening } = await channelTo(await serverCertificate(LATER), { host: '127.0.0.2' });
    await using _router = router;
    await assert.rejects(opening, { code: 'OVERLAY-UNREACHABLE' });
  });
});
