import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameDevice, type NamedDevice } from '../../../hub/registry/adopted.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const file = (first: string, second = '[]', patient = 'pat-home-02'): string => `gateways:
  - { identity: gw-a, tenant: clinic, patient: pat-home-01, adopted: ${first} }
  - { identity: gw-b, tenant: clinic, patient: ${patient}, adopted: ${second} }
`;

function complaints(text: string): string {
  try {
    parseRegistry(text);
  } catch (error) {
    return (error as VitalmeshError).detail ?? '';
  }
  return '';
}

test('a device of a home is listed by its serial number or address, with its type and a word for people where one wants', () => {
  verifies('DEVICE-ADOPTED');
  const registry = parseRegistry(file('[WS-0001, { id: "C4:7C:8D:6A:12:9F", idType: mac, label: scale in the bathroom }]'));
  assert.deepEqual(registry.gateway('gw-a')?.adopted, [
    { id: 'WS-0001', idType: null },
    { id: 'C4:7C:8D:6A:12:9F', idType: 'mac', label: 'scale in the bathroom' },
  ]);
  assert.deepEqual(registry.gateway('gw-b')?.adopted, [], 'nothing counts there');
  for (const wrong of ['[""]', '[{ id: a, idType: ean }]', '[{ idType: mac }]', '[{ id: a, of: b }]', 'a', '[{ id: a, label: "" }]'])
    assert.match(complaints(file(wrong)), /gateways\[0\]\.adopted/, wrong);
  assert.match(
    complaints('gateways:\n  - { identity: gw-a, tenant: clinic, beds: { A: null }, adopted: [x] }\n'),
    /adopted: expected a gateway with a `patient`/,
  );
});

const SAME: readonly [NamedDevice, NamedDevice, boolean][] = [
  [{ id: 'WS-1', idType: null }, { id: 'WS-1', idType: 'serial' }, true],
  [{ id: 'WS-1', idType: null }, { id: 'ws-1', idType: 'serial' }, false],
  [{ id: 'WS-1', idType: 'serial' }, { id: 'WS-1', idType: 'config' }, false],
  [{ id: 'c47c8d6a129f', idType: null }, { id: 'C4:7C:8D:6A:12:9F', idType: 'mac' }, true],
  [{ id: 'C4-7C-8D-6A-12-9F', idType: 'mac' }, { id: 'c4:7c:8d:6a:12:9f', idType: null }, true],
  [{ id: 'C4-7C-8D-6A-12-9F', idType: 'serial' }, { id: 'c4:7c:8d:6a:12:9f', idType: null }, false],
  [{ id: '00-11-22-33-44-55-66-77', idType: 'eui64' }, { id: '0011223344556677', idType: 'eui64' }, true],
  [{ id: '0011223344556677', idType: 'mac' }, { id: '0011223344556677', idType: 'eui64' }, false],
  [{ id: 'c47c.8d6a.129f', idType: 'mac' }, { id: 'C4:7C:8D:6A:12:9F', idType: 'mac' }, true],
  [{ id: 'C4:7C-8D:6A:12:9F', idType: 'mac' }, { id: 'C4:7C:8D:6A:12:9F', idType: 'mac' }, false],
  [{ id: 'AB-12', idType: 'mac' }, { id: 'A-B12', idType: 'mac' }, false],
  [{ id: 'AB-12', idType: null }, { id: 'A-B12', idType: 'mac' }, false],
  [{ id: 'ab-12', idType: 'mac' }, { id: 'AB-12', idType: 'mac' }, false],
  [{ id: 'C4:7C:8D:6A:12', idType: 'mac' }, { id: 'c47c8d6a12', idType: 'mac' }, false],
  [{ id: ' WS-1 ', idType: 'serial' }, { id: 'WS-1', idType: null }, true],
];

test('an address is the same however it is written, a serial number only as it is', () => {
  verifies('DEVICE-ADOPTED');
  for (const [a, b, same] of SAME) {
    assert.equal(isSameDevice(a, b), same, `${a.id} ${b.id}`);
    assert.equal(isSameDevice(b, a), same, `${b.id} ${a.id}`);
  }
});

test('whoever adopts a device may say since when it is in the home, as a time with its offset', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const registry = parseRegistry(file('[{ id: WS-0001, since: "2026-11-20T08:00:00+01:00" }]'));
  assert.deepEqual(registry.gateway('gw-a')?.adopted, [{ id: 'WS-0001', idType: null, since: Date.UTC(2026, 10, 20, 7) }]);
  assert.match(complaints(file('[{ id: WS-0001, since: "2026-11-20" }]')), /gateways\[0\]\.adopted/);
});

test('a device that two homes would adopt is refused with both rows, and named in neither complaint', () => {
  verifies('DEVICE-ADOPTED-ONCE');
  for (const [first, second] of [
    ['[WS-0001]', '[x, WS-0001]'],
    ['[{ id: "C4:7C:8D:6A:12:9F", idType: mac }]', '[x, c47c8d6a129f]'],
    ['[c47c8d6a129f]', '[x, { id: "C4:7C:8D:6A:12:9F", idType: mac }]'],
  ] as const) {
    const text = complaints(file(first, second));
    assert.match(text, /:2: gateways\[0\]\.adopted.*gateways\[1\]\.adopted\[1\] has this one, too/, first);
    assert.match(text, /:3: gateways\[1\]\.adopted.*gateways\[0\]\.adopted\[0\] has this one, too/, first);
    assert.doesNotMatch(text, /WS-0001|c47c|C4:7C/);
  }
  assert.match(complaints(file('[a, a]')), /stands in the row already/);
});

test('two gateways of one home may both hear its devices, and names of a gateway’s own configuration are its own', () => {
  verifies('DEVICE-ADOPTED-ONCE');
  assert.equal(complaints(file('[WS-0001]', '[WS-0001]', 'pat-home-01')), '');
  assert.equal(complaints(file('[{ id: scale, idType: config }]', '[{ id: scale, idType: config }]')), '');
  assert.equal(complaints(file('[{ id: "1", idType: serial }]', '[{ id: "1", idType: mac }]')), '');
});
