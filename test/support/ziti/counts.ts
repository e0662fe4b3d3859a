import assert from 'node:assert/strict';
import { type AgentProcess, type HubProcess, storedValues } from '../fabric-site.ts';

/** Every value that these agents' devices have sent is stored by the hub once, and nothing else is; no agent keeps or refuses anything. */
export async function assertAllStoredOnce(
  hub: HubProcess,
  agents: readonly AgentProcess[],
  oximeters: readonly { finish(): string[] }[],
): Promise<number> {
  const sent = oximeters.flatMap((oximeter) => oximeter.finish()).sort();
  await hub.until(({ counts }) => counts.observations >= sent.length);
  await Promise.all(agents.map((agent) => agent.until(({ outbox }) => outbox.pending === 0)));
  assert.deepEqual(await storedValues(hub), sent);
  const { counts } = await hub.status();
  assert.deepEqual([counts.observations, counts.quarantined], [sent.length, 0]);
  for (const agent of agents) assert.equal((await agent.status()).outbox.quarantined, 0);
  return sent.length;
}
