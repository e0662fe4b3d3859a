import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadAgentConfig } from '../../agent/config.ts';
import { loadHubConfig } from '../../hub/config.ts';
import { VitalmeshError } from '../../shared/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-hub-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const HUB = `identity: hub.json
registry: registry.yaml
store: { path: store.db, keyFile: store.key }
overlay: { type: ziti }
operator: { socket: hub.sock }
`;
const AGENT = `identity: agent.json
outbox: { path: outbox.db, keyFile: outbox.key }
overlay: { type: ziti }
uplink: { hub: [hub-1] }
operator: { socket: agent.sock }
sources:
  - { name: ox, type: serial, profile: nonin-df8, port: /dev/ttyUSB0 }
`;

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** What is said of a configuration that is refused. */
function refusal(load: () => unknown): { code: string; detail: string | undefined } {
  try {
    load();
  } catch (thrown) {
    assert.ok(thrown instanceof VitalmeshError);
    return { code: thrown.code, detail: thrown.detail };
  }
  assert.fail('it was taken');
}

test('a sign-in that does not exist is refused alike by hub and agent: by its variable and key, and with those that do', () => {
  const [hub, agent] = [written('hub.yaml', HUB), written('agent.yaml', AGENT)];
  assert.deepEqual(loadHubConfig(hub, { VITALMESH_HUB__overlay__signIn: 'oidc' }).overlay, { type: 'ziti', signIn: 'oidc' });
  assert.deepEqual(loadAgentConfig(agent, { VITALMESH_AGENT__overlay__signIn: 'oidc' }).overlay, { type: 'ziti', signIn: 'oidc' });
  const said = (variable: string) => ({
    code: 'CONFIG-INVALID',
    detail: `environment: ${variable}: overlay.signIn: expected one of auto, certificate, oidc`,
  });
  assert.deepEqual(
    refusal(() => loadHubConfig(hub, { VITALMESH_HUB__overlay__signIn: 'foo' })),
    said('VITALMESH_HUB__overlay__signIn'),
  );
  assert.deepEqual(
    refusal(() => loadAgentConfig(agent, { VITALMESH_AGENT__overlay__signIn: 'foo' })),
    said('VITALMESH_AGENT__overlay__signIn'),
  );
});
