import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FeedEvent, FeedSink } from '../../hub/audit/feed/contract.ts';
import { entryEvent } from '../../hub/audit/feed/event.ts';
import { isErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { verifies } from '../requirements.ts';
import { event } from './store.ts';

/** A receiver of a feed, and what it has. */
export interface FeedReceiver extends AsyncDisposable {
  /** A new sink that sends to it. */
  sink(): FeedSink;
  /** What it has, in order of receipt: names and values as text, the type first. */
  received(): Promise<ReadonlyMap<string, string>[]>;
  /** From now on nothing gets through, and what is under way may be lost. */
  away(): Promise<void>;
  back(): Promise<void>;
}

const NEVER = new AbortController().signal;
const ORIGIN = { storeId: 'ab'.repeat(16), subjects: true };

/** An event of an entry by somebody of this name. */
export function fedEntry(seq: number, who = 'ai-nurse'): FeedEvent {
  const entry = JSON.stringify({ ...event(seq, { principal: who }), subject: 7 });
  return entryEvent({ seq, entry, hash: Buffer.alloc(32, seq) }, Buffer.alloc(32, seq - 1), ORIGIN);
}

const textOf = ({ type, fields }: FeedEvent): Map<string, string> =>
  new Map([['type', type], ...fields.map(([name, value]) => [name, String(value)] as const)]);

/** What every receiver must be sent. */
export function feedSinkContract(name: string, place: () => Promise<FeedReceiver>): void {
  const check = (what: string, body: (at: FeedReceiver) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await body(at);
    });
  };
  const seqs = async (at: FeedReceiver): Promise<number[]> => (await at.received()).map((fields) => Number(fields.get('seq')));

  check('what was confirmed is there, whole and in order', async (at) => {
    verifies('FEED-IN-ORDER');
    await using sink = at.sink();
    const events = Array.from({ length: 700 }, (_, i) => fedEntry(i + 1));
    await sink.send(events.slice(0, 3), NEVER);
    await sink.send(events.slice(3), NEVER);
    await sink.confirm(NEVER);
    assert.deepEqual(await at.received(), events.map(textOf));
  });

  check('another sink goes on behind it', async (at) => {
    verifies('FEED-GOES-ON');
    for (const seq of [1, 2, 3]) {
      await using sink = at.sink();
      await sink.send([fedEntry(seq)], NEVER);
      await sink.confirm(NEVER);
      await sink.confirm(NEVER);
    }
    assert.deepEqual(await seqs(at), [1, 2, 3]);
  });

  check('while the receiver is away it says so by a code, and what is then sent again arrives', async (at) => {
    verifies('FEED-GOES-ON', 'FEED-GAP-ALARM');
    await using sink = at.sink();
    await sink.send([fedEntry(1)], NEVER);
    await sink.confirm(NEVER);
    await at.away();
    for (let i = 0; i < 2; i++)
      await assert.rejects(
        async () => {
          await sink.send([fedEntry(2)], NEVER);
          await sink.confirm(NEVER);
        },
        (error) => error instanceof VitalmeshError && isErrorCode(error.code) && error.code.startsWith('AUDIT-FEED-') && error.retryable,
      );
    await at.back();
    await sink.send([fedEntry(2), fedEntry(3)], NEVER);
    await sink.confirm(NEVER);
    assert.deepEqual([...new Set(await seqs(at))], [1, 2, 3]);
  });

  check('no name ends a line or a message, begins a field, or hides', async (at) => {
    verifies('FEED-CLEAN');
    await using sink = at.sink();
    const names = [
      'a\nb\r\nc\u0000\u001b[2J\u007f\u0085\u2028\u2029',
      '"] [evil@1 who="root"]',
      '\\" \\] \\\\ ]',
      '{"seq":1}\n{"seq":2}',
      '12 <110>1 - - - - - -',
      '\ufeff\u202eadmin\u2066 \ud800',
      'Zo\u00eb \u674e\u660e \u{1f600}',
      '\ud83d'.repeat(1000),
      'x'.repeat(10_000),
    ];
    const events = names.map((who, i) => fedEntry(i + 1, who));
    await sink.send(events, NEVER);
    await sink.confirm(NEVER);
    const received = await at.received();
    assert.deepEqual(received, events.map(textOf));
    for (const fields of received) assert.doesNotMatch([...fields.values()].join(''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    assert.equal(received[0]?.get('who'), 'a\\u000ab\\u000d\\u000ac\\u0000\\u001b[2J\\u007f\\u0085\\u2028\\u2029');
    assert.equal(received[6]?.get('who'), names[6]);
    assert.equal(received[8]?.get('cut'), 'who');
  });

  check('any name and any reason is one event, as it was made', async (at) => {
    verifies('FEED-CLEAN');
    await using sink = at.sink();
    const texts = fc.sample(fc.string({ unit: 'binary', maxLength: 400 }), 200);
    const events = texts.map((text, i) => {
      const entry = JSON.stringify({
        ...event(i, { principal: text, reason: text, tenant: text, role: text, channel: text }),
        at: i % 3 ? i : text,
      });
      return entryEvent({ seq: i + 1, entry, hash: Buffer.alloc(32, i) }, undefined, ORIGIN);
    });
    await sink.send(events, NEVER);
    await sink.confirm(NEVER);
    assert.deepEqual(await at.received(), events.map(textOf));
  });
}
