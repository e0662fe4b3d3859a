import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Principal } from '../../../hub/access/access.ts';
import { claimedIn, claiming } from '../../../hub/mcp/claimed.ts';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { verifies } from '../../requirements.ts';
import { overlayCallers } from '../../support/callers.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { testHub } from '../../support/hub.ts';
import { CONNECTORS } from '../../support/mcp-clients.ts';
import { modern, SERVICE } from './support.ts';

test('what a client says of itself is read from either revision, bounded and without what could forge a line', () => {
  verifies('AUDIT-DETAIL');
  const initialize = { method: 'initialize', params: { clientInfo: { name: 'agent', version: '2' } } };
  assert.deepEqual(claimedIn(initialize), { client: 'agent', version: '2' });
  const body = modern('tools/list', {});
  const { _meta } = body.params as { _meta: Record<string, unknown> };
  _meta['vitalmesh/model'] = 'm-1';
  assert.deepEqual(claimedIn(body), { client: 'raw', version: '1', model: 'm-1' });
  const nasty = { params: { clientInfo: { name: `a\r\n2026 INFO forged\u2028\u202e\ud800${'x'.repeat(500)}`, version: 7 } } };
  const { client = '', ...rest } = claimedIn(nasty);
  assert.deepEqual(rest, {});
  assert.ok(client.length <= 64 && client.startsWith('a 2026 INFO forged') && client.isWellFormed());
  assert.doesNotMatch(client, /[\p{C}\p{Zl}]/u);
  for (const none of [undefined, null, 'x', [], {}, { params: [] }, { params: { clientInfo: 'x', _meta: 3 } }])
    assert.deepEqual(claimedIn(none), {});
});

test('what is claimed never changes who somebody is', () => {
  const who: Principal = { id: 'a', tenant: 't', kind: 'software', role: 'monitor', patients: [] };
  assert.equal(claiming(who, {}), who);
  assert.deepEqual(claiming({ ...who, claimed: { client: 'x', model: 'm' } }, { client: 'y' }), {
    ...who,
    claimed: { client: 'y', model: 'm' },
  });
});

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  test(`${revision}: reads and streams stand in the evidence with what their client claims to be`, async () => {
    verifies('AUDIT-DETAIL');
    await using hub = testHub();
    const network = createMemoryNetwork();
    await using overlay = network.overlay({ id: 'hub', name: 'hub' });
    await using nurse = network.overlay({ id: 'ai-nurse', name: 'nurse' });
    const { door, feed, registry, metrics } = hub;
    const callers = overlayCallers(registry, metrics);
    const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };
    await using service = serveMcp({ overlay, service: SERVICE, door, feed, callers, clock, log: silentLogger, metrics });
    await service.start(new AbortController().signal);
    {
      await using client = await connect(nurse, SERVICE);
      await client.read('vitals://patients');
      const updates = await client.subscribe(['vitals://patients']);
      await updates.count('vitals://patients', 1);
    }
    await service[Symbol.asyncDispose]();
    const events = await evidenceOf(hub.store);
    assert.deepEqual(new Set(events.map(({ action }) => action)), new Set(['patients.list', 'vitals.subscribe']));
    const names = new Set(events.map(({ detail }) => detail?.claimed?.client));
    assert.equal(names.size, 1);
    assert.match([...names][0] ?? '', /\w/);
  });
}
