import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Principal } from '../../../../hub/access/access.ts';
import { Budgets } from '../../../../hub/access/budgets/budgets.ts';
import { LIMITS } from '../../../../hub/access/budgets/limits.ts';
import type { Use } from '../../../../hub/access/budgets/usage.ts';
import type { KeptUsage } from '../../../../hub/audit/usage.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW, testHub } from '../../../support/hub.ts';

const who: Principal = { id: 'ai-1', tenant: 'clinic', kind: 'person', role: 'clinician', patients: 'all' };
const limits = { ...LIMITS.person, callsPerDay: 3, othersPerHour: 2 };
const CALL: Use = { calls: 1, others: [] };
const of = (patient: string): Use => ({ calls: 0, others: [patient] });

/** A store that keeps what `commit` says, as its evidence would. */
class Kept {
  readonly others: [string, number][] = [];
  calls = 0;
  reads = 0;
  fails = false;

  async usage(): Promise<KeptUsage> {
    this.reads += 1;
    await Promise.resolve();
    if (this.fails) throw new VitalmeshError('STORAGE-IO');
    return { calls: this.calls > 0 ? [[Math.floor(TEST_NOW / 86_400_000), this.calls]] : [], others: [...this.others] };
  }
}

const at = (ms: number) => ({ at: TEST_NOW + ms, atMs: ms, patients: 10_000 });

test('hubs that share a store see within seconds what the others let through', async () => {
  verifies('LIMITS-KEPT');
  const kept = new Kept();
  const [one, other] = [new Budgets(kept), new Budgets(kept)];
  await other.take(who, CALL, limits, at(0));
  for (const patient of ['a', 'b']) {
    await one.take(who, of(patient), limits, at(1));
    kept.others.push([patient, TEST_NOW + 1]);
  }
  await one.take(who, CALL, limits, at(1));
  kept.calls = 2;
  await assert.rejects(other.take(who, of('c'), limits, at(5001)), { code: 'ACCESS-LIMIT', limit: 'othersPerHour' });
  await other.take(who, of('a'), limits, at(5001));
  await other.take(who, CALL, limits, at(5001));
  await assert.rejects(other.take(who, CALL, limits, at(5002)), { code: 'ACCESS-LIMIT', limit: 'callsPerDay' });
});

test('calls at the same time take from the same, and the store is asked once for all of them', async () => {
  verifies('LIMITS-DAYS');
  const kept = new Kept();
  const budgets = new Budgets(kept);
  const through = await Promise.allSettled(Array.from({ length: 20 }, () => budgets.take(who, CALL, limits, at(0))));
  assert.equal(through.filter(({ status }) => status === 'fulfilled').length, 3);
  assert.equal(kept.reads, 1);
  await budgets.take({ ...who, tenant: 'other' }, CALL, limits, at(0));
  await budgets.take({ ...who, id: 'ai-2' }, CALL, limits, at(0));
});

test('while the store cannot say what was used up, nothing is let through', async () => {
  verifies('LIMITS-KEPT');
  const kept = new Kept();
  const budgets = new Budgets(kept);
  kept.fails = true;
  await assert.rejects(budgets.take(who, CALL, limits, at(0)), { code: 'STORAGE-IO' });
  kept.fails = false;
  for (let i = 0; i < 3; i += 1) await budgets.take(who, CALL, limits, at(1));
  await assert.rejects(budgets.take(who, CALL, limits, at(1)), { code: 'ACCESS-LIMIT' });
});

test('a list counts as reading: one call for each twenty patients of others in it, none more for one’s own', async () => {
  verifies('LIMITS-DAYS');
  const beds = Array.from({ length: 45 }, (_, i) => `B-${i}: pat-test-${i}`).join(', ');
  const registry = `
gateways:
  - { identity: gw, tenant: clinic, beds: { ${beds} } }
wards:
  icu: { tenant: clinic, beds: [${Array.from({ length: 45 }, (_, i) => `B-${i}`).join(', ')}] }
clients:
  - { identity: all, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: own, tenant: clinic, kind: software, role: monitor, wards: [icu] }
`;
  await using hub = testHub({ registry });
  const used = async (id: string): Promise<number> => {
    const who = hub.registry.principal(id) ?? assert.fail();
    assert.equal((await hub.door.listPatients(who, { channel: 'mcp-2026' })).length, 45);
    await hub.door.listPatients(who, { channel: 'mcp-2026', followed: true });
    const { calls } = await hub.store.usage('clinic', id, { day: 0, at: 0 });
    return calls.reduce((sum, [, count]) => sum + count, 0);
  };
  assert.deepEqual([await used('all'), await used('own')], [3, 1]);
});
