import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../../../../shared/errors.ts';
import { closeReasonOf, type Retry, refusalOf, retryOf } from '../../../../../shared/overlay/ziti/circuit/reasons.ts';
import type { Frame } from '../../../../../shared/overlay/ziti/wire/frame.ts';
import { verifies } from '../../../../requirements.ts';

/** As routers 2.0.3 were seen to say it (openziti-wire.md §6, §7; openziti-network.md §3, §4). */
const TEXTS: readonly (readonly [string, ErrorCode])[] = [
  ['service 5Fk has no terminators', 'OVERLAY-NO-TERMINATOR'],
  ['service 5Fk has no terminators for instanceId X', 'OVERLAY-NO-TERMINATOR'],
  ['service 5Fk has no online terminators for instanceId ', 'OVERLAY-NO-TERMINATOR'],
  ['no policies provide access', 'OVERLAY-DENIED'],
  ['dial access lost', 'OVERLAY-DENIED'],
  ['bind access lost', 'OVERLAY-DENIED'],
  ['1 policies failed: policy NAME [ID] failed due to os', 'OVERLAY-DENIED'],
  ['no policies provide access, posture state was nil, no posture data has been sent', 'OVERLAY-DENIED'],
  ['invalid session', 'OVERLAY-SESSION'],
  ['session closed', 'OVERLAY-SESSION'],
  ['session ended', 'OVERLAY-SESSION'],
  ['unable to get service token either by JWT parsing or id lookup', 'OVERLAY-SESSION'],
  ['failed to create service token from JWT: api session id (a) does not match service session api session id (b)', 'OVERLAY-SESSION'],
  ['token is malformed: token contains an invalid number of segments', 'OVERLAY-SESSION'],
  ['identity not found by id', 'OVERLAY-SESSION'],
  ['service not found by id', 'OVERLAY-NO-SERVICE'],
  ['encryption required on service, initiator did not send public header', 'OVERLAY-PROTOCOL'],
  ['connId not set, required', 'OVERLAY-PROTOCOL'],
  ['sink id 1 already in use', 'OVERLAY-PROTOCOL'],
  ['found a newer terminator for listener id', 'OVERLAY-CLOSED'],
  ["can't route from R2 -> R1", 'OVERLAY-UNREACHABLE'],
  ['timeout waiting for message reply: context deadline exceeded', 'OVERLAY-UNREACHABLE'],
  ['exceeded maximum [2] retries creating circuit [c/1] (error: timeout creating routes)', 'OVERLAY-UNREACHABLE'],
  // What the host said stands in brackets, and must not pass for the router's own word.
  ['exceeded maximum [2] retries creating circuit [c/1] (error creating route (no policies provide access))', 'OVERLAY-UNREACHABLE'],
  ['exceeded maximum [2] retries creating circuit [c/1] (error creating route (invalid session))', 'OVERLAY-UNREACHABLE'],
  ['close called', 'OVERLAY-UNREACHABLE'],
  ['', 'OVERLAY-UNREACHABLE'],
];

/** Code of 1033 and its hint, text of the body; what it is to us and how soon it may be asked again. */
const HINTS: readonly (readonly [number | undefined, unknown, string, ErrorCode, Retry])[] = [
  [14, 2, 'bind access lost', 'OVERLAY-DENIED', 'start-over'],
  [3, 2, 'session ended', 'OVERLAY-SESSION', 'start-over'],
  [1, 0, 'found a newer terminator for listener id', 'OVERLAY-CLOSED', 'default'],
  [1, 1, 'the controller is overloaded', 'OVERLAY-UNREACHABLE', 'busy'],
  [14, 3, 'bind access lost', 'OVERLAY-DENIED', 'not-again'],
  [6, 3, 'service 5Fk not found', 'OVERLAY-NO-SERVICE', 'not-again'],
  [13, 3, 'invalid terminator instance id', 'OVERLAY-NO-TERMINATOR', 'not-again'],
  [15, 3, '1 policies failed: policy P [x] failed due to os', 'OVERLAY-DENIED', 'not-again'],
  [2, 2, 'invalid api session', 'OVERLAY-SESSION', 'start-over'],
  [undefined, 1, 'service 5Fk has no terminators', 'OVERLAY-NO-TERMINATOR', 'busy'],
  [undefined, undefined, 'no policies provide access', 'OVERLAY-DENIED', 'default'],
  // Of nonsense nothing is left but the rest.
  [14, '2', 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, 4, 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, 1e9, 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, -1, 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, 2.5, 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, null, 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, [3], 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, { toString: 3 }, 'bind access lost', 'OVERLAY-DENIED', 'default'],
  [14, 'constructor', 'bind access lost', 'OVERLAY-DENIED', 'default'],
];

describe('what a router means', () => {
  for (const [text, code] of TEXTS) {
    test(`"${text}" is ${code}`, () => {
      verifies('OVERLAY-CIRCUITS');
      assert.equal(refusalOf(stateClosed(text)).code, code);
    });
  }

  for (const [code, retryHint, text, ours, retry] of HINTS) {
    test(`code ${code}, hint ${JSON.stringify(retryHint)}, "${text}" is ${ours}, ${retry}`, () => {
      verifies('OVERLAY-RETRY-HINT');
      const refusal = refusalOf(stateClosed(text, [1033, JSON.stringify({ message: text, code, cause: null, retryHint })]));
      assert.deepEqual([refusal.code, refusal.retry, refusal.detail], [ours, retry, text]);
      assert.equal(refusal.retryable, retry !== 'not-again');
    });
  }

  test('a structured error that is broken, deep or endless says nothing, and the text goes on counting', () => {
    verifies('OVERLAY-RETRY-HINT');
    for (const json of [
      '',
      'null',
      '3',
      '[3]',
      '{"retryHint":3',
      `${'['.repeat(8000)}${']'.repeat(8000)}`,
      `${'{"retryHint":'.repeat(1000)}3${'}'.repeat(1000)}`,
      `{"retryHint":3,"message":"${'x'.repeat(20_000)}"}`,
    ]) {
      const refusal = refusalOf(stateClosed('bind access lost', [1033, json]));
      assert.deepEqual([refusal.code, refusal.retry], ['OVERLAY-DENIED', 'default'], json.slice(0, 20));
    }
  });

  test('what no router said has no hint', () => {
    assert.deepEqual([retryOf(undefined), retryOf(new RangeError('x')), retryOf({ retry: 'busy' })], ['default', 'default', 'default']);
  });

  test('the code of the structured error counts for more than the text, and header 1014 where there is none', () => {
    assert.equal(refusalOf(stateClosed('something', [1033, '{"code":15,"message":"x"}'])).code, 'OVERLAY-DENIED');
    assert.equal(refusalOf(stateClosed('something', [1014, Buffer.of(6, 0, 0, 0)])).code, 'OVERLAY-NO-SERVICE');
    assert.equal(refusalOf(stateClosed('', [1014, Buffer.of(9, 0, 0, 0)])).code, 'OVERLAY-UNREACHABLE');
    assert.equal(refusalOf(stateClosed('dial access lost', [1014, Buffer.of(14)])).code, 'OVERLAY-DENIED');
  });

  test('the message of the structured error stands in for a missing text', () => {
    const error = refusalOf(stateClosed('', [1033, '{"message":"service session removed","retryHint":2}']));
    assert.deepEqual([error.code, error.detail], ['OVERLAY-SESSION', 'service session removed']);
  });

  test('nothing long enough for a token is repeated, nor anything that breaks a line', () => {
    verifies('LOG-CLEAN');
    const token = `${'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9'.repeat(2)}.${'c2VjcmV0'.repeat(10)}`;
    assert.equal(refusalOf(stateClosed(`token is malformed:\n${token}`)).detail, 'token is malformed: ….…');
    const uuid = '2186e05d-784b-4c1e-9b52-0d4f9a3c7e11';
    assert.equal(refusalOf(stateClosed(`invalid session: ${uuid}`)).detail, 'invalid session: …');
    assert.equal(refusalOf(stateClosed('', [1033, JSON.stringify({ message: `session ended: ${uuid}` })])).detail, 'session ended: …');
    assert.ok((refusalOf(stateClosed('long '.repeat(10_000))).detail?.length ?? 0) <= 200);
  });

  test('a connection that the other end closed has no reason, one that the router closed has', () => {
    assert.equal(closeReasonOf(stateClosed('close called')), undefined);
    assert.equal(closeReasonOf(stateClosed('')), undefined);
    assert.equal(closeReasonOf(stateClosed('dial access lost'))?.code, 'OVERLAY-DENIED');
    assert.equal(closeReasonOf(stateClosed('', [1033, '{"code":14}']))?.code, 'OVERLAY-DENIED');
  });
});

function stateClosed(text: string, ...headers: [number, string | Buffer][]): Frame {
  return { type: 60785, sequence: 1, headers: new Map(headers.map(([id, value]) => [id, Buffer.from(value)])), body: Buffer.from(text) };
}
