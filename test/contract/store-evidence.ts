import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../../hub/access/access.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import type { EvidenceFilter, EvidenceRecord } from '../../hub/audit/evidence.ts';
import { misfiledEntry } from '../../hub/audit/indexed.ts';
import { showingOf } from '../../hub/audit/saw.ts';
import type { Store } from '../../hub/store/store.ts';
import { verifies } from '../requirements.ts';
import { evidenceOf } from '../support/evidence.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { event, type StorePlace } from './store.ts';

const READ: AuditEvent = event(2, {
  patient: 'pat-secret-01',
  detail: {
    purpose: 'TREAT',
    bytes: 10,
    response: 'ab'.repeat(32),
    args: { vital: 'hr-asked' },
    shown: [['gw-shown.0123456789abc.1.0', TEST_NOW]],
  },
});

/** What every engine must keep of the evidence. `place` makes an empty one. */
export function storeEvidenceContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store);
    });
  };
  const found = async (store: Store, filter: EvidenceFilter, tenant = 'clinic'): Promise<number[]> =>
    (await gathered(store.evidence(tenant, filter))).map(({ event: { count } }) => count);

  check('what tells of a patient is sealed, and opened for whoever may read it', async (store) => {
    verifies('AUDIT-SEALED');
    const long = { ...READ, detail: { ...READ.detail, shown: Array.from({ length: 40 }, (_, i) => [`gw-shown.${i}`, TEST_NOW] as const) } };
    await store.record([READ, long, event(0, { detail: { policy: 'p-1' } })]);
    const chain = await gathered(store.audit());
    for (const { entry } of chain) assert.doesNotMatch(entry, /pat-secret|gw-shown|hr-asked|abab/);
    assert.ok((await verifyAudit(chain, store.storeId)).intact);
    assert.deepEqual(await evidenceOf(store), [READ, long, event(0, { detail: { policy: 'p-1' } })]);
  });

  check('the same patient is sealed under another text each time, and under one number', async (store) => {
    verifies('AUDIT-SEALED');
    await store.record([READ, READ, { ...READ, patient: 'pat-secret-02' }]);
    const [a, b, c] = (await gathered(store.audit())).map(({ entry }) => JSON.parse(entry) as { subject: number; sealed: string });
    assert.notEqual(a?.sealed, b?.sealed);
    assert.equal(a?.subject, b?.subject);
    assert.notEqual(a?.subject, c?.subject);
  });

  check('who was shown an observation is found by the index alone, and nobody is left out', async (store) => {
    verifies('AUDIT-SAW-INDEXED');
    const ids = Array.from({ length: 300 }, (_, i) => `gw-one.0123456789abc.${i.toString(36)}.0`);
    const shown = (from: number, count: number) => ids.slice(from, from + count).map((id) => [id, TEST_NOW] as const);
    const kinds: Partial<AuditEvent>[] = [
      { detail: { shown: [] } },
      { action: 'observations.write' },
      { action: 'observations.export' },
      { action: 'vitals.read', detail: { policy: 'keeps no ids' } },
      { action: 'vitals.read', outcome: 'denied' },
      { action: 'observations.export', patients: ['pat-1', 'pat-2'], patient: null },
      { action: 'patients.list', patients: ['pat-1', 'pat-2'], patient: null },
    ];
    const events = Array.from({ length: 3000 }, (_, i): AuditEvent => {
      const one = event(i, { patient: i % 5 === 0 ? 'pat-2' : 'pat-1', detail: { shown: shown(i % 290, 1 + (i % 9)) } });
      return i % 20 === 7 ? { ...one, ...kinds[((i / 20) % kinds.length) | 0] } : one;
    });
    for (let i = 0; i < events.length; i += 500) await store.record(events.slice(i, i + 500));
    for (const saw of [ids[3], ids[150], ids[299], 'gw-one.0123456789abc.zzz.0', ''] as string[]) {
      for (const patient of ['pat-1', 'pat-2', 'pat-3']) {
        for (const bounds of [{}, { fromSeq: 700, toSeq: 2000 }]) {
          const seqsOf = (records: readonly EvidenceRecord[]): string[] =>
            records.flatMap((record) => {
              const showing = showingOf(record, saw);
              return showing === 'not' ? [] : [`${record.seq} ${showing}`];
            });
          const all = await gathered(store.evidence('clinic', { patient, ...bounds }));
          const sought = await gathered(store.evidence('clinic', { patient, saw, ...bounds }));
          assert.deepEqual(seqsOf(sought), seqsOf(all), `${saw} of ${patient}`);
          // A tag is short: now and then another id has the same one, and its some fifty entries are opened too.
          const most = seqsOf(all).length + 150;
          assert.ok(sought.length <= most, `${sought.length} of ${all.length} were opened for ${saw} of ${patient}`);
        }
      }
    }
    assert.deepEqual(await gathered(store.evidence('other', { patient: 'pat-1', saw: ids[3] ?? '' })), []);
    assert.equal(await misfiledEntry(store), null);
  });

  check('entries are found by patient, by who did it, by time and by number', async (store) => {
    verifies('AUDIT-SEALED', 'AUDIT-CHAINED');
    const who = ['a', 'b'] as const;
    const events = Array.from({ length: 1200 }, (_, i) =>
      event(i, { at: TEST_NOW + i, principal: who[i % 2] ?? '', patient: i % 3 === 0 ? 'pat-1' : null }),
    );
    await store.record(events);
    const all = events.map(({ count }) => count);
    assert.deepEqual(await found(store, {}), all);
    assert.deepEqual(
      await found(store, { patient: 'pat-1' }),
      all.filter((i) => i % 3 === 0),
    );
    assert.deepEqual(
      await found(store, { principal: 'b' }),
      all.filter((i) => i % 2 === 1),
    );
    assert.deepEqual(await found(store, { from: TEST_NOW + 700, to: TEST_NOW + 703 }), [700, 701, 702]);
    assert.deepEqual(await found(store, { patient: 'pat-1', principal: 'a', from: TEST_NOW + 3, to: TEST_NOW + 20 }), [6, 12, 18]);
    assert.deepEqual(await found(store, { fromSeq: 3, toSeq: 5 }), [2, 3, 4]);
    assert.deepEqual(await found(store, { patient: 'pat-1', fromSeq: 3, toSeq: 5 }), [3]);
    assert.deepEqual(await found(store, { patient: 'nobody' }), []);
  });

  check('entries done at one moment are all found, whatever their number', async (store) => {
    await store.record(Array.from({ length: 1100 }, (_, i) => event(i)));
    assert.equal((await found(store, {})).length, 1100);
  });

  check('the evidence of a tenant is given out as that tenant’s, its patients too', async (store) => {
    verifies('TENANT-EVERYWHERE');
    await store.record([event(1, { patient: 'pat-1' }), event(2, { tenant: 'other', patient: 'pat-1' }), event(3, { tenant: 'other' })]);
    assert.deepEqual(await found(store, {}), [1]);
    assert.deepEqual(await found(store, { patient: 'pat-1' }), [1]);
    assert.deepEqual(await found(store, { patient: 'pat-1' }, 'other'), [2]);
    assert.deepEqual(await found(store, {}, 'other'), [2, 3]);
    const [row, ...more] = await store.auditSubjects('other', 1, 3);
    assert.deepEqual([row?.seq, row?.patient, row?.secret?.length, more.length], [2, 'pat-1', 32, 0]);
    assert.equal(await misfiledEntry(store), null);
  });

  check('a list is found by each patient whom it showed, and by nobody else, beside what is about one alone', async (store) => {
    verifies('AUDIT-SHOWN');
    const list = (i: number, patients: string[]) => event(i, { action: 'patients.list', patients });
    await store.record([list(1, ['pat-1', 'pat-2']), event(2, { patient: 'pat-2' }), list(3, ['pat-2', 'pat-3', 'pat-2']), list(4, [])]);
    assert.deepEqual(await found(store, { patient: 'pat-1' }), [1]);
    assert.deepEqual(await found(store, { patient: 'pat-2' }), [1, 2, 3]);
    assert.deepEqual(await found(store, { patient: 'pat-3' }), [3]);
    const events = await evidenceOf(store);
    assert.deepEqual(
      events.map(({ patients }) => patients),
      [['pat-1', 'pat-2'], undefined, ['pat-2', 'pat-3'], []],
    );
    for (const { entry } of await gathered(store.audit())) assert.doesNotMatch(entry, /pat-/);
    const rows = await store.auditSubjects('clinic', 1, 4);
    assert.deepEqual(
      rows.map(({ seq, patient }) => [seq, patient]),
      [
        [1, 'pat-1'],
        [1, 'pat-2'],
        [2, 'pat-2'],
        [3, 'pat-2'],
        [3, 'pat-3'],
      ],
    );
    assert.equal(await misfiledEntry(store), null);
  });

  check('notes of how far the chain had come are kept in order, and only of what there is', async (store) => {
    verifies('AUDIT-SIGNED');
    await store.record([event(1), event(2), event(3)]);
    const { seq, hash } = await store.auditHead();
    assert.deepEqual([seq, Buffer.from(hash)], [3, Buffer.from((await gathered(store.audit())).at(-1)?.hash ?? [])]);
    assert.deepEqual(Buffer.from((await store.auditHash(3)) ?? []), Buffer.from(hash));
    assert.equal(await store.auditHash(4), undefined);
    await store.keepCheckpoint({ seq: 2, note: 'two' });
    await store.keepCheckpoint({ seq: 2, note: 'two again' });
    await store.keepCheckpoint({ seq: 1, note: 'one' });
    await store.keepCheckpoint({ seq: 3, note: 'three' });
    assert.deepEqual(await gathered(store.checkpoints()), [
      { seq: 2, note: 'two' },
      { seq: 3, note: 'three' },
    ]);
  });
}
