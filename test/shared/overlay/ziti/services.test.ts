import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorCode, VitalmeshError } from '../../../../shared/errors.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import type { ZitiService } from '../../../../shared/overlay/ziti/controller/contract.ts';
import { openZitiOverlayOf } from '../../../../shared/overlay/ziti/overlay.ts';
import { verifies } from '../../../requirements.ts';
import { turnsUntil } from '../../../support/until.ts';
import { ScriptedNetwork, service } from '../../../support/ziti/scripted-network.ts';

/** Routers and services are looked at again all the time. */
const OFTEN = { refreshEveryMs: 2, backoff: { minMs: 1, maxMs: 2 } };

function open(network: ScriptedNetwork): Promise<Overlay> {
  return openZitiOverlayOf(network.parts, network.log, { backoff: { minMs: 1, maxMs: 4 } });
}

/** Refuses with each of the codes in turn, then no more. */
function refusing(...codes: ErrorCode[]): () => ErrorCode | undefined {
  return () => codes.shift();
}

const DIAL_SESSION = 'session Dial id-of-vitals';

describe('services and dial sessions', { timeout: 20_000 }, () => {
  test('dials of a service share one session, also those that are under way at once', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await Promise.all([overlay.dial('vitals'), overlay.dial('vitals'), overlay.dial('vitals')]);
    await overlay.dial('vitals');
    assert.deepEqual([network.count('services'), network.count(DIAL_SESSION)], [1, 1]);
    assert.deepEqual(new Set(network.dials.map(({ session }) => session.token)), new Set(['st1']));
    assert.equal(network.dials[0]?.callerName, 'gateway-1');
  });

  for (const code of ['OVERLAY-SESSION', 'OVERLAY-DENIED'] as const) {
    test(`a kept session that is refused (${code}) is replaced, and the dial succeeds with the new one`, async () => {
      verifies('OVERLAY-SERVICE-SESSIONS');
      const network = new ScriptedNetwork();
      await using overlay = await open(network);
      await overlay.dial('vitals');
      network.refuseDial = refusing(code);
      await overlay.dial('vitals');
      assert.deepEqual(
        network.dials.map(({ session }) => session.token),
        ['st1', 'st1', 'st2'],
      );
      await overlay.dial('vitals');
      assert.equal(network.dials.at(-1)?.session.token, 'st2');
    });
  }

  test('dials that are refused at the same time are helped by one new session', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.dial('vitals');
    network.refuseDial = ({ session }) => (session.token === 'st1' ? 'OVERLAY-SESSION' : undefined);
    await Promise.all(Array.from({ length: 20 }, () => overlay.dial('vitals')));
    assert.equal(network.count(DIAL_SESSION), 2);
  });

  test('a dial that is refused later than another finds the session that the other one got', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.dial('vitals');
    const late = Promise.withResolvers<ErrorCode>();
    network.refuseDial = () => late.promise;
    const second = overlay.dial('vitals');
    await turnsUntil(() => network.dials.length === 2);
    network.refuseDial = refusing('OVERLAY-SESSION');
    await overlay.dial('vitals');
    late.resolve('OVERLAY-SESSION');
    await second;
    assert.equal(network.count(DIAL_SESSION), 2);
    assert.equal(network.dials.at(-1)?.session.token, 'st2');
  });

  test('a new session that is refused too ends the dial', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.dial('vitals');
    network.refuseDial = () => 'OVERLAY-SESSION';
    await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-SESSION' });
    assert.equal(network.count(DIAL_SESSION), 2);
  });

  test('other refusals are nobody’s fault but the network’s: nothing is asked again', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.dial('vitals');
    const before = network.asked.length;
    network.refuseDial = () => 'OVERLAY-NO-TERMINATOR';
    await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-NO-TERMINATOR' });
    assert.equal(network.asked.length, before);
  });

  test('a service made again under another id is found by its name', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.dial('vitals');
    network.services = [service('vitals', ['Dial'], 'another-id')];
    network.refuseDial = ({ session }) => (session.serviceId === 'another-id' ? undefined : 'OVERLAY-NO-SERVICE');
    await overlay.dial('vitals');
    assert.equal(network.dials.at(-1)?.session.serviceId, 'another-id');
    // The list can also be older than the service: then the controller knows none of that id.
    network.services = [service('vitals', ['Dial'], 'third-id')];
    network.refuseDial = () => undefined;
    network.newApiSession();
    await overlay.dial('vitals');
    assert.equal(network.dials.at(-1)?.session.serviceId, 'third-id');
  });

  test('a service made again that was noticed by then is not dialled by its old session', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await openZitiOverlayOf(network.parts, network.log, OFTEN);
    await overlay.dial('vitals');
    network.services = [service('vitals', ['Dial'], 'another-id')];
    const asked = network.count('services');
    await turnsUntil(() => network.count('services') > asked && network.count('mark') > 2);
    await overlay.dial('vitals');
    assert.deepEqual(
      network.dials.map(({ session }) => session.serviceId),
      ['id-of-vitals', 'another-id'],
    );
  });

  test('a service that has come to require encryption is dialled with it', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.dial('vitals');
    network.services = [{ ...service('vitals', ['Dial']), encryptionRequired: true }];
    network.refuseDial = ({ encryptionRequired }) => (encryptionRequired ? undefined : 'OVERLAY-PROTOCOL');
    await overlay.dial('vitals');
    assert.equal(network.dials.at(-1)?.encryptionRequired, true);
  });

  test('what is not listed, and what is listed without the permission, is refused without asking a router; a later permission counts at once', async () => {
    const network = new ScriptedNetwork();
    network.services = [service('vitals', ['Bind']), service('spare', ['Dial'])];
    await using overlay = await open(network);
    await assert.rejects(overlay.dial('nothing'), { code: 'OVERLAY-NO-SERVICE' });
    await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-DENIED' });
    await assert.rejects(
      overlay.bind('spare', () => undefined),
      { code: 'OVERLAY-DENIED' },
    );
    assert.equal(network.dials.length, 0);
    assert.equal(network.hostings.length, 0);
    network.services = [service('vitals', ['Dial', 'Bind'])];
    await overlay.dial('vitals');
  });

  test('service sessions of an API session that ended are not used any more', async () => {
    verifies('OVERLAY-SESSION-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.dial('vitals');
    network.newApiSession();
    await overlay.dial('vitals');
    assert.deepEqual(
      network.dials.map(({ session }) => session.token),
      ['st1', 'st2'],
    );
  });

  test('services are asked for anew at each question, also while the controller is away for a moment', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    assert.deepEqual(await overlay.services(), [{ name: 'vitals', permissions: ['Dial', 'Bind'] }]);
    network.services = [];
    assert.deepEqual(await overlay.services(), []);
    network.controllerDown = true;
    const asked = network.count('services');
    const answer = overlay.services();
    await turnsUntil(() => network.count('services') > asked + 1);
    network.controllerDown = false;
    network.services = [service('vitals', ['Dial'])];
    assert.deepEqual(await answer, [{ name: 'vitals', permissions: ['Dial'] }]);
  });

  test('a controller that cannot serve is asked for services again too, and when that lasts it is said to be busy', async () => {
    verifies('OVERLAY-PACED');
    const network = new ScriptedNetwork();
    const busy = new VitalmeshError('OVERLAY-BUSY', { detail: '503' });
    let refusals = 3;
    const services = async (): Promise<ZitiService[]> => {
      if (refusals-- > 0) throw busy;
      return network.services;
    };
    const parts = { ...network.parts, controller: { ...network.parts.controller, services } };
    await using overlay = await openZitiOverlayOf(parts, network.log, { requestTimeoutMs: 500, backoff: { minMs: 1, maxMs: 4 } });
    assert.deepEqual(await overlay.services(), [{ name: 'vitals', permissions: ['Dial', 'Bind'] }]);
    refusals = Number.POSITIVE_INFINITY;
    await assert.rejects(overlay.services(), { code: 'OVERLAY-BUSY', detail: '503' });
  });

  test('a controller that stays away is unreachable, to services and to a dial that has no session', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await openZitiOverlayOf(network.parts, network.log, { requestTimeoutMs: 50, backoff: { minMs: 1, maxMs: 4 } });
    network.controllerDown = true;
    await assert.rejects(overlay.services(), { code: 'OVERLAY-UNREACHABLE' });
    await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-UNREACHABLE' });
  });

  test('while all is well, services and routers are asked for from time to time', async () => {
    const network = new ScriptedNetwork();
    await using _overlay = await openZitiOverlayOf(network.parts, network.log, OFTEN);
    await turnsUntil(() => network.count('services') > 2 && network.count('routers') > 2);
    assert.equal(network.channels.length, 1);
  });

  test('services are listed again when the controller tells of a change, and not for each time that it was asked', async () => {
    verifies('LINK-QUIET');
    const network = new ScriptedNetwork();
    let change = 0;
    network.servicesMark = () => String(change);
    await using _overlay = await openZitiOverlayOf(network.parts, network.log, OFTEN);
    for (; change < 3; change += 1) {
      const [lists, marks] = [network.count('services'), network.count('mark')];
      await turnsUntil(() => network.count('mark') >= marks + 2);
      assert.ok(network.count('services') > lists, `change ${change}`);
    }
    const [lists, marks] = [network.count('services'), network.count('mark')];
    await turnsUntil(() => network.count('mark') >= marks + 20);
    const listed = network.count('services') - lists;
    assert.ok(listed >= 3 && listed <= 8, `${listed} of 20`);
  });

  test('a controller that does not say whether there was a change is asked for the services each time', async () => {
    const network = new ScriptedNetwork();
    network.servicesMark = undefined;
    await using _overlay = await openZitiOverlayOf(network.parts, network.log, OFTEN);
    await turnsUntil(() => network.count('mark') >= 10);
    assert.ok(network.count('services') >= 9);
  });
});
