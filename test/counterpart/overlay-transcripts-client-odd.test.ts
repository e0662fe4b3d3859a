import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { CONTENT, HEADER } from '../../shared/overlay/ziti/wire/ids.ts';
import { verifies } from '../requirements.ts';
import { ending } from '../support/ziti/conversation.ts';
import { ScriptedSite, transcript, transcripts } from '../support/ziti/scripted-site.ts';
import type { RecordedFrame, Recording } from '../support/ziti/transcript.ts';

const ODD = 'E-raw-dialfailed-halfclose-instance';
const ENCRYPTION = 'E-raw-encryption-legacybind-token-update';
const IGNORED = 'E-raw-host-ignores-dial';
const HOSTING = 'E-raw-hosting-and-limits';
const FAILURES = 'F-raw-hello-and-session-failures';
const REMOVED = 'D-raw-policy-removed';

const FIRST_ROUTER_ID = 0x8000_0000;

function codeOf(error: unknown): unknown {
  return (error as { code?: string } | undefined)?.code;
}

async function closing(site: ScriptedSite): Promise<unknown> {
  if (!site.channel.closed.aborted) await once(site.channel.closed, 'abort');
  return codeOf(site.channel.closed.reason);
}

/** The recording up to the nth frame of this type, and with it. */
function until(recorded: Recording, type: number, nth = 0): Recording {
  const last = recorded.frames.filter(({ frame }) => frame.type === type)[nth];
  assert.ok(last);
  return { ...recorded, frames: recorded.frames.slice(0, recorded.frames.indexOf(last) + 1) };
}

function changed(recorded: Recording, change: (frame: RecordedFrame) => RecordedFrame): Recording {
  return { ...recorded, frames: recorded.frames.map(change) };
}

/** The frames of this type without one header. */
function without(recorded: Recording, type: number, header: number): Recording {
  return changed(recorded, (one) => {
    if (one.frame.type !== type) return one;
    return { ...one, frame: { ...one.frame, headers: new Map([...one.frame.headers].filter(([id]) => id !== header)) } };
  });
}

describe('a dial that a real router refused', () => {
  for (const [file, label, code] of [
    [ODD, 'dialfailed', 'OVERLAY-UNREACHABLE'],
    [ODD, 'inst', 'OVERLAY-NO-TERMINATOR'],
    [ENCRYPTION, 'dv', 'OVERLAY-PROTOCOL'],
    [ENCRYPTION, 'dv2', 'OVERLAY-PROTOCOL'],
    [ENCRYPTION, 'du', 'OVERLAY-NO-TERMINATOR'],
    [IGNORED, 'dial', 'OVERLAY-UNREACHABLE'],
    [FAILURES, 'connect bogus session token', 'OVERLAY-SESSION'],
    [FAILURES, 'connect with Bind token of other identity', 'OVERLAY-SESSION'],
  ] as const) {
    test(`${label}: ${code}`, async () => {
      verifies('OVERLAY-REAL-ROUTER');
      await using site = await ScriptedSite.open(transcript(file, label));
      await assert.rejects(site.dial(), { code });
      assert.equal(site.channel.closed.aborted, false);
      assert.deepEqual(await site.unrecorded(), []);
    });
  }
});

describe('a bind that a real router refused', () => {
  for (const label of ['bind with dial token', 'bind bogus token']) {
    test(`${label}: OVERLAY-SESSION`, async () => {
      verifies('OVERLAY-REAL-ROUTER');
      const recorded = transcript(FAILURES, label);
      // The recorded client asked for none of what every bind of ours asks for.
      const asking = changed(recorded, (one) =>
        one.frame.type === CONTENT.bind
          ? { ...one, frame: { ...one.frame, headers: new Map([...one.frame.headers, ...BIND_HEADERS]) } }
          : one,
      );
      await using site = await ScriptedSite.open(asking);
      await assert.rejects(site.host(), { code: 'OVERLAY-SESSION' });
      assert.deepEqual(await site.unrecorded(), []);
    });
  }
});

const BIND_HEADERS = [HEADER.routerProvidedConnId, HEADER.supportsInspect, HEADER.supportsBindSuccess]
  .map((id): [number, Buffer] => [id, Buffer.of(1)])
  .concat([[HEADER.listenerId, Buffer.from('listener')]]);

describe('how a connection ended at a real router', () => {
  test('closed without an end: an error, not a clean end', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(ODD, 'd3'));
    assert.equal(codeOf(await ending(await site.dial())), 'OVERLAY-CLOSED');
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('closed by a host of the older kind right behind its last bytes: an error', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(ENCRYPTION, 'dl'));
    const connection = await site.dial();
    connection.write('zzz');
    assert.equal(codeOf(await ending(connection)), 'OVERLAY-CLOSED');
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('the host ends first, with its last bytes; the dialer goes on, then ends: both ends are clean', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(ODD, 'halfclose'));
    const connection = await site.dial();
    await site.converse(connection, 1);
    assert.equal(await ending(connection), undefined);
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('the same seen from the host, behind connections that were cut', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(ODD, 'h3'));
    await site.host();
    const first = await site.accepted();
    assert.equal(codeOf(await ending(first.connection)), 'OVERLAY-CLOSED');
    const second = await site.accepted();
    await site.converse(second.connection, FIRST_ROUTER_ID + 1);
    assert.equal(codeOf(await ending(second.connection)), 'OVERLAY-CLOSED');
    const third = await site.accepted();
    await site.converse(third.connection, FIRST_ROUTER_ID + 2);
    assert.equal(await ending(third.connection), undefined);
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('the right to dial removed: cut, and then refused', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(REMOVED, 'D-oidc'));
    assert.equal(codeOf(await ending(await site.dial())), 'OVERLAY-CLOSED');
    await assert.rejects(site.dial(1), { code: 'OVERLAY-DENIED' });
    assert.deepEqual(await site.unrecorded(), []);
  });
});

describe('a host at a real router', () => {
  test('refuses dials: the router asks once more for the same circuit, and is refused once more', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(until(transcript(ODD, 'h2'), CONTENT.dialFailed, 1));
    await site.host({ maxConnections: 0 });
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('is dialled twice for one circuit, of which one is closed again; a name that the dialer wrote itself is not taken for its own', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(IGNORED, 'host'));
    await site.host();
    const [first, second] = [await site.accepted(), await site.accepted()];
    const gw1 = { identityId: 'hc..xMvev', name: 'gw1', verified: true };
    assert.deepEqual([first.caller, second.caller], [gw1, gw1]);
    assert.equal(codeOf(await ending(second.connection)), 'OVERLAY-CLOSED');
    assert.equal(first.connection.destroyed, false);
    // The recorded host was silent.
    assert.deepEqual(await site.unrecorded(), ['connInspectResponse', 'dialSuccess', 'dialSuccess']);
  });

  test('loses its place to a newer bind', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(ENCRYPTION, 'dup'));
    const hosting = await site.host();
    if (!hosting.ended.aborted) await once(hosting.ended, 'abort');
    assert.equal(codeOf(hosting.ended.reason), 'OVERLAY-CLOSED');
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('is cut off from its callers one by one, and unbinds', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(REMOVED, 'hz'));
    const hosting = await site.host();
    const [first, second] = [await site.accepted(), await site.accepted()];
    assert.deepEqual([first.caller.name, second.caller.name], ['nobody1', 'nobody1']);
    assert.deepEqual([await ending(first.connection), await ending(second.connection)].map(codeOf), ['OVERLAY-CLOSED', 'OVERLAY-CLOSED']);
    assert.equal(hosting.ended.aborted, false);
    await hosting[Symbol.asyncDispose]();
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('reads frames of up to 9 MB whole, from a caller whose forged id the router has overwritten', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(HOSTING, 'h1'));
    await site.host();
    const { connection, caller } = await site.accepted();
    assert.deepEqual(caller, { identityId: 'hc..xMvev', name: 'gw1', verified: true });
    await site.converse(connection, FIRST_ROUTER_ID);
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('and a dialer sends as much, to a host that never says how much it can take', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    await using site = await ScriptedSite.open(transcript(HOSTING, 'd1'));
    await site.converse(await site.dial(), 1);
    assert.deepEqual(await site.unrecorded(), []);
  });
});

describe('a channel that a real router closed without a word', () => {
  for (const label of [
    'hello no token (cert ok)',
    'hello bogus token',
    'hello gw1 token with hub1 cert',
    'hello gw1 legacy token with hub1 cert',
  ]) {
    test(`behind the hello: ${label}`, async () => {
      verifies('OVERLAY-REAL-ROUTER');
      const recorded = transcript(FAILURES, label);
      // Ours never says hello without a token.
      const [hello, ...rest] = recorded.frames;
      assert.ok(hello);
      const headers = new Map([[HEADER.sessionToken, Buffer.alloc(0)], ...hello.frame.headers]);
      await using site = await ScriptedSite.open({ ...recorded, frames: [{ ...hello, frame: { ...hello.frame, headers } }, ...rest] });
      assert.equal(await closing(site), 'OVERLAY-UNREACHABLE');
      await assert.rejects(site.channel.probe(new AbortController().signal), { code: 'OVERLAY-UNREACHABLE' });
    });
  }

  test('when its session was ended', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    const [loggedOut] = transcripts('E-raw-logout');
    assert.ok(loggedOut?.closedByRouter);
    await using site = await ScriptedSite.open(loggedOut);
    assert.equal(await closing(site), 'OVERLAY-UNREACHABLE');
  });

  test('while a dial waited for its answer', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    const [, unanswered] = transcripts(IGNORED);
    assert.ok(unanswered?.closedByRouter);
    await using site = await ScriptedSite.open(unanswered);
    await assert.rejects(site.dial(), { code: 'OVERLAY-UNREACHABLE' });
    assert.equal(await closing(site), 'OVERLAY-UNREACHABLE');
  });
});

describe('recordings with something missing, added or changed', () => {
  test('encryption is required and the host shows no key: the dial fails and nothing is sent in clear', async () => {
    verifies('OVERLAY-REAL-ROUTER', 'OVERLAY-END-TO-END');
    const recorded = without(transcript('A-dial-echo-legacy'), CONTENT.stateConnected, HEADER.publicKey);
    await using site = await ScriptedSite.open(until(recorded, CONTENT.stateConnected));
    await assert.rejects(site.dial(), { code: 'OVERLAY-PROTOCOL' });
    assert.deepEqual(await site.unrecorded(), ['stateClosed']);
  });

  test('encryption is required and the dialer shows no key: the dial is refused', async () => {
    verifies('OVERLAY-REAL-ROUTER', 'OVERLAY-END-TO-END');
    const recorded = without(transcript('B-bind-accept-legacy'), CONTENT.dial, HEADER.publicKey);
    await using site = await ScriptedSite.open(until(recorded, CONTENT.dial));
    await site.host();
    assert.deepEqual(await site.unrecorded(), ['dialFailed']);
  });

  test('answers about tokens and unknown types are passed over', async () => {
    verifies('OVERLAY-REAL-ROUTER');
    const recorded = transcript('A-dial-echo-legacy');
    const [connected] = recorded.frames.filter(({ frame }) => frame.type === CONTENT.stateConnected);
    assert.ok(connected);
    const odd = [
      CONTENT.updateTokenSuccess,
      CONTENT.updateTokenFailure,
      CONTENT.heartbeat,
      CONTENT.probe,
      CONTENT.traceRouteResponse,
      4711,
      -5,
    ].map(
      (type): RecordedFrame => ({
        ...connected,
        frame: { type, sequence: 77, headers: new Map([[4242, Buffer.of(1)]]), body: Buffer.from('?') },
      }),
    );
    const frames = recorded.frames.flatMap((one) => (one.from === 'router' && one.frame.type !== CONTENT.result ? [...odd, one] : [one]));
    await using site = await ScriptedSite.open({ ...recorded, frames });
    const connection = await site.dial();
    await site.converse(connection, 1);
    assert.equal(await ending(connection), undefined);
    assert.deepEqual(await site.unrecorded(), []);
  });

  test('the script itself tells a client that says something else', async () => {
    const recorded = transcript('A2-dial-echo-unencrypted');
    const other = changed(recorded, (one) =>
      one.plain.toString() === 'second message' ? { ...one, plain: Buffer.from('second massage') } : one,
    );
    await using site = await ScriptedSite.open(other);
    const connection = await site.dial();
    connection.write('hellosecond message');
    await assert.rejects(site.played, { code: 'ERR_ASSERTION', message: /bytes of connection 1/ });
  });
});
