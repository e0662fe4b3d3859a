import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InOrder } from '../../../hub/ingest/in-order.ts';

test('work is finished in the order in which it was begun, line by line, and who gives up early lets nobody overtake', async () => {
  const order = new InOrder();
  const finished: string[] = [];
  const begin = (line: string, name: string) => {
    const place = order.place(line);
    void place.turn.then(() => finished.push(name));
    return place;
  };
  const [a, b, , other] = [begin('a', 'a1'), begin('a', 'a2'), begin('a', 'a3'), begin('b', 'b1')];
  await new Promise(setImmediate);
  assert.deepEqual(finished, ['a1', 'b1']);
  b[Symbol.dispose]();
  other[Symbol.dispose]();
  await new Promise(setImmediate);
  assert.deepEqual(finished, ['a1', 'b1']);
  a[Symbol.dispose]();
  await new Promise(setImmediate);
  assert.deepEqual(finished, ['a1', 'b1', 'a2', 'a3']);
});
