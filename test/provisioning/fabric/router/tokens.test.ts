import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { Stage, u32Of } from './stage.ts';

const [UPDATE_TOKEN, TAKEN, REFUSED] = [60803, 60801, 60802];
const OIDC = { kind: 'oidc', id: 'session of gw1' } as const;

describe('embedded router: tokens that end', { timeout: 30_000 }, () => {
  test('a channel ends without a word when its token has, and so do its circuits', async () => {
    verifies('FABRIC-OIDC');
    await using s = await Stage.start({ tokenGraceMs: 100 });
    s.grants.addSession('token-gw1', 'gw1', { ...OIDC, expiresInMs: 300 });
    const host = await s.host();
    const dialer = await s.channel('gw1');
    const hostConnId = await s.circuit(dialer, host);
    const frames = dialer.received.length;
    await dialer.closed;
    assert.equal(dialer.received.length, frames);
    const closed = await host.next(60785);
    assert.deepEqual([u32Of(closed, 1000), String(closed.body)], [hostConnId, 'close called']);
    await host.sync();
  });

  test('a newer token of the same session puts the end off; one of before brings it near again', async () => {
    verifies('FABRIC-OIDC');
    await using s = await Stage.start({ tokenGraceMs: 0 });
    s.grants.addSession('token-gw1', 'gw1', { ...OIDC, expiresInMs: 400 });
    s.grants.addSession('newer', 'gw1', { ...OIDC, expiresInMs: 3_600_000 });
    s.grants.addSession('token-gw2', 'gw2', { kind: 'oidc', expiresInMs: 800 });
    const [renewing, other] = [await s.channel('gw1'), await s.channel('gw2')];
    const sequence = renewing.send(UPDATE_TOKEN, {}, 'newer');
    const answer = await renewing.next(TAKEN);
    assert.deepEqual([u32Of(answer, 1), answer.body.length, answer.headers.size], [sequence, 0, 1]);
    await other.closed;
    await renewing.sync();
    renewing.send(UPDATE_TOKEN, {}, 'token-gw1');
    await renewing.next(TAKEN);
    await renewing.closed;
  });

  for (const [what, token, text] of [
    ['of another session', 'another', 'code: 2, message: invalid token, API session id does not match'],
    ['that nobody issued', 'unknown', 'code: 2, message: invalid token'],
  ] as const)
    test(`a token ${what} is refused, and then the channel ends`, async () => {
      verifies('FABRIC-ROUTER-AS-REAL');
      await using s = await Stage.start();
      s.grants.addSession('token-gw1', 'gw1', { ...OIDC, expiresInMs: 60_000 });
      s.grants.addSession('another', 'gw1', { kind: 'oidc', id: 'another session', expiresInMs: 60_000 });
      const client = await s.channel('gw1');
      const sequence = client.send(UPDATE_TOKEN, {}, token);
      const answer = await client.next(REFUSED);
      assert.deepEqual([u32Of(answer, 1), u32Of(answer, 1014), String(answer.body)], [sequence, 2, text]);
      const message = text.replace('code: 2, message: ', '');
      assert.deepEqual(JSON.parse(String(answer.headers.get(1033))), { message, code: 2, cause: null, retryHint: 0 });
      assert.equal(await client.closed, 'end');
    });

  test('a hello with a token of a session that was revoked ends at once, not late as one that is unknown', async () => {
    verifies('FABRIC-OIDC');
    await using s = await Stage.start({ unknownTokenMs: 60_000 });
    s.grants.revoked.add('token-gw1');
    const client = await s.connect('gw1');
    await client.hello('token-gw1');
    assert.equal(await client.closed, 'end');
  });

  for (const [kind, text] of [
    ['oidc', 'dial access lost'],
    ['certificate', 'close called'],
  ] as const)
    test(`a dialer whose service is gone reads "${text}" with a session of kind ${kind}`, async () => {
      verifies('FABRIC-ROUTER-AS-REAL');
      await using s = await Stage.start();
      s.grants.addSession('token-gw1', 'gw1', { kind, id: 'session of gw1' });
      const [host, dialer] = [await s.host(), await s.channel('gw1')];
      await s.circuit(dialer, host);
      s.grants.change(() => {
        for (const party of ['gw1 vitals Dial', 'hub vitals Bind']) s.grants.denied.add(party);
      });
      assert.equal(String((await dialer.next(60785)).body), text);
    });
});
