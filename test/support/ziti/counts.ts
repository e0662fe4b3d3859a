import assert from 'node:assert/strict';
import { type AgentProcess, type HubProcess, storedValues } from '../fabric-site.ts';

/** Every value that these agents' devices have sent is stored by the hub once, and nothing else is; no agent keeps or refuses anything. */
export async function assertAllStoredOnce(
  hub: HubProcess,
  gateways: readonly { process: AgentProcess; oximeter: { finish(): string[] } }[],
): Promise<number> {
  const sent = gateways.flatMap(({ oximeter }) => oximeter.finish()).sort();
  await hub.until(({ counts }) => counts.observations >= sent.length);
  await Promise.all(gateways.map(({ process }) => process.until(({ outbox }) => outbox.pending === 0)));
  assert.deepEqual(await storedValues(hub), sent);
  const { counts } = await hub.status();
  assert.deepEqual([counts.observations, counts.quarantined], [sent.length, 0]);
  for (const { process } of gateways) assert.equal((await process.status()).outbox.quarantined, 0);
  return sent.length;
}
