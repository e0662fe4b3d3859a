import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Door } from '../../hub/access/door.ts';
import { hubOperatorCommands } from '../../hub/operator-commands.ts';
import { gathered, sampleBundle, sampleObservation, testHub } from '../support/hub.ts';

const door = { export: () => assert.fail('the door was asked') } as unknown as Door;
const { export: exporting, status } = hubOperatorCommands({ door, tenants: () => ['clinic'], vitalSigns: () => assert.fail() });

test('a filter that is misspelt or of the wrong type exports nothing', () => {
  for (const args of [
    { patinet: 'p-1' },
    { patient: ['p-1'] },
    { patient: '' },
    { since: '2030-01-01T00:00:00Z' },
    { since: 1.5 },
    { patient: 'p-1', x: 1 },
  ]) {
    assert.throws(() => exporting(args, 'local:0'), { code: 'USAGE' }, JSON.stringify(args));
  }
});

test('status takes no arguments', async () => {
  const rows = status({ json: true }, 'local:0') as AsyncIterable<unknown>;
  await assert.rejects(rows[Symbol.asyncIterator]().next(), { code: 'USAGE' });
});

test('an export of a patient nobody knows fails, of one without data does not', async () => {
  await using h = testHub();
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, value: 60 })]));
  const { export: of } = hubOperatorCommands({ door: h.door, tenants: () => h.store.tenants(), vitalSigns: () => assert.fail() });
  const rows = async (patient: string): Promise<number> => (await gathered(of({ patient }, 'local:0') as AsyncIterable<unknown>)).length;
  assert.equal(await rows('pat-icu-01'), 1);
  const [withoutData] = h.registry.patients('clinic').filter(({ patient }) => patient !== 'pat-icu-01');
  assert.equal(await rows(withoutData?.patient ?? ''), 0);
  await assert.rejects(rows('pat-typo'), { code: 'NOT-FOUND' });
});
