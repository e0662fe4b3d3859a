import assert from 'node:assert/strict';
import { test } from 'node:test';
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
