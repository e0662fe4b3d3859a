import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AwakeLimit } from '../../shared/awake-limit.ts';
import { verifies } from '../requirements.ts';

const LIMIT_MS = 1000;

interface Judged {
  limit: AwakeLimit;
  over: number;
  /** The process runs: timers come in time. */
  run(ms: number): Promise<void>;
  /** It stands still, then timers come late, and only then what the sockets hold. */
  stop(ms: number, readFirst?: () => void): Promise<void>;
}

function judged(t: TestContext): Judged {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const made: Judged = {
    limit: new AwakeLimit(LIMIT_MS, () => {
      made.over += 1;
    }),
    over: 0,
    async run(ms) {
      now += ms;
      t.mock.timers.tick(ms);
      await turn();
    },
    async stop(ms, readFirst) {
      now += ms;
      t.mock.timers.tick(ms);
      readFirst?.();
      await turn();
    },
  };
  t.after(() => made.limit[Symbol.dispose]());
  return made;
}

test('silence is over the limit once, and not before', async (t) => {
  const judge = judged(t);
  await judge.run(LIMIT_MS - 1);
  assert.equal(judge.over, 0);
  await judge.run(1);
  assert.equal(judge.over, 1);
  await judge.run(5 * LIMIT_MS);
  assert.equal(judge.over, 1);
});

test('each sign of life begins it anew; a limit that is disposed says nothing', async (t) => {
  const judge = judged(t);
  for (let i = 0; i < 3; i += 1) {
    await judge.run(LIMIT_MS - 1);
    judge.limit.refresh();
  }
  assert.equal(judge.over, 0);
  judge.limit[Symbol.dispose]();
  await judge.run(LIMIT_MS);
  assert.equal(judge.over, 0);
});

test("the time in which this process stood still is nobody's silence, however long", async (t) => {
  verifies('OVERLAY-SLEEP');
  const judge = judged(t);
  await judge.run(LIMIT_MS / 2);
  await judge.stop(100 * LIMIT_MS);
  assert.equal(judge.over, 0);
  await judge.run(LIMIT_MS - 1);
  assert.equal(judge.over, 0, 'the whole limit again');
  await judge.run(1);
  assert.equal(judge.over, 1);
});

test('what the socket holds when the limit is reached is read before it is judged', async (t) => {
  verifies('OVERLAY-SLEEP');
  const judge = judged(t);
  await judge.run(LIMIT_MS - 200);
  await judge.stop(300, () => judge.limit.refresh());
  assert.equal(judge.over, 0);
});
