import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { callOperator } from '../../shared/operator/client.ts';
import { factsOf, KeepingDevice } from '../fault/keeping-device.ts';
import { verifies } from '../requirements.ts';
import { type AgentProcess, AskedProcess, type HubProcess } from '../support/fabric-site.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { connectModern } from '../support/mcp-clients.ts';
import { PostgresServer } from '../support/postgres.ts';

test('two hubs on one database: a gateway goes from the one to the other under load, the database crashes, a client of the other is told', async () => {
  verifies('STORE-SHARED', 'STORE-SHARED-FEED', 'STORE-REMOTE-DURABLE', 'EXACTLY-ONCE');
  await using server = await PostgresServer.start();
  const database = await server.database();
  await using network = await LocalNetwork.start();
  const { folder } = network;
  const overlay = { type: 'local', socket: network.socketPath };
  const write = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const registry = write(
    'registry.yaml',
    stringify({
      tenants: { clinic: { kind: 'sandbox' } },
      gateways: [{ identity: 'gateway-1', tenant: 'clinic', beds: { 'BED-1': 'pat-bed-1' } }],
      clients: [{ identity: 'ai-1', tenant: 'clinic', kind: 'software', role: 'monitor', patients: 'all' }],
    }),
  );
  const [urlFile, ownerUrlFile] = [write('app.url', database.url('app')), write('owner.url', database.url('owner'))];
  const hubOf = async (number: number): Promise<HubProcess> => {
    const operator = join(folder, `hub-${number}.sock`);
    const config = write(
      `hub-${number}.yaml`,
      stringify({
        ...{ identity: await network.network.identityFile(folder, `hub-${number}`), registry, overlay, operator: { socket: operator } },
        store: { type: 'postgres', urlFile, ownerUrlFile, timeFile: join(folder, `hub-${number}.time`) },
        services: { ingest: `ingest-${number}`, mcp: `mcp-${number}` },
      }),
    );
    return new AskedProcess('hub', config, operator, 'short pauses');
  };
  mkdirSync(join(folder, 'agent'), { mode: 0o700 });
  const identity = await network.network.identityFile(folder, 'gateway-1');
  const agentTo = (number: number): AgentProcess => {
    const operator = join(folder, 'agent.sock');
    const config = write(
      `agent-${number}.yaml`,
      stringify({
        ...{ identity, overlay, operator: { socket: operator }, test: true },
        outbox: { path: join(folder, 'agent', 'outbox.db'), keyFile: join(folder, 'agent', 'outbox.key') },
        uplink: { service: `ingest-${number}`, hub: ['hub-1', 'hub-2'] },
        sources: [{ type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 }],
      }),
    );
    return new AskedProcess('agent', config, operator, 'short pauses');
  };

  await using one = await hubOf(1);
  await using two = await hubOf(2);
  for (const hub of [one, two]) assert.equal((await hub.until(({ uplink, mcp }) => uplink.bound && mcp.bound)).engine, 'postgres');
  await using place = await network.open('ai-1');
  await using client = await connectModern(place, 'mcp-2');
  const uri = (await client.resources()).find((known) => known.includes('pat-bed-1')) ?? assert.fail('the patient has no resource');
  const updates = await client.subscribe([uri]);

  let agent = agentTo(1);
  const port = async (): Promise<number> => {
    const { sources } = await agent.status();
    const { endpoint } = sources.find(({ state }) => state === 'running') ?? assert.fail('the agent does not listen');
    return Number(endpoint.split(':')[1]);
  };
  await using device = new KeepingDevice('BED-1', port);
  try {
    const stored = async (hub: HubProcess, rows: number): Promise<void> => {
      await hub.until(({ counts }) => counts.observations >= rows);
    };
    await stored(one, 10);
    await updates.count(uri, 1);
    await server.stop('immediate');
    await server.run();
    await stored(one, 30);
    await agent.stop('SIGKILL');
    agent = agentTo(2);
    await stored(two, 60);
    await device.finish();
    await agent.until(({ outbox }) => outbox.pending === 0);
    for (const hub of [one, two]) {
      const rows: string[] = [];
      for await (const row of callOperator(hub.operator, 'export')) rows.push(factsOf(row));
      assert.equal(new Set(rows).size, rows.length, 'none twice');
      assert.deepEqual([...rows].sort(), [...device.acknowledged].sort());
    }
  } finally {
    await agent[Symbol.asyncDispose]();
  }
});
