import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchAnswer, Greeting, Link } from '../../../agent/uplink/contract.ts';
import { Courier } from '../../../agent/uplink/courier.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { VitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { newEpoch } from '../../../shared/uplink/key.ts';
import { entryText } from '../../../shared/uplink/kinds.ts';
import type { StoreEpoch } from '../../../shared/uplink/lineage.ts';
import { verifies } from '../../requirements.ts';
import { until } from '../../support/uplink.ts';
import { drained, homeRecord, outboxFile } from '../../support/uplink-site.ts';

/** A hub whose store can go back while its gateways stay connected. */
class RestoredHub {
  held = new Set<string>();
  epochs: StoreEpoch[] = [{ epoch: newEpoch(), from: 0 }];
  position = 0;
  greeted = 0;

  link(): Link {
    return {
      peer: 'hub-1',
      closed: new Promise<VitalmeshError>(() => undefined),
      entryText,
      greet: async (): Promise<Greeting> => {
        this.greeted += 1;
        const lineage = { epochs: [...this.epochs], position: this.position };
        return { limits: { entries: 4, bytes: 1e6 }, now: null, storeId: 'store-1', configRevision: null, lineage };
      },
      post: async (_bundle, ids): Promise<BatchAnswer> => {
        this.position += 1;
        const outcomes = ids.map((id) => ({ id, status: this.held.has(id) ? (200 as const) : (201 as const) }));
        for (const id of ids) this.held.add(id);
        return { outcomes, at: { epoch: this.epochs.at(-1)?.epoch ?? '', position: this.position } };
      },
      close: async () => undefined,
      destroy: () => undefined,
    };
  }
}

test('a store that goes back while its gateway stays connected: the next answer says so, and what was lost is sent again', async () => {
  verifies('UPLINK-BACK-BELOW', 'HUB-RESTORED');
  const hub = new RestoredHub();
  await using outbox = await outboxFile().open();
  const metrics = new Metrics();
  await using courier = new Courier({
    ...{ outbox, agent: 'gw-home', service: 'vitals-ingest', log: silentLogger, metrics, clock: systemClock },
    connect: async () => hub.link(),
    retry: { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 },
  });
  await courier.start(new AbortController().signal);
  const send = async (first: number, last: number): Promise<void> => {
    for (let value = first; value <= last; value += 1) await outbox.append([homeRecord(undefined, value)]);
  };
  await send(40, 49);
  await drained(outbox);
  const backup = { held: new Set(hub.held), position: hub.position };
  await send(50, 59);
  await drained(outbox);
  assert.equal(hub.held.size, 20);
  assert.equal(hub.greeted, 1);
  hub.held = backup.held;
  hub.position = backup.position;
  hub.epochs.push({ epoch: newEpoch(), from: backup.position });
  await send(60, 60);
  await until(() => hub.greeted > 1 && hub.held.size === 21);
  await drained(outbox);
  assert.equal(hub.greeted, 2);
  assert.equal(metrics.get('uplink_lost', 'UPLINK-EPOCH'), 1);
  assert.equal(metrics.get('uplink_entries_answered', '200'), 1, 'what came in the new epoch is taken for held at the new connection only');
});
