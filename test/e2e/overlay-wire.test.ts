import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import type { Enrolled } from '../support/fabric-site.ts';
import { assertAllStoredOnce } from '../support/ziti/counts.ts';
import type { FaultyRelay } from '../support/ziti/faulty-relay.ts';
import { WireSite } from '../support/ziti/wire-site.ts';

const GATEWAYS = ['gateway-1', 'gateway-2'];
/** Of bytes behind which a connection is cut: within TLS, within the hello, or under load. */
const CUT_AFTER = [1, 60_000] as const;

test('bytes that come late, in pieces and with bits turned over, and lines that are cut again and again: nothing is lost, nothing stored twice', async (context) => {
  verifies('EXACTLY-ONCE', 'OVERLAY-REBIND', 'OVERLAY-SICK-ROUTER');
  await using site = await WireSite.open({ routers: 2 });
  context.diagnostic(`seed ${site.seed}`);
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateways: Enrolled[] = [];
  for (const name of GATEWAYS) gateways.push(await site.enrol(name, 'gateways'));
  const hub = await site.wiredHub(hubIdentity, gateways);
  const agents = await Promise.all(gateways.map((gateway) => site.wiredAgent(gateway, hubIdentity)));
  const wires = [hub.wire, ...agents.map(({ wire }) => wire)];
  const relays = wires.flatMap(({ routers }) => routers);

  for (const relay of relays) {
    relay.up = { delayMs: 1, jitterMs: 5, pieceBytes: [1, 200] };
    relay.down = { delayMs: 1, jitterMs: 5, pieceBytes: [1, 200] };
  }
  for (const [i, relay] of relays.entries()) {
    const way = i % 2 === 0 ? 'up' : 'down';
    relay[way] = { ...relay[way], cutAfterBytes: CUT_AFTER, flipAtByte: CUT_AFTER };
  }
  for (const relay of relays) relay.cut(relay.anyCut());
  const faults = (): number => sum(relays, ({ counts }) => counts.cuts + counts.flips);
  await hub.process.until(() => faults() >= 12);
  for (const relay of relays) relay.heal();
  // One that was given a fault while it was open meets it later.
  for (const relay of relays) relay.cut();

  const stored = await assertAllStoredOnce(hub.process, agents);
  assert.ok(faults() >= 12);
  context.diagnostic(`${faults()} faults, ${sum(relays, ({ counts }) => counts.connections)} connections, ${stored} values`);
});

function sum(relays: readonly FaultyRelay[], count: (relay: FaultyRelay) => number): number {
  return relays.reduce((all, relay) => all + count(relay), 0);
}
