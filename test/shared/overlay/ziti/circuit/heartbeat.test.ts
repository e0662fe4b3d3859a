import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import type { VitalmeshError } from '../../../../../shared/errors.ts';
import type { CircuitLimits } from '../../../../../shared/overlay/ziti/circuit/contract.ts';
import { hostService } from '../../../../../shared/overlay/ziti/circuit/host.ts';
import { newMarker } from '../../../../../shared/overlay/ziti/circuit/marker.ts';
import { encodeFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { verifies } from '../../../../requirements.ts';
import { turnsUntil } from '../../../../support/until.ts';
import { CircuitSite, guarded, hostRequest, TOKEN } from '../../../../support/ziti/circuits.ts';
import { FakeChannel } from '../../../../support/ziti/fake-channel.ts';

const TICK_MS = 5000;
const HEARTBEAT_MS = 45_000;
const SILENT_MS = 115_000;
const FIRST_MS = 15_000;
const CONN = '00000080';
/** Everything but magic, sequence and what goes before: type 60786, 24 bytes of headers, no body, connection id, flags 0x8000. */
const HEARTBEAT = /^0306090c72ed0000.{8}1800000000000000e80300000400000000000080f20300000400000000800000$/;
const GRANT_FLAGS = 0x00c0_8000;
const HEARTBEAT_FLAGS = 0x8000;
const FIN = 1;

describe('an idle circuit', { timeout: 20_000 }, () => {
  test('beats soon after the first grant, then within each interval', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const { channel } = await circuit(t);
    channel.takeSent();
    channel.receive(data(GRANT_FLAGS));
    const beats = beatsOver(t, channel, 40 * HEARTBEAT_MS);
    assert.ok((beats[0] ?? 0) > 0 && (beats[0] ?? Number.POSITIVE_INFINITY) <= FIRST_MS);
    const pauses = beats.slice(1).map((at, i) => at - (beats[i] ?? 0));
    assert.ok(pauses.length >= 39);
    assert.ok(Math.max(...pauses) <= HEARTBEAT_MS && Math.min(...pauses) >= HEARTBEAT_MS / 2, `${pauses}`);
    assert.ok(new Set(pauses).size > 1, 'not all circuits of a hub at once');
  });

  test('of a marked dialer that has not granted sends none, nor does one of a stranger, whatever bits it sets', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const marked = await circuit(t);
    const stranger = await circuit(t, { marked: false });
    stranger.channel.receive(data(GRANT_FLAGS));
    stranger.channel.receive(data(HEARTBEAT_FLAGS));
    for (const { channel, far } of [marked, stranger]) {
      channel.takeSent();
      assert.deepEqual(beatsOver(t, channel, 10 * HEARTBEAT_MS), []);
      assert.equal(far.destroyed, false);
    }
  });

  test('that is busy from the beginning beats once all the same: the other end is to know that there will be more', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const { channel, far } = await circuit(t);
    channel.receive(data(GRANT_FLAGS));
    let beats = 0;
    for (let ms = 0; ms < 4 * HEARTBEAT_MS; ms += TICK_MS) {
      far.write('x');
      await new Promise(setImmediate);
      channel.takeSent();
      beats += beatsOver(t, channel, TICK_MS).length;
    }
    assert.equal(beats, 1);
  });

  test('beats no more when it is not idle, or over', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const { channel, far } = await circuit(t);
    channel.receive(data(GRANT_FLAGS));
    t.mock.timers.tick(FIRST_MS);
    channel.takeSent();
    for (let ms = 0; ms < 5 * HEARTBEAT_MS; ms += 2 * TICK_MS) {
      far.write('x');
      await new Promise(setImmediate);
      assert.ok(channel.takeSent().length > 0);
      assert.deepEqual(beatsOver(t, channel, 2 * TICK_MS), []);
    }
    far.destroy();
    await new Promise(setImmediate);
    channel.takeSent();
    assert.deepEqual(beatsOver(t, channel, 10 * HEARTBEAT_MS), []);
  });

  test('between two ends of ours stays open, unread data or not, and neither end sends anything but heartbeats', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    t.mock.timers.enable({ apis: ['setInterval'] });
    const site = new CircuitSite({ encrypted: true });
    const { near, far } = await site.connect();
    near.write('unread');
    await turnsUntil(() => far.readableLength > 0);
    site.hostChannel.takeSent();
    site.dialChannel.takeSent();
    for (let ms = 0; ms < 10 * SILENT_MS; ms += TICK_MS) {
      t.mock.timers.tick(TICK_MS);
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    }
    assert.deepEqual([near.destroyed, far.destroyed], [false, false]);
    for (const channel of [site.hostChannel, site.dialChannel]) {
      const sent = channel.takeSent();
      assert.ok(sent.length > 20 && sent.every((hex) => hex.endsWith('00800000') && hex.length === 88));
    }
    assert.equal(String(far.read()), 'unread');
  });

  test('needs no timer of its own, and leaves none behind', async (t) => {
    const starts = t.mock.method(globalThis, 'setInterval');
    const stops = t.mock.method(globalThis, 'clearInterval');
    const channel = await hosted();
    const circuits = Array.from({ length: 50 }, (_, nth) => accepted(channel, true, nth));
    for (const [nth] of circuits.entries()) channel.receive(data(GRANT_FLAGS, '', nth));
    assert.equal(starts.mock.callCount(), 1);
    for (const far of circuits.slice(1)) far.destroy();
    await new Promise(setImmediate);
    assert.equal(stops.mock.callCount(), 0);
    circuits[0]?.destroy();
    await new Promise(setImmediate);
    assert.equal(stops.mock.calls[0]?.arguments[0], starts.mock.calls[0]?.result);
  });
});

describe('an other end that falls silent', { timeout: 20_000 }, () => {
  test('is cut after two and a half intervals, its neighbours are not', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const { channel, far } = await circuit(t);
    const neighbour = accepted(channel, true, 1);
    for (const nth of [0, 1]) {
      channel.receive(data(GRANT_FLAGS, '', nth));
      channel.receive(data(HEARTBEAT_FLAGS, '', nth));
    }
    await pass(t, SILENT_MS - TICK_MS);
    assert.equal(far.destroyed, false);
    channel.receive(data(0, 'x', 1));
    // The router's own question is no sign of the other end.
    channel.receive(encodeFrame({ type: 60798, headers: [[1000, 0x8000_0000]] }, 9));
    channel.takeSent();
    await pass(t, TICK_MS);
    assert.deepEqual(reason(far), ['OVERLAY-CLOSED', 'the other end is silent']);
    assert.ok(
      channel.takeSent().some((hex) => hex.startsWith('0306090c71ed0000') && hex.endsWith(CONN)),
      'and told so',
    );
    await pass(t, SILENT_MS - 2 * TICK_MS);
    assert.equal(neighbour.destroyed, false);
  });

  test('is not cut when it never beat: it may be too old for that', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const { channel, far } = await circuit(t);
    channel.receive(data(GRANT_FLAGS));
    await pass(t, 10 * SILENT_MS);
    assert.equal(far.destroyed, false);
  });

  test('is not cut as long as the router does not answer, nor for what was waiting in front of its answer', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const probes: (() => void)[] = [];
    const { channel, far } = await circuit(t, { onProbe: (answer) => probes.push(answer) });
    channel.receive(data(GRANT_FLAGS));
    channel.receive(data(HEARTBEAT_FLAGS));
    await pass(t, 3 * SILENT_MS);
    assert.equal(far.destroyed, false);
    assert.equal(probes.length, 1, 'asked once');
    channel.receive(data(HEARTBEAT_FLAGS));
    probes.shift()?.();
    await new Promise(setImmediate);
    assert.equal(far.destroyed, false);
    await pass(t, SILENT_MS);
    probes.shift()?.();
    await new Promise(setImmediate);
    assert.equal(far.destroyed, true, 'the next time it is');
  });

  test('is not cut because this process stood still', async () => {
    verifies('OVERLAY-HEARTBEAT');
    const channel = await hosted({ heartbeatMs: 90 });
    const far = accepted(channel, true);
    channel.receive(data(GRANT_FLAGS));
    channel.receive(data(HEARTBEAT_FLAGS));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    assert.equal(far.destroyed, false);
    far.destroy();
  });

  test('behind its end still has everything read that came before', async (t) => {
    verifies('OVERLAY-HEARTBEAT');
    const { channel, far } = await circuit(t);
    channel.receive(data(GRANT_FLAGS));
    channel.receive(data(HEARTBEAT_FLAGS));
    const whole = Buffer.alloc(300_000, 'x');
    for (let at = 0; at < whole.length; at += 50_000) channel.receive(data(0, whole.subarray(at, at + 50_000)));
    channel.receive(data(FIN));
    channel.takeSent();
    await pass(t, SILENT_MS);
    assert.equal(channel.takeSent().filter((hex) => hex.startsWith('0306090c71ed0000')).length, 1);
    let bytes = 0;
    far.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await turnsUntil(() => far.destroyed);
    assert.equal(bytes, whole.length);
    assert.equal(reason(far)[0], 'OVERLAY-CLOSED', 'there was more to say to it');
  });
});

test('a heartbeat does not put off the end of an end that was to follow ours', async (t) => {
  verifies('OVERLAY-HEARTBEAT');
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const channel = await hosted();
  const far = accepted(channel, true);
  channel.receive(data(GRANT_FLAGS));
  far.end();
  await new Promise(setImmediate);
  t.mock.timers.tick(20_000);
  channel.receive(data(HEARTBEAT_FLAGS));
  t.mock.timers.tick(9999);
  assert.equal(far.destroyed, false);
  t.mock.timers.tick(1);
  assert.deepEqual(reason(far), ['OVERLAY-CLOSED', 'the other side did not end']);
});

interface CircuitOptions {
  marked?: boolean;
  onProbe?: (answer: () => void) => void;
}

/** The host's end of a connection, with the timers of heartbeats mocked. */
async function circuit(t: TestContext, { marked = true, onProbe }: CircuitOptions = {}): Promise<{ channel: FakeChannel; far: Duplex }> {
  t.mock.timers.reset();
  t.mock.timers.enable({ apis: ['setInterval'] });
  const channel = await hosted({}, onProbe);
  return { channel, far: accepted(channel, marked) };
}

const arrivals = new WeakMap<FakeChannel, Duplex[]>();

/** A plain service on a channel of its own. */
async function hosted(limits: Partial<CircuitLimits> = {}, onProbe?: (answer: () => void) => void): Promise<FakeChannel> {
  const channel = new FakeChannel(onProbe ? { onProbe } : {});
  const own: Duplex[] = [];
  arrivals.set(channel, own);
  const hosting = hostService(hostRequest(channel, { limits, accept: (connection) => void own.push(guarded(connection)) }));
  const replied = [
    [1000, 1],
    [1, 1],
  ] as const;
  channel.receive(encodeFrame({ type: 60784, headers: replied }, 1));
  channel.receive(encodeFrame({ type: 60800, headers: [[1000, 1]] }, 2));
  await hosting;
  return channel;
}

function accepted(channel: FakeChannel, marked: boolean, nth = 0): Duplex {
  const headers = [[1000, 1], [1012, 0x8000_0000 + nth], ...(marked ? [[1025, newMarker()] as const] : [])] as const;
  channel.receive(encodeFrame({ type: 60787, headers, body: Buffer.from(TOKEN) }, 3));
  const connection = arrivals.get(channel)?.at(-1);
  assert.ok(connection);
  return connection;
}

function data(flags: number, body: string | Buffer = '', nth = 0): Buffer {
  const headers = [[1000, 0x8000_0000 + nth], ...(flags === 0 ? [] : [[1010, flags] as const])] as const;
  return encodeFrame({ type: 60786, headers, body: Buffer.from(body) }, 9);
}

/** Lets the time pass, tick by tick, and after each what answers a probe. */
async function pass(t: TestContext, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += TICK_MS) {
    t.mock.timers.tick(TICK_MS);
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  }
}

/** When, from now on, a heartbeat was sent within the time; nothing else may be. */
function beatsOver(t: TestContext, channel: FakeChannel, ms: number): number[] {
  const beats: number[] = [];
  for (let passed = TICK_MS; passed <= ms; passed += TICK_MS) {
    t.mock.timers.tick(TICK_MS);
    for (const hex of channel.takeSent()) {
      assert.match(hex, HEARTBEAT);
      beats.push(passed);
    }
  }
  return beats;
}

function reason({ errored }: Duplex): (string | undefined)[] {
  const error = errored as VitalmeshError | null;
  return [error?.code, error?.detail];
}
