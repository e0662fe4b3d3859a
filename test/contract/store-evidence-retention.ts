import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../hub/access/access.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from '../../hub/audit/classes.ts';
import { misfiledEntry } from '../../hub/audit/indexed.ts';
import { isGone, withoutContent } from '../../hub/audit/link.ts';
import { RETAIN_PAGE } from '../../hub/audit/retention.ts';
import type { Store } from '../../hub/store/store.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { aged, DAY_MS, orderOf, policyOf, retainAll, sign, verdictOf } from '../support/retained-evidence.ts';
import type { StorePlace } from './store.ts';

/** How every engine must remove evidence. `place` makes an empty one; `runs`: of the model. */
export function storeEvidenceRetentionContract(name: string, place: () => Promise<StorePlace>, runs: number): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store, at);
    });
  };
  const counts = async (store: Store, patient?: string): Promise<number[]> =>
    (await gathered(store.evidence('clinic', patient === undefined ? {} : { patient }))).flatMap(({ event: { action, count } }) =>
      action === 'audit.retain' ? [] : [count],
    );
  const told = async (store: Store): Promise<unknown[][]> =>
    (await gathered(store.evidence('clinic', {}))).flatMap(({ event: { action, count, reason, detail } }) =>
      action === 'audit.retain' ? [[count, reason, detail?.args?.what, detail?.args?.upTo]] : [],
    );

  check('evidence that is due goes whole, and what remains verifies from its anchor', async (store, at) => {
    verifies('AUDIT-RETAINED');
    await store.record([aged('reads', 90, { patient: 'pat-1' }), aged('writes', 80, { patient: 'pat-2' }), aged('refusals', 70)]);
    await sign(store);
    await store.record([aged('reads', 20, { patient: 'pat-1' }), aged('administration', 10)]);
    await sign(store);
    assert.deepEqual(await retainAll(store, policyOf(60)), { entries: 3 });
    assert.deepEqual(await counts(store), [20, 10]);
    assert.deepEqual(await counts(store, 'pat-1'), [20]);
    assert.deepEqual(await told(store), [[3, 'retention', 'entries', 3]]);
    assert.deepEqual(
      (await gathered(store.checkpoints())).map(({ seq }) => seq),
      [5],
    );
    const { intact, removedUpTo, emptied, entries, signedUpTo } = await verdictOf(store);
    assert.deepEqual([intact, removedUpTo, emptied, entries, signedUpTo], [true, 3, 0, 6, 5]);
    assert.equal(await misfiledEntry(store), null);
    const chain = (await store.verify()).findings;
    assert.deepEqual(chain, []);
    assert.deepEqual(await retainAll(store, policyOf(60)), {}, 'nothing is due twice');
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.ok((await verdictOf(again)).intact);
    await again.record([aged('reads', 0)]);
    assert.ok((await verdictOf(again)).intact);
  });

  check('a class that is kept for less loses its content alone, and the chain goes on through it', async (store) => {
    verifies('AUDIT-RETAINED');
    await store.record([
      aged('reads', 90, { patient: 'pat-1' }),
      aged('writes', 80, { patient: 'pat-2' }),
      aged('writes', 40, { patient: 'pat-1' }),
      aged('reads', 30),
      aged('writes', 20, { patient: 'pat-2' }),
    ]);
    assert.deepEqual(await retainAll(store, policyOf(null, { writes: 25 })), { writes: 2 });
    assert.deepEqual(await counts(store), [90, 30, 20]);
    assert.deepEqual(await counts(store, 'pat-1'), [90]);
    assert.deepEqual(await counts(store, 'pat-2'), [20]);
    const { intact, removedUpTo, emptied, entries } = await verdictOf(store);
    assert.deepEqual([intact, removedUpTo, emptied, entries], [true, 0, 2, 6]);
    const gone = (await gathered(store.audit())).flatMap(({ entry }) => (isGone(entry) ? [JSON.parse(entry)] : []));
    assert.deepEqual(
      gone.map(({ gone: digest, ...rest }) => [rest, Buffer.from(digest, 'base64').length]),
      [80, 40].map((days) => [{ v: 3, at: TEST_NOW - days * DAY_MS, tenant: 'clinic', class: 'writes' }, 32]),
    );
    assert.equal(await misfiledEntry(store), null);
    // Once the rest is due, all of it goes, what has no content too.
    assert.deepEqual(await retainAll(store, policyOf(50, { writes: 25 })), { entries: 2 });
    assert.deepEqual(await counts(store), [30, 20]);
    assert.ok((await verdictOf(store)).intact);
  });

  check('a key goes with the last entry that it sealed, and a new one is another', async (store) => {
    verifies('AUDIT-RETAINED', 'AUDIT-SEALED');
    const subjects = async (): Promise<(number | null)[]> =>
      (await gathered(store.evidence('clinic', {}))).flatMap((record) => record.subject ?? []);
    await store.record([
      aged('reads', 90, { patient: 'pat-1' }),
      aged('reads', 90, { patient: 'pat-2' }),
      aged('reads', 5, { patient: 'pat-2' }),
    ]);
    assert.deepEqual(await subjects(), [1, 2, 2]);
    await retainAll(store, policyOf(60));
    await store.record([aged('reads', 1, { patient: 'pat-1' }), aged('reads', 1, { patient: 'pat-2' })]);
    assert.deepEqual(await subjects(), [2, 3, 2]);
    assert.equal(await misfiledEntry(store), null);
  });

  check('of whoever is under legal hold nothing is removed, nor anything whole behind it, until the hold ends', async (store) => {
    verifies('AUDIT-RETAINED');
    const mine = { patient: 'pat-1' };
    await store.record([aged('reads', 95), aged('writes', 90, mine), aged('writes', 80), aged('reads', 70, mine), aged('reads', 60)]);
    const hold = { tenant: 'clinic', patient: 'pat-1', reason: 'a claim', principal: 'local:7', at: TEST_NOW };
    await store.erasing.hold(hold, aged('administration', 0));
    assert.deepEqual(await retainAll(store, policyOf(50, { writes: 30 })), { entries: 1, writes: 1 });
    assert.deepEqual(await counts(store), [90, 70, 60, 0]);
    assert.equal((await verdictOf(store)).fault, null);
    await store.erasing.release('clinic', 'pat-1', 'a claim', aged('administration', 0));
    assert.deepEqual(await retainAll(store, policyOf(50, { writes: 30 })), { entries: 4 });
    assert.deepEqual(await counts(store), [0, 0]);
    assert.equal((await verdictOf(store)).fault, null);
  });

  check(
    'content that was passed over because of a hold goes with the next round behind the end of the last hold, and not before',
    async (store) => {
      verifies('HOLD-KEEPS-EVIDENCE');
      const mine = { patient: 'pat-1' };
      const both = { patient: null, patients: ['pat-1', 'pat-2'] };
      await store.record([
        aged('reads', 95, mine),
        aged('writes', 90, mine),
        aged('writes', 80),
        aged('reads', 70, both),
        aged('reads', 60),
      ]);
      const hold = (patient: string, reason: string) => ({ tenant: 'clinic', patient, reason, principal: 'local:7', at: TEST_NOW });
      for (const one of [hold('pat-1', 'A'), hold('pat-1', 'B'), hold('pat-2', 'C')])
        await store.erasing.hold(one, aged('administration', 0));
      const policy = policyOf(null, { writes: 30, reads: 30 });
      assert.deepEqual(await retainAll(store, policy), { writes: 1, reads: 1 });
      const left = async (): Promise<number[]> => (await counts(store)).filter((count) => count > 0);
      assert.deepEqual(await left(), [95, 90, 70]);
      await store.erasing.release('clinic', 'pat-1', 'A', aged('administration', 0));
      assert.deepEqual(await retainAll(store, policy), {});
      await store.erasing.release('clinic', 'pat-1', 'B', aged('administration', 0));
      // A policy that keeps it for longer by now counts.
      assert.deepEqual(await retainAll(store, policyOf(null, { writes: 30, reads: 100 })), { writes: 1 });
      assert.deepEqual(await retainAll(store, policy), { reads: 1 });
      assert.deepEqual(await left(), [70]);
      await store.erasing.release('clinic', 'pat-2', 'C', aged('administration', 0));
      assert.deepEqual(await retainAll(store, policy), { reads: 1 });
      assert.deepEqual(await retainAll(store, policy), {});
      assert.deepEqual(await left(), []);
      assert.equal((await told(store)).filter(([, , what]) => what === 'reads').length, 3);
      assert.equal((await verdictOf(store)).fault, null);
      assert.equal(await misfiledEntry(store), null);
    },
  );

  check('of several tenants each is told what of its own went', async (store) => {
    verifies('AUDIT-RETAINED', 'TENANT-EVERYWHERE');
    const other = { tenant: 'other', patient: 'pat-1' };
    await store.record([
      aged('reads', 90, { patient: 'pat-1' }),
      aged('reads', 90, other),
      aged('reads', 90, other),
      aged('reads', 1, other),
    ]);
    await retainAll(store, policyOf(60));
    const of = async (tenant: string): Promise<unknown[]> =>
      (await gathered(store.evidence(tenant, {}))).map(({ event: { action, count } }) => [action, count]);
    assert.deepEqual(
      [await of('clinic'), await of('other')],
      [
        [['audit.retain', 1]],
        [
          ['vitals.read', 1],
          ['audit.retain', 2],
        ],
      ],
    );
    assert.equal(await misfiledEntry(store), null);
  });

  check('one step is small, and nothing is removed while the evidence is held', async (store) => {
    verifies('AUDIT-RETAINED');
    await store.record(Array.from({ length: RETAIN_PAGE + 10 }, () => aged('writes', 90)));
    const order = orderOf(store, policyOf(null, { writes: 25 }));
    {
      using _held = store.holdEvidence();
      assert.deepEqual(await store.retainEvidence(order), { removed: {}, more: true });
    }
    assert.deepEqual(await store.retainEvidence(order), { removed: { writes: RETAIN_PAGE }, more: true });
    assert.deepEqual((await verdictOf(store)).emptied, RETAIN_PAGE);
    assert.deepEqual(await store.retainEvidence(order), { removed: { writes: 10 }, more: true });
    assert.deepEqual(await store.retainEvidence(order), { removed: {}, more: false });
  });

  check('nothing goes on from an anchor that nobody signed, so that it gets no signature', async (store) => {
    verifies('AUDIT-RETAINED');
    await store.record([aged('writes', 90), aged('reads', 80), aged('writes', 70), aged('writes', 60)]);
    const forging = { ...orderOf(store, policyOf(null, { writes: 65 })), sign: () => 'forged' };
    for (let more = true; more; ) ({ more } = await store.retainEvidence({ ...forging, isSigned: () => true }));
    await sign(store);
    assert.equal((await verdictOf(store)).fault, 'false-anchor');
    const before = await store.anchors();
    await assert.rejects(store.retainEvidence(orderOf(store, policyOf(null, { writes: 50 }))), {
      code: 'AUDIT-NOT-REMOVED',
      detail: 'anchor of writes, entry 3',
    });
    assert.deepEqual(await store.anchors(), before);
    assert.equal((await verdictOf(store)).fault, 'false-anchor');
  });

  check('entries that a clock dated ahead, or back, go only with what was written behind them', async (store) => {
    verifies('AUDIT-RETAINED');
    // The second was written while the clock was years behind, the third while it was ahead of now.
    await store.record([aged('reads', 50), aged('reads', 5000), aged('reads', -400), aged('reads', 40)]);
    assert.deepEqual(await retainAll(store, policyOf(45)), { entries: 1 });
    assert.deepEqual(await counts(store), [5000, 40, -400]);
    assert.deepEqual(await retainAll(store, policyOf(39)), { entries: 3 });
  });

  test(`${name}: whatever is due of whatever class, in whatever order, the rest verifies and is what a model keeps`, async (context) => {
    verifies('AUDIT-RETAINED');
    const anyClass = fc.constantFrom<EvidenceClass>(...EVIDENCE_CLASSES);
    const anyDays = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 25 }) }, { weight: 1, arbitrary: fc.constant(null) });
    const anyPolicy = fc.tuple(...EVIDENCE_CLASSES.map(() => anyDays));
    const anyStep = fc.oneof(
      fc.record({
        write: fc.array(fc.tuple(anyClass, fc.constantFrom(null, 'pat-1', 'pat-2', 'pat-3')), { minLength: 10, maxLength: 40 }),
      }),
      fc.record({ retain: anyPolicy, steps: fc.integer({ min: 1, max: 30 }) }),
    );
    let removed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 2, maxLength: 8 }), async (steps) => {
        await using at = await place();
        await using store = await at.open();
        const model: ModelEntry[] = [];
        let day = 0;
        for (const step of steps) {
          if ('write' in step) {
            const events = step.write.map(([name, patient]): AuditEvent => {
              day += 1;
              return aged(name, -day, { count: day, patient });
            });
            await store.record(events);
            model.push(...events.map((event, i) => ({ event, name: step.write[i]?.[0] ?? 'reads', state: 'kept' as const })));
            continue;
          }
          const policy = policyOf(0, Object.fromEntries(EVIDENCE_CLASSES.map((name, i) => [name, step.retain[i] ?? null])));
          const now = TEST_NOW + day * DAY_MS;
          let isDone = false;
          for (let i = 0; i < step.steps && !isDone; i += 1) {
            const { removed: gone, more } = await store.retainEvidence(orderOf(store, policy, now));
            removed += Object.values(gone).reduce((sum, count) => sum + count, 0);
            isDone = !more;
          }
          await sign(store);
          const verdict = await verdictOf(store);
          assert.equal(verdict.fault, null);
          assert.equal(await misfiledEntry(store), null);
          await agree(store, model, policy, now, isDone);
        }
      }),
      { numRuns: runs },
    );
    assert.ok(removed > runs);
    context.diagnostic(`${runs} runs, ${removed} entries removed or emptied`);
  });
}

/** Runs one statement on the database behind the store's back: `UPDATE audit SET entry = ? WHERE seq = ?` and the like. */
export interface BehindTheBack {
  empty(seq: number, entry: string): Promise<void>;
  dropKey(patient: string): Promise<void>;
}

/** What no statement may do, whoever gives it, while somebody is under legal hold. */
export async function heldEvidenceStays(open: StorePlace['open'], { empty, dropKey }: BehindTheBack): Promise<void> {
  const entries: string[] = [];
  {
    await using store = await open();
    await store.record([
      aged('writes', 90, { patient: 'pat-1' }),
      aged('writes', 80, { patient: null, patients: ['pat-2', 'pat-1'] }),
      aged('writes', 70),
    ]);
    const hold = { tenant: 'clinic', patient: 'pat-1', reason: 'A', principal: 'local:7', at: TEST_NOW };
    await store.erasing.hold(hold, aged('administration', 0));
    assert.deepEqual(await retainAll(store, policyOf(null, { writes: 30 })), { writes: 1 });
    for (const { entry } of await gathered(store.audit())) entries.push(entry);
  }
  for (const seq of [1, 2])
    await assert.rejects(empty(seq, withoutContent(entries[seq - 1] ?? '') ?? assert.fail()), /of a patient under legal hold/);
  await assert.rejects(dropKey('pat-1'), /of a patient under legal hold/);
  {
    await using store = await open();
    await store.erasing.release('clinic', 'pat-1', 'A', aged('administration', 0));
  }
  // As far as the anchor went the triggers let it go, as the retention does.
  await empty(1, withoutContent(entries[0] ?? '') ?? assert.fail());
  await using store = await open();
  assert.deepEqual(await retainAll(store, policyOf(null, { writes: 30 })), { writes: 1 });
  assert.equal((await verdictOf(store)).emptied, 3);
}

interface ModelEntry {
  event: AuditEvent;
  name: EvidenceClass;
  state: 'kept' | 'gone';
}

/** What is read is as it was written; what is gone was due; when all is done, nothing that is due has its content. */
async function agree(store: Store, model: ModelEntry[], policy: ReturnType<typeof policyOf>, now: number, isDone: boolean): Promise<void> {
  const isDue = ({ event, name }: ModelEntry): boolean => {
    const keepMs = policy[name];
    return keepMs !== null && event.at < now - keepMs;
  };
  const read = new Map(
    (await gathered(store.evidence('clinic', {}))).map(({ event }) => [event.action === 'audit.retain' ? -1 : event.count, event]),
  );
  for (const entry of model) {
    const { event } = entry;
    const found = read.get(event.count);
    if (found === undefined) {
      assert.ok(entry.state === 'gone' || isDue(entry), `entry ${event.count} of ${entry.name} is gone before its time`);
      entry.state = 'gone';
      continue;
    }
    assert.equal(entry.state, 'kept', 'what is gone stays gone');
    assert.deepEqual([found.patient, found.at, found.action, found.outcome], [event.patient, event.at, event.action, event.outcome]);
  }
  if (!isDone) return;
  for (const entry of model) if (isDue(entry)) assert.equal(entry.state, 'gone', `entry ${entry.event.count} of ${entry.name} is due`);
}
