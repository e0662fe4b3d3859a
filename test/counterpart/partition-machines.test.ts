import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause } from '../../shared/lifecycle.ts';
import { verifies } from '../requirements.ts';
import { LINE_FAULTS, type Line, type LineFault } from '../support/machines.ts';
import { MachinesSite } from '../support/machines-site.ts';
import { assertAllStoredOnce } from '../support/ziti/counts.ts';

const EVERY_MS = 25;
/** Within the first, TCP alone makes good what was lost; within the second, silence is found by both programs, and they begin anew. */
const LASTING = [
  ['short', 6000],
  ['long', 28_000],
] as const;

test('the line of a gateway, then of the hub, is cut between machines, under load: what came meanwhile is stored once', async (context) => {
  verifies('EXACTLY-ONCE', 'STORED-ONCE');
  await using site = await MachinesSite.open({ everyMs: EVERY_MS, luck: 'short pauses' });
  const { machines } = site;
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateway = await site.enrol('gateway-1', 'gateways');
  const hub = await site.hub(hubIdentity, [gateway]);
  const { agent, oximeter } = await site.metered(gateway, hubIdentity);
  const flows = () => agent.until(({ uplink, outbox }) => uplink.state === 'connected' && outbox.delivered > 0 && outbox.pending < 40);
  await flows();
  const rounds: [Line, LineFault, (typeof LASTING)[number]][] = [
    ...(['gateway', 'hospital'] as const).flatMap((line) =>
      LINE_FAULTS.map((fault) => [line, fault, LASTING[0]] satisfies [Line, LineFault, unknown]),
    ),
    ['gateway', 'dropped', LASTING[1]],
    ['hospital', 'one way', LASTING[1]],
  ];
  for (const [line, fault, [, lastingMs]] of rounds) {
    const before = machines.sentAgain(line) + machines.sentAgain('network');
    const end = machines.cut(line, fault);
    const { outbox } = await agent.status();
    await pause(lastingMs);
    if (fault !== 'lossy') {
      const apart = await agent.until((status) => status.outbox.pending > lastingMs / EVERY_MS / 2);
      assert.ok(apart.outbox.delivered <= outbox.delivered + 2000 / EVERY_MS, `${line} ${fault}: it was apart`);
    }
    const met = end();
    const sentAgain = machines.sentAgain(line) + machines.sentAgain('network') - before;
    // Where the link itself is down there may be nothing that TCP could send again.
    assert.ok(sentAgain > 0 || fault === 'cable', `${line} ${fault}: TCP went on`);
    assert.ok(met > 0 || fault === 'cable', `${line} ${fault}: packets were dropped`);
    const endedMs = performance.now();
    await flows();
    const took = Math.round(performance.now() - endedMs);
    context.diagnostic(
      `${line}, ${fault} for ${lastingMs} ms: ${met} packets dropped, ${sentAgain} segments sent again, flows ${took} ms after it`,
    );
  }
  const stored = await assertAllStoredOnce(hub, [agent], [oximeter]);
  context.diagnostic(`${stored} values, each stored once`);
});
