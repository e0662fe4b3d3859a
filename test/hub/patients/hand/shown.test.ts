import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ShownStay } from '../../../../hub/patients/hand/shown.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { verifies } from '../../../requirements.ts';
import { held, idOf, measure, minute, tell } from '../../../support/following.ts';
import { handSite } from './site.ts';

const HOUR = 60;

test('what is shown of a time while movements were silent is what readers got: nobody for sure, until they are heard again', () =>
  handSite(async ({ hub, json, patients }) => {
    verifies('SHOWN-AS-READ', 'PLACED-BY-HAND');
    await tell(hub, 1, -20 * HOUR, 'A01', { who: 'ann', bed: 'ICU-01' });
    await measure(hub, 1, -10 * HOUR, { bed: 'ICU-01', value: 61 });
    await measure(hub, 2, -2 * HOUR, { bed: 'ICU-01', value: 62 });
    const ann = await idOf(hub, 'ann');
    const at = async (hours: number): Promise<[string, string | undefined] | undefined> => {
      const [stay] = await json<ShownStay[]>(['show', '--bed', 'ICU-01', '--at', new Date(minute(hours * HOUR)).toISOString()]);
      return stay && stay.state !== 'nobody' ? [stay.state, stay.patients[0]?.patient] : undefined;
    };
    assert.deepEqual(await held(hub, ['ann'], ['ICU-01']), { ann: [61], 'ICU-01': [62] });
    assert.deepEqual([await at(-21), await at(-10), await at(-2)], [undefined, ['occupied', ann], ['unconfirmed', ann]]);
    const stays = await json<ShownStay[]>(['show', '--patient', ann]);
    assert.deepEqual(
      stays.map(({ state, from, to }) => [state, from, to]),
      [
        ['occupied', formatInstant(minute(-20 * HOUR)), formatInstant(minute(-8 * HOUR))],
        ['unconfirmed', formatInstant(minute(-8 * HOUR)), null],
      ],
    );
    assert.match((await patients(['show'])).stdout, /^ICU-01 {2}unconfirmed {2}p-/);
    await tell(hub, 2, -HOUR, 'A01', { who: 'bob', bed: 'ICU-02' });
    assert.deepEqual([await held(hub, ['ann'], ['ICU-01']), await at(-2)], [{ ann: [61, 62] }, ['occupied', ann]]);
  }));

test('a followed bed in which nobody is known to lie is listed, with when readings came that are shown to no one', () =>
  handSite(async ({ hub, json, patients }) => {
    verifies('SHOWN-BEDS');
    await tell(hub, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
    await tell(hub, 2, -30, 'A03', { who: 'ann' });
    await measure(hub, 1, -20, { bed: 'ICU-02', value: 61 });
    await measure(hub, 2, -10, { bed: 'ICU-02', value: 62 });
    const newest = formatInstant(minute(-10));
    const row = { state: 'nobody', patients: [], from: null, to: null };
    const empty = (bed: string, more = {}) => ({ bed, ...row, ...more });
    assert.deepEqual(await json(['show']), [empty('ICU-01'), empty('ICU-02', { lastReading: newest }), empty('ICU-03')]);
    const told = `ICU-02  nobody is known to lie there; readings come, the newest of ${newest}: they are shown to no one`;
    assert.equal((await patients(['show'])).stdout.split('\n')[1], told);
    const [stay, now] = await json<ShownStay[]>(['show', '--bed', 'ICU-01']);
    assert.deepEqual([stay?.state, now], ['occupied', empty('ICU-01')]);
    assert.deepEqual(await json(['show', '--bed', 'ICU-02', '--at', formatInstant(minute(-15))]), [empty('ICU-02')]);
  }));

test('of a bed or patient of registry.yaml it is said what stands there, and a bed that there is not is refused', () =>
  handSite(async ({ json, patients }) => {
    verifies('SHOWN-BEDS');
    const listed = (bed: string | null, patient: string) => [{ bed, state: 'listed', patients: [{ patient }], from: null, to: null }];
    assert.deepEqual(await json(['show', '--bed', 'OR-1']), listed('OR-1', 'pat-or-0001'));
    assert.deepEqual(await json(['show', '--patient', 'pat-or-0001']), listed('OR-1', 'pat-or-0001'));
    assert.deepEqual(await json(['show', '--patient', 'pat-home-01']), listed(null, 'pat-home-01'));
    assert.equal(
      (await patients(['show', '--patient', 'pat-home-01'])).stdout,
      'at home  pat-home-01, as registry.yaml says; no movement tells of it\n',
    );
    const { code, stdout, stderr } = await patients(['show', '--bed', 'BED-9']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^PATIENT-BED: /);
  }));
