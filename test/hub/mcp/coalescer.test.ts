import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Coalescer, type Note } from '../../../hub/mcp/coalescer.ts';
import { verifies } from '../../requirements.ts';

const note = (version: number, urgent = false): Note => ({ version, at: 0, urgent });

test('the first goes at once, the next after the interval, the newest for all between', () => {
  const coalescer = new Coalescer(250);
  assert.ok(coalescer.offer('a', note(1)) <= 0);
  assert.equal(coalescer.take('a', 0)?.version, 1);
  assert.equal(coalescer.offer('a', note(2)), 250);
  assert.equal(coalescer.offer('a', note(3)), 250);
  assert.deepEqual(coalescer.due(249), []);
  assert.deepEqual(coalescer.due(250), ['a']);
  assert.equal(coalescer.take('a', 250)?.version, 3);
  assert.equal(coalescer.nextDueMs(), undefined);
  assert.equal(coalescer.replaced, 1);
});

test('what is urgent stays urgent, with the newest version', () => {
  const coalescer = new Coalescer(250);
  coalescer.offer('a', note(1));
  coalescer.take('a', 0);
  coalescer.offer('a', note(2, true));
  assert.ok(coalescer.offer('a', note(3)) < 1);
  assert.deepEqual(coalescer.due(1), ['a']);
  assert.equal(coalescer.take('a', 1)?.version, 3);
});

test('each resource has its own interval, and a forgotten one begins anew', () => {
  const coalescer = new Coalescer(250);
  for (const uri of ['a', 'b']) {
    coalescer.offer(uri, note(1));
    coalescer.take(uri, uri === 'a' ? 0 : 100);
    coalescer.offer(uri, note(2));
  }
  assert.equal(coalescer.nextDueMs(), 250);
  coalescer.forget('a');
  assert.equal(coalescer.nextDueMs(), 350);
  assert.ok(coalescer.offer('a', note(3)) <= 100);
});

test('whatever comes when: the newest of each resource goes out, in order, never two within an interval unless urgent', () => {
  verifies('MCP-BOTH-ERAS');
  const step = fc.record({ afterMs: fc.nat(200), uri: fc.constantFrom('a', 'b', 'c'), urgent: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const coalescer = new Coalescer(100);
      const newest = new Map<string, number>();
      const sent = new Map<string, { version: number; atMs: number; urgent: boolean }[]>();
      const sendDue = (nowMs: number): void => {
        for (const uri of coalescer.due(nowMs)) {
          const taken = coalescer.take(uri, nowMs);
          if (taken) sent.set(uri, [...(sent.get(uri) ?? []), { version: taken.version ?? -1, atMs: nowMs, urgent: taken.urgent }]);
        }
      };
      let nowMs = 0;
      for (const [i, { afterMs, uri, urgent }] of steps.entries()) {
        const untilMs = nowMs + afterMs;
        for (let next = coalescer.nextDueMs(); next !== undefined && next <= untilMs; next = coalescer.nextDueMs()) sendDue(next);
        nowMs = untilMs;
        newest.set(uri, i);
        coalescer.offer(uri, note(i, urgent));
        sendDue(nowMs);
      }
      sendDue(nowMs + 100);
      for (const [uri, version] of newest) {
        const all = sent.get(uri) ?? [];
        assert.equal(all.at(-1)?.version, version);
        for (const [i, one] of all.entries()) {
          const before = all[i - 1];
          if (!before) continue;
          assert.ok(one.version > before.version);
          assert.ok(one.urgent || one.atMs - before.atMs >= 100);
        }
      }
    }),
    { numRuns: 200 },
  );
});
