import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_ID_TYPES, type NamedDevice } from '../../../hub/registry/adopted.ts';
import { countsSince } from '../../../hub/registry/adoptions.ts';
import { bindingsFrom, type KeptBinding, sinceByGateway } from '../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { Instant } from '../../../shared/clock.ts';
import { verifies } from '../../requirements.ts';

const SCALE: NamedDevice = { id: 'WS-1', idType: 'serial' };
const CUFF: NamedDevice = { id: 'BP-1', idType: 'serial' };

/** What a home says of its devices, reading by reading of its row: the row, and since when the scale and the cuff count then. */
function history(...rows: [row: string, scale: Instant, cuff: Instant][]): void {
  let kept: readonly KeptBinding[] = [];
  for (const [i, [row, ...counts]] of rows.entries()) {
    const registry = parseRegistry(`gateways: [{ identity: gw, tenant: clinic, ${row} }]`);
    kept = bindingsFrom(kept, registry.bindings(), i);
    const gateway = registry.gateway('gw') ?? assert.fail();
    const since = sinceByGateway(kept).get('gw') ?? assert.fail();
    const told = [SCALE, CUFF].map((device) => countsSince({ ...gateway, since }, device));
    assert.deepEqual(told, counts, `${i}: ${row}`);
  }
}

test('a device counts from when it was listed, for as long as it is', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  history(
    ['patient: pat-home-01, adopted: [WS-1]', 0, 0],
    ['patient: pat-home-01, adopted: [WS-1, BP-1]', 0, 1],
    ['patient: pat-home-01, adopted: [BP-1]', 0, 1],
    ['patient: pat-home-01, adopted: [WS-1, BP-1]', 3, 1],
  );
});

test('devices that are listed for the first time counted before; what was let go of while there was a list counts from its end', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  history(
    ['patient: pat-home-01', 0, 0],
    ['patient: pat-home-01, adopted: [WS-1]', 0, 0],
    ['patient: pat-home-01', 0, 2],
    ['patient: pat-home-01, adopted: [WS-1, BP-1]', 0, 2],
    ['patient: pat-home-01, adopted: [WS-1]', 0, 0],
    ['patient: pat-home-01', 0, 5],
  );
});

test('a gateway of the next patient begins anew, and so does one of another tenant', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  history(['patient: pat-home-01, adopted: [WS-1, BP-1]', 0, 0], ['patient: pat-home-02, adopted: [WS-1, BP-1]', 1, 1]);
});

test('a type that is said later changes nothing of the time; an id that may be of any type from now on is new', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  history(
    ['patient: pat-home-01, adopted: []', 0, 0],
    ['patient: pat-home-01, adopted: [WS-1, { id: BP-1, idType: serial }]', 1, 1],
    ['patient: pat-home-01, adopted: [{ id: WS-1, idType: serial }, BP-1]', 1, 2],
  );
});

test('a type that is said later changes nothing of the time of an id that looks like an address, however it is written', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const ids = ['AA12BB34CC56', 'aa12bb34cc56', '12-34-56-78-90-12', 'AA:12:BB:34:CC:56', 'aa12.bb34.cc56', 'WS-1'];
  const adopted = (...rows: string[]): string => `gateways: [{ identity: gw, tenant: clinic, patient: pat-home-01, adopted: [${rows}] }]`;
  for (const id of ids)
    for (const idType of DEVICE_ID_TYPES) {
      const named = `{ id: "${id}", idType: ${idType} }`;
      const lists = [adopted(), adopted(`"${id}"`), adopted(named), adopted(named, '{ id: other, idType: serial }')].map((text) =>
        parseRegistry(text),
      );
      let kept: readonly KeptBinding[] = [];
      for (const [i, list] of lists.entries()) kept = bindingsFrom(kept, list.bindings(), i + 10);
      const gateway = lists.at(-1)?.gateway('gw') ?? assert.fail();
      const since = sinceByGateway(kept).get('gw') ?? assert.fail();
      assert.equal(countsSince({ ...gateway, since }, { id, idType }), 11, named);
      assert.equal(countsSince({ ...gateway, since }, { id: 'other', idType: 'serial' }), 13, named);
    }
});

test('what names no type of id counts from when all did that it may be', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const rows = ['[{ id: "1", idType: serial }]', '[{ id: "1", idType: serial }, { id: "1", idType: mac }]'];
  const registries = rows.map((adopted) =>
    parseRegistry(`gateways: [{ identity: gw, tenant: clinic, patient: pat-home-01, adopted: ${adopted} }]`),
  );
  let kept: readonly KeptBinding[] = [];
  for (const [i, registry] of registries.entries()) kept = bindingsFrom(kept, registry.bindings(), i + 10);
  const gateway = registries.at(-1)?.gateway('gw') ?? assert.fail();
  const since = sinceByGateway(kept).get('gw') ?? assert.fail();
  const counts = ([{ idType: 'serial' }, { idType: 'mac' }, { idType: null }] as const).map((of) =>
    countsSince({ ...gateway, since }, { id: '1', ...of }),
  );
  assert.deepEqual(counts, [0, 11, 11]);
});

test('an adoption that the store does not know takes nothing', () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const gateway = parseRegistry('gateways: [{ identity: gw, tenant: clinic, patient: pat-home-01, adopted: [WS-1] }]').gateway('gw');
  assert.equal(countsSince(gateway ?? assert.fail(), SCALE), Number.POSITIVE_INFINITY);
});
