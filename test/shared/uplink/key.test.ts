import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatObservationId, isAgentId, isEpoch, newEpoch, parseObservationId } from '../../../shared/uplink/key.ts';

const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;

const agent = fc.stringMatching(/^[A-Za-z0-9.-]{1,36}$/);
const key = fc.record(
  {
    agent,
    epoch: fc.constant(0).map(() => newEpoch()),
    seq: fc.integer({ min: 1, max: 36 ** 8 - 1 }),
    index: fc.integer({ min: 0, max: 9999 }),
  },
  { noNullPrototype: true },
);

test('every key becomes a FHIR id and comes back, dots in the agent part included', () => {
  fc.assert(
    fc.property(key, (key) => {
      const id = formatObservationId(key);
      assert.match(id, FHIR_ID);
      assert.deepEqual(parseObservationId(id), key);
    }),
    { numRuns: 200 },
  );
});

test('an id that is read is the only spelling of its key', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9.]{1,70}$/), (text) => {
      const key = parseObservationId(text);
      if (key !== undefined) assert.equal(formatObservationId(key), text);
    }),
    { numRuns: 200 },
  );
});

test('an identity id with dots, as OpenZiti makes them', () => {
  const epoch = newEpoch();
  assert.deepEqual(parseObservationId(`hc..xMvev.${epoch}.1z.0`), { agent: 'hc..xMvev', epoch, seq: 71, index: 0 });
});

test('foreign ids are no keys', () => {
  const epoch = newEpoch();
  const foreign = [
    '',
    'obs-1',
    `${epoch}.1.0`,
    `.${epoch}.1.0`,
    `gw.${epoch}.0.0`,
    `gw.${epoch}.01.0`,
    `gw.${epoch}.1.00`,
    `gw.${epoch}.1.10000`,
    `gw.${epoch}.1.-1`,
    `gw.${epoch}.1`,
    `gw.${epoch}.zzzzzzzzzzz.0`,
    `gw.${epoch.toUpperCase()}A.1.0`,
    `gw.${epoch.slice(1)}l.1.0`,
    `${'g'.repeat(64)}.${epoch}.1.0`,
  ];
  for (const id of foreign) assert.equal(parseObservationId(id), undefined, id);
});

test('epochs are 13 characters of base32 and do not repeat', () => {
  const epochs = new Set(Array.from({ length: 1000 }, newEpoch));
  assert.equal(epochs.size, 1000);
  for (const epoch of epochs) assert.ok(isEpoch(epoch), epoch);
  for (const text of ['', 'abc', 'u'.repeat(13), 'A'.repeat(13), '0'.repeat(14)]) assert.equal(isEpoch(text), false, text);
});

test('an identity id that cannot be part of a FHIR id is told in time', () => {
  for (const id of ['a', 'hc..xMvev', '123e4567-e89b-12d3-a456-426614174000']) assert.ok(isAgentId(id), id);
  for (const id of ['', 'a_b', 'a b', 'ä', 'x'.repeat(37)]) assert.equal(isAgentId(id), false, id);
});
