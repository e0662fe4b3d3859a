import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { latestSchema } from '../../../hub/mcp/views.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { verifies } from '../../requirements.ts';
import { overlayCallers } from '../../support/callers.ts';
import { TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';
import { CONNECTORS, type TestClient } from '../../support/mcp-clients.ts';
import { SaidPresence } from '../../support/presence.ts';
import { SERVICE } from './support.ts';

const REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { A: followed, B: followed } }
clients:
  - { identity: ai-icu, tenant: clinic, kind: person, role: clinician, wards: [icu] }
  - { identity: ai-step, tenant: clinic, kind: person, role: clinician, wards: [step] }
  - { identity: ai-all, tenant: clinic, kind: person, role: clinician, patients: all }
wards:
  icu: { tenant: clinic, beds: [A] }
  step: { tenant: clinic, beds: [B] }
`;
const PATIENTS = 'vitals://patients';
const ONE = 'vitals://patient/pat-moved-1/latest';

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  /** A hub on an overlay, with somebody in bed A, and a client of it for each identity. */
  const withHub = async (
    run: (presence: SaidPresence, as: (identity: string) => Promise<TestClient>, hub: TestHub) => Promise<void>,
  ): Promise<void> => {
    const presence = new SaidPresence().put({ 'pat-moved-1': 'A' });
    await using hub = testHub({ registry: REGISTRY, clock: new TestClock(), presence });
    const network = createMemoryNetwork();
    await using overlay = network.overlay({ id: 'hub', name: 'hub' });
    const { door, feed, registry, metrics } = hub;
    const clock = { now: () => TEST_NOW, monotonicMs: () => performance.now() };
    const callers = overlayCallers(registry, metrics);
    await using service = serveMcp({ overlay, service: SERVICE, door, feed, callers, clock, log: silentLogger, metrics });
    await service.start(new AbortController().signal);
    await using stack = new AsyncDisposableStack();
    await run(
      presence,
      async (identity) => {
        const own = stack.use(network.overlay({ id: identity, name: identity }));
        return stack.use(await connect(own, SERVICE));
      },
      hub,
    );
  };

  test(`${revision}: a transfer ends the stream of the ward that somebody left, and tells both wards' lists`, () =>
    withHub(async (presence, as) => {
      verifies('MOVEMENTS-REACH', 'REACH-NOW');
      const [icu, list, step] = [await as('ai-icu'), await as('ai-all'), await as('ai-step')];
      const updates = await icu.subscribe([ONE]);
      await updates.count(ONE, 1);
      const [lists, ofStep] = [await list.subscribe([PATIENTS, ONE]), await step.subscribe([PATIENTS])];
      await Promise.all([lists.count(PATIENTS, 1), lists.count(ONE, 1), ofStep.count(PATIENTS, 1)]);
      presence.put({ 'pat-moved-1': 'B' });
      await icu.ended;
      await Promise.all([lists.count(PATIENTS, 2), lists.count(ONE, 2), ofStep.count(PATIENTS, 2)]);
      assert.equal(latestSchema.parse(await step.read(ONE)).ward, 'step');
    }));

  test(`${revision}: a discharge ends the stream of whoever reached them through the bed; whoever may still read them is told`, () =>
    withHub(async (presence, as) => {
      verifies('DISCHARGE-ENDS', 'MOVEMENTS-REACH');
      const [icu, all] = [await as('ai-icu'), await as('ai-all')];
      await (await icu.subscribe([ONE])).count(ONE, 1);
      const updates = await all.subscribe([ONE]);
      await updates.count(ONE, 1);
      presence.discharge('pat-moved-1', TEST_NOW - 1000);
      await icu.ended;
      await updates.count(ONE, 2);
      assert.equal(latestSchema.parse(await all.read(ONE)).discharged, '2026-11-21T09:59:59.000+00:00');
      assert.match(JSON.stringify(await all.call('get_latest_vitals', { patient: 'pat-moved-1' })), /DISCHARGED: nothing here is current/);
    }));

  test(`${revision}: a merge ends streams by the id that is no more, and the end of it those that went by it meanwhile`, () =>
    withHub(async (presence, as, hub) => {
      verifies('MERGED-RESOLVES');
      presence.put({ 'pat-moved-2': 'B' });
      const before = await as('ai-all');
      await (await before.subscribe([ONE])).count(ONE, 1);
      presence.merge('pat-moved-1', 'pat-moved-2');
      await before.ended;

      const meanwhile = await as('ai-all');
      const updates = await meanwhile.subscribe([ONE]);
      await updates.count(ONE, 1);
      hub.feed.publish({ tenant: 'clinic', patient: 'pat-moved-2', kind: 'stored', vitals: ['hr'], at: TEST_NOW });
      await updates.count(ONE, 2);
      assert.match(JSON.stringify(await meanwhile.call('get_latest_vitals', { patient: 'pat-moved-1' })), /MERGED: pat-moved-1/);
      presence.put({ 'pat-moved-1': 'A', 'pat-moved-2': 'B' });
      await meanwhile.ended;
    }));
}
