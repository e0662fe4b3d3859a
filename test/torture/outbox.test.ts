import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { assertNothingLost, GATEWAY, nothingSaid, runGateway } from '../fault/outbox-witness.ts';
import { seedOf } from '../support/seed.ts';

const KILLS = 100;

test(`an agent's outbox killed ${KILLS} times under load, at random moments: nothing acknowledged is missing`, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-torture-'));
  const seed = seedOf();
  const uniform = random(seed);
  const said = nothingSaid();
  for (let round = 0; round < KILLS; round += 1) {
    await runGateway([process.execPath, GATEWAY, folder, `${1 + round * 1_000_000}`, '900000'], said, 1 + Math.floor(uniform() * 300));
    if (round % 10 === 9) process.stderr.write(`  ${round + 1} kills, ${said.acknowledged.size} acknowledged\n`);
  }
  assertNothingLost(folder, said);
  assert.ok(said.acknowledged.size > KILLS);
  context.diagnostic(`seed ${seed}: ${KILLS} kills, ${said.acknowledged.size} acknowledged, none missing`);
  rmSync(folder, { recursive: true, force: true });
});
