import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditConfig } from '../../../hub/audit/config.ts';
import { formatKept } from '../../../hub/audit/format-kept.ts';
import type { EvidenceOrder, EvidenceStep } from '../../../hub/audit/retention.ts';
import { evidencePolicy } from '../../../hub/audit/retention-config.ts';
import { EvidenceRetention, type EvidenceRetentionOptions } from '../../../hub/audit/retention-run.ts';
import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { verifierKey } from '../../../shared/signed-note.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW, TestClock } from '../../support/hub.ts';
import { aged, DAY_MS, OWN, policyOf } from '../../support/retained-evidence.ts';

const HOUR = 3_600_000;
const KEY = { privateKey: OWN.privateKey, verifier: verifierKey('vitalmesh/s', OWN.publicKey), isNew: false, isListed: true };

interface Ran {
  orders: EvidenceOrder[];
  waits: number[];
  metrics: Metrics;
  run: EvidenceRetention;
}

/** Runs until it waited so many times; `script`: what the store answers, then that nothing is due. */
async function ran(waitsWanted: number, script: (EvidenceStep | Error)[], change: Partial<EvidenceRetentionOptions> = {}): Promise<Ran> {
  const clock = new TestClock();
  const [metrics, orders, waits] = [new Metrics(), [] as EvidenceOrder[], [] as number[]];
  const enough = Promise.withResolvers<void>();
  const store = {
    storeId: 's',
    anchors: async () => [],
    auditBehind: async () => [{ seq: 1, entry: JSON.stringify(aged('reads', 3)), hash: Buffer.alloc(32) }],
    retainEvidence: async (order: EvidenceOrder) => {
      orders.push(order);
      clock.advance(10);
      const next = script.shift() ?? { removed: {}, more: false };
      if (next instanceof Error) throw next;
      return next;
    },
  };
  const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    waits.push(ms);
    if (waits.length < waitsWanted) return void clock.advance(ms);
    enough.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  const time = { moment: (known: Instant) => known - DAY_MS };
  const told = { knownTime: () => clock.now(), isDoubted: () => false, time };
  const run = new EvidenceRetention({
    store,
    policy: policyOf(2192),
    key: KEY,
    keys: () => [KEY.verifier],
    metrics,
    clock,
    wait,
    ...told,
    ...change,
  });
  await run.start(new AbortController().signal);
  await enough.promise;
  await run[Symbol.asyncDispose]();
  return { orders, waits, metrics, run };
}

test('what is due goes once an hour, in small steps with rests, is counted, and its anchor is signed', async () => {
  verifies('AUDIT-RETAINED');
  const { orders, waits, metrics } = await ran(4, [
    { removed: { writes: 5 }, more: true },
    { removed: { entries: 2 }, more: false },
    new VitalmeshError('STORAGE-FULL'),
  ]);
  assert.deepEqual(waits, [40, HOUR, 60_000, HOUR]);
  assert.deepEqual([metrics.get('audit_removed', 'writes'), metrics.get('audit_removed', 'entries')], [5, 2]);
  assert.match(
    orders[0]?.sign({ what: 'writes', seq: 7, hash: Buffer.alloc(32) }) ?? '',
    /^vitalmesh\/s\n7\n.*\nvitalmesh-retained writes\n\n/,
  );
});

test('ages are reckoned by the time of the retention, out of what the network told, and nothing is removed before it told any', async () => {
  verifies('AUDIT-RETAINED');
  const ahead = await ran(2, [], { knownTime: () => TEST_NOW + 365 * DAY_MS });
  assert.deepEqual(
    ahead.orders.map(({ now }) => now - TEST_NOW),
    [364 * DAY_MS, 364 * DAY_MS],
  );
  const unknown = await ran(2, [], { knownTime: () => undefined });
  assert.deepEqual([unknown.orders.length, unknown.waits, unknown.run.status().waitsFor], [0, [60_000, 60_000], 'time']);
  assert.match(formatKept(unknown.run.status()).join('\n'), /nothing is removed, because the network has not told the time/);
});

test('nothing is removed while anything stands against the evidence, or where it was tampered with', async () => {
  verifies('AUDIT-RETAINED');
  const doubted = await ran(1, [], { isDoubted: () => true });
  assert.deepEqual([doubted.orders.length, doubted.run.status().waitsFor], [0, 'evidence']);
  let isDoubted = true;
  const answered = await ran(1, [], { isDoubted: () => isDoubted });
  isDoubted = false;
  assert.equal(answered.run.status().waitsFor, null, 'at once, and not only by the next round');
  const tampered = await ran(2, [new VitalmeshError('AUDIT-NOT-REMOVED'), new VitalmeshError('AUDIT-NOT-REMOVED')]);
  assert.deepEqual([tampered.waits, tampered.run.status().alarms], [[60_000, 60_000], ['AUDIT-NOT-REMOVED']]);
  assert.match(formatKept(tampered.run.status()).join('\n'), /AUDIT-NOT-REMOVED/);
});

test('the status says how far back each class goes, those alike together', async () => {
  verifies('AUDIT-RETAINED');
  const { run } = await ran(1, []);
  const day = new Date(TEST_NOW - 3 * DAY_MS).toISOString().slice(0, 10);
  assert.deepEqual(
    formatKept(run.status()).map(([name, text]) => [name, text.replace(/T\S+,/, ',')]),
    [['Evidence kept', `all of it since ${day}, for 2192 days`]],
  );
  const { run: mixed } = await ran(1, [], { policy: policyOf(null, { operation: 400 }) });
  assert.deepEqual(
    formatKept(mixed.status()).map(([, text]) => text.replace(/ since.*, for/, ' for')),
    ['reads, writes, refusals, administration for ever', 'operation for 400 days'],
  );
});

test('evidence is kept for six years; for less only where that is said, and what tells of removals never for less than the rest', () => {
  verifies('AUDIT-RETAINED');
  const policy = (retention: unknown) => evidencePolicy(auditConfig.parse({ retention }).retention);
  assert.deepEqual(evidencePolicy(auditConfig.parse(undefined).retention), policyOf(2192));
  assert.deepEqual(
    policy({ operation: 400, allowShorter: true, administration: 'forever' }),
    policyOf(2192, { operation: 400, administration: null }),
  );
  for (const wrong of [
    { reads: 2191 },
    { operation: 400 },
    { reads: 'forever' },
    { administration: 400, allowShorter: true },
    { reads: 0, allowShorter: true },
  ])
    assert.throws(() => policy(wrong), JSON.stringify(wrong));
  const named = (retention: unknown) => auditConfig.safeParse({ retention }).error?.issues.map(({ path }) => path.join('.'));
  assert.deepEqual(named({ reads: 4000 }), ['retention.reads'], 'what stands in the file');
  assert.deepEqual(named({ reads: 4000, administration: 3000 }), ['retention.administration']);
  assert.deepEqual(new Set(named({ administration: 400, allowShorter: true })), new Set(['retention.administration']));
});
