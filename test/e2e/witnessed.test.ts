import assert from 'node:assert/strict';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import type { EvidenceVerdict } from '../../hub/audit/notes.ts';
import { STORE_MIGRATIONS } from '../../hub/store/schema.ts';
import { openDatabase } from '../../shared/storage/database.ts';
import { verifies } from '../requirements.ts';
import { AgentSite } from '../support/agent-site.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { agentCommand, startAgent } from './agent-process.ts';
import { HubProcess, hubCommand } from './hub-process.ts';

const HL7 = { type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 };

test('a gateway keeps what its hub signed, and with it a hub that begins its evidence anew is found', async () => {
  verifies('AUDIT-WITNESSED', 'AUDIT-SIGNED');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  const store = { path: at('hub.db'), keyFile: at('hub.key') };
  const overlay = { type: 'local', socket: site.socketPath };
  const hub = { identity: await site.network.identityFile(site.folder, 'hub-1'), registry: at('registry.yaml'), store, overlay };
  writeFileSync(at('hub.yaml'), stringify({ ...hub, operator: { socket: at('op/hub.sock') } }));
  writeFileSync(
    at('registry.yaml'),
    'tenants: { clinic: { kind: sandbox } }\ngateways: [{ identity: gateway-1, tenant: clinic, beds: { ICU-01: pat-icu-01 } }]\nclients: []\n',
  );
  using home = await AgentSite.make([HL7], { overlay, identity: await site.network.identityFile(site.folder, 'gateway-1') });
  const [config, socket] = [at('hub.yaml'), at('op/hub.sock')];
  {
    await using running = await HubProcess.start(config, socket);
    await using agent = await startAgent(home);
    await agent.until(({ uplink }) => uplink.state === 'connected');
    assert.match((await agentCommand('witness', 'show', '--config', home.config)).stdout, /^vitalmesh\/[0-9a-f]{32}: 1 notes/);
    const { stdout, code } = await agentCommand('witness', 'export', '--config', home.config);
    assert.equal(code, 0);
    writeFileSync(at('witness.json'), stdout);
    const verdict = JSON.parse(
      (await hubCommand('audit', 'verify', '--config', config, '--witness', at('witness.json'), '--json')).stdout,
    ) as EvidenceVerdict;
    assert.deepEqual([verdict.intact, verdict.witnesses], [true, 1]);
    await running.stop();
  }
  for (const name of ['hub.db.audit-key', 'hub.db.audit-keys']) assert.equal(statSync(at(name)).mode & 0o777, 0o600);
  assert.equal((await hubCommand('audit', 'verify', '--config', config, '--witness', at('witness.json'))).code, 0, 'of the store alone');
  {
    using database = openDatabase({ ...store, migrations: STORE_MIGRATIONS });
    database.write(() => {
      const triggers = database
        .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'audit%'")
        .all();
      for (const { name } of triggers) database.prepare(`DROP TRIGGER ${name}`).run();
      for (const table of ['audit', 'auditCheckpoint']) database.prepare(`DELETE FROM ${table}`).run();
    });
  }
  await hubCommand('audit', 'list', '--config', config);
  const found = await hubCommand('audit', 'verify', '--config', config, '--witness', at('witness.json'));
  assert.equal(found.code, 1);
  assert.match(found.stdout, /does not hold\. Entry \d+: the chain up to here was written anew/);
  chmodSync(at('hub.db.audit-key'), 0o644);
  const refused = await hubCommand('run', '--config', config);
  assert.match(refused.stderr + refused.stdout, /AUDIT-KEY/);
});
