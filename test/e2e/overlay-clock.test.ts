import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AuditEvent } from '../../hub/access/access.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import type { StoredObservation } from '../../hub/store/store.ts';
import { Metrics } from '../../shared/metrics.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { type AgentProcess, type Enrolled, FabricSite, type HubProcess, registryOf, storedValues } from '../support/fabric-site.ts';
import { CONFIRMED, makeKnownStore } from '../support/known-store.ts';
import { Oximeter } from '../support/oximeter.ts';
import { WallClock } from '../support/wall-clock.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
/** How far ahead it runs. It is set forward and back, by much and by little; and behind the beginning of certificates, which no clock may be. */
const STEPS = [HOUR_MS, 0, YEAR_MS, 0, -HOUR_MS, 0];
/** About two seconds of data: long enough for what looks at the clock now and then to have looked. */
const MORE = 400;
/** No two times of one moment are further apart than the whole test takes. */
const NEAR_MS = 10 * 60_000;

/** A hub that has run for years: no clock makes anything older than what it knows of its bindings. */
class KnownSite extends FabricSite {
  static override async start(): Promise<KnownSite> {
    return await KnownSite.ready(new KnownSite());
  }

  async makeStore(gateways: readonly Enrolled[]): Promise<void> {
    const store = { path: join(this.folder, 'hub', 'store.db'), keyFile: join(this.folder, 'hub.key') };
    await makeKnownStore(store, this.registryOf(gateways));
  }

  protected override registryOf(gateways: readonly Enrolled[]): string {
    return registryOf(
      gateways.map(({ id }) => id),
      { confirmed: CONFIRMED },
    );
  }
}

describe('clocks are set under load', () => {
  let site: KnownSite;
  let hubIdentity: Enrolled;
  let gateway: Enrolled;

  before(async () => {
    site = await KnownSite.start();
    hubIdentity = await site.enrol('hub', 'hubs');
    gateway = await site.enrol('gateway', 'gateways');
  });

  after(() => site[Symbol.asyncDispose]());

  test('of a gateway, then of the hub: forward and back, by much and by little; data flows on, each reading is stored once, by times that rule 10 allows', async () => {
    verifies('EXACTLY-ONCE', 'THREE-INSTANTS', 'OVERLAY-SLEEP');
    await using stack = new AsyncDisposableStack();
    const device = stack.use(await DeviceServer.listen());
    const clocks = { agent: new WallClock(site.folder, 'agent'), hub: new WallClock(site.folder, 'hub') };
    await site.makeStore([gateway]);
    const hub: HubProcess = stack.use(await clocks.hub.governs(() => site.hub(hubIdentity, [gateway])));
    const agent: AgentProcess = stack.use(await clocks.agent.governs(() => site.agent(gateway, hubIdentity, device.port)));
    const oximeter = stack.use(new Oximeter(await device.call()));
    const flows = async (): Promise<void> => {
      const { observations } = (await hub.status()).counts;
      await hub.until(({ counts }) => counts.observations > observations + MORE);
    };
    await flows();
    for (const aheadMs of STEPS) {
      await clocks.agent.set(aheadMs, agent);
      await flows();
    }
    for (const aheadMs of STEPS) {
      await clocks.hub.set(aheadMs, hub);
      await flows();
    }

    const sent = oximeter.finish();
    await hub.until(({ counts }) => counts.observations >= sent.length);
    assert.equal((await agent.until(({ uplink, outbox }) => uplink.state === 'connected' && outbox.pending === 0)).outbox.quarantined, 0);
    assert.deepEqual(await storedValues(hub), [...sent].sort());
    assert.deepEqual((await hub.status()).counts.quarantined, 0);
    await hub.stop();
    const { rows, latest } = await stored();
    checkTimes(rows);
    assert.deepEqual(latest.sort(), sent.slice(-2).sort(), 'no stamp from the future holds the current value back');
  });

  /** What the hub has left on disk. */
  async function stored(): Promise<{ rows: StoredObservation[]; latest: string[] }> {
    await using store = openSqliteStore({
      path: join(site.folder, 'hub', 'store.db'),
      keyFile: join(site.folder, 'hub.key'),
      metrics: new Metrics(),
    });
    const rows: StoredObservation[] = [];
    for await (const row of await store.observations('clinic', {}, evidence)) rows.push(row);
    const current = await store.latest('clinic', 'pat-home-1', evidence);
    const codes: Record<string, string> = { pr_oxi: '8867-4', spo2: '2708-6' };
    return { rows, latest: current.map(({ vital, value }) => `${codes[vital]} ${value}`) };
  }
});

/** A test has its own way to the store, and records it as anybody has to. */
function evidence(count: number): AuditEvent {
  const who = { tenant: 'clinic', principal: 'test', role: 'operator', patient: null } as const;
  return { at: Date.now(), ...who, action: 'observations.export', outcome: 'allowed', reason: 'granted', count, channel: 'operator' };
}

/** The wall clocks were wrong in turn, so each row shows by its stamps when it was made. */
function checkTimes(rows: readonly StoredObservation[]): void {
  const now = Date.now();
  const is = (at: number, aheadMs: number): boolean => Math.abs(at - now - aheadMs) < NEAR_MS;
  const made = (receivedAhead: number, storedAhead: number): StoredObservation[] =>
    rows.filter(({ receivedAt, storedAt }) => is(receivedAt, receivedAhead) && is(storedAt, storedAhead));
  const kinds = [
    { rows: made(0, 0), marked: false },
    { rows: made(HOUR_MS, 0), marked: true },
    { rows: made(YEAR_MS, 0), marked: true },
    { rows: made(0, HOUR_MS), marked: false },
    { rows: made(0, YEAR_MS), marked: false },
  ];
  for (const { rows: of, marked } of kinds) {
    assert.ok(of.length > 100, `${of.length} rows`);
    for (const { effective, receivedAt, sortTime, flags } of of) {
      // An oximeter has no clock of its own, and no time is ever rewritten.
      assert.equal(effective, receivedAt);
      assert.ok(is(sortTime, 0), new Date(sortTime).toISOString());
      assert.ok(flags.includes('clockless'));
      assert.equal(flags.includes('clock'), marked, flags.join());
    }
  }
  const sum = kinds.reduce((total, kind) => total + kind.rows.length, 0);
  assert.ok(rows.length - sum < 10, 'but for those under way while a clock was set');
}
