import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FabricService } from '../../../../provisioning/fabric/contract.ts';
import { createTerminators, type Precedence, type Terminator } from '../../../../provisioning/fabric/router/terminators.ts';

function service(terminatorStrategy: FabricService['terminatorStrategy'] = 'smartrouting'): FabricService {
  return { id: 'vitals', name: 'vitals', attributes: [], encryptionRequired: false, terminatorStrategy };
}

function terminator(id: string, more: Partial<Terminator> = {}): Terminator {
  return {
    id,
    serviceId: 'vitals',
    routerId: 'router1',
    identityId: id,
    listenerId: undefined,
    instanceId: undefined,
    publicKey: undefined,
    createdAt: 0,
    cost: 0,
    precedence: 'default' as Precedence,
    dial: () => ({ [Symbol.dispose]: () => undefined }),
    replaced: () => undefined,
    ...more,
  };
}

/** How often each of the terminators is picked in `times` picks. */
function picks(
  strategy: FabricService['terminatorStrategy'],
  listed: Terminator[],
  times: number,
  identityId = 'gw1',
): Record<string, number> {
  const terminators = createTerminators();
  for (const each of listed) terminators.add(each);
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i += 1) {
    const picked = terminators.pick({ service: service(strategy), instanceId: undefined, routerId: 'router1', identityId, tried: [] });
    assert.ok(picked);
    counts[picked.id] = (counts[picked.id] ?? 0) + 1;
  }
  return counts;
}

describe('terminators', () => {
  test('the preferred ones first, then the cheapest, then in turns', () => {
    assert.deepEqual(picks('smartrouting', [terminator('a'), terminator('b')], 10), { a: 5, b: 5 });
    assert.deepEqual(picks('smartrouting', [terminator('a', { cost: 1 }), terminator('b')], 10), { b: 10 });
    const required = terminator('required', { cost: 1000, precedence: 'required' });
    assert.deepEqual(picks('smartrouting', [terminator('a'), required], 10), { required: 10 });
    assert.deepEqual(picks('smartrouting', [terminator('failed', { precedence: 'failed' }), terminator('a', { cost: 9 })], 10), { a: 10 });
    assert.deepEqual(picks('smartrouting', [terminator('far', { routerId: 'router2' }), terminator('near')], 10), { near: 10 });
  });

  test('a dial that failed makes a terminator dearer', () => {
    const terminators = createTerminators();
    const [a, b] = [terminator('a'), terminator('b', { cost: 10 })];
    for (const each of [a, b]) terminators.add(each);
    terminators.failed(a);
    const request = { service: service(), instanceId: undefined, routerId: 'router1', identityId: 'gw1', tried: [] };
    assert.equal(terminators.pick(request), b);
    assert.equal(terminators.pick({ ...request, tried: [b] }), a);
  });

  test('random and weighted reach all, weighted the cheaper ones more often', () => {
    assert.deepEqual(Object.keys(picks('random', [terminator('a'), terminator('b', { cost: 100 })], 200)).sort(), ['a', 'b']);
    const { a = 0, b = 0 } = picks('weighted', [terminator('a'), terminator('b', { cost: 3 })], 2000);
    assert.ok(b > 0 && a > 2 * b, `${a} and ${b}`);
  });

  test('sticky keeps a dialer with one terminator', () => {
    const listed = [terminator('a'), terminator('b'), terminator('c')];
    const used = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      const counts = picks('sticky', listed, 5, `gateway${i}`);
      assert.equal(Object.keys(counts).length, 1);
      used.add(Object.keys(counts)[0] ?? '');
    }
    assert.equal(used.size, 3);
  });

  test('one that is gone is picked no more, and replacing leaves one', () => {
    const terminators = createTerminators();
    const replaced: string[] = [];
    const request = { service: service(), instanceId: undefined, routerId: 'router1', identityId: 'gw1', tried: [] };
    const older = terminator('older', { listenerId: 'l', identityId: 'hub', replaced: () => void replaced.push('older') });
    const listing = terminators.add(older);
    assert.equal(terminators.add(terminator('newer', { listenerId: 'l', identityId: 'hub' })).replaced, true);
    assert.deepEqual(replaced, ['older']);
    listing[Symbol.dispose]();
    assert.equal(terminators.size, 1);
    assert.equal(terminators.pick(request)?.id, 'newer');
    assert.equal(terminators.pick({ ...request, service: { ...service(), id: 'other' } }), undefined);
    assert.equal(terminators.pick({ ...request, instanceId: 'i' }), undefined);
  });

  test('terminators are counted by identity, and one that is taken away twice counts once', () => {
    const terminators = createTerminators();
    const first = terminators.add(terminator('a', { identityId: 'hub' }));
    const second = terminators.add(terminator('b', { identityId: 'hub', serviceId: 'other' }));
    assert.deepEqual([terminators.boundBy('hub'), terminators.boundBy('hub2')], [2, 0]);
    for (let i = 0; i < 2; i += 1) first[Symbol.dispose]();
    assert.equal(terminators.boundBy('hub'), 1);
    second[Symbol.dispose]();
    assert.equal(terminators.boundBy('hub'), 0);
  });
});
