import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../../../../hub/access/access.ts';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Amending, AskedAmendment, ShownAmendment } from '../../../../hub/clinical/amend/amending.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { formatAmended, formatReading } from '../../../../hub/clinical/amend/words.ts';
import { type Correction, corrected } from '../../../../hub/patients/hand/corrected.ts';
import { formatCorrection } from '../../../../hub/patients/hand/format.ts';
import { batchOf } from '../../../contract/store.ts';
import { reading } from '../../../contract/store-amend.ts';
import { retained } from '../../../contract/store-retention.ts';
import { verifies } from '../../../requirements.ts';
import { READ } from '../../../support/following.ts';
import { gathered, TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const OPERATOR = { id: 'local:0', tenant: 'clinic', kind: 'operator', role: 'operator', patients: 'all' } as const;
const CONTEXT = { channel: 'operator' } as const;
const [HER, HIM, OTHER] = ['pat-home-01', 'pat-home-02', 'pat-icu-02'];
const MIN = 60_000;

interface Site {
  hub: TestHub;
  amending: Amending;
  clock: TestClock;
  /** Somebody of this name reads what is current of a patient, a minute later. */
  read(who: string, patient: string): Promise<void>;
  exported(patient: string, count: number): Promise<void>;
  corrections(): Promise<Correction[]>;
}

/** Two weights of hers, 61 and 62, of which somebody gives the newer to whom it is not. */
async function site(body: (site: Site) => Promise<void>): Promise<void> {
  const clock = new TestClock();
  await using hub = testHub({ clock });
  const policy = () => DEFAULT_POLICY;
  const scale = { patientId: HER, vital: 'weight', device: 'scale-1' };
  await hub.store.storeBatch(batchOf([61, 62].map((value, i) => reading(i + 1, 9 - i, { ...scale, value }))));
  await hub.store.storeBatch(batchOf([reading(9, 9, { ...scale, patientId: HIM, value: 90, device: 'scale-2' })]));
  await body({
    hub,
    amending: openAmending({ ...hub, policy, clock }),
    clock,
    read: async (who, patient) => {
      clock.advance(MIN);
      await hub.door.latest({ ...OPERATOR, id: who }, patient, CONTEXT);
    },
    exported: async (patient, count) => {
      clock.advance(MIN);
      const entry: AuditEvent = { ...READ, at: clock.now(), patient, count };
      for await (const _ of await hub.store.observations('clinic', { patient }, () => entry));
    },
    corrections: () => gathered(corrected({ ...hub, policy, clock })(OPERATOR, undefined, CONTEXT)),
  });
}

async function idOf({ store }: TestHub, value: number): Promise<string> {
  const rows = await gathered(await store.observations('clinic', {}, (count) => ({ ...READ, count })));
  return rows.find((row) => row.value === value)?.id ?? assert.fail();
}

const give = async (
  { amending, clock, hub }: Pick<Site, 'amending' | 'clock' | 'hub'>,
  to: string,
  change: Partial<AskedAmendment> = {},
): Promise<string> => {
  clock.advance(MIN);
  const selection = { observations: [await idOf(hub, 62)] };
  const { amendments } = await amending.amend(
    OPERATOR,
    { kind: 'reassign', selection, to, reason: 'wrong-patient', trial: false, ...change },
    CONTEXT,
  );
  return amendments[0]?.id ?? assert.fail();
};

const seen = ({ readBy }: Pick<ShownAmendment, 'readBy'>): string[] =>
  readBy.map(({ principal, patient, maybe }) => `${principal} ${maybe ? 'maybe ' : ''}${patient}`);

test('whoever was shown it under the wrong patient until that was undone is named, in the list, of the reading and among the corrections, and nobody else', () =>
  site(async (s) => {
    verifies('WRONG-READS-LISTED', 'AMEND-HISTORY', 'AMEND-UNDO');
    const { amending, clock, read } = s;
    const wrong = await idOf(s.hub, 62);
    await read('before', HER);
    await read('his-before', HIM);
    const id = await give(s, HIM);
    await read('hers', HER);
    await read('his', HIM);
    await s.exported(HIM, 2);
    await s.exported(HIM, 0);
    clock.advance(MIN);
    await amending.undo(OPERATOR, id, CONTEXT);
    await read('his-after', HIM);
    const who = [`before ${HER}`, `his ${HIM}`, `local:1000 maybe ${HIM}`];
    const shown = await amending.show(OPERATOR, wrong, CONTEXT);
    assert.deepEqual(shown.amendments.map(seen), [who]);
    const [kept = assert.fail()] = shown.amendments;
    assert.deepEqual(
      [kept.id, kept.by, kept.undoneBy, kept.undoneAt !== null, kept.reason],
      [id, 'local:0', 'local:0', true, 'wrong-patient'],
    );
    const text = formatReading(shown);
    assert.doesNotMatch(text, /Nobody decided/);
    assert.match(
      text,
      new RegExp(`\\n {2}undone \\S+ by local:0\\n {2}before was shown it under ${HER}: entry \\d+, \\S+, vitals.read\\n`),
    );
    assert.match(text, new RegExp(`\\n {2}local:1000 may have been shown it under ${HIM}: entry \\d+, \\S+, observations.export$`));
    for (const patient of [HER, HIM, undefined])
      assert.deepEqual((await gathered(amending.list(OPERATOR, patient, CONTEXT))).map(seen), [who]);
    const [given = assert.fail(), back = assert.fail(), ...more] = await s.corrections();
    assert.deepEqual(more, []);
    assert.deepEqual(
      [given, back].map(({ was, is, rows, amendment, undone, bed, from }) => [was, is, rows, amendment, undone, bed, from]),
      [
        [HER, HIM, 1, id, undefined, '', TEST_NOW - 8 * MIN],
        [HIM, HER, 1, id, true, '', TEST_NOW - 8 * MIN],
      ],
    );
    assert.deepEqual([seen(given), seen(back)], [who.slice(0, 1), who.slice(1)]);
    assert.match(
      formatCorrection(back),
      new RegExp(`1 row given back by hand \\(amendment ${id}\\): from ${HIM} to ${HER}\\n {2}his was shown it`),
    );
  }));

test('what the retention has removed since may have been shown by any read that showed something stored since', () =>
  site(async (s) => {
    verifies('WRONG-READS-LISTED');
    const wrong = await idOf(s.hub, 62);
    await s.read('before', HER);
    await give(s, HIM);
    assert.deepEqual(seen((await s.amending.show(OPERATOR, wrong, CONTEXT)).amendments[0] ?? assert.fail()), [`before ${HER}`]);
    s.clock.advance(MIN);
    const later = { patientId: HIM, vital: 'weight', device: 'scale-1', value: 91 };
    await s.hub.store.storeBatch(batchOf([reading(10, 0, later)], { at: s.clock.now() }));
    await retained(s.hub.store, { spot: MIN });
    const [kept = assert.fail()] = await gathered(s.amending.list(OPERATOR, HER, CONTEXT));
    assert.deepEqual(seen(kept), [`before maybe ${HER}`]);
  }));

test('of decisions at the same time each answers what it changed itself, and says so', () =>
  site(async (s) => {
    verifies('AMEND-OWN-ROWS');
    const selection = { observations: [await idOf(s.hub, 62)] };
    const asked = { kind: 'reassign', selection, reason: 'wrong-patient', trial: false } as const;
    const decided = await Promise.all([HIM, OTHER, HIM].map((to) => s.amending.amend(OPERATOR, { ...asked, to }, CONTEXT)));
    assert.deepEqual(
      decided.map(({ patients, to }) => [patients.map(({ rows }) => rows), to]),
      [
        [[1], HIM],
        [[0], OTHER],
        [[0], HIM],
      ],
    );
    const [first = assert.fail(), second = assert.fail()] = decided;
    assert.match(
      formatAmended(first, 'reassign'),
      new RegExp(`^${HER} {2}1 row \\(weight\\)\\nNow ${HIM}’s; what comes late of it too\\.\\n`),
    );
    assert.match(
      formatAmended(second, 'reassign'),
      new RegExp(`^${HER} {2}0 rows \\(weight\\)\\nOf what has 0 rows somebody else decided first: `),
    );
    assert.doesNotMatch(formatAmended(second, 'reassign'), /Now /);
    const [trial] = await Promise.all([s.amending.amend(OPERATOR, { ...asked, to: OTHER, selection, trial: true }, CONTEXT)]);
    assert.match(formatAmended(trial, 'reassign'), new RegExp(`Nothing was changed \\(--dry-run\\); it would be ${OTHER}’s\\.$`));
  }));
