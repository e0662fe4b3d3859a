import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../../shared/errors.ts';
import { newEpoch } from '../../../shared/uplink/key.ts';
import { formatStorePosition, parseStorePosition } from '../../../shared/uplink/lineage.ts';
import { readHello, refusal, UPLINK_VERSIONS, type UplinkHello } from '../../../shared/uplink/protocol.ts';
import { verifies } from '../../requirements.ts';

const golden = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/uplink', name), 'utf8'));

test('the hello of uplink 1 is read as it stands in the golden file', () => {
  assert.deepEqual(readHello(golden('hello.json')), golden('hello.json'));
});

test('unknown fields of a hello are ignored', () => {
  verifies('UPLINK-VERSIONED');
  const hello = golden('hello.json') as UplinkHello;
  const later = { ...hello, limits: { ...hello.limits, batchSeconds: 3 }, windows: [1], colour: 'blue' };
  assert.deepEqual(readHello(later), hello);
});

test('a hello with a field that is missing or has another form is told by the name of the field', () => {
  const hello = golden('hello.json') as UplinkHello;
  const broken: [unknown, string][] = [
    [null, 'versions'],
    ['hello', 'versions'],
    [{ ...hello, versions: ['1'] }, 'versions'],
    [{ ...hello, limits: undefined }, 'limits'],
    [{ ...hello, limits: { batchEntries: 0, batchBytes: 1 } }, 'limits'],
    [{ ...hello, limits: { batchEntries: 10, batchBytes: '1' } }, 'limits'],
    [{ ...hello, now: 'today' }, 'now'],
    [{ ...hello, storeId: '' }, 'storeId'],
    [{ ...hello, configRevision: 7 }, 'configRevision'],
    [{ ...hello, lineage: [] }, 'lineage'],
    [{ ...hello, position: undefined }, 'lineage'],
    [{ ...hello, position: -1 }, 'lineage'],
    [{ ...hello, lineage: [{ epoch: 'x', from: 0 }] }, 'lineage'],
    [{ ...hello, lineage: [{ epoch: hello.lineage?.[0]?.epoch, from: '0' }] }, 'lineage'],
  ];
  for (const [json, field] of broken) {
    assert.throws(
      () => readHello(json),
      (error: unknown) => error instanceof VitalmeshError && error.code === 'UPLINK-ANSWER' && error.detail === `hello: ${field}`,
    );
  }
});

test('a hub of before, which says nothing of its lineage, is read as well', () => {
  verifies('UPLINK-VERSIONED');
  const { lineage: _, position: __, ...before } = golden('hello.json') as UplinkHello;
  assert.deepEqual(readHello(before), before);
});

test('where a batch was committed is read as it was written, and nothing else', () => {
  verifies('STORE-LINEAGE');
  const at = { epoch: newEpoch(), position: 4711 };
  assert.deepEqual(parseStorePosition(formatStorePosition(at)), at);
  for (const wrong of [
    '',
    '1',
    `${at.epoch}`,
    `${at.epoch}.`,
    `${at.epoch}.-1`,
    `${at.epoch}.1.2`,
    `${at.epoch}.1e3`,
    `${at.epoch}.99999999999999999`,
  ])
    assert.equal(parseStorePosition(wrong), undefined, wrong);
});

test('whatever a hub answers, reading it gives a hello or a coded error', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      try {
        readHello(json);
      } catch (error) {
        assert.ok(error instanceof VitalmeshError && error.code === 'UPLINK-ANSWER');
      }
    }),
    { numRuns: 200 },
  );
});

test('a refusal names its code, and the versions when they are what is wrong', () => {
  verifies('UPLINK-VERSIONED');
  assert.deepEqual(Object.keys(refusal('UPLINK-BUNDLE')), ['code', 'message']);
  assert.deepEqual(refusal('UPLINK-VERSION').versions, UPLINK_VERSIONS);
  assert.ok(UPLINK_VERSIONS.every((version) => version >= 1));
});
