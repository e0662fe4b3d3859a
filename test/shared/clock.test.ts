import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatInstant, isZone, parseInstant, zonedInstant, zoneOffsetMin } from '../../shared/clock.ts';

const at = (hour: number, minute: number, day: number, month = 3) => ({ year: 2026, month, day, hour, minute, second: 0, millisecond: 0 });

test('local times become instants with their offset', () => {
  assert.deepEqual(zonedInstant(at(12, 0, 1), 'Europe/Berlin'), { at: Date.UTC(2026, 2, 1, 11), offsetMin: 60, doubt: 'none' });
  assert.deepEqual(zonedInstant(at(12, 0, 1, 7), 'Europe/Berlin'), { at: Date.UTC(2026, 6, 1, 10), offsetMin: 120, doubt: 'none' });
});

test('the hour that is missing and the hour that comes twice are marked', () => {
  assert.equal(zonedInstant(at(2, 30, 29), 'Europe/Berlin')?.doubt, 'gap');
  const twice = zonedInstant(at(2, 30, 25, 10), 'Europe/Berlin');
  assert.deepEqual(twice, { at: Date.UTC(2026, 9, 25, 0, 30), offsetMin: 120, doubt: 'overlap' });
});

test('parts that are no date give nothing', () => {
  assert.equal(zonedInstant(at(0, 0, 31, 4), 'UTC'), undefined);
  assert.equal(zonedInstant({ ...at(0, 0, 1), month: 13 }, 'UTC'), undefined);
});

test('zones are known or not', () => {
  assert.ok(isZone('Asia/Kolkata') && isZone('UTC') && isZone('+05:30'));
  assert.ok(!isZone('Mars/Olympus') && !isZone(''));
  assert.equal(zoneOffsetMin(Date.UTC(2026, 0, 1), 'Asia/Kolkata'), 330);
});

test('an instant written with any offset reads back as itself', () => {
  const instants = fc.integer({ min: 0, max: 4102444800000 });
  fc.assert(
    fc.property(instants, fc.integer({ min: -839, max: 840 }), (instant, offsetMin) => {
      assert.deepEqual(parseInstant(formatInstant(instant, offsetMin)), { at: instant, offsetMin });
    }),
  );
});

test('times without offset, and impossible ones, are refused', () => {
  for (const text of [
    '2026-11-21T10:00:00',
    '2026-02-30T10:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01',
    '',
    'now',
    '2026-01-01T00:00:00+15:00',
    '2026-01-01T00:00:00+14:30',
    '0026-01-01T00:00:00Z',
    '0000-02-29T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ]) {
    assert.equal(parseInstant(text), undefined, text);
  }
  assert.equal(parseInstant('2026-11-21T10:00:00.5Z')?.at, Date.UTC(2026, 10, 21, 10, 0, 0, 500));
});

test('times that are read again and again, in any order, give what they say', () => {
  const texts = ['2026-11-22T05:00:00.000+00:00', '2026-11-22T06:00:00.5+01:00', '2026-11-22T05:00:01Z', 'no time', '', '2'.repeat(1000)];
  const expected = texts.map((text) => parseInstant(text) && { ...parseInstant(text) });
  assert.deepEqual(
    expected.map((read) => read?.at),
    [Date.UTC(2026, 10, 22, 5), Date.UTC(2026, 10, 22, 5, 0, 0, 500), Date.UTC(2026, 10, 22, 5, 0, 1), undefined, undefined, undefined],
  );
  fc.assert(
    fc.property(fc.array(fc.nat(texts.length - 1)), (order) => {
      for (const i of order) assert.deepEqual(parseInstant(texts[i] ?? ''), expected[i]);
    }),
  );
});
