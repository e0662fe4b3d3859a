import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SEEN_DEVICES, SeenDevices } from '../../../../hub/patients/whereabouts/seen-devices.ts';
import { verifies } from '../../../requirements.ts';

test('where devices stood is known by gateway; what names no device says nothing of one', () => {
  const seen = new SeenDevices();
  seen.note({ gateway: 'gw-1', device: 'm' }, 'A');
  seen.note({ gateway: 'gw-1', device: 'm' }, 'B');
  seen.note({ gateway: 'gw-2', device: 'm' }, 'C');
  seen.note({ gateway: 'gw-3', device: '' }, 'C');
  assert.deepEqual([...(seen.bedsOf({ gateway: 'gw-1', device: 'm' }) ?? [])], ['A', 'B']);
  assert.deepEqual(seen.gatewaysOf('m'), ['gw-1', 'gw-2']);
  assert.deepEqual(seen.gatewaysOf(''), []);
  assert.equal(seen.bedsOf({ gateway: 'gw-3', device: 'm' })?.size, 0);
  assert.deepEqual(seen.leftOut(), []);
});

test('a gateway that names a new device in each message lets go of its own, and it is said that not all is known', () => {
  verifies('DEVICES-SEEN-BOUNDED');
  const seen = new SeenDevices();
  seen.note({ gateway: 'gw-quiet', device: 'm' }, 'A');
  for (let i = 0; i < 3 * SEEN_DEVICES.ofGateway; i += 1) seen.note({ gateway: 'gw-loud', device: `d${i}` }, 'B');
  assert.deepEqual(seen.leftOut(), [{ gateway: 'gw-loud', count: 2 * SEEN_DEVICES.ofGateway }]);
  assert.equal(seen.bedsOf({ gateway: 'gw-loud', device: 'd0' }), undefined);
  assert.equal(seen.bedsOf({ gateway: 'gw-quiet', device: 'm' })?.size, 1);
  assert.deepEqual(seen.gatewaysOf('d0'), []);
  assert.deepEqual(seen.gatewaysOf(`d${3 * SEEN_DEVICES.ofGateway - 1}`), ['gw-loud']);
});

test('of many gateways together, the one that named the most lets go', () => {
  verifies('DEVICES-SEEN-BOUNDED');
  const seen = new SeenDevices({ ofGateway: 10, all: 12 });
  for (let i = 0; i < 10; i += 1) seen.note({ gateway: 'gw-loud', device: `d${i}` }, 'B');
  for (const gateway of ['gw-1', 'gw-2', 'gw-3', 'gw-4']) seen.note({ gateway, device: 'm' }, 'A');
  assert.deepEqual(seen.leftOut(), [{ gateway: 'gw-loud', count: 2 }]);
  assert.deepEqual(seen.gatewaysOf('m'), ['gw-1', 'gw-2', 'gw-3', 'gw-4']);
});

test('a device that is said to stand in ever more beds fills no more than many devices do, and counts as one that was let go of', () => {
  verifies('DEVICES-SEEN-BOUNDED');
  const seen = new SeenDevices({ ofGateway: 6, all: 100 });
  const beds = Array.from({ length: 6 }, (_, i) => `B-${i}`);
  for (const bed of beds) seen.note({ gateway: 'gw-1', device: 'm', idType: 'serial' }, bed);
  for (const bed of beds) seen.note({ gateway: 'gw-1', device: 'm' }, bed);
  assert.deepEqual([...(seen.bedsOf({ gateway: 'gw-1', device: 'm' }) ?? [])], beds, 'where it stood before is no pair more');
  assert.deepEqual(seen.leftOut(), []);
  seen.note({ gateway: 'gw-1', device: 'm' }, 'B-6');
  assert.equal(seen.bedsOf({ gateway: 'gw-1', device: 'm' }), undefined, 'not all is known');
  assert.deepEqual(seen.leftOut(), [{ gateway: 'gw-1', count: 1 }]);
  assert.deepEqual(seen.gatewaysOf('m'), ['gw-1']);
  assert.deepEqual(seen.idTypesOf({ gateway: 'gw-1', device: 'm' }), ['serial'], 'what kind of id it has is known as before');
  for (const device of ['n', 'o']) for (const bed of beds.slice(0, 3)) seen.note({ gateway: 'gw-1', device }, bed);
  assert.deepEqual(seen.leftOut(), [{ gateway: 'gw-1', count: 2 }]);
  assert.deepEqual([seen.gatewaysOf('m'), seen.gatewaysOf('n'), seen.gatewaysOf('o')], [[], ['gw-1'], ['gw-1']]);
});

test('of many gateways together, the one of which most pairs are remembered lets go, however few its devices are', () => {
  verifies('DEVICES-SEEN-BOUNDED');
  const seen = new SeenDevices({ ofGateway: 10, all: 12 });
  for (let i = 0; i < 8; i += 1) seen.note({ gateway: 'gw-roams', device: 'm' }, `B-${i}`);
  for (let i = 0; i < 4; i += 1) seen.note({ gateway: 'gw-quiet', device: `d${i}` }, 'A');
  seen.note({ gateway: 'gw-quiet', device: 'd4' }, 'A');
  assert.deepEqual(seen.leftOut(), [{ gateway: 'gw-roams', count: 1 }]);
  for (let i = 0; i < 5; i += 1) assert.deepEqual([...(seen.bedsOf({ gateway: 'gw-quiet', device: `d${i}` }) ?? [])], ['A']);
});

test('what is remembered of pairs is never more than is said, whatever is told, and what was not let go of is known whole', () => {
  verifies('DEVICES-SEEN-BOUNDED');
  const most = { ofGateway: 5, all: 8 };
  const told = fc.array(fc.tuple(fc.constantFrom('g1', 'g2', 'g3'), fc.constantFrom('a', 'b', 'c'), fc.constantFrom('A', 'B', 'C', 'D')), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(told, (all) => {
      const seen = new SeenDevices(most);
      const said = new Map<string, Set<string>>();
      for (const [gateway, device, bed] of all) {
        seen.note({ gateway, device }, bed);
        const name = `${gateway} ${device}`;
        said.set(name, (said.get(name) ?? new Set()).add(bed));
        assert.equal(seen.gatewaysOf(device).includes(gateway), true, 'the last one is known');
      }
      assert.equal(seen.pairs <= most.all, true);
      const isLeftOut = new Set(seen.leftOut().map((one) => one.gateway));
      for (const [name, beds] of said) {
        const [gateway = '', device = ''] = name.split(' ');
        const known = seen.bedsOf({ gateway, device });
        if (isLeftOut.has(gateway)) assert.equal(known, undefined);
        else assert.deepEqual(known, beds);
      }
    }),
  );
});
