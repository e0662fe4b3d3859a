import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InstanceHolder, Instances } from '../../../hub/ingest/instances.ts';

class Holder implements InstanceHolder {
  readonly instance: string;
  replaced = false;
  asked = 0;
  #answer: boolean | Promise<boolean>;

  constructor(instance: string, answer: boolean | Promise<boolean> = true) {
    this.instance = instance;
    this.#answer = answer;
  }

  async answers(): Promise<boolean> {
    this.asked += 1;
    return this.#answer;
  }

  replace(): void {
    this.replaced = true;
  }
}

test('the first to come speaks for its gateway, and asking again changes nothing', async () => {
  const instances = new Instances<Holder>();
  const first = new Holder('a');
  assert.equal(await instances.claim('gw', first), true);
  assert.equal(await instances.claim('gw', first), true);
  assert.deepEqual([...instances.holders()], [['gw', first]]);
  assert.equal(first.replaced, false);
});

test('the same process takes over its old connection at once, without asking whether that still answers', async () => {
  const instances = new Instances<Holder>();
  const old = new Holder('a');
  const fresh = new Holder('a');
  await instances.claim('gw', old);
  assert.equal(await instances.claim('gw', fresh), true);
  assert.deepEqual([old.replaced, old.asked], [true, 0]);
});

test('another process is refused while the first one answers, and takes its place when it does not', async () => {
  const instances = new Instances<Holder>();
  const alive = new Holder('a', true);
  await instances.claim('gw', alive);
  assert.equal(await instances.claim('gw', new Holder('b')), false);
  assert.equal(alive.replaced, false);
  const dead = new Holder('c', false);
  instances.release('gw', alive);
  await instances.claim('gw', dead);
  const second = new Holder('b');
  assert.equal(await instances.claim('gw', second), true);
  assert.equal(dead.replaced, true);
  assert.deepEqual([...instances.holders()], [['gw', second]]);
});

test('whether anybody speaks for a gateway is told when it changes, and a connection that took over is no absence', async () => {
  const told: string[] = [];
  const instances = new Instances<Holder>(undefined, (gateway, isHere) => told.push(`${gateway} ${isHere}`));
  const [old, fresh] = [new Holder('a'), new Holder('a')];
  await instances.claim('gw', old);
  await instances.claim('gw', fresh);
  instances.release('gw', old);
  assert.deepEqual(told, ['gw true', 'gw true']);
  assert.equal(await instances.claim('gw', new Holder('b')), false);
  instances.release('gw', fresh);
  assert.deepEqual(told, ['gw true', 'gw true', 'gw false']);
});

test('of two processes that come at the same time one is refused; claims of one gateway are decided in order', async () => {
  const instances = new Instances<Holder>();
  const claims = await Promise.all([instances.claim('gw', new Holder('a')), instances.claim('gw', new Holder('b'))]);
  assert.deepEqual(claims, [true, false]);
});

test('a gateway whose first process is slow to answer holds up no other gateway', async () => {
  const instances = new Instances<Holder>();
  let answer: (alive: boolean) => void = () => undefined;
  await instances.claim('gw', new Holder('a', new Promise((resolve) => (answer = resolve))));
  const waiting = instances.claim('gw', new Holder('b'));
  assert.equal(await instances.claim('gw-2', new Holder('b')), true);
  answer(true);
  assert.equal(await waiting, false);
});

test('a connection that ends gives up only what is its own', async () => {
  const instances = new Instances<Holder>();
  const old = new Holder('a');
  const fresh = new Holder('a');
  await instances.claim('gw', old);
  await instances.claim('gw', fresh);
  instances.release('gw', old);
  assert.deepEqual([...instances.holders()], [['gw', fresh]]);
  instances.release('gw', fresh);
  assert.deepEqual([...instances.holders()], []);
});
