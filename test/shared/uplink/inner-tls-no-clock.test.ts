import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../../shared/clock.ts';
import type { Identity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import { NetworkClock } from '../../../shared/time/network-clock.ts';
import { type SecuredConnection, secureDialer, secureListener } from '../../../shared/uplink/inner-tls.ts';
import { verifies } from '../../requirements.ts';
import { clockAtFloor, DAY_MS } from '../../support/clockless.ts';
import { days, ForgedNetwork, honest } from '../../support/forged.ts';
import { OVERLAY_PAIRS, type OverlayPair } from '../../support/overlay-pairs.ts';

// OpenSSL knows the true time here: to it, what begins in ten days is not valid yet.
const FLOOR = Date.now() - DAY_MS / 2;
const timeoutMs = 10_000;

describe('inner TLS of machines that do not know the time', () => {
  let overlay: OverlayPair;
  let network: ForgedNetwork;
  let good: Identity;

  before(async () => {
    overlay = await (OVERLAY_PAIRS.memory ?? assert.fail('no such overlay'))();
    network = await ForgedNetwork.create();
    good = await network.honest('good');
  });

  after(() => overlay[Symbol.asyncDispose]());

  const later = async (id: string): Promise<Identity> =>
    network.identity(await network.leaf(honest(id), { notBefore: days(10), notAfter: days(20) }), { id });

  type Side = { identity: Identity; clock: NetworkClock };

  /** What each side made of the other. */
  async function meet(
    dialer: Side,
    listener: Side,
  ): Promise<[SecuredConnection | { code?: string }, SecuredConnection | { code?: string }]> {
    const [near, far] = await overlay.connect();
    for (const stream of [near, far]) stream.on('error', () => stream.destroy());
    const outcomes = await Promise.allSettled([
      secureDialer(near, dialer.identity, { clock: dialer.clock, timeoutMs }),
      secureListener(far, listener.identity, { clock: listener.clock, timeoutMs }),
    ]);
    const [dialled, listened] = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') return outcome.reason as { code?: string };
      outcome.value.stream.on('error', () => undefined).destroy();
      return outcome.value;
    });
    return [dialled ?? assert.fail(), listened ?? assert.fail()];
  }

  test('each accepts a certificate that begins later, and counts it', async () => {
    verifies('NO-CLOCK-CONNECTS', 'NO-CLOCK-BOUNDED');
    const [gateway, hub] = await Promise.all([later('gw'), later('hub')]);
    const [here, there] = [clockAtFloor(FLOOR), clockAtFloor(FLOOR)];
    const [dialled, listened] = await meet({ identity: gateway, clock: here }, { identity: hub, clock: there });
    assert.equal('peer' in dialled && dialled.peer.identityId, 'hub');
    assert.equal('peer' in listened && listened.peer.identityId, 'gw');
    assert.deepEqual([here.status()?.exceptions, there.status()?.exceptions], [1, 1]);
  });

  test('a caller whose chain begins later is judged by what the network told, which the listener’s clock does not follow', async () => {
    verifies('SLOW-CLOCK-CONNECTS', 'NO-CLOCK-BOUNDED');
    const slow = (): NetworkClock => new NetworkClock({ machine: systemClock, floors: { certain: FLOOR }, log: silentLogger });
    const gateway = { identity: await later('gw'), clock: clockAtFloor(FLOOR) };
    for (const [told, accepts] of [
      [undefined, false],
      [days(9).getTime(), false],
      [days(15).getTime(), true],
      [days(21).getTime(), false],
    ] as const) {
      const clock = slow();
      if (told !== undefined) clock.take(told, undefined);
      const [, listened] = await meet(gateway, { identity: good, clock });
      if (accepts) assert.equal('peer' in listened && listened.peer.identityId, 'gw');
      else assert.equal('code' in listened && listened.code, 'IDENTITY-EXPIRED');
      assert.equal(clock.trust, 'machine');
    }
  });

  test('a dialer whose clock is behind learns that by a good chain that begins later', async () => {
    verifies('SLOW-CLOCK-CONNECTS');
    const slow = (): NetworkClock => new NetworkClock({ machine: systemClock, floors: { certain: FLOOR }, log: silentLogger });
    const hub = await later('hub');
    const [here, there] = [slow(), slow()];
    const [dialled] = await meet({ identity: good, clock: here }, { identity: hub, clock: there });
    assert.deepEqual('peer' in dialled && dialled.peer, { identityId: 'hub', trustDomain: hub.trustDomain });
    assert.deepEqual([here.trust, there.trust], ['floor', 'machine']);
  });

  test('neither accepts it once the time is known and it has not begun', async () => {
    verifies('NO-CLOCK-BOUNDED');
    const knowing = (): NetworkClock => {
      const clock = clockAtFloor(FLOOR);
      clock.take(Date.now(), { notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER });
      return clock;
    };
    const [gateway, hub] = await Promise.all([later('gw'), later('hub')]);
    const [, listened] = await meet({ identity: gateway, clock: clockAtFloor(FLOOR) }, { identity: good, clock: knowing() });
    assert.deepEqual('code' in listened && listened.code, 'IDENTITY-EXPIRED');
    const [dialled] = await meet({ identity: good, clock: knowing() }, { identity: hub, clock: clockAtFloor(FLOOR) });
    assert.deepEqual('code' in dialled && dialled.code, 'IDENTITY-EXPIRED');
  });

  test('neither accepts one that ended before the floor, nor one of another CA', async () => {
    verifies('NO-CLOCK-BOUNDED');
    const ended = network.identity(await network.leaf(honest('old'), { notBefore: days(-1), notAfter: days(-0.75) }), { id: 'old' });
    const forged = await (await ForgedNetwork.create()).leaf(honest('forged'), { notBefore: days(10), notAfter: days(20) });
    const foreign = network.identity(forged, { id: 'forged' });
    for (const [identity, code] of [
      [ended, 'IDENTITY-EXPIRED'],
      [foreign, 'IDENTITY-UNTRUSTED'],
    ] as const) {
      const [, listened] = await meet({ identity, clock: clockAtFloor(FLOOR) }, { identity: good, clock: clockAtFloor(FLOOR) });
      assert.equal('code' in listened && listened.code, code);
      const [dialled] = await meet({ identity: good, clock: clockAtFloor(FLOOR) }, { identity, clock: clockAtFloor(FLOOR) });
      assert.equal('code' in dialled && dialled.code, code);
    }
  });
});
