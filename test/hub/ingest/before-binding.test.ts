import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { Instant } from '../../../shared/clock.ts';
import type { Observation } from '../../../shared/fhir.ts';
import type { Flag } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';
import { evidenceRecord } from '../../support/evidence.ts';
import {
  type SampleOptions,
  sampleBundle,
  sampleObservation,
  TEST_NOW,
  TEST_REGISTRY,
  TestClock,
  type TestHub,
  testHub,
} from '../../support/hub.ts';

const MINUTE = 60_000;
const HOME = '{ identity: gw-home, tenant: clinic, patient: pat-home-01, devices: { scale-2: pat-home-02 } }';

/** Puts TEST_REGISTRY in force as a start or a reload does, with one thing in place of another. */
async function reload({ registry, store }: TestHub, at: Instant, was = '', now = ''): Promise<void> {
  assert.ok(TEST_REGISTRY.includes(was));
  const next = parseRegistry(TEST_REGISTRY.replace(was, now));
  registry.replace(next, await store.rebind(next.bindings(), at));
}

async function send({ ingest }: TestHub, gateway: string, observation: Observation, sentAt?: Instant): Promise<string> {
  const bundle = sampleBundle([observation]) as Record<string, unknown>;
  if (sentAt !== undefined) bundle.timestamp = new Date(sentAt).toISOString();
  const {
    outcomes: [outcome],
  } = await ingest.batch(gateway, bundle);
  return `${outcome?.status} ${outcome?.code ?? ''}`.trim();
}

/** Was given to somebody else: what, by what change, and what was measured before it. */
const GIVEN: readonly [string, string, string, SampleOptions][] = [
  ['a bed', 'ICU-01: pat-icu-01', 'ICU-01: pat-icu-09', {}],
  ['a device', 'scale-2: pat-home-02', 'scale-2: pat-home-09', { agent: 'gw-home', device: 'scale-2' }],
  [
    'a device that became its gateway’s',
    HOME,
    HOME.replace(', devices: { scale-2: pat-home-02 }', ''),
    { agent: 'gw-home', device: 'scale-2' },
  ],
  ['a home gateway', 'patient: pat-home-01', 'patient: pat-home-09', { agent: 'gw-home' }],
  ['a gateway of another tenant', HOME, '{ identity: gw-home, tenant: other, patient: pat-other-77 }', { agent: 'gw-home' }],
];

test('what was measured before a bed, device or gateway was given to its patient is nobody’s', async () => {
  verifies('SUBJECT-BY-HUB', 'TENANT-EVERYWHERE', 'NO-SILENT-DROP');
  for (const [what, was, now, sample] of GIVEN) {
    const clock = new TestClock();
    await using h = testHub({ clock });
    await reload(h, TEST_NOW);
    const gateway = sample.agent ?? 'gw-icu';
    assert.equal(await send(h, gateway, sampleObservation({ ...sample, seq: 1 })), '201', what);
    clock.advance(MINUTE);
    await reload(h, clock.now(), was, now);
    clock.advance(MINUTE);
    assert.equal(await send(h, gateway, sampleObservation({ ...sample, seq: 2 })), '422 INGEST-BEFORE-BINDING', what);
    assert.equal(
      await send(h, gateway, sampleObservation({ ...sample, seq: 3, receivedAt: clock.now() })),
      '422 INGEST-BEFORE-BINDING',
      what,
    );
    clock.advance(MINUTE);
    assert.equal(await send(h, gateway, sampleObservation({ ...sample, seq: 4, receivedAt: clock.now() })), '201', what);
    const tenant = h.registry.gateway(gateway)?.tenant ?? '';
    const counts = await h.store.counts(tenant, () => ({
      at: TEST_NOW,
      tenant,
      principal: 'test',
      role: 'operator',
      action: 'status.read',
      patient: null,
      outcome: 'allowed',
      reason: 'granted',
      count: 1,
      channel: 'operator',
    }));
    assert.equal(counts.quarantined, 2, what);
  }
});

test('of a boot that ended without the time, what surely was received after the binding is stored, and never taken for current', async () => {
  verifies('BOUND-AFTER-BINDING', 'NO-CLOCK-BOUNDED-TIME');
  const clock = new TestClock();
  await using h = testHub({ clock });
  await reload(h, TEST_NOW);
  await reload(h, TEST_NOW + MINUTE, 'ICU-01: pat-icu-01', 'ICU-01: pat-icu-09');
  clock.set(TEST_NOW + 60 * MINUTE);
  const row = (seq: number, receivedAt: Instant, ...flags: Flag[]): Observation => sampleObservation({ seq, receivedAt, flags });
  const [sure, early] = [TEST_NOW + 5 * MINUTE, TEST_NOW];
  assert.equal(await send(h, 'gw-icu', row(1, sure, 'clock', 'memory'), clock.now()), '422 INGEST-BEFORE-BINDING');
  assert.equal(await send(h, 'gw-icu', row(2, early, 'clock', 'memory', 'not-earlier'), clock.now()), '422 INGEST-BEFORE-BINDING');
  assert.equal(await send(h, 'gw-icu', row(3, sure, 'clock', 'memory', 'not-earlier'), clock.now()), '201');
  assert.deepEqual(await h.store.latest('clinic', 'pat-icu-09', () => evidenceRecord({ patient: 'pat-icu-09' }).event), []);
});

test('a bed emptied and given back to the same patient begins anew', async () => {
  verifies('SUBJECT-BY-HUB');
  const clock = new TestClock();
  await using h = testHub({ clock });
  await reload(h, TEST_NOW);
  await reload(h, TEST_NOW + MINUTE, 'ICU-01: pat-icu-01', 'ICU-01: null');
  await reload(h, TEST_NOW + 2 * MINUTE);
  clock.set(TEST_NOW + 9 * MINUTE);
  assert.equal(await send(h, 'gw-icu', sampleObservation({ seq: 1, receivedAt: TEST_NOW + MINUTE })), '422 INGEST-BEFORE-BINDING');
  assert.equal(await send(h, 'gw-icu', sampleObservation({ seq: 2, receivedAt: TEST_NOW + 5 * MINUTE })), '201');
});

test('a reload that leaves a binding as it is costs its backlog nothing', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const clock = new TestClock();
  await using h = testHub({ clock });
  await reload(h, TEST_NOW - 61 * MINUTE);
  clock.advance(MINUTE);
  await reload(h, clock.now(), 'ICU-02: pat-icu-02', 'ICU-02: pat-icu-09');
  assert.equal(await send(h, 'gw-icu', sampleObservation({ seq: 1, receivedAt: TEST_NOW - 60 * MINUTE })), '201');
});

test('the age by the gateway’s own clock tells a backlog from what is new, however wrong that clock is', async () => {
  verifies('SUBJECT-BY-HUB');
  const clock = new TestClock();
  await using h = testHub({ clock });
  await reload(h, TEST_NOW - MINUTE);
  await reload(h, TEST_NOW, 'ICU-01: pat-icu-01', 'ICU-01: pat-icu-09');
  clock.advance(10 * MINUTE);
  const ahead = clock.now() + 60 * MINUTE;
  assert.equal(await send(h, 'gw-icu', sampleObservation({ seq: 1, receivedAt: ahead - 11 * MINUTE }), ahead), '422 INGEST-BEFORE-BINDING');
  assert.equal(await send(h, 'gw-icu', sampleObservation({ seq: 2, receivedAt: ahead - 5 * MINUTE }), ahead), '201');
});
