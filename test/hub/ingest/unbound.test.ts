import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIngest } from '../../../hub/ingest/create-ingest.ts';
import { UNBOUND_PLACES, UnboundPlaces } from '../../../hub/ingest/unbound.ts';
import { createLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';

const REFUSED = { code: 'INGEST-NOT-BOUND', rule: 'the bed is not one of the gateway' } as const;

test('the bed that a source names is found where it is refused, by operators alone: no log has it', async () => {
  verifies('UNBOUND-PLACES', 'LOG-CLEAN');
  const clock = new TestClock();
  await using h = testHub({ clock });
  const unbound = new UnboundPlaces();
  const lines: string[] = [];
  const log = createLogger({ component: 'hub', level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const ingest = createIngest({ ...h, clock, log, unbound });
  const [mistyped, elsewhere, empty] = ['ICU-0l', 'OR-1', 'ICU-03'];
  for (const bed of [mistyped, elsewhere, empty, mistyped]) {
    const { outcomes } = await ingest.batch('gw-icu', sampleBundle([sampleObservation({ bed, receivedAt: clock.now() }), 'no resource']));
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      ['INGEST-NOT-BOUND', 'INGEST-INVALID'],
    );
    clock.advance(1000);
  }
  const place = { gateway: 'gw-icu', ...REFUSED, why: 'unknown' };
  assert.deepEqual(unbound.list(), [
    { ...place, place: mistyped, count: 2, lastAt: TEST_NOW + 3000 },
    { ...place, place: empty, rule: 'nobody lies in the bed', count: 1, lastAt: TEST_NOW + 2000 },
    { ...place, place: elsewhere, count: 1, lastAt: TEST_NOW + 1000 },
  ]);
  assert.ok(lines.some((line) => line.includes(REFUSED.rule)));
  for (const bed of [mistyped, elsewhere, empty]) assert.ok(!lines.join('').includes(bed), bed);
});

test('a source that names a new bed each time pushes out its own, and nobody else’s', () => {
  const unbound = new UnboundPlaces();
  unbound.note('gw-quiet', REFUSED, 'A', 0);
  for (let i = 1; i <= 3 * UNBOUND_PLACES.ofGateway; i += 1) unbound.note('gw-loud', REFUSED, `B${i}`, i);
  const listed = unbound.list();
  assert.equal(listed.length, UNBOUND_PLACES.ofGateway + 1);
  assert.equal(listed[0]?.place, `B${3 * UNBOUND_PLACES.ofGateway}`);
  assert.deepEqual(listed.at(-1), { gateway: 'gw-quiet', place: 'A', ...REFUSED, why: 'unknown', count: 1, lastAt: 0 });
});

test('a bed that is bound, of which values of before came, is told apart from one that is bound to nobody', async () => {
  verifies('UNBOUND-PLACES');
  const clock = new TestClock();
  await using h = testHub({ clock });
  const unbound = new UnboundPlaces();
  await h.store.rebind(h.registry.bindings(), clock.now(), true);
  h.registry.rebound(await h.store.rebind(h.registry.bindings(), clock.now(), true));
  const ingest = createIngest({ ...h, clock, unbound });
  for (const bed of ['ICU-01', 'OR-1'])
    await ingest.batch(
      'gw-icu',
      sampleBundle([sampleObservation({ bed, effective: clock.now() - 3_600_000, receivedAt: clock.now() - 3_600_000 })]),
    );
  assert.deepEqual(
    new Map(unbound.list().map(({ place, why, code }) => [place, [why, code]])),
    new Map([
      ['OR-1', ['unknown', 'INGEST-NOT-BOUND']],
      ['ICU-01', ['earlier', 'INGEST-BEFORE-BINDING']],
    ]),
  );
});

test('of very many gateways the last ones are remembered, and a name cannot move a terminal', () => {
  const unbound = new UnboundPlaces();
  const gateways = UNBOUND_PLACES.all + 10;
  for (let i = 1; i <= gateways; i += 1) unbound.note(`gw-${i}`, REFUSED, '\u001b[2J\u202eA\u2028'.padEnd(500, 'x'), i);
  const listed = unbound.list();
  assert.equal(listed.length, UNBOUND_PLACES.all);
  assert.equal(listed.at(-1)?.gateway, 'gw-11');
  assert.equal(listed[0]?.place, '[2JA'.padEnd(128, 'x'));
  unbound.note('gw-1', { code: 'INGEST-INVALID', rule: 'no value' }, 'A', gateways + 1);
  assert.equal(unbound.list().length, UNBOUND_PLACES.all, 'what breaks another rule is no matter of places');
});
