import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { Http2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { watchForFlood } from '../../../hub/ingest/flood.ts';
import { serveUplink } from '../../../hub/ingest/session.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { secureDialer } from '../../../shared/uplink/inner-tls.ts';
import { verifies } from '../../requirements.ts';
import { testNetwork } from '../../support/identities.ts';
import { MemoryIngest, until } from '../../support/uplink.ts';

const SERVICE = 'vitals-ingest';
const ca = await testNetwork();
const [hubIdentity, gateway] = await Promise.all([ca.identity('hub-1'), ca.identity('gw-1')]);

// Frames by hand (RFC 9113 §3.4, §4.1, §6.5, §6.7): length, type, flags, stream | payload.
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = Buffer.from('000000 04 00 00000000'.replaceAll(' ', ''), 'hex');
const PING = Buffer.from('000008 06 00 00000000 0102030405060708'.replaceAll(' ', ''), 'hex');
const LIMIT = 50;

for (const [what, frame] of [
  ['PINGs', PING],
  ['SETTINGS', SETTINGS],
] as const) {
  test(`a gateway that floods its connection with ${what} loses it; another one goes on`, { timeout: 20_000 }, async () => {
    verifies('UPLINK-FLOOD');
    const metrics = new Metrics();
    const network = createMemoryNetwork();
    await using overlay = network.overlay({ id: 'hub-1', name: 'hub' });
    const limits = { controlFrames: LIMIT };
    const parts = { overlay, service: SERVICE, identity: hubIdentity, ingest: new MemoryIngest(), clock: systemClock };
    await using server = serveUplink({ ...parts, log: silentLogger, metrics, limits });
    await server.start(new AbortController().signal);
    const connect = async (): Promise<{ raw: Duplex; stream: Duplex; closed: Promise<void> }> => {
      const raw = await network.overlay({ id: 'gw-1', name: 'gw-1' }).dial(SERVICE);
      raw.on('error', () => undefined);
      const closed = new Promise<void>((resolve) => raw.once('close', resolve));
      const { stream } = await secureDialer(raw, gateway, { timeoutMs: 5000 });
      stream.on('error', () => undefined);
      stream.write(Buffer.concat([PREFACE, SETTINGS]));
      return { raw, stream, closed };
    };
    const good = await connect();
    await once(good.stream, 'data');
    const bad = await connect();
    bad.stream.resume();
    // In one piece and far beyond the limit: most of it lies in the reader's hands when it is noticed.
    bad.stream.write(Buffer.concat(Array.from({ length: 20 * LIMIT }, () => frame)));
    await bad.closed;
    await until(() => metrics.get('uplink_ended', 'UPLINK-REQUEST') === 1);
    good.stream.write(PING);
    await once(good.stream, 'data');
    good.raw.destroy();
    await good.closed;
  });
}

test('frames are counted anew after the time, and the flood is told once', () => {
  verifies('UPLINK-FLOOD');
  let nowMs = 0;
  let floods = 0;
  const session = new EventEmitter();
  const clock = { monotonicMs: () => nowMs };
  watchForFlood(session as unknown as Http2Session, { controlFrames: 3, controlPerMs: 1000 }, clock, () => {
    floods += 1;
  });
  for (let round = 0; round < 5; round += 1) {
    for (const event of ['ping', 'remoteSettings', 'ping']) session.emit(event);
    nowMs += 1000;
  }
  assert.equal(floods, 0);
  for (let i = 0; i < 10; i += 1) session.emit('ping');
  assert.equal(floods, 1);
});
