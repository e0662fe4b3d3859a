import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifies } from '../requirements.ts';
import { ending } from '../support/ziti/conversation.ts';
import { ScriptedSite, transcript } from '../support/ziti/scripted-site.ts';

const FIRST_ROUTER_ID = 0x8000_0000;

describe('against a recorded router, as the dialer', () => {
  for (const file of ['A-dial-echo-legacy', 'A-dial-echo-oidc', 'A2-dial-echo-unencrypted']) {
    test(`${file}: dials, is echoed, ends, is ended, closes`, async () => {
      verifies('OVERLAY-REAL-ROUTER');
      await using site = await ScriptedSite.open(transcript(file));
      const connection = await site.dial();
      await site.converse(connection, 1);
      assert.equal(await ending(connection), undefined);
      assert.deepEqual(await site.unrecorded(), []);
    });
  }

  for (const file of ['C-dial-no-terminators-legacy', 'C-dial-no-terminators-oidc']) {
    test(`${file}: nobody hosts the service`, async () => {
      verifies('OVERLAY-REAL-ROUTER');
      await using site = await ScriptedSite.open(transcript(file));
      await assert.rejects(site.dial(), { code: 'OVERLAY-NO-TERMINATOR' });
      assert.deepEqual(await site.unrecorded(), []);
    });
  }

  for (const [file, code] of [
    ['D-dial-denied-legacy', 'OVERLAY-SESSION'],
    ['D-dial-denied-oidc', 'OVERLAY-DENIED'],
  ] as const) {
    test(`${file}: the right to dial is lost, the connection cut, the next dial refused`, async () => {
      verifies('OVERLAY-REAL-ROUTER');
      await using site = await ScriptedSite.open(transcript(file));
      const connection = await site.dial();
      const end = await ending(connection);
      assert.equal((end as { code?: string } | undefined)?.code, 'OVERLAY-CLOSED');
      assert.equal((end?.cause as { code?: string } | undefined)?.code, 'OVERLAY-DENIED');
      await assert.rejects(site.dial(1), { code });
      assert.deepEqual(await site.unrecorded(), []);
    });
  }
});

describe('against a recorded router, as the host', () => {
  for (const file of ['B-bind-accept-legacy', 'B-bind-accept-oidc', 'B2-bind-accept-unencrypted']) {
    test(`${file}: binds, accepts, echoes, ends, unbinds`, async () => {
      verifies('OVERLAY-REAL-ROUTER');
      await using site = await ScriptedSite.open(transcript(file));
      const hosting = await site.host();
      const { connection, caller } = await site.accepted();
      assert.deepEqual(caller, { identityId: 'hc..xMvev', name: 'gw1', verified: true });
      await site.converse(connection, FIRST_ROUTER_ID);
      assert.equal(await ending(connection), undefined);
      assert.equal(hosting.ended.aborted, false);
      await hosting[Symbol.asyncDispose]();
      assert.deepEqual(await site.unrecorded(), []);
    });
  }
});
