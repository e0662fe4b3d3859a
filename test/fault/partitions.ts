import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { pause } from '../../shared/lifecycle.ts';
import type { AgentProcess } from '../support/fabric-site.ts';
import { assertAllStoredOnce } from '../support/ziti/counts.ts';
import type { FaultyRelay } from '../support/ziti/faulty-relay.ts';
import { type Wire, WireSite } from '../support/ziti/wire-site.ts';

/** What a partition does to a line, and what ends it. */
interface Partition {
  begin(relay: FaultyRelay): void;
  end(relay: FaultyRelay, target: number): void;
}

export const PARTITIONS = {
  /** Connections are reset, and whoever comes is refused. */
  cut: { begin: (relay) => relay.aim(undefined), end: (relay, target) => relay.aim(target) },
  /** Nothing arrives until it is over; then everything does, as with a cable that is put back before anybody has given up. */
  frozen: { begin: (relay) => relay.freeze(), end: (relay) => relay.freeze(false) },
  /** What was open is dead without a word, on both sides, as behind a firewall that was restarted; new connections work once it is over. */
  forgotten: {
    begin: (relay) => {
      relay.forget();
      relay.freeze();
    },
    end: (relay) => relay.freeze(false),
  },
} satisfies Record<string, Partition>;
export type PartitionKind = keyof typeof PARTITIONS;

/** Oximeters send a frame in so many milliseconds. */
const EVERY_MS = 50;

/**
 * A hub and two gateways over the embedded network, each behind lines of its own: first one gateway, then the hub is apart from the network for
 * so long, in each of these ways. What devices sent meanwhile is in the hub at the end, once.
 */
export async function partitions(context: TestContext, lastingMs: number, kinds: readonly PartitionKind[]): Promise<void> {
  await using site = await WireSite.open({ everyMs: EVERY_MS, luck: 'short pauses' });
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateways = [await site.enrol('gateway-1', 'gateways'), await site.enrol('gateway-2', 'gateways')];
  const hub = await site.wiredHub(hubIdentity, gateways);
  const agents = await Promise.all(gateways.map((gateway) => site.wiredAgent(gateway, hubIdentity)));
  const [one] = agents;
  assert.ok(one);
  const flows = (agent: AgentProcess): Promise<unknown> =>
    agent.until(({ uplink, outbox }) => uplink.state === 'connected' && outbox.delivered > 0 && outbox.pending < 20);
  for (const { process } of agents) await flows(process);
  for (const kind of kinds) {
    for (const [who, wire, apart] of [
      ['a gateway', one.wire, [one.process]],
      ['the hub', hub.wire, agents.map(({ process }) => process)],
    ] satisfies [string, Wire, AgentProcess[]][]) {
      for (const relay of wire.all) PARTITIONS[kind].begin(relay);
      const before = await Promise.all(apart.map((agent) => agent.status()));
      await pause(lastingMs);
      for (const [i, agent] of apart.entries()) {
        const { outbox } = await agent.until((status) => status.outbox.pending > lastingMs / EVERY_MS / 2);
        assert.ok(outbox.delivered <= (before[i]?.outbox.delivered ?? 0) + 2000 / EVERY_MS, 'it was apart');
      }
      const endedMs = performance.now();
      for (const [i, relay] of wire.all.entries())
        PARTITIONS[kind].end(relay, i === 0 ? site.controllerTarget() : site.routerTarget(i - 1));
      for (const { process } of agents) await flows(process);
      context.diagnostic(`${who}, ${kind} for ${lastingMs} ms: all flows ${Math.round(performance.now() - endedMs)} ms after it`);
    }
  }
  const stored = await assertAllStoredOnce(
    hub.process,
    agents.map(({ process }) => process),
    agents.map(({ oximeter }) => oximeter),
  );
  context.diagnostic(`${stored} values, each stored once`);
}
