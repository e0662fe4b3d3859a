import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause } from '../../shared/lifecycle.ts';
import { verifies } from '../requirements.ts';
import { lost, Ward } from '../support/ward.ts';

const AWAY_MS = 60_000;
/** Beyond the idleness at which circuits of before the restart end, and the 5 s in which a router looks for them (openziti-network.md §3.15). */
const AFTER_MS = 70_000;

test('the controller is away for a minute, with the times of a real network: what runs goes on, what begins comes in, each reading once', async (context) => {
  verifies('OVERLAY-CONTROLLER-AWAY', 'EXACTLY-ONCE');
  await using ward = await Ward.open(4, 3, { moreRouters: [{ host: '127.0.0.1', port: 0 }] });
  const running = [...ward.agents];
  const losses = (): Promise<Record<string, number>[]> => Promise.all(running.map(async (agent) => lost(await agent.status())));
  const before = await losses();
  await ward.controller.stop();
  const late = await ward.startAgent(3);
  await pause(AWAY_MS);
  const { overlay, uplink } = await late.status();
  assert.deepEqual([overlay, uplink.code], ['connecting', 'OVERLAY-UNREACHABLE']);
  await ward.controller.start();
  const startedAt = performance.now();
  await late.until(({ uplink: { state } }) => state === 'connected');
  context.diagnostic(`an agent that began meanwhile was connected ${Math.round(performance.now() - startedAt)} ms after its return`);
  await pause(AFTER_MS);
  assert.deepEqual(await losses(), before, 'no connection was lost');
  await ward.settled();
});
