import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../../hub/store/store.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import { verifies } from '../requirements.ts';
import { type SampleOptions, TEST_NOW } from '../support/hub.ts';
import { event, type StorePlace } from './store.ts';
import { amend, carriedOut, undo } from './store-amend.ts';
import { DAY, doubtfulRows, latest, PATIENT, pressed, store1, weighed } from './store-identity.ts';

/** What every engine must do so that people can decide about readings that may be somebody else's. */
export function storeConfirmContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store);
      const { findings } = await store.verify();
      assert.deepEqual(findings, []);
    });
  };

  check('what somebody confirms is the person’s, and so is what agrees with it; that can be undone', async (store) => {
    verifies('IDENTITY-CONFIRMED', 'AMEND-TOLD');
    const jump = weighed(2, 64, 1);
    await store1(store, weighed(1, 82, 3), jump);
    const id = await amend(store, { kind: 'confirm', selection: { observations: [jump.id] } });
    const told = await carriedOut(store);
    assert.deepEqual(told.changed, [{ tenant: 'clinic', patient: PATIENT, vitals: ['weight'] }]);
    assert.deepEqual(await latest(store), { current: [64], doubtful: [] });
    const byHand = async () => (await store.latest('clinic', PATIENT, (rows) => event(rows))).map((row) => row.byHand ?? null);
    assert.deepEqual(await byHand(), [{ kind: 'confirmed', at: TEST_NOW }]);
    await store1(store, weighed(3, 82, 0.5));
    assert.deepEqual(await byHand(), [null, { kind: 'confirmed', at: TEST_NOW }], 'not what is doubtful beside it');
    assert.deepEqual(await latest(store), { current: [64], doubtful: [82] }, 'confirmed, it does not go with the former ones');
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
    assert.deepEqual(await doubtfulRows(store), [jump.id]);
  });

  check(
    'what a device corrects after somebody confirmed it is confirmed while it says the same; another value is looked at anew',
    async (store) => {
      verifies('IDENTITY-CONFIRMED-VERSIONS');
      const jump = weighed(2, 64, 1);
      await store1(store, weighed(1, 82, 3), jump);
      const id = await amend(store, { kind: 'confirm', selection: { observations: [jump.id] } });
      await carriedOut(store);
      const corrected = (seq: number, kg: number, change: SampleOptions = {}) =>
        store1(store, weighed(seq, kg, 1, { status: 'corrected', ...change }));
      await corrected(3, 64.2);
      assert.deepEqual(await latest(store), { current: [64.2], doubtful: [] });
      const named = (seq: number): string => weighed(seq, 0, 0).id;
      assert.deepEqual(
        (await store.amend.amendmentsOf('clinic', named(3))).map((one) => one.id),
        [id],
        'its history says by what it counts',
      );
      await corrected(4, 65.4);
      assert.deepEqual(await latest(store), { current: [65.4], doubtful: [] });
      // Near the last one, and not near what was confirmed.
      await corrected(5, 66.4);
      assert.deepEqual(await latest(store), { current: [82], doubtful: [66.4] });
      await corrected(6, 64.1);
      assert.deepEqual(await latest(store), { current: [64.1], doubtful: [] });
      await corrected(7, 8200, { flags: ['out-of-range'] });
      assert.deepEqual(await latest(store), { current: [82], doubtful: [8200] });
      const other = await amend(store, { kind: 'confirm', selection: { observations: [named(7)] } });
      await carriedOut(store);
      assert.deepEqual(await latest(store), { current: [8200], doubtful: [] });
      await undo(store, other);
      await corrected(8, 64.3);
      await undo(store, id);
      await carriedOut(store);
      assert.deepEqual(
        await latest(store),
        { current: [82], doubtful: [64.3] },
        'with what was confirmed all that followed it is not any more',
      );
    },
  );

  check('what is corrected before a confirmation is carried out is confirmed with it, if it says the same', async (store) => {
    verifies('IDENTITY-CONFIRMED-VERSIONS');
    for (const [seq, kg, current] of [
      [10, 64.3, 64.3],
      [20, 70, 82],
    ] as const) {
      const patientId = `pat-home-${seq}`;
      const jump = weighed(seq + 1, 64, 1, { patientId });
      await store1(store, weighed(seq, 82, 3, { patientId }), jump);
      await amend(store, { kind: 'confirm', selection: { observations: [jump.id] } });
      await store1(store, weighed(seq + 2, kg, 1, { patientId, status: 'corrected' }));
      await carriedOut(store);
      assert.deepEqual((await latest(store, patientId)).current, [current]);
    }
  });

  check('what is confirmed does not depend on when it is carried out, nor on the order in which corrections came', async (store) => {
    verifies('IDENTITY-CONFIRMED-VERSIONS', 'IDENTITY-DOUBTFUL-ANY-ORDER');
    // Each says the same as what was confirmed, and they do not say the same as each other.
    const corrections = { up: [3, 96.8], down: [4, 93.2] } as const;
    const orders = [
      ['carry', 'up', 'down'],
      ['carry', 'down', 'up'],
      ['up', 'carry', 'down'],
      ['down', 'carry', 'up'],
      ['up', 'down', 'carry'],
      ['down', 'up', 'carry'],
    ] as const;
    for (const [i, order] of orders.entries()) {
      const [patientId, first] = [`pat-order-${i}`, (i + 1) * 100];
      const jump = weighed(first + 2, 95, 1, { patientId });
      await store1(store, weighed(first + 1, 80, 5, { patientId }), jump);
      const id = await amend(store, { kind: 'confirm', selection: { observations: [jump.id] } });
      for (const step of order) {
        if (step === 'carry') await carriedOut(store);
        else await store1(store, weighed(first + corrections[step][0], corrections[step][1], 1, { patientId, status: 'corrected' }));
      }
      assert.deepEqual(await latest(store, patientId), { current: [93.2], doubtful: [] }, order.join());
      await undo(store, id);
      await carriedOut(store);
      assert.deepEqual(await latest(store, patientId), { current: [80], doubtful: [93.2] }, order.join());
    }
  });

  check(
    'what a device corrected before somebody confirmed it is confirmed with it, and what follows is held against what was meant',
    async (store) => {
      verifies('IDENTITY-CONFIRMED-VERSIONS');
      for (const [i, order] of [
        ['carry', 'correct'],
        ['correct', 'carry'],
      ].entries()) {
        const [patientId, first] = [`pat-meant-${i}`, (i + 1) * 100];
        const version = (seq: number, kg: number) => weighed(first + seq, kg, 1, { patientId, ...(seq > 2 && { status: 'corrected' }) });
        await store1(store, weighed(first + 1, 80, 5, { patientId }), version(2, 97.5));
        await store1(store, version(3, 96));
        const id = await amend(store, { kind: 'confirm', selection: { observations: [version(3, 96).id] } });
        for (const step of order) {
          if (step === 'carry') await carriedOut(store);
          else await store1(store, version(4, 94.5));
        }
        assert.deepEqual(await latest(store, patientId), { current: [94.5], doubtful: [] }, order.join());
        for (const seq of [2, 3, 4])
          assert.deepEqual(
            (await store.amend.amendmentsOf('clinic', version(seq, 0).id)).map((one) => one.id),
            [id],
            `${order}: ${seq}`,
          );
      }
    },
  );

  check('of two confirmations of one measurement a correction is confirmed by the one that says the same', async (store) => {
    verifies('IDENTITY-CONFIRMED-VERSIONS');
    const version = (seq: number, kg: number) => weighed(seq, kg, 1, seq > 2 ? { status: 'corrected' } : {});
    const confirm = async (one: { id: string }): Promise<string> => {
      const id = await amend(store, { kind: 'confirm', selection: { observations: [one.id] } });
      await carriedOut(store);
      return id;
    };
    await store1(store, weighed(1, 82, 3), version(2, 64));
    const first = await confirm(version(2, 64));
    await store1(store, version(3, 70));
    assert.deepEqual(await latest(store), { current: [82], doubtful: [70] });
    const second = await confirm(version(3, 70));
    await store1(store, version(4, 64.2));
    assert.deepEqual(await latest(store), { current: [64.2], doubtful: [] });
    await undo(store, second);
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [64.2], doubtful: [] });
    await undo(store, first);
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [82], doubtful: [64.2] });
  });

  check('what is not doubtful, void, or does not stand is not confirmed, and nothing of what is named with it', async (store) => {
    verifies('AMEND-CONFIRM-REFUSED');
    const [own, jump, replaced] = [weighed(1, 82, 3), weighed(2, 64, 2), weighed(3, 50, 1)];
    await store1(store, own, jump, replaced, weighed(4, 51, 1, { status: 'corrected' }));
    const confirm = (...ids: string[]) => amend(store, { kind: 'confirm', selection: { observations: ids } });
    const before = await store.amend.amendments('clinic');
    await assert.rejects(confirm(own.id), { code: 'AMEND-NOT-DOUBTFUL' });
    await assert.rejects(confirm(replaced.id), { code: 'AMEND-REPLACED' });
    await assert.rejects(confirm(jump.id, own.id), { code: 'AMEND-NOT-DOUBTFUL', detail: 'reading 2 of 2 that are named' });
    await assert.rejects(store.amend.select('clinic', { observations: [own.id] }, 'confirm'), { code: 'AMEND-NOT-DOUBTFUL' });
    const id = await amend(store, { selection: { observations: [jump.id] } });
    await assert.rejects(confirm(jump.id), { code: 'AMEND-VOID' }, 'decided, and not carried out yet');
    await carriedOut(store);
    await assert.rejects(confirm(jump.id), { code: 'AMEND-VOID' });
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual((await store.amend.amendments('clinic')).length, before.length + 1);
    await confirm(jump.id);
  });

  check('what is void or confirmed already is not so once more: it says by what, and undoing that one is enough', async (store) => {
    verifies('AMEND-ONCE');
    const [jump, other] = [weighed(2, 64, 2), weighed(3, 40, 1)];
    await store1(store, weighed(1, 82, 3), jump, other);
    for (const kind of ['confirm', 'void'] as const) {
      const decide = async (...observations: string[]) => {
        const kept = await store.amend.amend(
          { tenant: 'clinic', kind, selection: { observations }, reason: 'other', at: TEST_NOW },
          (all) => all.map(({ patient }) => event(1, { patient })),
        );
        return kept.map((one) => [one.id, one.already ?? false]);
      };
      const kept = (await store.amend.amendments('clinic')).length;
      const [first] = await decide(jump.id);
      const id = String(first?.[0]);
      assert.deepEqual(await decide(jump.id), [[id, true]], 'not carried out yet');
      await carriedOut(store);
      assert.deepEqual(await decide(jump.id), [[id, true]]);
      const [second, before] = await decide(jump.id, other.id);
      assert.deepEqual([second?.[1], before], [false, [id, true]]);
      await carriedOut(store);
      assert.equal((await store.amend.amendments('clinic')).length, kept + 2);
      await undo(store, id);
      await undo(store, String(second?.[0]));
      await carriedOut(store);
      assert.deepEqual(await latest(store), { current: [82], doubtful: [40] });
      assert.notEqual((await decide(jump.id))[0]?.[0], id);
      await undo(store, String((await decide(jump.id))[0]?.[0]));
      await carriedOut(store);
    }
  });

  check('what is doubtful is listed newest first, a page at a time, with all of one time, and of those asked for alone', async (store) => {
    verifies('DOUBTFUL-LISTED');
    const [other, third] = ['pat-home-02', 'pat-home-03'];
    for (const [i, patientId] of [PATIENT, other, third].entries()) {
      const seq = i * 100;
      const first = [
        weighed(seq + 1, 82, 9, { patientId }),
        weighed(seq + 2, 64, 6, { patientId }),
        weighed(seq + 3, 8200, 5, { patientId, flags: ['out-of-range'] }),
      ];
      await store1(store, ...first, weighed(seq + 4, 50 - i, 4 - i, { patientId, test: true }), {
        ...pressed(seq + 5, 128, 82, 3),
        patient: patientId,
      });
      await store1(store, { ...pressed(seq + 6, 190, 104, 2, { minutes: i }), patient: patientId });
    }
    await amend(store, { selection: { observations: [weighed(2, 0, 0).id] } });
    await carriedOut(store);
    const list = async (patients: readonly string[], most: number, before = TEST_NOW): Promise<[number[], boolean]> => {
      const { readings, isMore } = await store.amend.doubtful('clinic', { patients, before, most });
      return [readings.map(({ id }) => parseObservationId(id)?.seq ?? 0), isMore];
    };
    assert.deepEqual(await list([PATIENT, other, 'nobody'], 9), [[106, 6, 103, 3, 102], false]);
    assert.deepEqual(await list([other, PATIENT], 2), [[106, 6], true]);
    assert.deepEqual(await list([PATIENT, other], 3), [[106, 6, 103, 3], true], 'of one time all');
    assert.deepEqual(await list([PATIENT, other], 3, TEST_NOW - 5 * DAY), [[102], false]);
    assert.deepEqual(await list([third], 1), [[206], true]);
    assert.deepEqual(await list([PATIENT], 9, TEST_NOW - 9 * DAY), [[], false]);
    const [reading] = (await store.amend.doubtful('clinic', { patients: [PATIENT], before: TEST_NOW, most: 1 })).readings;
    assert.deepEqual([reading?.patient, reading?.gateway, reading?.components.map(({ value }) => value)], [PATIENT, 'gw-icu', [190, 104]]);
    assert.deepEqual(await store.amend.doubtful('other', { patients: [PATIENT], before: TEST_NOW, most: 9 }), {
      readings: [],
      isMore: false,
    });
  });

  check('what is void, or became another’s, says nothing of whose the others are', async (store) => {
    verifies('IDENTITY-CONFIRMED');
    const [first, second, own] = [weighed(1, 64, 3), weighed(2, 82, 2), weighed(9, 50, 4, { patientId: 'pat-home-02' })];
    await store1(store, first, second, own);
    assert.deepEqual(await latest(store), { current: [64], doubtful: [82] });
    const id = await amend(store, { kind: 'reassign', to: 'pat-home-02', selection: { observations: [first.id] } });
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
    assert.deepEqual(await latest(store, 'pat-home-02'), { current: [64], doubtful: [] }, 'somebody said whose it is');
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [64], doubtful: [82] });
    assert.deepEqual(await latest(store, 'pat-home-02'), { current: [50], doubtful: [] });
    await amend(store, { kind: 'void', selection: { observations: [first.id] } });
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
  });
}
