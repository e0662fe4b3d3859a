import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../../../shared/log.ts';
import type { Caller } from '../../../../../shared/overlay/overlay.ts';
import type { Hosting, HostRequest } from '../../../../../shared/overlay/ziti/circuit/contract.ts';
import { DeafCallers } from '../../../../../shared/overlay/ziti/circuit/deaf-callers.ts';
import { hostService } from '../../../../../shared/overlay/ziti/circuit/host.ts';
import { newMarker } from '../../../../../shared/overlay/ziti/circuit/marker.ts';
import { clientKeys, newKeyPair } from '../../../../../shared/overlay/ziti/crypto/kx.ts';
import { secretReceiver } from '../../../../../shared/overlay/ziti/crypto/secretstream.ts';
import { verifies } from '../../../../requirements.ts';
import { turnsUntil } from '../../../../support/until.ts';
import { guarded, hostRequest, NEVER } from '../../../../support/ziti/circuits.ts';
import { FakeChannel, type FakeChannelOptions } from '../../../../support/ziti/fake-channel.ts';

// Frames by hand: magic, type, sequence, length of headers, length of body | headers | body. The bind has connection id 1.
const CONN_1 = 'e8030000 04000000 01000000';
const REPLY_TO_1 = '01000000 04000000 01000000';
const CONNECTED = `0306090c 70ed0000 01000000 21000000 00000000 | ${CONN_1} | f4030000 01000000 01 | ${REPLY_TO_1}`;
const BIND_SUCCESS = `0306090c 80ed0000 03000000 0c000000 00000000 | ${CONN_1}`;
const INSPECT = `0306090c 7eed0000 02000000 0c000000 00000000 | ${CONN_1}`;
const NEW_CONN = 'f4030000 04000000 00000080';
const TOKEN = '746f6b';
const DIAL = `0306090c 73ed0000 04000000 18000000 03000000 | ${CONN_1} | ${NEW_CONN} | ${TOKEN}`;
const UNBIND = `0306090c 77ed0000 ..{4} 0c000000 03000000 ${CONN_1} ${TOKEN}`;
const CLOSE = `0306090c 71ed0000 ..{4} 0c000000 00000000 ${CONN_1}`;
const DATA_TO_NEW = '0306090c 72ed0000 06000000 0c000000 05000000 | e8030000 04000000 00000080 | 68656c6c6f';

describe('hosting', { timeout: 20_000 }, () => {
  test('Bind, inspection and BindSuccess, byte by byte', async () => {
    verifies('OVERLAY-CIRCUITS');
    const channel = new FakeChannel();
    const hosting = hostService(hostRequest(channel));
    const [bind = ''] = channel.takeSent();
    assert.equal(
      bind,
      plain(
        `0306090c 76ed0000 01000000 3a000000 03000000 ${CONN_1} f4030000 01000000 01 fd030000 02000000 6c31`,
        `ff030000 01000000 01 00040000 01000000 01 04040000 01000000 00 ${TOKEN}`,
      ),
    );
    // In the order in which it comes from a router that is quick: the inspection ahead of all.
    channel.receiveHex(INSPECT, CONNECTED);
    const [inspected = ''] = channel.takeSent();
    assert.equal(
      inspected,
      plain(
        `0306090c 7fed0000 02000000 21000000 17000000 ${CONN_1} 01000000 04000000 02000000 fe030000 01000000 02`,
        Buffer.from('{"id":1,"closed":false}').toString('hex'),
      ),
    );
    const { confirmed, ended } = await hosting;
    let isConfirmed = false;
    void confirmed.then(() => {
      isConfirmed = true;
    });
    await new Promise(setImmediate);
    assert.equal(isConfirmed, false, 'there is no terminator before BindSuccess');
    channel.receiveHex(BIND_SUCCESS, BIND_SUCCESS, INSPECT);
    await confirmed;
    assert.equal(ended.aborted, false);
    assert.equal(channel.takeSent().length, 1, 'the second inspection is answered');
  });

  test('an encrypted service shows the key of its listener', () => {
    const channel = new FakeChannel();
    void hostService(hostRequest(channel, { encryptionRequired: true }));
    assert.match(
      channel.takeSent().join(),
      pattern(`0306090c 76ed0000 01000000 6b000000 03000000 ${CONN_1} eb030000 20000000 ..{32} f1030000 01000000 00 f4030000`),
    );
  });

  test('for a router that promised no BindSuccess StateConnected is enough', async () => {
    const channel = new FakeChannel({ supportsBindSuccess: false });
    const hosting = hostService(hostRequest(channel));
    channel.receiveHex(CONNECTED);
    await (await hosting).confirmed;
  });

  test('an offer that the router has taken stands unconfirmed when whoever asked for it has given up waiting, and is confirmed late', async () => {
    verifies('OVERLAY-UNCONFIRMED');
    const giving = new AbortController();
    const channel = new FakeChannel();
    const hosting = hostService(hostRequest(channel, { signal: giving.signal }));
    channel.takeSent();
    channel.receiveHex(CONNECTED);
    const { confirmed } = await hosting;
    giving.abort();
    assert.deepEqual([channel.takeSent(), channel.attachedIds], [[], [1]]);
    channel.receiveHex(BIND_SUCCESS);
    await confirmed;
  });

  test('an offer that ends unconfirmed says why: by the router, with the channel, given up', async () => {
    verifies('OVERLAY-UNCONFIRMED');
    const lost = new VitalmeshError('OVERLAY-UNREACHABLE');
    for (const [end, code] of [
      [(channel) => channel.receiveHex(stateClosed('session ended', '')), 'OVERLAY-SESSION'],
      [(channel) => channel.lose(lost), 'OVERLAY-UNREACHABLE'],
      [(_, hosting) => hosting[Symbol.asyncDispose](), 'OVERLAY-CLOSED'],
    ] as [(channel: FakeChannel, hosting: Hosting) => unknown, string][]) {
      const channel = new FakeChannel();
      const taken = hostService(hostRequest(channel));
      channel.receiveHex(CONNECTED);
      const hosting = await taken;
      await end(channel, hosting);
      await assert.rejects(hosting.confirmed, { code });
      assert.deepEqual(channel.attachedIds, []);
    }
  });

  test('a plain dial of a stranger, byte by byte', async () => {
    verifies('OVERLAY-CIRCUITS');
    const site = await bound();
    site.channel.receiveHex(DIAL);
    assert.deepEqual(site.channel.takeSent(), [
      plain(`0306090c 74ed0000 02000000 18000000 04000000 ${CONN_1} 01000000 04000000 04000000 00000080`),
    ]);
    const far = site.last();
    site.channel.receiveHex(DATA_TO_NEW);
    assert.equal(String(far.read()), 'hello');
    far.end('bye');
    await once(far, 'finish');
    assert.deepEqual(site.channel.takeSent(), [
      plain('0306090c 72ed0000 03000000 0c000000 03000000 e8030000 04000000 00000080 627965'),
      plain('0306090c 72ed0000 04000000 18000000 00000000 e8030000 04000000 00000080 f2030000 04000000 01000000'),
    ]);
  });

  test('a marked dial is granted a window at once', async () => {
    verifies('OVERLAY-FLOW');
    const site = await bound();
    site.channel.receiveHex(dialWith(`01040000 08000000 ${Buffer.from(newMarker()).toString('hex')}`));
    const [, grant] = site.channel.takeSent();
    // 192 times 4096 bytes beyond the 256 KiB that everybody may send.
    assert.equal(grant, plain('0306090c 72ed0000 03000000 18000000 00000000 e8030000 04000000 00000080 f2030000 04000000 0080c000'));
  });

  test('a random text that begins like a marker is none', async () => {
    const site = await bound();
    site.channel.receiveHex(dialWith(`01040000 08000000 ${Buffer.from('vm1abcde').toString('hex')}`));
    assert.equal(site.channel.takeSent().length, 1);
  });

  test('an encrypted dial: the stream header comes first, alone, with the grant for a marked one', async () => {
    verifies('OVERLAY-CIRCUITS');
    for (const marked of [false, true]) {
      const site = await bound({ encryptionRequired: true });
      const dialer = newKeyPair();
      const marker = marked ? `01040000 08000000 ${Buffer.from(newMarker()).toString('hex')}` : '';
      site.channel.receiveHex(dialWith(`eb030000 20000000 ${dialer.publicKey.toString('hex')} ${marker}`));
      const [, header = ''] = site.channel.takeSent();
      assert.match(
        header,
        marked
          ? pattern('0306090c 72ed0000 03000000 18000000 18000000 e8030000 04000000 00000080 f2030000 04000000 0080c000 ..{24}')
          : pattern('0306090c 72ed0000 03000000 0c000000 18000000 e8030000 04000000 00000080 ..{24}'),
      );
      site.last().write('hi');
      await turnsUntil(() => site.channel.sent.length > 0);
      const [data = ''] = site.channel.takeSent();
      const keys = clientKeys(dialer, site.listenerKey);
      const receiver = secretReceiver(keys.rx, Buffer.from(header, 'hex').subarray(-24));
      assert.equal(receiver.open(Buffer.from(data, 'hex').subarray(32)).toString(), 'hi');
    }
  });

  for (const [what, headers, caller] of [
    ['1034 and 1035', [id('hc..x'), name('gw1'), claim('gw1')], { identityId: 'hc..x', name: 'gw1', verified: true }],
    ['1034 alone', [id('hc..x')], { identityId: 'hc..x', name: undefined, verified: true }],
    ['1034, and a claim', [id('hc..x'), claim('somebody else')], { identityId: 'hc..x', name: undefined, verified: true }],
    ['a claim alone', [claim('hub')], { identityId: undefined, name: 'hub', verified: false }],
    ['a name alone', [name('hub')], { identityId: undefined, name: undefined, verified: false }],
    ['an empty 1034', [id(''), name('hub'), claim('gw')], { identityId: undefined, name: 'gw', verified: false }],
    ['nothing', [], { identityId: undefined, name: undefined, verified: false }],
    [
      'a claim to deceive a reader of logs',
      [claim('a\n{"level":"info"}')],
      { identityId: undefined, name: 'a {"level":"info"}', verified: false },
    ],
  ] as const) {
    test(`the caller is known by what the router says: ${what}`, async () => {
      verifies('OVERLAY-CALLER');
      const site = await bound();
      site.channel.receiveHex(dialWith(...headers));
      assert.deepEqual(site.callers, [caller]);
    });
  }

  for (const [what, dial, reason, options] of [
    ['with a token of another session', DIAL.replace(TOKEN, '746f6c'), 'not the session of this host', {}],
    ['with an empty token', DIAL.replace(/03000000 \|/, '00000000 |').replace(TOKEN, ''), 'not the session of this host', {}],
    ['without a connection id', DIAL.replace('f4030000', 'f5030000'), 'the router gave no connection id', {}],
    ['with a connection id from our half', DIAL.replace('00000080', '01000000'), 'not a connection id of a router', {}],
    [
      'without a key for an encrypted service',
      DIAL,
      'the service requires encryption and the dialer sent no usable key',
      { encryptionRequired: true },
    ],
    ['beyond the limit', DIAL, 'too many connections', { maxConnections: 0 }],
  ] as const) {
    test(`a dial ${what} is refused`, async () => {
      const site = await bound(options);
      site.channel.receiveHex(dial);
      assert.deepEqual(site.channel.takeSent(), [dialFailed(reason)]);
      assert.deepEqual([site.connections, site.channel.attachedIds], [[], [1]]);
    });
  }

  test('who did not read is refused for a minute on all hostings, and told of once; nobody else is', async (t) => {
    verifies('OVERLAY-STALL');
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    const warnings: unknown[] = [];
    const deafCallers = new DeafCallers({ ...silentLogger, warn: (details: unknown) => void warnings.push(details) } as Logger);
    for (let i = 0; i < 3; i += 1) deafCallers.note({ identityId: 'iD.deaf', name: 'deaf', verified: true });
    assert.deepEqual(warnings, [{ caller: 'iD.deaf', refusedMs: 60_000 }]);
    deafCallers.note({ identityId: undefined, name: 'deaf', verified: false });
    const deaf = dialWith(header('0a040000', 'iD.deaf'));
    const site = await bound({ deafCallers });
    site.channel.receiveHex(deaf);
    assert.deepEqual(site.channel.takeSent(), [dialFailed('does not read what it is sent')]);
    site.channel.receiveHex(DIAL, dialWith(header('0a040000', 'iD.other')).replace('00000080', '01000080'));
    assert.equal(site.connections.length, 2);
    nowMs = 59_999;
    site.channel.receiveHex(deaf.replace('00000080', '02000080'));
    assert.equal(site.connections.length, 2);
    nowMs = 60_000;
    site.channel.receiveHex(deaf.replace('00000080', '02000080'));
    assert.equal(site.connections.length, 3);
  });

  test('a dial for a connection id in use is refused, and the connection that has it goes on', async () => {
    const site = await bound();
    site.channel.receiveHex(DIAL);
    site.channel.takeSent();
    site.channel.receiveHex(DIAL);
    assert.deepEqual(site.channel.takeSent(), [dialFailed('the connection id is in use', '03000000')]);
    site.channel.receiveHex(DATA_TO_NEW);
    assert.equal(String(site.last().read()), 'hello');
  });

  test('a connection that ends makes room for another', async () => {
    const site = await bound({ maxConnections: 1 });
    site.channel.receiveHex(DIAL);
    site.last().destroy();
    site.channel.takeSent();
    site.channel.receiveHex(DIAL);
    assert.match(site.channel.takeSent().join(), pattern('0306090c 74ed0000'));
  });

  test('both dials of one circuit are taken, as a controller that tries again sends them', async () => {
    const site = await bound();
    const circuit = '02040000 02000000 6363';
    site.channel.receiveHex(dialWith(circuit), dialWith(circuit).replace('00000080', '01000080'));
    const [first, second] = site.connections;
    site.channel.receiveHex('0306090c 71ed0000 07000000 0c000000 00000000 e8030000 04000000 00000080');
    site.channel.receiveHex(DATA_TO_NEW.replace('00000080', '01000080'));
    assert.equal(String(second?.read()), 'hello');
    assert.equal((first?.errored as VitalmeshError | undefined)?.code, 'OVERLAY-CLOSED');
  });

  test('a listener that throws costs its own connection only', async () => {
    let calls = 0;
    const site = await bound({
      accept: () => {
        calls += 1;
        if (calls === 1) throw new RangeError('a defect of the listener');
      },
    });
    site.channel.receiveHex(DIAL, DIAL.replace('00000080', '01000080'));
    assert.deepEqual(
      site.channel.takeSent().map((frame) => frame.slice(8, 12)),
      ['74ed', '71ed', '74ed'],
    );
  });

  for (const [text, code] of [
    ['rejecting bind, invalid session type. expected Bind, got Dial', 'OVERLAY-SESSION'],
    ['token is malformed: token contains an invalid number of segments', 'OVERLAY-SESSION'],
    ['something new', 'OVERLAY-UNREACHABLE'],
  ] as const) {
    test(`a bind refused with "${text}" is ${code}`, async () => {
      const channel = new FakeChannel();
      const hosting = hostService(hostRequest(channel));
      channel.receiveHex(stateClosed(text, REPLY_TO_1));
      await assert.rejects(hosting, { code });
      assert.deepEqual(channel.attachedIds, []);
    });
  }

  test('a bind that is answered by something else is given up', async () => {
    const channel = new FakeChannel();
    const hosting = hostService(hostRequest(channel));
    channel.takeSent();
    channel.receiveHex(CONNECTED.replace('70ed', '74ed'));
    await assert.rejects(hosting, { code: 'OVERLAY-PROTOCOL' });
    assert.match(channel.takeSent().join(''), pattern(UNBIND, CLOSE));
  });

  test('a bind that was given up is taken back', async () => {
    const channel = new FakeChannel();
    const giving = new AbortController();
    const hosting = hostService(hostRequest(channel, { signal: giving.signal }));
    channel.takeSent();
    const reason = new VitalmeshError('OVERLAY-TIMEOUT');
    giving.abort(reason);
    await assert.rejects(hosting, reason);
    assert.match(channel.takeSent().join(''), pattern(UNBIND, CLOSE));
    assert.deepEqual(channel.attachedIds, []);
  });

  test('a signal that aborts behind BindSuccess means nothing any more', async () => {
    const giving = new AbortController();
    const site = await bound({ signal: giving.signal });
    giving.abort();
    site.channel.receiveHex(DIAL);
    assert.equal(site.connections.length, 1);
  });

  test('nothing is sent when the signal has aborted or the channel has ended', async () => {
    const channel = new FakeChannel();
    const reason = new VitalmeshError('OVERLAY-CLOSED');
    await assert.rejects(hostService(hostRequest(channel, { signal: AbortSignal.abort(reason) })), reason);
    channel.lose(reason);
    await assert.rejects(hostService(hostRequest(channel)), reason);
    assert.deepEqual(channel.takeSent(), []);
  });

  test('a disposed hosting unbinds, once; its connections go on', async () => {
    const site = await bound();
    site.channel.receiveHex(DIAL);
    site.channel.takeSent();
    await site.hosting[Symbol.asyncDispose]();
    await site.hosting[Symbol.asyncDispose]();
    assert.match(site.channel.takeSent().join(''), new RegExp(`${pattern(UNBIND, CLOSE).source}$`));
    assert.equal(site.hosting.ended.aborted, false);
    site.channel.receiveHex(DATA_TO_NEW);
    assert.equal(String(site.last().read()), 'hello');
  });

  test('an offer taken back in order: dials that were on their way are answered until the router has answered a probe', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    for (const lateDials of ['accept', 'refuse'] as const) {
      const answer = Promise.withResolvers<() => void>();
      const site = await bound({}, { onProbe: answer.resolve });
      const withdrawn = site.hosting.withdraw(lateDials, NEVER);
      assert.match(site.channel.takeSent().join(''), pattern(UNBIND, CLOSE));
      site.channel.receiveHex(DIAL);
      const [answered = ''] = site.channel.takeSent();
      if (lateDials === 'accept') assert.match(answered, pattern('0306090c 74ed0000'));
      else assert.equal(answered, dialFailed('hosted here no longer', '04000000'));
      assert.deepEqual([site.connections.length, site.channel.attachedIds.includes(1)], [lateDials === 'accept' ? 1 : 0, true]);
      (await answer.promise)();
      await withdrawn;
      await site.hosting[Symbol.asyncDispose]();
      assert.equal(site.channel.attachedIds.includes(1), false);
      assert.deepEqual(site.channel.takeSent(), [], 'unbound once');
      if (lateDials === 'refuse') continue;
      site.channel.receiveHex(DATA_TO_NEW);
      assert.equal(String(site.last().read()), 'hello');
    }
  });

  test('an offer taken back from a router that is silent is let go at the limit', async () => {
    const site = await bound({}, { onProbe: () => undefined });
    const limit = new AbortController();
    const withdrawn = site.hosting.withdraw('accept', limit.signal);
    const reason = new VitalmeshError('OVERLAY-TIMEOUT');
    limit.abort(reason);
    await assert.rejects(withdrawn, reason);
    assert.deepEqual(site.channel.attachedIds, []);
  });

  test('hostings that count together have one limit', async () => {
    const connections = new Set<Duplex>();
    const one = await bound({ maxConnections: 1, connections });
    const other = await bound({ maxConnections: 1, connections });
    one.channel.receiveHex(DIAL);
    other.channel.receiveHex(DIAL);
    assert.deepEqual(other.channel.takeSent(), [dialFailed('too many connections')]);
    one.last().destroy();
    await once(one.last(), 'close');
    assert.equal(connections.size, 0);
  });

  for (const [what, headers, text, code] of [
    ['the right to bind is lost', structured('{"message":"bind access lost","code":14,"retryHint":2}'), '', 'OVERLAY-DENIED'],
    [
      'the session is removed',
      structured('{"message":"service session removed","code":3,"retryHint":2}'),
      'session ended',
      'OVERLAY-SESSION',
    ],
    ['the API session is not good', 'f6030000 04000000 02000000', '', 'OVERLAY-SESSION'],
    ['a newer bind takes its place', structured('{"message":"x","code":1}'), 'found a newer terminator for listener id', 'OVERLAY-CLOSED'],
    ['no reason is given', '', '', 'OVERLAY-UNREACHABLE'],
    ['the structured error is broken', structured('{"message"'), 'bind access lost', 'OVERLAY-DENIED'],
    ['the structured error is of another form', structured('{"message":7,"code":"x"}'), '', 'OVERLAY-UNREACHABLE'],
  ] as const) {
    test(`a hosting ends when ${what}: ${code}; connections go on`, async () => {
      const site = await bound();
      site.channel.receiveHex(DIAL);
      site.channel.takeSent();
      site.channel.receiveHex(stateClosed(text, headers));
      assert.equal(site.hosting.ended.reason.code, code);
      site.channel.receiveHex(DATA_TO_NEW);
      assert.equal(String(site.last().read()), 'hello');
      await site.hosting[Symbol.asyncDispose]();
      assert.deepEqual(site.channel.takeSent(), [], 'there is nothing to unbind');
    });
  }

  test('a channel that is lost ends the hosting with its reason, and a bind under way', async () => {
    const site = await bound();
    const under = hostService(hostRequest(site.channel));
    const reason = new VitalmeshError('OVERLAY-UNREACHABLE');
    site.channel.lose(reason);
    assert.equal(site.hosting.ended.reason, reason);
    await assert.rejects(under, reason);
  });
});

class BoundSite {
  readonly channel: FakeChannel;
  readonly hosting: Hosting;
  readonly connections: Duplex[];
  readonly callers: Caller[];
  readonly listenerKey: Buffer;

  constructor(channel: FakeChannel, hosting: Hosting, connections: Duplex[], callers: Caller[], listenerKey: Buffer) {
    this.channel = channel;
    this.hosting = hosting;
    this.connections = connections;
    this.callers = callers;
    this.listenerKey = listenerKey;
  }

  last(): Duplex {
    const connection = this.connections.at(-1);
    assert.ok(connection);
    return connection;
  }
}

/** A service bound on a channel of its own; the Bind is connection 1 and sequence 1. */
async function bound(options: Partial<HostRequest> = {}, channelOptions: FakeChannelOptions = {}): Promise<BoundSite> {
  const channel = new FakeChannel(channelOptions);
  const connections: Duplex[] = [];
  const callers: Caller[] = [];
  const accept = (connection: Duplex, caller: Caller): void => {
    connections.push(guarded(connection));
    callers.push(caller);
  };
  const hosting = hostService(hostRequest(channel, { accept, ...options }));
  const [bind = ''] = channel.takeSent();
  channel.receiveHex(CONNECTED, BIND_SUCCESS);
  return new BoundSite(channel, await hosting, connections, callers, Buffer.from(bind, 'hex').subarray(40, 72));
}

/** A Dial as above with more headers. */
function dialWith(...headers: string[]): string {
  const more = plain(...headers);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(24 + more.length / 2);
  return `0306090c 73ed0000 04000000 ${length.toString('hex')} 03000000 | ${CONN_1} | ${NEW_CONN} | ${more} | ${TOKEN}`;
}

function header(idHex: string, text: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return `${idHex}${length.toString('hex')}${Buffer.from(text).toString('hex')}`;
}

function claim(text: string): string {
  return header('f0030000', text);
}

function id(text: string): string {
  return header('0a040000', text);
}

function name(text: string): string {
  return header('0b040000', text);
}

function structured(json: string): string {
  return header('09040000', json);
}

function stateClosed(text: string, moreHeaders: string): string {
  const more = plain(moreHeaders);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(12 + more.length / 2);
  lengths.writeUInt32LE(Buffer.byteLength(text), 4);
  return plain(`0306090c 71ed0000 05000000 ${lengths.toString('hex')} ${CONN_1}`, more, Buffer.from(text).toString('hex'));
}

function dialFailed(reason: string, sequence = '02000000'): string {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(reason));
  return plain(
    `0306090c 75ed0000 ${sequence} 18000000 ${length.toString('hex')} ${CONN_1} 01000000 04000000 04000000`,
    Buffer.from(reason).toString('hex'),
  );
}

function plain(...hex: string[]): string {
  return hex.join('').replaceAll(/[\s|]/g, '');
}

/** Frames in hex as a pattern of their beginning: `..{n}` any n bytes. */
function pattern(...hex: string[]): RegExp {
  return new RegExp(`^${plain(...hex).replaceAll(/\.\.\{(\d+)\}/g, (_, bytes) => `[0-9a-f]{${2 * Number(bytes)}}`)}`);
}
