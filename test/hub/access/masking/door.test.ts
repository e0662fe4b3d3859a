import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../../../agent/resources.ts';
import type { Principal } from '../../../../hub/access/access.ts';
import { isPseudonym } from '../../../../hub/access/masking/pseudonyms.ts';
import { canonicalJson } from '../../../../hub/ingest/canonical.ts';
import { parseInstant } from '../../../../shared/clock.ts';
import type { ReadingRecord } from '../../../../shared/reading.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { gathered, sampleBundle, sampleObservation, TEST_EPOCH, TEST_NOW } from '../../../support/hub.ts';
import { READABLE } from '../../../support/records.ts';
import { type MaskingSite, maskingSite } from './site.ts';

const context = { channel: 'mcp-2026' } as const;
const MINUTE_MS = 60_000;

/** A masked site with two heart rates and a corrected one of bed ICU-01, one of ICU-02 and a weight at home. */
async function filled(): Promise<MaskingSite> {
  const site = maskingSite();
  await site.ingest.batch(
    'gw-icu',
    sampleBundle([
      sampleObservation({ seq: 1, value: 70, effective: TEST_NOW - 5 * MINUTE_MS }),
      sampleObservation({ seq: 2, value: 71, effective: TEST_NOW - 5 * MINUTE_MS, status: 'corrected' }),
      sampleObservation({ seq: 3, value: 72, effective: TEST_NOW - 2000, offsetMin: 60, limits: 'call 555-0100' }),
      sampleObservation({ seq: 4, value: 90, bed: 'ICU-02', device: 'monitor-2' }),
    ]),
  );
  await site.ingest.batch('gw-home', sampleBundle([sampleObservation({ agent: 'gw-home', vital: 'weight', value: 80 })]));
  return site;
}

/** What identifies somebody at this site, or something of theirs. */
const REAL = /pat-(icu|home)|ICU-0|monitor-\d|gw-(icu|home)|555-0100/;

async function idOf(site: MaskingSite, who: Principal, has: string, count = 1): Promise<string> {
  const rows = await site.door.listPatients(who, context);
  const ids = rows.filter(({ vitals }) => vitals.includes(has)).map(({ patient }) => patient);
  assert.equal(ids.length, count);
  return ids[0] ?? '';
}

function ofMask(events: readonly { detail?: { mask?: string } }[]): (string | undefined)[] {
  return events.map(({ detail }) => detail?.mask);
}

test('a list of who is masked: pseudonyms in an order of their own, without beds, with the ward only where it may be', async () => {
  verifies('MASK-ALLOW-LIST', 'MASK-PSEUDONYMS');
  await using site = await filled();
  const research = await site.door.listPatients(site.who('ai-research'), context);
  assert.equal(research.length, 5);
  assert.ok(research.every(({ patient, bed, ward, masked }) => isPseudonym(patient) && !bed && !ward && masked === 'deidentified'));
  const ids = research.map(({ patient }) => patient);
  assert.deepEqual(ids, ids.toSorted());
  const home = research.find(({ vitals }) => vitals.includes('weight'));
  assert.equal(home?.ageSeconds, 0);
  assert.ok((home.lastStoredAt ?? 0) > Date.UTC(2100, 0, 1));
  assert.doesNotMatch(JSON.stringify(research), REAL);

  const [one, ...more] = await site.door.listPatients(site.who('ai-quality'), context);
  assert.deepEqual([one?.ward, one?.bed, one?.masked, one?.lastStoredAt, more], ['north', null, 'limited', TEST_NOW, []]);
  const others = await site.door.listPatients(site.who('ai-research-2'), context);
  assert.ok(
    others.every(({ patient }) => !ids.includes(patient)),
    'another principal has other names',
  );
});

test('a read by pseudonym is masked before it is shown or hashed, and the evidence has the patient, what was shown and how', async () => {
  verifies('MASK-ALLOW-LIST', 'MASK-TIMES');
  await using site = await filled();
  const who = site.who('ai-quality');
  const name = await idOf(site, who, 'hr');
  const view = await site.door.latest(who, name, context);
  assert.deepEqual([view.patient, view.bed, view.ward, view.masked, view.vitals[0]?.value], [name, null, 'north', 'limited', 72]);
  assert.equal(view.vitals[0]?.at, '2026-11-21T10:59:58.000+01:00');
  assert.doesNotMatch(JSON.stringify(view), REAL);
  const event = (await evidenceOf(site.store)).at(-1);
  assert.deepEqual(
    [event?.action, event?.patient, event?.outcome, event?.detail?.mask],
    ['vitals.read', 'pat-icu-01', 'allowed', 'limited'],
  );
  assert.equal(event?.detail?.response, hash('sha256', canonicalJson(view)));
  assert.match(event?.detail?.shown?.[0]?.[0] ?? '', /^gw-icu\./);

  const researcher = site.who('ai-research');
  const shifted = await site.door.latest(researcher, await idOf(site, researcher, 'weight'), context);
  assert.equal(shifted.masked, 'deidentified');
  const [at, asOf] = [parseInstant(shifted.vitals[0]?.at ?? '')?.at ?? 0, parseInstant(shifted.asOf)?.at ?? 0];
  assert.ok(at > Date.UTC(2100, 0, 1));
  assert.equal(asOf - at, 0, 'and so is the time of the answer');
  assert.doesNotMatch(JSON.stringify(shifted), REAL);
});

test('who is masked finds nobody by their own id, nor by the pseudonym of somebody else, and both look like nobody', async () => {
  verifies('MASK-PSEUDONYMS');
  await using site = await filled();
  const [one, two, quality] = [site.who('ai-research'), site.who('ai-research-2'), site.who('ai-quality')];
  const name = await idOf(site, one, 'weight');
  const asked: [Principal, string][] = [
    [one, 'pat-icu-01'],
    [two, name],
    [quality, name],
    [quality, 'pat-icu-01'],
    [site.who('ai-monitor'), name],
    [one, 'masked-aaaaaaaaaaaaaaaaaaaa'],
    [one, 'pat-no-such'],
  ];
  const before = (await evidenceOf(site.store)).length;
  for (const [who, id] of asked) {
    await assert.rejects(site.door.latest(who, id, context), { code: 'NOT-FOUND', detail: undefined });
    await assert.rejects(site.door.openSubscription(who, [id], context), { code: 'NOT-FOUND', detail: undefined });
  }
  const events = (await evidenceOf(site.store)).slice(before);
  assert.deepEqual(new Set(events.map(({ outcome, reason }) => `${outcome} ${reason}`)), new Set(['denied unknown', 'denied patient']));
  const seen = events.filter(({ action }) => action === 'vitals.read').map(({ patient }) => patient);
  assert.deepEqual(seen, ['pat-icu-01', null, null, 'pat-icu-01', null, null, null], 'the evidence says whose id a researcher came with');
});

test('a trend is asked for, and given, in the times and the names of who asks', async () => {
  verifies('MASK-TIMES', 'MASK-PSEUDONYMS');
  await using site = await filled();
  const plain = await site.door.trend(
    site.who('ai-monitor'),
    'pat-icu-01',
    { vital: 'hr', from: TEST_NOW - 10 * MINUTE_MS, to: TEST_NOW, points: 10 },
    context,
  );
  for (const [identity, patients] of [
    ['ai-research', 2],
    ['ai-quality', 1],
  ] as const) {
    const who = site.who(identity);
    const names = (await site.door.listPatients(who, context)).filter(({ vitals }) => vitals.includes('hr')).map(({ patient }) => patient);
    assert.equal(names.length, patients);
    const views = await Promise.all(names.map((name) => site.door.latest(who, name, context)));
    const latest = views.find(({ vitals }) => vitals[0]?.value === 72) ?? assert.fail();
    const now = parseInstant(latest.asOf)?.at ?? 0;
    const asked = { vital: 'hr', from: now - 10 * MINUTE_MS, to: now, points: 10 };
    const shown = await site.door.trend(who, latest.patient, asked, context);
    const numbers = ({ series }: typeof shown) => series.map(({ buckets }) => buckets.map(({ index, n, mean }) => [index, n, mean]));
    assert.deepEqual(numbers(shown), numbers(plain));
    assert.equal(parseInstant(shown.edges.at(-1) ?? '')?.at, now);
    assert.doesNotMatch(JSON.stringify(shown), REAL);

    const device = shown.series[0]?.device ?? '';
    assert.ok(isPseudonym(device));
    assert.deepEqual((await site.door.trend(who, latest.patient, { ...asked, device }, context)).series, shown.series);
    for (const other of ['masked-nothing', 'monitor-1'])
      assert.deepEqual((await site.door.trend(who, latest.patient, { ...asked, device: other }, context)).series, []);
    const last = (await evidenceOf(site.store)).filter(({ detail }) => detail?.args?.device).at(-1);
    assert.deepEqual([last?.patient, last?.detail?.args?.device, last?.detail?.args?.to], ['pat-icu-01', 'monitor-1', TEST_NOW]);
  }
});

test('the versions of a measurement are found by the name of its device and the time that was shown', async () => {
  verifies('MASK-TIMES', 'MASK-PSEUDONYMS');
  await using site = await filled();
  for (const identity of ['ai-research', 'ai-quality']) {
    const who = site.who(identity);
    const names = (await site.door.listPatients(who, context)).filter(({ vitals }) => vitals.includes('hr')).map(({ patient }) => patient);
    const views = await Promise.all(names.map((name) => site.door.latest(who, name, context)));
    const latest = views.find(({ vitals }) => vitals[0]?.value === 72) ?? assert.fail();
    const [hr] = latest.vitals;
    const effective = (parseInstant(hr?.at ?? '')?.at ?? 0) - 5 * MINUTE_MS + 2000;
    const query = { vital: 'hr', device: hr?.device ?? '', effective };
    const versions = await site.door.history(who, latest.patient, query, context);
    assert.deepEqual(
      versions.map(({ value, status, masked }) => [value, status, masked]),
      [
        [70, 'final', latest.masked],
        [71, 'corrected', latest.masked],
      ],
    );
    assert.doesNotMatch(JSON.stringify(versions), REAL);
    assert.deepEqual(
      await site.door.history(who, latest.patient, { ...query, device: 'monitor-1' }, context),
      [],
      'no device is found by trying',
    );
    const event = (await evidenceOf(site.store)).filter(({ detail }) => detail?.args?.effective).at(-2);
    assert.deepEqual([event?.detail?.args?.device, event?.detail?.args?.effective], ['monitor-1', TEST_NOW - 5 * MINUTE_MS]);
  }
});

test('a subscription by pseudonym stands in the evidence with the patient, from its opening to its end', async () => {
  await using site = await filled();
  const who = site.who('ai-research');
  const name = await idOf(site, who, 'weight');
  const before = (await evidenceOf(site.store)).length;
  await site.door.openSubscription(who, [name], context);
  assert.equal(site.door.patientBehind(who, name), 'pat-home-01');
  assert.equal(site.door.patientBehind(site.who('ai-research-2'), name), undefined);
  assert.deepEqual([site.door.maskOf(who), site.door.maskOf(site.who('ai-nurse'))], ['deidentified', 'none']);
  await site.door.closeSubscription(who, [{ patient: name, delivered: 3 }], context);
  const events = (await evidenceOf(site.store)).slice(before);
  assert.deepEqual(
    events.map(({ patient, reason, count }) => [patient, reason, count]),
    [
      ['pat-home-01', 'granted', 0],
      ['pat-home-01', 'closed', 3],
    ],
  );
});

test('an export is masked row by row, of all or of one patient by pseudonym, and since a time of that patient', async () => {
  verifies('MASK-ALLOW-LIST', 'MASK-TIMES');
  await using site = await filled();
  for (const identity of ['ai-extract', 'ai-extract-2']) {
    const who = site.who(identity);
    const all = await gathered(await site.door.export(who, {}, { channel: 'operator' }));
    assert.equal(all.length, 5);
    assert.doesNotMatch(JSON.stringify(all), REAL);
    const [first] = all;
    assert.ok(first);
    const one = await gathered(await site.door.export(who, { patient: first.patient }, { channel: 'operator' }));
    assert.ok(one.length > 0 && one.length < 5 && one.every(({ patient }) => patient === first.patient));
    const since = one[0]?.storedAt ?? 0;
    assert.equal(
      (await gathered(await site.door.export(who, { patient: first.patient, since }, { channel: 'operator' }))).length,
      one.length,
    );
    assert.deepEqual(
      await gathered(await site.door.export(who, { patient: first.patient, since: since + 1 }, { channel: 'operator' })),
      [],
    );
    await assert.rejects(site.door.export(who, { patient: 'pat-icu-01' }, { channel: 'operator' }), { code: 'NOT-FOUND' });
    assert.ok(ofMask(await evidenceOf(site.store)).includes(identity === 'ai-extract' ? 'deidentified' : 'limited'));
  }
  await assert.rejects(site.door.export(site.who('ai-extract'), { since: TEST_NOW }, { channel: 'operator' }), { code: 'USAGE' });
});

test('the order of a deidentified export tells nothing of how two patients’ times are shifted against each other', async () => {
  verifies('MASK-TIMES');
  await using site = maskingSite();
  for (let seq = 1; seq <= 12; seq += 1) {
    const bed = seq % 2 === 0 ? 'ICU-01' : 'ICU-02';
    await site.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq, bed, value: 60 + seq, receivedAt: site.clock.now() })]));
    site.clock.advance(1000);
  }
  const before = (await evidenceOf(site.store)).length;
  const rows = await gathered(await site.door.export(site.who('ai-extract'), {}, { channel: 'operator' }));
  const order = rows.map(({ patient }) => patient);
  assert.deepEqual([order.length, new Set(order).size], [12, 2]);
  assert.deepEqual(order, order.toSorted(), 'of one patient, then of the next');
  const events = (await evidenceOf(site.store)).slice(before).map(({ patient, reason, count }) => [patient, reason, count]);
  assert.deepEqual(
    [events[0], events.at(-1)],
    [
      [null, 'granted', 0],
      [null, 'closed', 12],
    ],
  );
  assert.deepEqual(events.slice(1, -1).sort(), [
    ['pat-icu-01', 'granted', 6],
    ['pat-icu-02', 'granted', 6],
  ]);
});

test('whatever is written into any field of text of any record, it is in nothing that is shown to who is masked', async () => {
  verifies('MASK-ALLOW-LIST');
  await using site = maskingSite();
  const text = fc.stringMatching(/^[A-Z]{10}$/);
  const reading = fc.record({ row: fc.constantFrom(...READABLE), value: fc.double({ min: 0, max: 1e7, noNaN: true }), limits: text });
  const readers = ['ai-research', 'ai-research-2', 'ai-quality'].map((identity) => site.who(identity));
  let seq = 0;
  let stored = 0;
  const written = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(reading, { minLength: 1, maxLength: 4 }),
      fc.array(text, { minLength: 8, maxLength: 8 }),
      async (rows, words) => {
        const [id = '', vendor = '', model = '', source = '', value = '', authority = '', visit = '', profile = ''] = words;
        seq += 1;
        const record: ReadingRecord = {
          ...{ source, profile, device: { id, idType: 'serial', vendor, model }, receivedAt: site.clock.now() },
          ...{ subject: { patient: { value, authority }, visit, bed: 'ICU-01' }, test: false, class: 'spot' },
          readings: rows.map(({ row, value: measured, limits }) => ({ vital: row.key, value: measured, limits })),
        };
        const sent = resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq });
        const { outcomes } = await site.ingest.batch('gw-icu', sampleBundle(sent));
        stored += outcomes.filter(({ status }) => status === 201).length;
        const all = [...words, ...rows.map(({ limits }) => limits)];
        for (const who of readers) {
          const names = (await site.door.listPatients(who, context))
            .filter(({ vitals }) => vitals.length > 0)
            .map(({ patient }) => patient);
          const views = await Promise.all(names.map((name) => site.door.latest(who, name, context)));
          const shown = JSON.stringify([names, views]);
          for (const word of all) assert.ok(!shown.includes(word), `${word} is shown to ${who.id}`);
        }
      },
    ),
    { numRuns: 25 },
  );
  assert.ok(stored > 25);
  for (const identity of ['ai-extract', 'ai-extract-2']) {
    const exported = JSON.stringify(await gathered(await site.door.export(site.who(identity), {}, { channel: 'operator' })));
    for (const word of written) assert.ok(!exported.includes(word), `${word} is exported`);
  }
});
