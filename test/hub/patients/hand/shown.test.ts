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
      return stay && [stay.state, stay.patients[0]?.patient];
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
