import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { rejectedBy } from '../../../../../shared/overlay/limit.ts';
import { type KeptSession, SessionKeeper } from '../../../../../shared/overlay/ziti/controller/session-keeper.ts';
import type { SignedIn, SignIn } from '../../../../../shared/overlay/ziti/controller/sign-in.ts';
import { verifies } from '../../../../requirements.ts';

const LIFE_MS = 1_800_000;
const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;

interface Bench {
  keeper: SessionKeeper;
  /** Sign-ins and renewals so far. */
  readonly calls: string[];
  /** Lets timers and the clock that never jumps run. */
  pass(ms: number): Promise<void>;
  /** The machine woke up. */
  wake(): Promise<void>;
  /** What the next sign-in or renewal meets. */
  next: { signIn?: (signal: AbortSignal) => Promise<SignedIn | undefined>; renew?: () => Promise<SignedIn> };
  wall: { now: number };
  current(): Promise<KeptSession>;
}

/** A keeper whose time passes when the test says so, and whose controller is two functions. */
function bench(t: TestContext, random = 0): Bench {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const calls: string[] = [];
  const next: Bench['next'] = {};
  const wall = { now: 0 };
  let elapsed = 0;
  const woken = new Set<() => void>();
  const made = (token: string): SignedIn => ({
    session: { kind: 'certificate', id: token, token, identityId: 'gw1', identityName: 'n' },
    lifetimeMs: LIFE_MS,
  });
  const signIn: SignIn = {
    async signIn(_exchange, signal) {
      calls.push('signIn');
      const token = `t${calls.filter((call) => call === 'signIn').length}`;
      return (await next.signIn?.(signal)) ?? made(token);
    },
    headers: ({ token }) => ({ 'zt-session': token }),
    async renew({ session }) {
      calls.push('renew');
      return (await next.renew?.()) ?? { session, lifetimeMs: LIFE_MS };
    },
    signOut: async () => undefined,
  };
  const keeper = new SessionKeeper({
    signIn,
    exchange: () => Promise.reject(new VitalmeshError('INTERNAL')),
    clock: { now: () => wall.now, monotonicMs: () => elapsed },
    random: () => random,
    timeoutMs: 10_000,
    refusedPauseMs: 1_000,
    sleep: {
      onWake(listener) {
        woken.add(listener);
        return { [Symbol.dispose]: () => void woken.delete(listener) };
      },
    },
  });
  t.after(() => keeper.close());
  return {
    keeper,
    calls,
    next,
    wall,
    current: () => keeper.current(new AbortController().signal),
    async pass(ms) {
      elapsed += ms;
      t.mock.timers.tick(ms);
      await settled();
    },
    async wake() {
      for (const listener of woken) listener();
      await settled();
    },
  };
}

/** Until everything that waits for nothing but promises has run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function failing(code: 'OVERLAY-SIGN-IN' | 'OVERLAY-UNREACHABLE'): () => Promise<never> {
  return () => Promise.reject(new VitalmeshError(code));
}

test('all who need a session at once share one sign-in', async (t) => {
  verifies('OVERLAY-SIGN-IN');
  const { current, calls } = bench(t);
  const sessions = await Promise.all(Array.from({ length: 100 }, current));
  assert.equal(new Set(sessions).size, 1);
  assert.deepEqual(sessions[0]?.headers, { 'zt-session': 't1' });
  await current();
  assert.deepEqual(calls, ['signIn']);
});

test('who gives up waiting leaves the sign-in to the others', async (t) => {
  const { keeper, current, next, calls } = bench(t);
  const gate = Promise.withResolvers<undefined>();
  next.signIn = () => gate.promise;
  const [impatient, gone] = [new AbortController(), AbortSignal.abort(new VitalmeshError('OVERLAY-CLOSED'))];
  const [first, second] = [keeper.current(impatient.signal), current()];
  impatient.abort(new VitalmeshError('OVERLAY-TIMEOUT'));
  await assert.rejects(first, { code: 'OVERLAY-TIMEOUT' });
  await assert.rejects(keeper.current(gone), { code: 'OVERLAY-CLOSED' });
  gate.resolve(undefined);
  assert.equal((await second).session.token, 't1');
  assert.deepEqual(calls, ['signIn']);
});

test('a sign-in that fails fails for all who waited, and the next one tries again', async (t) => {
  const { current, next, calls } = bench(t);
  next.signIn = failing('OVERLAY-SIGN-IN');
  for (const outcome of await Promise.allSettled([current(), current()])) {
    assert.ok(outcome.status === 'rejected' && outcome.reason.code === 'OVERLAY-SIGN-IN');
  }
  delete next.signIn;
  assert.equal((await current()).session.token, 't2');
  assert.deepEqual(calls, ['signIn', 'signIn']);
});

test('a sign-in that is not answered ends in time', async (t) => {
  const { current, next, pass } = bench(t);
  next.signIn = (signal) => rejectedBy(signal);
  const outcome = assert.rejects(current(), { code: 'OVERLAY-TIMEOUT' });
  await pass(10_000);
  await outcome;
});

for (const [random, atMs] of [
  [0, 900_000],
  [0.5, 1_200_000],
  [0.999_999, 1_499_999],
] as const) {
  test(`a session is renewed between half and five sixths of its life: ${atMs} ms for ${random}`, async (t) => {
    verifies('OVERLAY-SIGN-IN');
    const { current, calls, pass } = bench(t, random);
    await current();
    await pass(atMs - 1);
    assert.deepEqual(calls, ['signIn']);
    await pass(2);
    assert.deepEqual(calls, ['signIn', 'renew']);
    await pass(atMs + 1);
    assert.deepEqual(calls, ['signIn', 'renew', 'renew']);
  });
}

test('a renewal may bring another token; nobody signs in for it', async (t) => {
  const { current, next, calls, pass } = bench(t);
  await current();
  next.renew = async () => ({
    session: { kind: 'certificate', id: 'a', token: 'fresh', identityId: 'gw1', identityName: 'n' },
    lifetimeMs: LIFE_MS,
  });
  await pass(900_000);
  assert.deepEqual((await current()).headers, { 'zt-session': 'fresh' });
  assert.deepEqual(calls, ['signIn', 'renew']);
});

test('a session that the controller knows no more at its renewal is made anew when it is needed', async (t) => {
  verifies('OVERLAY-SIGN-IN');
  const { keeper, current, next, calls, pass } = bench(t);
  const heard: string[] = [];
  keeper.onSession(({ token }) => heard.push(token));
  await current();
  next.renew = failing('OVERLAY-SIGN-IN');
  await pass(900_000);
  await pass(LIFE_MS);
  assert.deepEqual(calls, ['signIn', 'renew'], 'not before it is needed');
  assert.equal((await current()).session.token, 't2');
  assert.deepEqual(heard, ['t2']);
});

test('a renewal that the network lost is tried again in what is left of the life', async (t) => {
  const { current, next, calls, pass } = bench(t);
  await current();
  next.renew = failing('OVERLAY-UNREACHABLE');
  await pass(900_000);
  await pass(450_000);
  assert.deepEqual(calls, ['signIn', 'renew', 'renew']);
  delete next.renew;
  await pass(225_000);
  assert.equal((await current()).session.token, 't1');
  assert.deepEqual(calls, ['signIn', 'renew', 'renew', 'renew']);
  await pass(899_000);
  assert.equal(calls.length, 4, 'a whole life again');
});

test('a controller that stays away through a whole life is not asked without end', async (t) => {
  const { current, next, calls, pass } = bench(t);
  await current();
  next.renew = failing('OVERLAY-UNREACHABLE');
  for (let passedMs = 0; passedMs < 3 * LIFE_MS; passedMs += 500) await pass(500);
  assert.ok(calls.length < 15, `${calls.length} calls`);
  assert.equal((await current()).session.token, 't2', 'its life has ended');
});

test('a wall clock that is wrong costs nothing, one that is set back neither', async (t) => {
  const { current, wall, calls, pass, wake } = bench(t);
  wall.now = Date.UTC(1970, 0, 2);
  const { session } = await current();
  assert.equal(session.expiresAt, Date.UTC(1970, 0, 2) + LIFE_MS);
  wall.now -= 3_600_000;
  await pass(1000);
  await wake();
  await current();
  assert.deepEqual(calls, ['signIn']);
  await pass(LIFE_MS / 2);
  assert.deepEqual(calls, ['signIn', 'renew'], 'its life is over no later for that');
});

test('a wall clock that is set forward and back, again and again, costs a renewal at most each time, and no sign-in', async (t) => {
  verifies('OVERLAY-SLEEP');
  const { current, wall, calls, pass, wake } = bench(t);
  await current();
  for (let i = 0; i < 10; i += 1) {
    wall.now += YEAR_MS;
    await wake();
    await Promise.all([current(), current()]);
    await pass(1000);
    wall.now -= YEAR_MS;
    await wake();
    await Promise.all([current(), current()]);
    await pass(1000);
  }
  assert.equal(calls.filter((call) => call === 'signIn').length, 1);
  assert.ok(calls.length <= 11, `${calls.length} calls`);
});

test('a token that ran out while the machine slept is renewed on waking, once, whichever clocks stood still', async (t) => {
  verifies('OVERLAY-SLEEP');
  const { keeper, current, next, calls, wall, wake } = bench(t);
  const heard: string[] = [];
  keeper.onToken(({ token }) => heard.push(token));
  next.signIn = async () => shortLived('first');
  next.renew = async () => shortLived('second');
  await current();
  // The clock that never jumps stood still, and with it every timer.
  wall.now += MINUTE_MS;
  await wake();
  assert.deepEqual(heard, ['second']);
  assert.equal((await current()).session.token, 'second');
  await wake();
  assert.deepEqual(calls, ['signIn', 'renew']);
});

test('who needs a session right after a sleep is not given the dead token, even before the waking was noticed', async (t) => {
  verifies('OVERLAY-SLEEP');
  const { current, next, calls, wall } = bench(t);
  next.signIn = async () => shortLived('first');
  next.renew = async () => shortLived('second');
  await current();
  wall.now += MINUTE_MS;
  const sessions = await Promise.all(Array.from({ length: 20 }, current));
  assert.deepEqual([...new Set(sessions.map(({ session }) => session.token))], ['second']);
  assert.deepEqual(calls, ['signIn', 'renew']);
});

test('after a sleep beyond every renewal one sign-in does; a network that is not there yet is not asked without end', async (t) => {
  verifies('OVERLAY-SLEEP');
  const { current, next, calls, wall, wake, pass } = bench(t);
  next.signIn = async () => shortLived('first');
  await current();
  wall.now += YEAR_MS;
  next.renew = failing('OVERLAY-UNREACHABLE');
  await wake();
  for (let i = 0; i < 60; i += 1) await pass(1000);
  assert.deepEqual(calls, ['signIn', 'renew']);
  next.renew = failing('OVERLAY-SIGN-IN');
  next.signIn = async () => shortLived('second');
  const sessions = await Promise.all([current(), current()]);
  assert.deepEqual([...new Set(sessions.map(({ session }) => session.token))], ['second']);
  assert.deepEqual(calls, ['signIn', 'renew', 'renew', 'signIn']);
});

test('a sleep shorter than the life brings the renewal forward by as much', async (t) => {
  verifies('OVERLAY-SLEEP');
  const { current, calls, wall, wake, pass } = bench(t);
  await current();
  wall.now += LIFE_MS - 10_000;
  await wake();
  await pass(4999);
  assert.deepEqual(calls, ['signIn']);
  await pass(2);
  assert.deepEqual(calls, ['signIn', 'renew']);
});

test('a life counts from when it was asked for: the machine may have slept before the answer was read', async (t) => {
  verifies('OVERLAY-SLEEP');
  const { current, next, calls, wall } = bench(t);
  next.signIn = async () => {
    wall.now += MINUTE_MS;
    return shortLived('first');
  };
  next.renew = async () => shortLived('second');
  await current();
  assert.equal((await current()).session.token, 'second');
  assert.deepEqual(calls, ['signIn', 'renew']);
});

test('a session that served and is refused is replaced at once, a new one refused at its first use after a second', async (t) => {
  verifies('OVERLAY-SIGN-IN');
  const { keeper, current, calls, pass } = bench(t);
  const first = await current();
  first.proven = true;
  keeper.refused(first);
  const second = await current();
  assert.deepEqual(calls, ['signIn', 'signIn']);
  keeper.refused(first);
  assert.equal(await current(), second, 'late news of the old session');
  keeper.refused(second);
  const third = Promise.all([current(), current()]);
  await pass(999);
  assert.equal(calls.length, 2);
  await pass(1);
  const [a, b] = await third;
  assert.ok(a === b && a?.session.token === 't3');
});

test('every new session but the first is told of, as often as somebody asked, until they stop asking', async (t) => {
  const { keeper, current } = bench(t);
  const heard: string[] = [];
  const listener = ({ token }: { token: string }): number => heard.push(token);
  const [once, twice] = [keeper.onSession(listener), keeper.onSession(listener)];
  const replace = async (): Promise<void> => {
    const kept = await current();
    kept.proven = true;
    keeper.refused(kept);
    await current();
  };
  await replace();
  assert.deepEqual(heard, ['t2', 't2']);
  once[Symbol.dispose]();
  await replace();
  assert.deepEqual(heard, ['t2', 't2', 't3']);
  twice[Symbol.dispose]();
  await replace();
  assert.equal(heard.length, 3);
});

test('closing hands out what is left, ends the renewal, and no session is made behind it', async (t) => {
  const { keeper, current, calls, pass } = bench(t);
  await current();
  assert.equal(keeper.close()?.token, 't1');
  assert.equal(keeper.close(), undefined);
  await pass(LIFE_MS);
  assert.deepEqual(calls, ['signIn']);
  await assert.rejects(current(), { code: 'OVERLAY-CLOSED' });
  assert.deepEqual(calls, ['signIn']);
});

test('a sign-in that comes to its end as the keeper closes leaves nothing behind', async (t) => {
  const { keeper, current, next } = bench(t);
  const gate = Promise.withResolvers<undefined>();
  next.signIn = () => gate.promise;
  const waiting = assert.rejects(current(), { code: 'OVERLAY-CLOSED' });
  assert.equal(keeper.close(), undefined);
  gate.resolve(undefined);
  await waiting;
  assert.equal(keeper.close(), undefined);
});

/** A session whose token is good for a minute and can be renewed for an hour. */
function shortLived(token: string): SignedIn {
  const session = { kind: 'oidc', id: 'o', token, identityId: 'gw1', identityName: 'n' } as const;
  return { session, lifetimeMs: MINUTE_MS, renewableMs: 60 * MINUTE_MS, renewal: `for ${token}` };
}

test('a token that ran out while nobody could be asked is renewed when one is needed; beyond that time it is signed in anew', async (t) => {
  verifies('OVERLAY-TOKEN-RENEWED');
  const { keeper, current, next, calls, pass } = bench(t);
  const heard: string[] = [];
  keeper.onToken(({ token }) => heard.push(token));
  next.signIn = async () => shortLived('first');
  next.renew = failing('OVERLAY-UNREACHABLE');
  await current();
  for (let i = 0; i < 12; i += 1) await pass(10_000);
  const attempts = calls.length;
  assert.ok(attempts > 2 && attempts < 12, `${attempts} calls`);
  await assert.rejects(current(), { code: 'OVERLAY-UNREACHABLE' });
  next.renew = async () => shortLived('second');
  assert.equal((await current()).session.token, 'second');
  assert.deepEqual(heard, ['second']);
  assert.equal(calls.filter((call) => call === 'signIn').length, 1);
  next.renew = failing('OVERLAY-UNREACHABLE');
  for (let i = 0; i < 61; i += 1) await pass(MINUTE_MS);
  await current();
  assert.equal(calls.at(-1), 'signIn');
});

test('a session of OIDC that cannot be renewed gives way at once, while its channels still live; nobody has to need one first', async (t) => {
  verifies('OVERLAY-TOKEN-RENEWED');
  const { keeper, current, next, calls, pass } = bench(t);
  const heard: string[] = [];
  keeper.onSession(({ token }) => heard.push(token));
  next.signIn = async () => shortLived('first');
  await current();
  next.signIn = async () => shortLived('second');
  next.renew = failing('OVERLAY-SIGN-IN');
  await pass(MINUTE_MS / 2);
  assert.deepEqual(calls, ['signIn', 'renew', 'signIn']);
  assert.deepEqual(heard, ['second']);
});

test('what a renewal takes is what the last one brought', async (t) => {
  const { keeper, current, next, pass } = bench(t);
  next.signIn = async () => shortLived('first');
  await current();
  let renewals = 0;
  next.renew = async () => {
    renewals += 1;
    return shortLived(`renewed ${renewals}`);
  };
  await pass(MINUTE_MS / 2);
  await pass(MINUTE_MS / 2);
  const kept = await current();
  assert.deepEqual([kept.session.token, kept.signedIn.renewal, kept.session.id], ['renewed 2', 'for renewed 2', keeper.present?.id]);
});

test('a token that the controller calls expired is renewed for all who were refused with it, once', async (t) => {
  verifies('OVERLAY-TOKEN-RENEWED');
  const { keeper, current, next, calls } = bench(t);
  next.signIn = async () => shortLived('first');
  next.renew = async () => shortLived('second');
  const kept = await current();
  keeper.expired(kept);
  const renewed = await Promise.all([current(), current()]);
  keeper.expired(kept);
  assert.deepEqual([...new Set(renewed)].length, 1);
  assert.equal((await current()).session.token, 'second');
  assert.deepEqual(calls, ['signIn', 'renew']);
});
