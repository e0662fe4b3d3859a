import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Door } from '../../hub/access/door.ts';
import { hubOperatorCommands } from '../../hub/operator-commands.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { verifies } from '../requirements.ts';
import { gathered, sampleBundle, sampleObservation, testHub } from '../support/hub.ts';

type Signs = ReturnType<Parameters<typeof hubOperatorCommands>[0]['vitalSigns']>;

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

test('while the store cannot be asked, status tells all else and why; a refusal stays one', async () => {
  verifies('STATUS-STORE-AWAY');
  const asked = async (thrown: VitalmeshError): Promise<unknown> => {
    const failing = { counts: () => Promise.reject(thrown) } as unknown as Door;
    const signs = { storeId: 's1' } as Signs;
    const commands = hubOperatorCommands({ door: failing, tenants: () => ['clinic'], vitalSigns: () => signs });
    return (await (commands.status({}, 'local:0') as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()).value;
  };
  const away = { storeId: 's1', counts: null, tenants: null, storeCode: 'STORAGE-REMOTE' };
  assert.deepEqual(await asked(new VitalmeshError('STORAGE-REMOTE')), away);
  await assert.rejects(asked(new VitalmeshError('ACCESS-DENIED')), { code: 'ACCESS-DENIED' });
});

test('a store that can be asked and takes no batches has the code of that', async () => {
  verifies('STATUS-STORE-REFUSES');
  await using h = testHub();
  const storeRefusal = { code: 'STORAGE-FULL', since: 1, lastAt: 2, batches: 3 } as const;
  for (const refusal of [null, storeRefusal]) {
    const signs = { storeId: 's1', storeRefusal: refusal } as Signs;
    const commands = hubOperatorCommands({ door: h.door, tenants: () => ['clinic'], vitalSigns: () => signs });
    const [shown] = await gathered(commands.status({}, 'local:0') as AsyncIterable<{ storeCode: string | null; counts: unknown }>);
    assert.equal(shown?.storeCode, refusal?.code ?? null);
    assert.ok(shown?.counts);
  }
});
