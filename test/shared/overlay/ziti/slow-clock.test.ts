import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../../../shared/clock.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { openChannel } from '../../../../shared/overlay/ziti/channel/open.ts';
import { openController } from '../../../../shared/overlay/ziti/controller/controller.ts';
import { NetworkClock } from '../../../../shared/time/network-clock.ts';
import { verifies } from '../../../requirements.ts';
import { DAY_MS } from '../../../support/clockless.ts';
import { testNetwork } from '../../../support/identities.ts';
import { rawRouter } from '../../../support/raw-router.ts';
import { tellsTime } from '../../../support/tells-time.ts';
import { scriptedController } from '../../../support/ziti/controller-script.ts';
import { offerOidc } from '../../../support/ziti/oidc-script.ts';

// The network lives 450 days ahead: the machine's clock, by which OpenSSL goes, is as one that stood still so long.
const network = await testNetwork();
const NOW = Date.now();
const TOLD = NOW + 450 * DAY_MS;
const RENEWED = { notBefore: NOW + 400 * DAY_MS, notAfter: NOW + 500 * DAY_MS };

const serverCertificate = (validity = RENEWED) => network.ca.certifyServer({ commonName: 'server', validity });
const slowClock = (): NetworkClock =>
  new NetworkClock({ machine: systemClock, floors: { certain: NOW - 100 * DAY_MS }, log: silentLogger });

describe('a controller whose certificate was renewed while the clock stood still', () => {
  for (const signIn of ['certificate', 'oidc'] as const) {
    test(`tells the time before anything is shown to it, and is signed in to by the ordinary rules: ${signIn}`, async () => {
      verifies('SLOW-CLOCK-CONNECTS', 'NO-CLOCK-TIME');
      await using script = await scriptedController({ network, certificate: await serverCertificate() });
      if (signIn === 'oidc') offerOidc(script);
      tellsTime(script, TOLD);
      const clock = slowClock();
      await using controller = openController({ identity: await script.identity(), signIn, clock });
      await controller.signIn();
      assert.equal(script.lines[0], 'GET /version');
      assert.equal(clock.trust, 'network');
      assert.ok(Math.abs(clock.now() - TOLD) < DAY_MS);
      assert.equal(clock.status()?.exceptions, 1);
    });
  }

  test('that tells none is spoken to under the exception', async () => {
    verifies('SLOW-CLOCK-CONNECTS');
    await using script = await scriptedController({ network, certificate: await serverCertificate() });
    tellsTime(script, undefined);
    script.on(() => (response) => {
      response.sendDate = false;
      response.writeHead(401).end('{}');
    });
    const clock = slowClock();
    await using controller = openController({ identity: await script.identity(), clock });
    await assert.rejects(controller.signIn(), { code: 'OVERLAY-SIGN-IN' });
    assert.equal(clock.trust, 'floor');
  });

  const beyond = { notBefore: NOW + 5 * 366 * DAY_MS, notAfter: NOW + 6 * 366 * DAY_MS };
  const ended = { notBefore: NOW - 2 * DAY_MS, notAfter: NOW - DAY_MS };
  const impostors = {
    'whose certificate ended': () => serverCertificate(ended),
    'whose certificate begins beyond the bound': () => serverCertificate(beyond),
    'of another CA': async () => (await testNetwork()).ca.certifyServer({ commonName: 'server', validity: RENEWED }),
    'with the certificate of an identity': async () => {
      const { key, cert } = (await network.ca.issueIdentity({ id: 'gw2', name: 'gw2', validity: RENEWED })).id;
      return { keyPem: key.replace(/^pem:/, ''), certPem: cert.replace(/^pem:/, '') };
    },
  };
  for (const [name, certificate] of Object.entries(impostors)) {
    test(`${name} proves nothing and hears nothing`, async () => {
      verifies('NO-CLOCK-BOUNDED');
      await using script = await scriptedController({ network, certificate: await certificate() });
      const clock = slowClock();
      await using controller = openController({ identity: await script.identity(), clock });
      await assert.rejects(controller.signIn(), { code: 'OVERLAY-UNREACHABLE' });
      assert.deepEqual([script.asked, clock.trust], [[], 'machine']);
    });
  }

  test('of another host proves nothing and hears nothing', async () => {
    verifies('NO-CLOCK-BOUNDED');
    await using script = await scriptedController({ network, certificate: await serverCertificate() });
    const clock = slowClock();
    await using controller = openController({ identity: await script.identity([`https://127.0.0.2:${script.port}`]), clock });
    await assert.rejects(controller.signIn());
    assert.deepEqual([script.asked, clock.trust], [[], 'machine']);
  });

  test('is not believed when another one has told the time, by which its certificate has not begun', async () => {
    verifies('NO-CLOCK-BOUNDED');
    await using script = await scriptedController({ network, certificate: await serverCertificate() });
    const clock = slowClock();
    clock.take(NOW, undefined);
    await using controller = openController({ identity: await script.identity(), clock });
    await assert.rejects(controller.signIn(), { code: 'OVERLAY-UNREACHABLE', message: /CERT_NOT_YET_VALID/ });
    assert.deepEqual([script.asked, clock.trust], [[], 'machine']);
  });
});

describe('a router whose certificate was renewed while the clock stood still', () => {
  const channelTo = async (certificate: { keyPem: string; certPem: string }, clock: NetworkClock, host = '127.0.0.1') => {
    const router = await rawRouter(network, { key: certificate.keyPem, cert: certificate.certPem });
    const identity = await network.identity('gw1');
    return { router, opening: openChannel({ host, port: router.port, identity, sessionToken: 'token', log: silentLogger, clock }) };
  };

  test('is spoken to, by the time that a controller told before', async () => {
    verifies('SLOW-CLOCK-CONNECTS');
    const clock = slowClock();
    clock.take(TOLD, undefined);
    const { router, opening } = await channelTo(await serverCertificate(), clock);
    await using _router = router;
    // The first connection is refused by OpenSSL, which the router may hear of before or behind its own handshake.
    const greeted = async (): Promise<void> => {
      const peer = await router.accept();
      await peer.greet().catch(greeted);
    };
    await greeted();
    await using channel = await opening;
    assert.equal(channel.closed.aborted, false);
    assert.deepEqual([clock.trust, clock.status()?.exceptions], ['network', 0]);
  });

  for (const [name, certificate, host] of [
    ['of another CA', async () => (await testNetwork()).ca.certifyServer({ commonName: 'server', validity: RENEWED }), '127.0.0.1'],
    ['of another host', () => serverCertificate(), '127.0.0.2'],
  ] as const) {
    test(`${name} proves nothing and hears nothing`, async () => {
      verifies('NO-CLOCK-BOUNDED');
      const clock = slowClock();
      const { router, opening } = await channelTo(await certificate(), clock, host);
      await using _router = router;
      await assert.rejects(opening, { code: 'OVERLAY-UNREACHABLE' });
      assert.equal(clock.trust, 'machine');
    });
  }
});
