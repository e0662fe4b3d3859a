import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { outcomeOf, readBatchAnswer, refusalOf } from '../../../../agent/uplink/fhir-server/answers.ts';
import type { ErrorCode, VitalmeshError } from '../../../../shared/errors.ts';
import { verifies } from '../../../requirements.ts';
import { outcome } from '../../../support/fhir-server.ts';

const answered = (status: number, json?: unknown) => ({ status, json, date: undefined, retryAfter: undefined });

test('each status of an entry: held, refused for good, or sent again', () => {
  verifies('FHIR-SERVER-ANSWERS');
  const table: [number, 'held' | ErrorCode, 'quarantined' | 'again' | ''][] = [
    [200, 'held', ''],
    [201, 'held', ''],
    [202, 'UPLINK-ANSWER', 'again'],
    [204, 'UPLINK-ANSWER', 'again'],
    [304, 'UPLINK-ANSWER', 'again'],
    [400, 'FHIR-REFUSED', 'quarantined'],
    [401, 'FHIR-SIGN-IN', 'again'],
    [403, 'FHIR-DENIED', 'again'],
    [404, 'FHIR-REFUSED', 'quarantined'],
    [405, 'FHIR-REFUSED', 'quarantined'],
    [408, 'FHIR-BUSY', 'again'],
    [409, 'FHIR-BUSY', 'again'],
    [412, 'FHIR-TWICE', 'quarantined'],
    [413, 'FHIR-REFUSED', 'quarantined'],
    [422, 'FHIR-REFUSED', 'quarantined'],
    [429, 'FHIR-BUSY', 'again'],
    [500, 'FHIR-BUSY', 'again'],
    [503, 'FHIR-BUSY', 'again'],
  ];
  for (const [status, code, becomes] of table) {
    const { status: made, code: madeCode } = outcomeOf({ id: 'o', status, place: undefined }, false);
    assert.equal(madeCode ?? 'held', code, `${status}`);
    assert.equal(made, becomes === 'quarantined' ? 422 : becomes === 'again' ? 503 : status, `${status}`);
  }
  assert.deepEqual(outcomeOf({ id: 'o', status: 409, place: undefined }, true), { id: 'o', status: 422, code: 'FHIR-REFUSED' });
});

test('why a whole batch was not done, by its status and the own word of the server', () => {
  verifies('FHIR-SERVER-ANSWERS');
  const table: [number, unknown, ErrorCode][] = [
    [400, outcome('invalid'), 'FHIR-REFUSED'],
    [422, outcome('processing'), 'FHIR-REFUSED'],
    [400, outcome('not-supported'), 'FHIR-ABILITY'],
    [400, undefined, 'UPLINK-ANSWER'],
    [422, { message: 'of a proxy' }, 'UPLINK-ANSWER'],
    [401, outcome('login'), 'FHIR-SIGN-IN'],
    [403, outcome('forbidden'), 'FHIR-DENIED'],
    [404, outcome('not-found'), 'FHIR-SERVER'],
    [405, undefined, 'FHIR-SERVER'],
    [301, undefined, 'FHIR-SERVER'],
    [307, undefined, 'FHIR-SERVER'],
    [413, undefined, 'UPLINK-TOO-LARGE'],
    [415, outcome('structure'), 'UPLINK-ANSWER'],
    [418, outcome('structure'), 'UPLINK-ANSWER'],
    [201, undefined, 'UPLINK-ANSWER'],
    [429, undefined, 'FHIR-BUSY'],
    [500, outcome('exception'), 'FHIR-BUSY'],
    [501, undefined, 'FHIR-ABILITY'],
    [503, 'text', 'FHIR-BUSY'],
    [504, undefined, 'FHIR-BUSY'],
  ];
  for (const [status, json, code] of table) assert.equal(refusalOf(answered(status, json), 'batch').code, code, `${status}`);
  assert.equal(refusalOf(answered(400, outcome('invalid')), 'metadata').code, 'FHIR-SERVER');
  assert.equal(refusalOf(answered(503), 'metadata').code, 'FHIR-BUSY');
  assert.equal(refusalOf(answered(401), 'metadata').code, 'FHIR-SIGN-IN');
});

test('a batch-response is read in the order of the request, with the place of each resource', () => {
  const entry = [
    { response: { status: '201 Created', location: 'https://fhir.example/r4/Observation/12/_history/1' } },
    { response: { status: '200', location: 'Observation/x-7.1' } },
    { response: { status: '422', outcome: outcome('invalid') } },
    { response: { status: '200 OK', location: 'nonsense' } },
  ];
  assert.deepEqual(readBatchAnswer({ resourceType: 'Bundle', type: 'batch-response', entry }, ['a', 'b', 'c', 'd']), [
    { id: 'a', status: 201, place: 'Observation/12' },
    { id: 'b', status: 200, place: 'Observation/x-7.1' },
    { id: 'c', status: 422, place: undefined },
    { id: 'd', status: 200, place: undefined },
  ]);
});

test('whatever is no full answer to the batch completes nothing', () => {
  verifies('FHIR-SERVER-ANSWERS');
  const good = { resourceType: 'Bundle', type: 'batch-response', entry: [{ response: { status: '201' } }] };
  const broken: unknown[] = [
    undefined,
    null,
    'ok',
    [],
    {},
    outcome('informational'),
    { ...good, type: 'transaction-response' },
    { ...good, resourceType: 'List' },
    { ...good, entry: undefined },
    { ...good, entry: [] },
    { ...good, entry: [...good.entry, ...good.entry] },
    { ...good, entry: [null] },
    { ...good, entry: [{}] },
    { ...good, entry: [{ response: {} }] },
    ...[201, '', '20', '2011', 'created', '900', ' 201', '201x'].map((status) => ({ ...good, entry: [{ response: { status } }] })),
  ];
  const unreadable = (thrown: unknown): boolean => (thrown as VitalmeshError).code === 'UPLINK-ANSWER';
  for (const json of broken) assert.throws(() => readBatchAnswer(json, ['a']), unreadable, JSON.stringify(json));
  fc.assert(
    fc.property(fc.jsonValue(), (json) => assert.throws(() => readBatchAnswer(json, ['a']), unreadable)),
    { numRuns: 200 },
  );
});
