import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { latestSchema, patientsSchema } from '../../../hub/mcp/views.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { verifies } from '../../requirements.ts';
import { overlayCallers } from '../../support/callers.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';
import { CONNECTORS } from '../../support/mcp-clients.ts';
import { SERVICE } from './support.ts';

const LATEST = 'vitals://patient/pat-icu-01/latest';

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  test(`${revision}: with the real store and door, a stored reading reaches a subscriber, and all of it stands in the evidence`, async () => {
    verifies('MCP-BOTH-ERAS', 'ONE-DOOR');
    const clock = new TestClock(TEST_NOW);
    await using hub = testHub({ clock });
    const network = createMemoryNetwork();
    await using hubOverlay = network.overlay({ id: 'hub', name: 'hub' });
    await using nurse = network.overlay({ id: 'ai-nurse', name: 'nurse' });
    const { door, feed, registry, metrics, store, ingest } = hub;
    const service = serveMcp({
      overlay: hubOverlay,
      service: SERVICE,
      door,
      feed,
      callers: overlayCallers(registry, metrics),
      clock: { now: () => clock.now(), monotonicMs: () => performance.now() },
      log: silentLogger,
      metrics,
    });
    await using _service = service;
    await service.start(new AbortController().signal);
    {
      await using client = await connect(nurse, SERVICE);
      const { patients } = patientsSchema.parse(await client.read('vitals://patients'));
      assert.deepEqual(
        patients.map(({ patient, bed }) => [patient, bed]),
        [
          ['pat-home-01', null],
          ['pat-icu-01', 'ICU-01'],
        ],
      );
      const updates = await client.subscribe([LATEST, 'vitals://patients']);
      await updates.count(LATEST, 1);
      await ingest.batch('gw-icu', sampleBundle([sampleObservation({ value: 72 })]));
      await updates.until(({ uri, version }) => uri === LATEST && version > 0);

      clock.advance(4000);
      const [row] = latestSchema.parse(await client.read(LATEST)).vitals;
      assert.deepEqual([row?.vital, row?.value, row?.unit, row?.ageSeconds, row?.stale], ['hr', 72, '/min', 4, false]);
      const answer = await client.call('get_latest_vitals', { patient: 'pat-icu-01' });
      assert.deepEqual(latestSchema.parse(answer.structuredContent).vitals[0]?.value, 72);
      assert.match(JSON.stringify(answer.content), /Heart rate \(ECG\): 72 \/min, 4 s ago/);
      assert.equal((await client.call('get_latest_vitals', { patient: 'pat-icu-02' })).isError, true);

      clock.advance(86_400_000);
      const [old] = latestSchema.parse(await client.read(LATEST)).vitals;
      assert.deepEqual([old?.value, old?.stale, old?.lastKnown?.value], [null, true, 72]);
    }
    await service[Symbol.asyncDispose]();

    const channel = revision.startsWith('2025') ? 'mcp-2025' : 'mcp-2026';
    const events = await evidenceOf(store);
    const acts = events.filter((event) => event.channel === channel).map(({ action, outcome, reason }) => `${action} ${outcome} ${reason}`);
    assert.deepEqual([...new Set(acts)].sort(), [
      'patients.list allowed granted',
      'vitals.read allowed granted',
      'vitals.read denied patient',
      'vitals.subscribe allowed closed',
      'vitals.subscribe allowed granted',
    ]);
    const closed = events.find(({ reason }) => reason === 'closed');
    assert.ok((closed?.count ?? 0) >= 2);
  });
}
