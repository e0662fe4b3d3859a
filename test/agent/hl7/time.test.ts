import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHl7Time, parseHl7Time } from '../../../agent/hl7/time.ts';
import { zonedInstant } from '../../../shared/clock.ts';

test('times with an offset', () => {
  const at = Date.UTC(2026, 10, 21, 9);
  assert.deepEqual(parseHl7Time('20261121100000+0100', 'UTC'), { at, offsetMin: 60, doubt: 'none' });
  assert.deepEqual(parseHl7Time('202611210900-0000', 'UTC'), { at, offsetMin: 0, doubt: 'none' });
  assert.deepEqual(parseHl7Time('20261121143000.1234+0530', 'UTC'), { at: at + 123, offsetMin: 330, doubt: 'none' });
});

test('times without one are of the zone, across its changes', () => {
  assert.deepEqual(parseHl7Time('20261121100000', 'Europe/Berlin'), { at: Date.UTC(2026, 10, 21, 9), offsetMin: 60, doubt: 'none' });
  assert.deepEqual(parseHl7Time('20260721100000', 'Europe/Berlin'), { at: Date.UTC(2026, 6, 21, 8), offsetMin: 120, doubt: 'none' });
  assert.deepEqual(parseHl7Time('202610250230', 'Europe/Berlin'), { at: Date.UTC(2026, 9, 25, 0, 30), offsetMin: 120, doubt: 'overlap' });
  assert.equal(parseHl7Time('202603290230', 'Europe/Berlin')?.doubt, 'gap');
  // Half an hour of change: the hour before it is not of one offset throughout.
  assert.deepEqual(parseHl7Time('202604050145', 'Australia/Lord_Howe')?.doubt, 'overlap');
  assert.deepEqual(parseHl7Time('202604050115', 'Australia/Lord_Howe')?.doubt, 'none');
});

test('the remembered hours say what the zone database says', () => {
  const zones = ['Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC'];
  const minutes = fc.integer({ min: Date.UTC(2026, 0, 1) / 60_000, max: Date.UTC(2027, 0, 1) / 60_000 });
  fc.assert(
    fc.property(fc.constantFrom(...zones), minutes, (zone, minute) => {
      const text = new Date(minute * 60_000)
        .toISOString()
        .replace(/[-:TZ]/g, '')
        .slice(0, 12);
      const [year, month, day, hour, min] = [text.slice(0, 4), text.slice(4, 6), text.slice(6, 8), text.slice(8, 10), text.slice(10)].map(
        Number,
      );
      const local = { year: year ?? 0, month: month ?? 0, day: day ?? 0, hour: hour ?? 0, minute: min ?? 0, second: 0, millisecond: 0 };
      assert.deepEqual(parseHl7Time(text, zone), zonedInstant(local, zone));
      assert.deepEqual(parseHl7Time(text, zone), zonedInstant(local, zone), 'and again');
    }),
    { numRuns: 200 },
  );
});

test('what is no time of a measurement is none', () => {
  for (const text of [
    '',
    '2026',
    '20261121',
    '2026112110',
    '20261321100000',
    '20260230100000',
    '20261121250000',
    '20261121106000',
    '20261121100060',
    '20261121100000+2500',
    '20261121100000+01',
    '00000101000000',
    '99991231235959',
    '20261121100000+1430',
    '2026-11-21T10:00',
    'x',
  ]) {
    assert.equal(parseHl7Time(text, 'UTC'), undefined, text);
  }
});

test('an instant is written in UTC with its offset', () => {
  assert.equal(formatHl7Time(Date.UTC(2026, 10, 21, 9, 0, 5, 7)), '20261121090005.007+0000');
});
