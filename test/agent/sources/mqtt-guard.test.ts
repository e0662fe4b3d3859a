import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MqttPacketGuard } from '../../../agent/sources/mqtt-guard.ts';
import type { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const LIMIT = 200;

/** A PUBLISH packet (MQTT 3.1.1 and 5.0, 3.3); `properties` in version 5 only. */
function publish(messageId: number, payload: Buffer, qos: 0 | 1, version: 4 | 5, properties: number[] = [2, 1, 0]): Buffer {
  const topic = Buffer.from('home/a/measurement');
  const id = qos > 0 ? [messageId >> 8, messageId & 0xff] : [];
  const body = Buffer.concat([Buffer.from([0, topic.length]), topic, Buffer.from([...id, ...(version === 5 ? properties : [])]), payload]);
  const length: number[] = [];
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7) length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from([0x30 | (qos << 1), ...length]), body]);
}

/** Everything a guard lets through of a stream cut into pieces of these sizes. */
function through(guard: MqttPacketGuard, stream: Buffer, sizes: readonly number[]): Buffer {
  const out: Buffer[] = [];
  for (let at = 0, i = 0; at < stream.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1;
    out.push(...guard.push(stream.subarray(at, at + size)));
    at += size;
  }
  return Buffer.concat(out);
}

test('however the stream is cut: small packets pass unchanged, large ones lose their payload and are known', () => {
  const packet = fc.record({ qos: fc.constantFrom<0 | 1>(0, 1), payloadBytes: fc.constantFrom(0, 1, 100, 150, 300, 20_000) });
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 6 }),
      fc.constantFrom<4 | 5>(4, 5),
      fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 }),
      (packets, version, sizes) => {
        const leftOut: number[] = [];
        const guard = new MqttPacketGuard(LIMIT, version === 5, (bytes) => leftOut.push(bytes));
        const stream = packets.map(({ qos, payloadBytes }, i) => publish(i + 1, Buffer.alloc(payloadBytes, 'x'), qos, version));
        const expected = packets.flatMap(({ qos, payloadBytes }, i) => {
          if (payloadBytes < LIMIT) return [stream[i] ?? Buffer.alloc(0)];
          if (qos === 0) return [];
          return [publish(i + 1, Buffer.alloc(0), qos, version, [0])];
        });
        assert.deepEqual(through(guard, Buffer.concat(stream), sizes), Buffer.concat(expected));
        for (const [i, { qos, payloadBytes }] of packets.entries()) {
          const cut = qos === 1 && payloadBytes >= LIMIT;
          assert.equal((guard.takeOversized(i + 1) ?? 0) > payloadBytes, cut);
          assert.equal(guard.takeOversized(i + 1), undefined);
        }
        assert.equal(leftOut.length, packets.filter(({ qos, payloadBytes }) => qos === 0 && payloadBytes >= LIMIT).length);
      },
    ),
    { numRuns: 200 },
  );
});

test('what is not MQTT, or too large and no publication, ends the connection with a coded error', () => {
  const lengths = [
    [0x30, 0xff, 0xff, 0xff, 0xff, 0x01],
    // SUBACK of 16 KiB.
    [0x90, 0x80, 0x80, 0x01],
    // PUBLISH whose topic is longer than the packet.
    [0x32, 0xff, 0x7f, 0xff, 0xff],
  ];
  for (const bytes of lengths) {
    const guard = new MqttPacketGuard(LIMIT, false, () => undefined);
    assert.throws(
      () => guard.push(Buffer.from(bytes)),
      (error: VitalmeshError) => error.code === 'SOURCE-LOST',
    );
  }
});

test('QoS 2 ends the connection before anything of the packet is seen', () => {
  verifies('ACK-AFTER-COMMIT');
  for (const first of [0x34, 0x3c, 0x36]) {
    const guard = new MqttPacketGuard(LIMIT, false, () => assert.fail());
    const packet = publish(7, Buffer.from('payload'), 1, 4);
    packet[0] = first;
    assert.throws(
      () => guard.push(packet),
      (error) => (error as VitalmeshError).code === 'SOURCE-LOST',
    );
  }
});
