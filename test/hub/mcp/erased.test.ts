import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { startEndpoint, WAYS } from './support.ts';

const LATEST = 'vitals://patient/pat-0001/latest';

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: a stream that follows somebody who is erased ends, another one goes on`, async () => {
    verifies('ERASE-TOLD');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-all'), service);
    await using other = await connect(endpoint.as('ai-one'), service);
    const updates = await client.subscribe([LATEST]);
    await updates.count(LATEST, 1);
    const list = await other.subscribe(['vitals://patients']);
    await list.count('vitals://patients', 1);
    endpoint.change('pat-0001', { kind: 'erased' });
    await client.ended;
    assert.equal(endpoint.metrics.get('mcp_streams_ended', 'changed'), 1);
    assert.equal(endpoint.service.status().subscriptions, 1);
    assert.equal(updates.of(LATEST).length, 1);
  });
}
