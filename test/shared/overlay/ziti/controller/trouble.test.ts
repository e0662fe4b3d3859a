import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ControllerRequest } from '../../../../../shared/overlay/ziti/controller/exchange.ts';
import { retryAfterOf, troubleOf } from '../../../../../shared/overlay/ziti/controller/trouble.ts';
import { verifies } from '../../../../requirements.ts';

const LIST: ControllerRequest = { method: 'GET', path: '/services' };
const SIGN_IN_PAGE: ControllerRequest = { method: 'GET', root: true, path: '/oidc/authorize' };
const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

const error = (code: string): unknown => ({ error: { code, message: 'm', requestId: 'r' }, meta: {} });

const CASES: [string, number, unknown, ControllerRequest, string | undefined][] = [
  ['a list', 200, { data: [] }, LIST, undefined],
  ['a refusal', 400, error('COULD_NOT_VALIDATE'), LIST, undefined],
  ['no such thing', 404, error('NOT_FOUND'), LIST, undefined],
  ['a session that is not known', 401, error('UNAUTHORIZED'), LIST, undefined],
  ['the same without a body', 401, undefined, LIST, undefined],
  ['too many requests', 429, error('SERVER_TOO_MANY_REQUESTS'), LIST, 'OVERLAY-BUSY 429 SERVER_TOO_MANY_REQUESTS'],
  ['a proxy that misses the controller', 502, undefined, LIST, 'OVERLAY-BUSY 502'],
  ['a restart', 503, undefined, LIST, 'OVERLAY-BUSY 503'],
  ['a proxy that waited in vain', 504, undefined, SIGN_IN_PAGE, 'OVERLAY-BUSY 504'],
  ['a failure without a reason', 500, undefined, LIST, 'OVERLAY-BUSY 500'],
  ['a failure whose reason is that there is none', 500, error('UNHANDLED'), LIST, 'OVERLAY-BUSY 500 UNHANDLED'],
  ['a failure with a reason of the controller', 500, error('INVALID_FIELD'), LIST, undefined],
  ['a renewal of a deleted identity', 500, { error: 'server_error', error_description: 'identity not found' }, SIGN_IN_PAGE, undefined],
  ['a page of somebody else', 200, undefined, LIST, 'OVERLAY-UNREACHABLE 200, and the answer cannot be read: it is no JSON'],
  ['a page that says that nothing is there', 404, undefined, LIST, 'OVERLAY-UNREACHABLE 404, and the answer cannot be read: it is no JSON'],
  ['a page of the sign-in', 200, undefined, SIGN_IN_PAGE, undefined],
];

for (const [what, status, json, request, expected] of CASES)
  test(`${what} (${status}) is ${expected ?? 'an answer'}`, () => {
    verifies('OVERLAY-CONTROLLER-FAIL-OVER');
    const trouble = troubleOf({ status, headers: {}, json }, request, NOW);
    assert.equal(trouble && `${trouble.error.code} ${trouble.error.detail}`, expected);
    assert.equal(trouble?.retryAfterMs ?? 0, 0);
  });

const WAITS: [string, Record<string, string>, number][] = [
  ['seconds', { 'retry-after': '17' }, 17_000],
  ['a date, by our clock', { 'retry-after': 'Sat, 21 Nov 2026 12:00:40 GMT' }, 40_000],
  [
    'a date, by a clock that is a year behind ours',
    { 'retry-after': 'Fri, 21 Nov 2025 12:00:40 GMT', date: 'Fri, 21 Nov 2025 12:00:10 GMT' },
    30_000,
  ],
  ['a date that has passed', { 'retry-after': 'Sat, 21 Nov 2026 11:59:59 GMT' }, 0],
  ['a day', { 'retry-after': '86400' }, 300_000],
  ['a year, as a date', { 'retry-after': 'Sun, 21 Nov 2027 12:00:00 GMT' }, 300_000],
  ['more than any number', { 'retry-after': '999999999999' }, 300_000],
  ['zero', { 'retry-after': '0' }, 0],
  ['less than zero', { 'retry-after': '-5' }, 0],
  ['a fraction', { 'retry-after': '1.5' }, 0],
  ['infinity', { 'retry-after': 'Infinity' }, 0],
  ['a number in hexadecimal', { 'retry-after': '0x10' }, 0],
  ['a date of another form', { 'retry-after': '2026-11-21T12:00:40Z' }, 0],
  ['a day that does not exist', { 'retry-after': 'Sat, 99 Nov 2026 12:00:40 GMT' }, 0],
  ['nothing', {}, 0],
];

for (const [what, headers, waitMs] of WAITS)
  test(`Retry-After: ${what} is ${waitMs} ms`, () => {
    verifies('OVERLAY-CONTROLLER-RETRY-AFTER');
    assert.equal(retryAfterOf(headers, NOW), waitMs);
    assert.equal(troubleOf({ status: 503, headers, json: undefined }, LIST, NOW)?.retryAfterMs, waitMs);
  });

test('whatever stands in the headers, the wait is a number between nothing and five minutes', () => {
  verifies('OVERLAY-CONTROLLER-RETRY-AFTER');
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.integer(), (wanted, date, now) => {
      const waitMs = retryAfterOf({ 'retry-after': wanted, date }, now);
      assert.ok(waitMs >= 0 && waitMs <= 300_000);
    }),
    { numRuns: 200 },
  );
});
