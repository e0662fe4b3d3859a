import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { behindMs, doubtsOf, OfflineGateway } from '../support/offline-gateway.ts';
import { WallClock } from '../support/wall-clock.ts';

const DAY_MS = 24 * 3_600_000;

/** A program of this name that only says so, before those of the machine. */
function withProgram<T>(folder: string, name: string, says: string, start: () => T): T {
  mkdirSync(folder);
  writeFileSync(join(folder, name), `#!/bin/sh\necho ${says}\n`);
  chmodSync(join(folder, name), 0o755);
  const { PATH } = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  try {
    return start();
  } finally {
    process.env.PATH = PATH;
  }
}

/** Every row has its true time, to a second, and nothing makes it doubtful. */
function assertTrue(arrived: Awaited<ReturnType<OfflineGateway['arrives']>>, measured: ReadonlyMap<number, number>): void {
  for (const [pulse, row] of arrived) {
    assert.ok(Math.abs(behindMs(row, measured.get(pulse))) < 1000, `${pulse}: ${row.issued}`);
    assert.deepEqual(doubtsOf(row), []);
  }
}

test('a clock that could be right is set by a hundred days while the network is away: what was received before is put right', async () => {
  verifies('NO-CLOCK-SIGNS', 'NO-CLOCK-RETIMED');
  await using gateway = await OfflineGateway.begin();
  const clock = new WallClock(gateway.site.folder, 'agent', 100 * DAY_MS);
  await using agent = clock.governs(() => gateway.agent());
  const wire = await gateway.device.call();
  await gateway.measure(agent, wire, 71, 72);
  await clock.set(0, agent);
  await gateway.measure(agent, wire, 73);
  assertTrue(await gateway.arrives(agent), gateway.measured);
});

test('a clock that could be right and that nobody keeps right is found out by the network, before anything is sent by it', async () => {
  verifies('NO-CLOCK-SIGNS', 'NO-CLOCK-RETIMED');
  await using gateway = await OfflineGateway.begin();
  const clock = new WallClock(gateway.site.folder, 'agent', 40 * DAY_MS);
  const bin = join(gateway.site.folder, 'bin');
  await using agent = withProgram(bin, 'timedatectl', 'no', () => clock.governs(() => gateway.agent()));
  await gateway.measure(agent, await gateway.device.call(), 71, 72);
  assert.equal((await agent.status()).clock, null, 'it seems to be right');
  assertTrue(await gateway.arrives(agent), gateway.measured);
  assert.equal((await agent.status()).clock?.trust, 'network');
});
