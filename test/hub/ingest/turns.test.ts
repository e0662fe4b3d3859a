import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Turn, Turns } from '../../../hub/ingest/turns.ts';
import { verifies } from '../../requirements.ts';

test('turns are given in order, no more than there are, and each comes back', async () => {
  const turns = new Turns({ limit: 2 });
  const log: string[] = [];
  const work = async (name: string, until: Promise<void>): Promise<void> => {
    using _turn = await turns.take('gw');
    log.push(`${name} begins`);
    await until;
    log.push(`${name} ends`);
  };
  let first: () => void = () => undefined;
  let second: () => void = () => undefined;
  const works = [
    work('a', new Promise((resolve) => (first = resolve))),
    work('b', new Promise((resolve) => (second = resolve))),
    work('c', Promise.resolve()),
    work('d', Promise.resolve()),
  ];
  await new Promise(setImmediate);
  assert.deepEqual(log, ['a begins', 'b begins']);
  second();
  await Promise.all(works.slice(1));
  assert.deepEqual(log.slice(2), ['b ends', 'c begins', 'c ends', 'd begins', 'd ends']);
  first();
  await Promise.all(works);
});

test('work that weighs much waits for room, is not overtaken, and gives back what it turns out not to need', async () => {
  const turns = new Turns({ limit: 10 });
  const begun: string[] = [];
  const take = async (name: string, weight: number) => {
    const turn = await turns.take('gw', weight);
    begun.push(name);
    return turn;
  };
  const a = await take('a', 8);
  const waiting = [take('b', 5), take('c', 1), take('d', 1000)];
  await new Promise(setImmediate);
  assert.deepEqual(begun, ['a']);
  a.lighten(9);
  a.lighten(4);
  await Promise.all(waiting.slice(0, 2));
  assert.deepEqual(begun, ['a', 'b', 'c']);
  for (const turn of [a, ...(await Promise.all(waiting.slice(0, 2)))]) {
    turn[Symbol.dispose]();
    turn[Symbol.dispose]();
  }
  const [, , d] = waiting;
  assert.ok(await d);
  assert.deepEqual(begun, ['a', 'b', 'c', 'd']);
});

test('of one key no more runs than it may have, and what another one has is not in its way', async () => {
  verifies('GATEWAYS-FAIR');
  const turns = new Turns({ limit: 3, each: 2 });
  const begun: string[] = [];
  const take = (key: string): Promise<Turn> =>
    turns.take(key).then((turn) => {
      begun.push(key);
      return turn;
    });
  const flood = Array.from({ length: 5 }, () => take('flood'));
  const quiet = take('quiet');
  await quiet;
  assert.deepEqual(begun, ['flood', 'flood', 'quiet']);
  for (const turn of flood) (await turn)[Symbol.dispose]();
  assert.equal(begun.length, 6);
});

test('whoever has much to do delays each of the others by one piece of work', async () => {
  verifies('GATEWAYS-FAIR');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 40 }), async ([first = 'a', ...keys]) => {
      const turns = new Turns({ limit: 1 });
      const begun: string[] = [];
      const works = [first, ...keys].map(async (key, i) => {
        using _turn = await turns.take(key);
        begun.push(`${key}${i}`);
      });
      await Promise.all(works);
      const queues = Map.groupBy(
        keys.map((key, i) => ({ key, name: `${key}${i + 1}` })),
        ({ key }) => key,
      );
      const expected = [`${first}0`];
      for (let round = 0; expected.length <= keys.length; round += 1)
        for (const queue of queues.values()) expected.push(...queue.slice(round, round + 1).map(({ name }) => name));
      assert.deepEqual(begun, expected);
    }),
  );
});

test('whatever the pieces weigh, the limits hold and everything has its turn', async () => {
  verifies('GATEWAYS-FAIR');
  const work = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 5 }));
  await fc.assert(
    fc.asyncProperty(fc.array(work, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (pieces, each) => {
      const turns = new Turns({ limit: 4, each });
      const under = new Map<string, number>();
      let all = 0;
      const works = pieces.map(async ([key, weight]) => {
        using turn = await turns.take(key, weight);
        const held = Math.min(weight, each);
        all += held;
        under.set(key, (under.get(key) ?? 0) + held);
        assert.ok(all <= 4 && (under.get(key) ?? 0) <= each);
        await new Promise(setImmediate);
        all -= held;
        under.set(key, (under.get(key) ?? 0) - held);
        turn.lighten(held);
      });
      await Promise.all(works);
    }),
    { numRuns: 50 },
  );
});

test('of one key no more waits than may, and what waits longest begins first', async () => {
  verifies('GATEWAYS-FAIR');
  const turns = new Turns({ limit: 1, waiting: 2 });
  const begun: string[] = [];
  const take = async (key: string, name: string): Promise<void> => {
    using _turn = await turns.take(key);
    begun.push(name);
  };
  const first = await turns.take('gw');
  const waiting = [take('gw', 'a'), take('gw', 'b')];
  await assert.rejects(take('gw', 'c'), { code: 'INGEST-BUSY' });
  waiting.push(take('other', 'd'));
  first[Symbol.dispose]();
  await Promise.all(waiting);
  await take('gw', 'e');
  assert.deepEqual(begun, ['a', 'd', 'b', 'e']);
});
