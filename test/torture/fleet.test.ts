import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FleetSite, type Part } from '../bench/overlay-fleet-site.ts';
import { verifies } from '../requirements.ts';

const GATEWAYS = 500;
const ROUNDS: readonly (readonly [part: Part, downMs: number])[] = [
  ['router', 0],
  ['router', 10_000],
  ['network', 5000],
  ['hub', 5000],
  ['router', 0],
];

test(`${GATEWAYS} gateways on one hub, whose router, network and hub are killed in turn: all are back each time, nothing is lost or stored twice`, async (t) => {
  verifies('OVERLAY-NO-STAMPEDE');
  await using site = await FleetSite.start(GATEWAYS);
  const connected = await site.connect({ withinMs: 20_000, everyMs: 10_000 });
  t.diagnostic(`connected in ${connected.seconds.toFixed(1)} s`);
  for (const [part, downMs] of ROUNDS) {
    const { seconds, peaks, uplinksInASecond } = await site.restart(part, downMs);
    t.diagnostic(
      `${part} away for ${downMs} ms: all back in ${seconds.toFixed(1)} s; ${peaks.handshakes.inASecond} channels and ${uplinksInASecond} uplinks in a second`,
    );
  }
  const { taken, stored, quarantined } = await site.count();
  assert.deepEqual({ stored, quarantined }, { stored: taken, quarantined: 0 });
  assert.ok(taken >= GATEWAYS);
});
