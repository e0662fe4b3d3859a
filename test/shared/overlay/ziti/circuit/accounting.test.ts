import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FLOW } from '../../../../../shared/overlay/ziti/circuit/contract.ts';
import { Inflow } from '../../../../../shared/overlay/ziti/circuit/inflow.ts';
import { isMarker, newMarker } from '../../../../../shared/overlay/ziti/circuit/marker.ts';
import { costOf, Outflow } from '../../../../../shared/overlay/ziti/circuit/outflow.ts';
import { OutgoingBytes } from '../../../../../shared/overlay/ziti/circuit/outgoing.ts';
import { verifies } from '../../../../requirements.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PLENTY = 64 * MIB;
const FIRST_GRANT_UNITS = (FLOW.WINDOW_BYTES - FLOW.INITIAL_BYTES) / FLOW.UNIT_BYTES;

describe('what may be sent', () => {
  test('to an end that grants: what everybody may, then what was granted, and no probe for it', () => {
    verifies('OVERLAY-FLOW');
    const outflow = new Outflow('grants');
    const first = exhaust(outflow);
    assert.ok(within(first, FLOW.INITIAL_BYTES));
    outflow.granted(FIRST_GRANT_UNITS);
    assert.ok(within(first + exhaust(outflow), FLOW.WINDOW_BYTES));
    assert.equal(outflow.probeDue, false);
  });

  test('to an end that is not known yet: a step, and one more behind each probe', () => {
    verifies('OVERLAY-FLOW');
    const outflow = new Outflow('unknown');
    for (let step = 0; step < 5; step += 1) {
      assert.ok(within(exhaust(outflow), FLOW.INITIAL_BYTES));
      assert.equal(outflow.probeDue, true);
      const sent = outflow.probeSent();
      assert.equal(outflow.probeDue, false, 'one probe for all that');
      assert.equal(exhaust(outflow), 0, 'not before the answer');
      outflow.probeAnswered(sent);
    }
  });

  test('to an end that never grants: a window, more as the router reads', () => {
    verifies('OVERLAY-FLOW');
    const outflow = new Outflow('unknown');
    outflow.heardFromStranger();
    assert.equal(outflow.peer, 'none');
    assert.ok(within(exhaust(outflow), FLOW.WINDOW_BYTES));
    outflow.probeAnswered(outflow.probeSent());
    assert.ok(within(exhaust(outflow), FLOW.WINDOW_BYTES));
  });

  test('whoever granted once is no stranger', () => {
    const outflow = new Outflow('unknown');
    outflow.granted(FIRST_GRANT_UNITS);
    outflow.heardFromStranger();
    assert.equal(outflow.peer, 'grants');
  });

  test('what was sent in good faith ahead of the first grant is taken off it', () => {
    const outflow = new Outflow('unknown');
    let sent = exhaust(outflow);
    outflow.probeAnswered(outflow.probeSent());
    sent += exhaust(outflow);
    outflow.granted(FIRST_GRANT_UNITS);
    sent += exhaust(outflow);
    assert.ok(within(sent, FLOW.WINDOW_BYTES));
  });

  test('absurd grants leave no more than a window in flight', () => {
    verifies('OVERLAY-FLOW');
    const outflow = new Outflow('grants');
    for (let i = 0; i < 1000; i += 1) outflow.granted(0xffff);
    assert.ok(within(exhaust(outflow), FLOW.WINDOW_BYTES));
    outflow.granted(0);
    assert.equal(exhaust(outflow), 0);
  });

  test('chunks to an end that has not granted are no longer than what the Java SDK holds', () => {
    verifies('OVERLAY-FLOW');
    for (const peer of ['none', 'unknown'] as const) {
      const outflow = new Outflow(peer);
      assert.equal(outflow.next(PLENTY, 17), 32 * KIB);
      assert.equal(outflow.next(PLENTY, 0), 32 * KIB);
      outflow.granted(FIRST_GRANT_UNITS);
      assert.equal(outflow.next(PLENTY, 17), 64 * KIB);
    }
  });

  test('chunks are 64 KiB or the rest; what waits behind them is kept to multiples of 8', () => {
    const outflow = new Outflow('grants');
    assert.equal(outflow.next(PLENTY, 17), FLOW.CHUNK_BYTES);
    assert.equal(outflow.next(FLOW.CHUNK_BYTES, 17), FLOW.CHUNK_BYTES);
    assert.equal(outflow.next(20_003, 17), 20_000, 'a large rest is split for the native cipher');
    assert.equal(outflow.next(20_003, 0), 20_003, 'without encryption there is nothing to split for');
    assert.equal(outflow.next(1001, 17), 1001, 'a small rest is not');
    assert.equal(outflow.next(1, 17), 1);
  });

  test('a trickle waits until it is worth a frame', () => {
    const outflow = new Outflow('grants');
    while (outflow.next(PLENTY, 17) > 0) outflow.sent(outflow.next(PLENTY, 17) + 17);
    assert.equal(outflow.next(PLENTY, 17), 0);
    outflow.granted(2);
    assert.ok(outflow.next(PLENTY, 17) >= 4096);
  });
});

describe('what may come', () => {
  test('grants are given as the reader reads, a quarter of the window at a time', () => {
    verifies('OVERLAY-FLOW');
    const inflow = new Inflow();
    assert.equal(inflow.takeGrant(), 0, 'not to one who does not know grants');
    inflow.beginGranting();
    assert.equal(inflow.takeGrant(), FIRST_GRANT_UNITS);
    assert.equal(inflow.takeGrant(), 0);
    for (let i = 0; i < 3; i += 1) read(inflow, 64 * KIB);
    assert.equal(inflow.takeGrant(), 0);
    read(inflow, 64 * KIB);
    assert.equal(inflow.takeGrant(), 64, 'of 4096 bytes each; what the frames cost beyond that comes with the next');
  });

  test('nothing is granted for what is not read', () => {
    const inflow = new Inflow();
    inflow.beginGranting();
    inflow.takeGrant();
    for (let i = 0; i < 15; i += 1) assert.ok(inflow.arrived(64 * KIB));
    assert.equal(inflow.takeGrant(), 0);
    assert.equal(inflow.unreadBytes, 15 * (64 * KIB + FLOW.FRAME_BYTES));
  });

  test('who knows of the grants is held to them, byte by byte', () => {
    verifies('OVERLAY-FLOW');
    const inflow = new Inflow();
    inflow.beginGranting();
    inflow.takeGrant();
    inflow.enforce();
    for (let i = 0; i < 15; i += 1) assert.ok(inflow.arrived(64 * KIB));
    assert.ok(inflow.arrived(64 * KIB - 16 * FLOW.FRAME_BYTES));
    assert.equal(inflow.arrived(1), false);
  });

  test('what came before it knew is not held against it, what comes after is', () => {
    const inflow = new Inflow();
    inflow.beginGranting();
    inflow.takeGrant();
    assert.ok(inflow.arrived(3 * MIB));
    inflow.enforce();
    inflow.enforce();
    assert.equal(inflow.arrived(1), false);
  });

  test('two ends that keep to it never wait for each other for ever', () => {
    verifies('OVERLAY-FLOW');
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 50, maxLength: 400 }),
        fc.constantFrom(0, 17),
        (writes, overhead) => {
          const [outflow, inflow] = [new Outflow('grants'), new Inflow()];
          inflow.beginGranting();
          outflow.granted(inflow.takeGrant());
          inflow.enforce();
          for (const write of writes) {
            const waiting = new OutgoingBytes([Buffer.allocUnsafe(write)]);
            while (waiting.length > 0) {
              const length = outflow.next(waiting.length, overhead);
              if (length === 0) {
                // Everything that has come was read, so more must be granted.
                const units = inflow.takeGrant();
                assert.ok(units > 0);
                outflow.granted(units);
                continue;
              }
              waiting.take(length);
              outflow.sent(length + overhead);
              assert.ok(inflow.arrived(length + overhead));
              inflow.consumed(length + overhead);
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('pieces', () => {
  test('bytes taken in any portions are the chunks in order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.array(fc.integer({ min: 1, max: 30 })), (chunks, portions) => {
        const all = Buffer.concat(chunks);
        const outgoing = new OutgoingBytes(chunks.map((chunk) => Buffer.from(chunk)));
        const taken: Buffer[] = [];
        for (const portion of [...portions, all.length]) taken.push(...outgoing.take(Math.min(portion, outgoing.length)));
        assert.deepEqual(Buffer.concat(taken), all);
        assert.equal(outgoing.length, 0);
      }),
      { numRuns: 100 },
    );
  });

  test('a marker is known again; random texts of eight characters are not taken for one', () => {
    for (let i = 0; i < 20; i += 1) {
      const marker = newMarker();
      assert.match(marker, /^vm1[A-Za-z0-9]{5}$/);
      assert.ok(isMarker(marker));
      assert.ok(!isMarker(`${marker}x`) && !isMarker(marker.slice(0, -1)));
    }
    for (const text of [undefined, '', 'vm1', 'vm1abcde', 'lV4Uoyo4']) assert.equal(isMarker(text), false);
  });
});

/** Sends as long as it may; the cost of all that. */
function exhaust(outflow: Outflow): number {
  let cost = 0;
  for (let length = outflow.next(PLENTY, 17); length > 0; length = outflow.next(PLENTY, 17)) {
    outflow.sent(length + 17);
    cost += costOf(length + 17);
  }
  return cost;
}

/** Up to the limit, and no more below it than is not worth a frame. */
function within(cost: number, limit: number): boolean {
  return cost <= limit && cost > limit - 8 * KIB;
}

function read(inflow: Inflow, bytes: number): void {
  inflow.arrived(bytes);
  inflow.consumed(bytes);
}
