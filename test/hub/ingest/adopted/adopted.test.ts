import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../../agent/resources.ts';
import { adoptionRows, formatHomesWithoutList, homesWithoutList } from '../../../../hub/ingest/adopted/adoption-status.ts';
import { STRANGERS, Strangers } from '../../../../hub/ingest/adopted/strangers.ts';
import { createIngest } from '../../../../hub/ingest/create-ingest.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import type { GatewayEntry } from '../../../../hub/registry/registry.ts';
import type { Instant } from '../../../../shared/clock.ts';
import type { Gap } from '../../../../shared/gap.ts';
import { createLogger } from '../../../../shared/log.ts';
import { IDENTIFIER_SYSTEMS } from '../../../../shared/observation.ts';
import type { ReadingRecord } from '../../../../shared/reading.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceRecord } from '../../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_EPOCH, TEST_NOW, TestClock, testHub } from '../../../support/hub.ts';

const MINUTE = 60_000;

const REGISTRY = (adopted: string, others = ''): string => `
gateways:
  - { identity: gw-home, tenant: clinic, patient: pat-home-01, adopted: ${adopted} }
  - { identity: gw-next, tenant: clinic, patient: pat-home-02 }
${others}`;

/** A hub that tells its strangers, and what it logs. */
function site(registry: string, clock = new TestClock()) {
  const h = testHub({ clock, registry });
  const strangers = new Strangers(() => h.registry.gateways());
  const lines: string[] = [];
  const log = createLogger({ component: 'hub', level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const ingest = createIngest({ ...h, clock, log, strangers });
  const send = async (agent: string, device: string, seq: number, measured: Instant = clock.now(), at = measured) => {
    const sent = sampleObservation({ agent, device, seq, effective: measured, receivedAt: at });
    const { outcomes } = await ingest.batch(agent, sampleBundle([sent]));
    return outcomes[0]?.code;
  };
  const stored = async (patient: string): Promise<number> => {
    const rows = await h.store.latest('clinic', patient, () => evidenceRecord({ patient }).event);
    return rows.length;
  };
  /** As SIGHUP does. */
  const load = async (text: string): Promise<void> => {
    const next = parseRegistry(text);
    h.registry.replace(next, await h.store.rebind(next.bindings(), clock.now(), true));
  };
  return { h, clock, strangers, lines, ingest, send, stored, load };
}

test('what a neighbour’s device measures is refused where the home has a list, has rows with nobody, and what it measures comes once it is adopted', async () => {
  verifies('DEVICE-ADOPTED', 'DEVICE-SEEN', 'LOG-CLEAN');
  const at = site(REGISTRY('[WS-0001]'));
  await using _ = at.h;
  await at.load(REGISTRY('[WS-0001]'));
  assert.equal(await at.send('gw-home', 'WS-0001', 1), undefined);
  assert.equal(await at.send('gw-home', 'WS-0666', 2), 'INGEST-NOT-ADOPTED');
  at.clock.advance(5000);
  assert.equal(await at.send('gw-home', 'WS-0666', 2), 'INGEST-NOT-ADOPTED', 'sent again');
  assert.equal(await at.stored('pat-home-01'), 1);
  assert.deepEqual(at.strangers.list(), [
    {
      ...{ gateway: 'gw-home', tenant: 'clinic', id: 'WS-0666', idType: 'serial', adoptedAt: null, refused: true, count: 2 },
      ...{ since: TEST_NOW, lastAt: TEST_NOW + 5000 },
    },
  ]);
  assert.ok(at.lines.some((line) => line.includes('INGEST-NOT-ADOPTED')));
  assert.ok(!at.lines.join('').includes('WS-0666'));
  await at.load(REGISTRY('[WS-0001, WS-0666]'));
  assert.deepEqual(at.strangers.list(), [], 'adopted since');
  at.clock.advance(10 * MINUTE);
  const again = await at.send('gw-home', 'WS-0666', 2, TEST_NOW);
  assert.equal(again, 'INGEST-BEFORE-BINDING', 'the same row, as a replay at the gateway sends it: nobody said whose it was then');
  assert.equal(await at.send('gw-home', 'WS-0666', 3), undefined);
  assert.equal(await at.stored('pat-home-01'), 2);
});

test('what a device brings along out of its memory, from before it was adopted, is nobody’s', async () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const at = site(REGISTRY('[WS-0001]'));
  await using _ = at.h;
  await at.load(REGISTRY('[WS-0001]'));
  at.clock.advance(60 * MINUTE);
  await at.load(REGISTRY('[WS-0001, { id: CUFF-2, idType: serial }]'));
  const adopted = at.clock.now();
  at.clock.advance(60 * MINUTE);
  assert.equal(await at.send('gw-home', 'CUFF-2', 1, adopted - MINUTE, at.clock.now()), 'INGEST-BEFORE-BINDING');
  assert.equal(await at.send('gw-home', 'CUFF-2', 2, adopted + MINUTE, at.clock.now()), 'INGEST-BEFORE-BINDING', 'or may have been');
  assert.equal(await at.send('gw-home', 'CUFF-2', 3, adopted + 3 * MINUTE, at.clock.now()), undefined);
  assert.equal(await at.send('gw-home', 'WS-0001', 4, adopted - 30 * MINUTE), undefined, 'the others’ backlog costs it nothing');
  await at.load(REGISTRY('[WS-0001, { id: CUFF-2, idType: serial, label: cuff }]'));
  assert.equal(await at.send('gw-home', 'CUFF-2', 5, adopted + 4 * MINUTE), undefined, 'nor does a word for people');
});

test('whoever adopts a device may say since when it is in the home, and what waited from then on comes', async () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const at = site(REGISTRY('[]'));
  await using _ = at.h;
  await at.load(REGISTRY('[]'));
  at.clock.advance(24 * 60 * MINUTE);
  const bought = TEST_NOW + 60 * MINUTE;
  await at.load(REGISTRY(`[{ id: WS-0001, since: ${new Date(bought).toISOString()} }]`));
  assert.equal(await at.send('gw-home', 'WS-0001', 1, bought - 30 * MINUTE), 'INGEST-BEFORE-BINDING');
  assert.equal(await at.send('gw-home', 'WS-0001', 2, bought + 30 * MINUTE), undefined);
});

test('serial number and address that read the same are two devices, each with its own time', async () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const at = site(REGISTRY('[{ id: "1", idType: serial }]'));
  await using _ = at.h;
  await at.load(REGISTRY('[{ id: "1", idType: serial }]'));
  at.clock.advance(60 * MINUTE);
  await at.load(REGISTRY('[{ id: "1", idType: serial }, { id: "1", idType: mac }]'));
  at.clock.advance(5 * MINUTE);
  const send = async (idType: string, seq: number): Promise<string | undefined> => {
    const sent = sampleObservation({ agent: 'gw-home', device: '1', seq, effective: TEST_NOW + MINUTE, receivedAt: TEST_NOW + MINUTE });
    const device = { identifier: { system: `${IDENTIFIER_SYSTEMS.device}${idType}`, value: '1' } };
    return (await at.ingest.batch('gw-home', sampleBundle([{ ...sent, device }]))).outcomes[0]?.code;
  };
  assert.equal(await send('mac', 1), 'INGEST-BEFORE-BINDING');
  assert.equal(await send('serial', 2), undefined);
});

test('what is missing of a device is told of the time since it was adopted alone', async () => {
  verifies('DEVICE-ADOPTED-SINCE');
  const at = site(REGISTRY('[]'));
  await using _ = at.h;
  await at.load(REGISTRY('[]'));
  at.clock.advance(60 * MINUTE);
  await at.load(REGISTRY('[WS-0001]'));
  const adopted = at.clock.now();
  at.clock.advance(60 * MINUTE);
  const gap = (seq: number, from: Instant, to: Instant) => {
    const gap: Gap = { reason: 'age', lost: 'continuous', from, to, rows: 7, values: 7, vitals: ['hr'] };
    const of = { source: 'home', profile: 'scale', device: { id: 'WS-0001', idType: 'serial' }, subject: {}, test: false } as const;
    const record: ReadingRecord = { ...of, receivedAt: at.clock.now(), class: 'gap', readings: [], gap };
    return at.ingest.batch('gw-home', sampleBundle(resourcesOf(record, { agent: 'gw-home', epoch: TEST_EPOCH, seq })));
  };
  const [before] = (await gap(1, adopted - 30 * MINUTE, adopted - MINUTE)).outcomes;
  assert.equal(before?.code, 'INGEST-BEFORE-BINDING');
  const [across] = (await gap(2, adopted - 30 * MINUTE, adopted + 30 * MINUTE)).outcomes;
  assert.equal(across?.status, 201);
});

test('an empty list takes nothing; devices that are bound by the row itself count beside the list', async () => {
  verifies('DEVICE-ADOPTED');
  const at = site(REGISTRY('[]').replace('adopted: []', 'adopted: [], devices: { BP-7: pat-home-01 }'));
  await using _ = at.h;
  assert.equal(await at.send('gw-home', 'WS-0001', 1), 'INGEST-NOT-ADOPTED');
  assert.equal(await at.send('gw-home', 'BP-7', 2), undefined);
});

test('a home without a list takes all as before, and a device that another home adopted is told', async () => {
  verifies('DEVICE-ADOPTED', 'DEVICE-ADOPTED-ONCE', 'DEVICE-SEEN');
  const at = site(REGISTRY('[WS-0001]'));
  await using _ = at.h;
  assert.equal(await at.send('gw-next', 'OX-1', 1), undefined);
  assert.deepEqual(at.strangers.list(), []);
  assert.equal(await at.send('gw-next', 'WS-0001', 2), undefined);
  const [seen] = at.strangers.list();
  assert.deepEqual([seen?.gateway, seen?.id, seen?.adoptedAt, seen?.refused], ['gw-next', 'WS-0001', 'gw-home', false]);
  const homes = homesWithoutList(at.h.registry.gateways());
  assert.deepEqual(homes, { count: 1, of: 2 });
  assert.match(formatHomesWithoutList(homes) ?? '', /^1 of 2 gateways of one patient have no `adopted` list/);
  assert.equal(formatHomesWithoutList({ count: 0, of: 2 }), undefined);
  const rows = adoptionRows({ notAdopted: at.strangers.list(), notAdoptedLeftOut: 0, homesWithoutList: homes, now: at.clock.now() }).map(
    (row) => row.join(' '),
  );
  assert.match(rows[0] ?? '', /^Homes 1 of 2/);
  assert.match(
    rows[2] ?? '',
    /^ {2}gw-next - \{ id: "WS-0001", idType: serial \} {2}\(taken, .*ADOPTED AT ANOTHER HOME \(gateway gw-home\)/,
  );
});

test('the line that the status shows adopts the device, whatever it calls itself', () => {
  verifies('DEVICE-SEEN');
  const id = `x: "y" # 'z' {`;
  const [, , row] = adoptionRows({
    notAdopted: [{ gateway: 'g', tenant: 'clinic', id, idType: 'mac', adoptedAt: null, refused: true, count: 1, since: 0, lastAt: 0 }],
    notAdoptedLeftOut: 0,
    homesWithoutList: { count: 1, of: 1 },
    now: 1000,
  });
  const line = (row?.[1] ?? '').split('  (')[0] ?? '';
  const registry = parseRegistry(
    `gateways:\n  - identity: gw\n    tenant: clinic\n    patient: pat-home-01\n    adopted:\n      ${line}\n`,
  );
  assert.deepEqual(registry.gateway('gw')?.adopted, [{ id, idType: 'mac' }]);
});

test('a gateway that was re-issued to the next home carries nothing of the last home, whatever the next one adopted', async () => {
  verifies('DEVICE-ADOPTED', 'GATEWAY-OWN-ONLY');
  const at = site(REGISTRY('[WS-0001]'));
  await using _ = at.h;
  const left = sampleObservation({ agent: 'gw-home', device: 'WS-0001', seq: 9 });
  const next = '  - { identity: gw-new, tenant: clinic, patient: pat-home-03, adopted: [WS-0009] }\n';
  await at.load(REGISTRY('[WS-0001]', next));
  at.clock.advance(600_000);
  const code = async (observation: typeof left): Promise<string | undefined> =>
    (await at.ingest.batch('gw-new', sampleBundle([observation]))).outcomes[0]?.code;
  assert.equal(await code(left), 'INGEST-FOREIGN-ID', 'a row that the outbox still has from the last home');
  const before = { receivedAt: TEST_NOW - 60_000, effective: TEST_NOW - 60_000 };
  assert.equal(await code(sampleObservation({ agent: 'gw-new', device: 'WS-0009', seq: 1, ...before })), 'INGEST-BEFORE-BINDING');
  assert.equal(
    await code(sampleObservation({ agent: 'gw-new', device: 'WS-0001', seq: 2, receivedAt: at.clock.now() })),
    'INGEST-NOT-ADOPTED',
  );
  assert.equal(await code(sampleObservation({ agent: 'gw-new', device: 'WS-0009', seq: 3, receivedAt: at.clock.now() })), undefined);
  assert.equal(await at.stored('pat-home-03'), 1);
});

test('a gateway beside a street pushes out its own, and all of them are bounded', () => {
  verifies('DEVICE-SEEN');
  const gateway = (identity: string): GatewayEntry => ({
    identity,
    tenant: 'clinic',
    patient: `pat-${identity}`,
    beds: {},
    devices: {},
    adopted: [],
  });
  const strangers = new Strangers(() => []);
  strangers.refused(gateway('gw-quiet'), { id: 'A', idType: 'mac' }, 0);
  for (let i = 1; i <= 3 * STRANGERS.ofGateway; i += 1) strangers.refused(gateway('gw-loud'), { id: `B${i}`, idType: 'mac' }, i);
  assert.equal(strangers.list().length, STRANGERS.ofGateway + 1);
  assert.equal(strangers.list().at(-1)?.id, 'A');
  assert.equal(strangers.leftOut, 2 * STRANGERS.ofGateway);
  const listing = { notAdopted: strangers.list(), notAdoptedLeftOut: strangers.leftOut, homesWithoutList: { count: 0, of: 1 }, now: 0 };
  assert.match(adoptionRows(listing).at(-1)?.join('') ?? '', /and others, 128 of which were let go of/);
  for (let i = 0; i < 2 * STRANGERS.all; i += 1) strangers.refused(gateway(`gw-${i}`), { id: 'C', idType: 'mac' }, 1000 + i);
  assert.equal(strangers.list().length, STRANGERS.all);
  assert.equal(
    strangers.list().some(({ id }) => id === 'A'),
    false,
  );
});
