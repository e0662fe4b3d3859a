import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutboxRow } from '../../../agent/outbox/outbox.ts';
import { Departures, type Entry, RowFlight, type Verdict } from '../../../agent/uplink/flight.ts';
import { BUNDLE_BYTES, bundleText } from '../../../shared/uplink/kinds.ts';
import type { EntryOutcome } from '../../../shared/uplink/protocol.ts';
import { recordOf } from '../../support/uplink.ts';

const row: OutboxRow = { epoch: '0123456789abc', seq: 1, class: 'spot', receivedAt: 0, record: recordOf(71) };

const STORED: EntryOutcome = { id: 'a', status: 201 };
const HELD: EntryOutcome = { id: 'a', status: 200 };
const REUSED: EntryOutcome = { id: 'a', status: 409, code: 'UPLINK-KEY-REUSED' };
const FOREIGN: EntryOutcome = { id: 'a', status: 409, code: 'INGEST-FOREIGN-ID' };
const REFUSED: EntryOutcome = { id: 'a', status: 422, code: 'INGEST-NOT-BOUND' };
const AGAIN: EntryOutcome = { id: 'a', status: 503, code: 'INGEST-UNAVAILABLE' };

test('a row is judged once its last entry was answered, by the worst of them', () => {
  const table: [EntryOutcome[], Verdict][] = [
    [[STORED, HELD], { is: 'held' }],
    [[STORED, REFUSED], { is: 'refused', code: 'INGEST-NOT-BOUND' }],
    [[FOREIGN, STORED], { is: 'refused', code: 'INGEST-FOREIGN-ID' }],
    [[REFUSED, FOREIGN], { is: 'refused', code: 'INGEST-NOT-BOUND' }],
    [[REFUSED, REUSED], { is: 'collided' }],
    [[REUSED, STORED, AGAIN], { is: 'again', code: 'INGEST-UNAVAILABLE' }],
    [[{ id: 'a', status: 409 }], { is: 'collided' }],
    [[{ id: 'a', status: 422 }], { is: 'refused', code: 'INGEST-INVALID' }],
    [[{ id: 'a', status: 503 }], { is: 'again', code: 'INGEST-UNAVAILABLE' }],
  ];
  for (const [outcomes, verdict] of table) {
    const flight = new RowFlight(row);
    flight.expect(outcomes.length);
    const verdicts = outcomes.map((outcome) => flight.answer(outcome));
    assert.deepEqual(verdicts, [...Array(outcomes.length - 1).fill(undefined), verdict]);
  }
});

test('however entries come and go, batches keep their order and stay within the limits', () => {
  const limits = { entries: 4, bytes: BUNDLE_BYTES + 60 };
  const step = fc.oneof(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 6 }), fc.constant('take' as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const departures = new Departures(limits);
      const flight = new RowFlight(row);
      const waiting: Entry[] = [];
      let made = 0;
      for (const step of steps) {
        if (step !== 'take') {
          const entries = step.map((length) => {
            made += 1;
            return { flight, id: `id-${made}`, text: 'x'.repeat(length), bytes: length + 1 };
          });
          waiting.push(...entries);
          departures.push(entries);
        } else {
          const taken = departures.take();
          assert.deepEqual(taken, waiting.splice(0, taken.length));
          assert.ok(taken.length <= limits.entries);
          const size = Buffer.byteLength(
            bundleText(
              taken.map(({ text }) => text),
              0,
            ),
          );
          assert.ok(taken.length === 1 || size <= limits.bytes, `${size} bytes`);
          assert.ok(taken.length > 0 || waiting.length === 0);
        }
        assert.equal(departures.size, waiting.length);
        const bytes = waiting.reduce((sum, entry) => sum + entry.bytes, BUNDLE_BYTES);
        assert.equal(departures.full, waiting.length >= limits.entries || bytes >= limits.bytes);
      }
    }),
    { numRuns: 200 },
  );
});
