import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { StoredEvent } from '../../../hub/store/store.ts';
import type { Instant } from '../../../shared/clock.ts';
import type { Gap } from '../../../shared/gap.ts';
import { readGap } from '../../../shared/gap-observation.ts';
import type { SubjectHints } from '../../../shared/reading.ts';
import { batchEntry, bundleText } from '../../../shared/uplink/kinds.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_EPOCH, TEST_NOW, TEST_REGISTRY, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const MINUTE = 60_000;
const GAP: Gap = {
  ...{ reason: 'age', lost: 'continuous', from: TEST_NOW - 60 * MINUTE, to: TEST_NOW - MINUTE, rows: 12, values: 24 },
  vitals: ['hr', 'spo2'],
};

interface Sent {
  gap?: Partial<Gap>;
  gateway?: string;
  subject?: SubjectHints;
  seq?: number;
  /** The gateway's clock at sending. */
  sentAt?: Instant;
}

async function send({ ingest }: TestHub, { gap, gateway = 'gw-icu', subject = { bed: 'ICU-01' }, seq = 1, sentAt }: Sent = {}) {
  const resources = resourcesOf(
    {
      ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: 'MON-9', idType: 'serial' }, receivedAt: TEST_NOW, subject, test: false },
      ...{ class: 'gap', readings: [], gap: { ...GAP, ...gap } },
    },
    { agent: gateway, epoch: TEST_EPOCH, seq },
  );
  const text = bundleText(
    resources.map((resource) => JSON.stringify(batchEntry(resource))),
    sentAt ?? TEST_NOW,
  );
  const {
    outcomes: [outcome],
  } = await ingest.batch(gateway, JSON.parse(text));
  return `${outcome?.status} ${outcome?.code ?? ''}`.trim();
}

async function exported({ door }: TestHub): Promise<StoredEvent[]> {
  return gathered(await door.exportEvents(operatorPrincipal(1000, 'clinic'), { kind: 'gap' }, { channel: 'operator' }));
}

/** Puts another patient into ICU-01 at this time. */
async function rebind({ registry, store }: TestHub, at: Instant): Promise<void> {
  const before = parseRegistry(TEST_REGISTRY);
  await store.rebind(before.bindings(), at - 1);
  const next = parseRegistry(TEST_REGISTRY.replace('ICU-01: pat-icu-01', 'ICU-01: pat-icu-09'));
  registry.replace(next, await store.rebind(next.bindings(), at));
}

test('a gap is stored once, of the hub’s patient, and given out as it came', async () => {
  verifies('GAPS-TOLD', 'EXACTLY-ONCE', 'SUBJECT-BY-HUB');
  await using h = testHub({ clock: new TestClock() });
  const subject = { bed: 'ICU-01', patient: { value: '4711', authority: 'HIS' } };
  assert.deepEqual([await send(h, { subject }), await send(h, { subject })], ['201', '200']);
  const [event, ...more] = await exported(h);
  assert.equal(more.length, 0);
  assert.deepEqual([event?.kind, event?.patient, event?.effective, event?.sortTime], ['gap', 'pat-icu-01', GAP.from, GAP.from]);
  assert.deepEqual(readGap(event?.resource), GAP);
  assert.doesNotMatch(JSON.stringify(event), /4711|ICU-01/);
  assert.equal(await send(h, { subject, gap: { rows: 13 } }), '409 UPLINK-KEY-REUSED');
});

test('a gap of somebody the gateway does not speak for is refused; one that names nobody is stored, and is no patient’s', async () => {
  verifies('GAPS-TOLD', 'SUBJECT-BY-HUB');
  await using h = testHub({ clock: new TestClock() });
  assert.equal(await send(h, { subject: { bed: 'OR-1' } }), '422 INGEST-NOT-BOUND');
  assert.equal(
    await send(h, { subject: { patient: { value: 'pat-icu-09', authority: 'urn:vitalmesh:patient' } } }),
    '422 INGEST-NOT-BOUND',
  );
  assert.equal(await send(h, { subject: {}, gap: { reason: 'damaged', vitals: [] } }), '201');
  assert.equal(await send(h, { subject: {}, gap: { lost: 'movement', vitals: [] }, seq: 2 }), '201');
  assert.equal(await send(h, { subject: {}, gap: { lost: 'device', vitals: [] }, seq: 3 }), '201');
  assert.deepEqual(
    (await exported(h)).map(({ patient, gateway }) => [patient, gateway]),
    [
      [null, 'gw-icu'],
      [null, 'gw-icu'],
      [null, 'gw-icu'],
    ],
  );
  for (const patient of ['pat-icu-01', 'pat-icu-09']) {
    const asked = await h.door.exportEvents(operatorPrincipal(1000, 'clinic'), { kind: 'gap', patient }, { channel: 'operator' });
    assert.deepEqual(await gathered(asked), []);
  }
});

test('a gap that began before its patient lay there is shown from then on, without what is known of the whole alone', async () => {
  verifies('GAPS-TOLD', 'SUBJECT-BY-HUB');
  const clock = new TestClock();
  await using h = testHub({ clock });
  const bound = TEST_NOW - 30 * MINUTE;
  await rebind(h, bound);
  assert.deepEqual([await send(h), await send(h)], ['201', '200']);
  const [event] = await exported(h);
  // Two minutes are what a clock is believed to be ahead.
  const from = bound + 2 * MINUTE;
  assert.deepEqual([event?.patient, event?.effective, event?.sortTime], ['pat-icu-09', from, from]);
  const { effectivePeriod } = (event?.resource ?? {}) as { effectivePeriod?: unknown };
  assert.deepEqual(effectivePeriod, { start: '2026-11-21T09:32:00.000+00:00', end: '2026-11-21T09:59:00.000+00:00' });
  assert.doesNotMatch(JSON.stringify(event?.resource), /"(?:hr|spo2)"|valueInteger/);
});

test('a gap that ended before, or is not known to have ended after it, is refused', async () => {
  verifies('GAPS-TOLD', 'SUBJECT-BY-HUB', 'NO-SILENT-DROP');
  await using h = testHub({ clock: new TestClock() });
  await rebind(h, TEST_NOW - 30 * MINUTE);
  const cases: [string, Sent, string][] = [
    ['ended before', { gap: { to: TEST_NOW - 31 * MINUTE } }, '422 INGEST-BEFORE-BINDING'],
    ['ended within what a clock may be ahead', { gap: { to: TEST_NOW - 29 * MINUTE } }, '422 INGEST-BEFORE-BINDING'],
    ['ended after', { gap: { to: TEST_NOW - 28 * MINUTE } }, '201'],
    // Its clock was half an hour ahead all the while: what it calls 09:59 was 09:29.
    ['by a clock that is ahead', { sentAt: TEST_NOW + 30 * MINUTE }, '422 INGEST-BEFORE-BINDING'],
    ['by a clock that was set back since', { sentAt: TEST_NOW - 60 * MINUTE }, '422 INGEST-BEFORE-BINDING'],
  ];
  for (const [i, [what, sent, answer]] of cases.entries()) assert.equal(await send(h, { ...sent, seq: i + 1 }), answer, what);
});
