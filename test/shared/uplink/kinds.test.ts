import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { BatchBundle, Resource } from '../../../shared/fhir.ts';
import { BUNDLE_BYTES, batchEntry, batchResponse, bundleText, readBatchResponse } from '../../../shared/uplink/kinds.ts';
import { type EntryOutcome, ERROR_CODE_SYSTEM } from '../../../shared/uplink/protocol.ts';

const golden = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/uplink', name), 'utf8'));

const entryText = (resource: Resource): string => JSON.stringify(batchEntry(resource));

/** What travels up, by kind: the golden batch of each. */
const KINDS = ['gap', 'movement', 'reading'];

test('every kind has a golden batch, and is built as it stands there', () => {
  for (const kind of KINDS) {
    const expected = golden(`${kind}.json`) as BatchBundle;
    const texts = expected.entry.map(({ resource }) => entryText(resource));
    const text = bundleText(texts, Date.UTC(2026, 10, 21, 9, 0, 1));
    assert.deepEqual(JSON.parse(text), expected);
    for (const { resource, request } of expected.entry) assert.equal(request.url, `${resource.resourceType}/${resource.id}`);
  }
});

test('the size of a bundle is that of its entries, a comma each, and the frame', () => {
  const { entry } = golden('reading.json') as BatchBundle;
  for (const count of [1, 2]) {
    const texts = entry.slice(0, count).map(({ resource }) => entryText(resource));
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), BUNDLE_BYTES);
    assert.equal(Buffer.byteLength(bundleText(texts, Date.now())), bytes + count - 1);
  }
});

const OUTCOMES: EntryOutcome[] = [
  { id: 'gw.1', status: 201 },
  { id: 'gw.2', status: 200 },
  { id: 'gw.3', status: 409, code: 'UPLINK-KEY-REUSED' },
  { id: 'gw.4', status: 422, code: 'INGEST-NOT-BOUND' },
  { id: 'gw.5', status: 503, code: 'INGEST-UNAVAILABLE' },
];

test('a batch-response is built as it stands in the golden file, and read back entry by entry', () => {
  assert.deepEqual(batchResponse(OUTCOMES), golden('batch-response.json'));
  assert.deepEqual(
    readBatchResponse(
      golden('batch-response.json'),
      OUTCOMES.map(({ id }) => id),
    ),
    OUTCOMES,
  );
});

test('outcomes survive the way over the wire', () => {
  const outcome = fc.oneof(
    fc.record({ id: fc.string(), status: fc.constantFrom(200 as const, 201 as const) }, { noNullPrototype: true }),
    fc.record(
      {
        id: fc.string(),
        status: fc.constantFrom(409 as const, 422 as const, 503 as const),
        code: fc.constantFrom('UPLINK-KEY-REUSED' as const, 'INGEST-INVALID' as const, 'INTERNAL' as const),
      },
      { noNullPrototype: true },
    ),
  );
  fc.assert(
    fc.property(fc.array(outcome), (outcomes) => {
      const wire: unknown = JSON.parse(JSON.stringify(batchResponse(outcomes)));
      assert.deepEqual(
        readBatchResponse(
          wire,
          outcomes.map(({ id }) => id),
        ),
        outcomes,
      );
    }),
    { numRuns: 200 },
  );
});

test('what a newer or foreign hub adds is ignored; a code we do not know becomes the usual one of its status', () => {
  const issue = (code: string, system = ERROR_CODE_SYSTEM): unknown => ({
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: 'processing',
        details: {
          coding: [
            { system: 'urn:other', code: 'X' },
            { system, code },
          ],
          text: 'x',
        },
      },
    ],
  });
  const answer = {
    resourceType: 'Bundle',
    type: 'batch-response',
    id: 'b1',
    entry: [
      { fullUrl: 'urn:x', response: { status: '201 Created', etag: 'W/"1"', location: 'Observation/a/_history/1' } },
      { response: { status: '422 Unprocessable Entity', outcome: issue('INGEST-INVALID') } },
      { response: { status: '422', outcome: issue('FROM-THE-FUTURE') } },
      { response: { status: '422', outcome: issue('INGEST-NOT-BOUND', 'urn:other') } },
      { response: { status: '409' } },
    ],
  };
  assert.deepEqual(readBatchResponse(answer, ['a', 'b', 'c', 'd', 'e']), [
    { id: 'a', status: 201 },
    { id: 'b', status: 422, code: 'INGEST-INVALID' },
    { id: 'c', status: 422, code: 'INGEST-INVALID' },
    { id: 'd', status: 422, code: 'INGEST-INVALID' },
    { id: 'e', status: 409, code: 'UPLINK-KEY-REUSED' },
  ]);
});

test('an answer that does not say of each entry what became of it is no answer', () => {
  const one = { response: { status: '201' } };
  const bundle = (entry: unknown): unknown => ({ resourceType: 'Bundle', type: 'batch-response', entry });
  const broken = [null, 1, [], {}, bundle(undefined), bundle([]), bundle([one, one]), { ...(bundle([one]) as object), type: 'batch' }];
  for (const status of [undefined, 201, '20', '204', '500', 'OK']) broken.push(bundle([{ response: { status } }]));
  broken.push(bundle([null]), bundle([{}]));
  for (const json of broken) {
    assert.throws(
      () => readBatchResponse(json, ['a']),
      (error: unknown) => error instanceof VitalmeshError && error.code === 'UPLINK-ANSWER',
      JSON.stringify(json),
    );
  }
});

test('whatever a hub answers, reading it gives outcomes or a coded error', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const answer = { resourceType: 'Bundle', type: 'batch-response', entry: [{ response: json }] };
      try {
        readBatchResponse(answer, ['a']);
      } catch (error) {
        assert.ok(error instanceof VitalmeshError && error.code === 'UPLINK-ANSWER');
      }
    }),
    { numRuns: 200 },
  );
});
