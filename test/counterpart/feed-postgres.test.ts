import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileSink } from '../../hub/audit/feed/file-sink.ts';
import { FeedRun } from '../../hub/audit/feed/run.ts';
import type { Store } from '../../hub/store/store.ts';
import { pause } from '../../shared/lifecycle.ts';
import { Metrics } from '../../shared/metrics.ts';
import { event } from '../contract/store.ts';
import { aReceiver } from '../contract/store-feed.ts';
import { verifies } from '../requirements.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';
import { until } from '../support/until.ts';

test('two hubs on one database feed what both write once, one at a time, and the other goes on when the first stops', async () => {
  verifies('FEED-GOES-ON', 'FEED-IN-ORDER');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-feed-'));
  await using server = await PostgresServer.start();
  await using place = await storePlaces(server)();
  await using one = await place.open();
  await using two = await place.open();
  const feedOf = (store: Store): FeedRun =>
    new FeedRun({
      ...{ store, sink: new FileSink(join(folder, 'evidence.jsonl')), subjects: true, metrics: new Metrics() },
      receiver: aReceiver('siem'),
      heartbeatMs: 60_000,
      limits: { entries: 1000, ms: 60_000 },
      // Nobody waits ten seconds to ask whether the feed is free.
      wait: (ms, signal) => pause(Math.min(ms, 100), signal),
    });
  const recorded = async (from: number, count: number): Promise<void> => {
    for (let i = 0; i < count; i++)
      await (i % 2 ? one : two).record([event(from + i, { patient: `pat-${i % 5}` }), event(i, { tenant: 'other' })]);
  };
  try {
    await using second = feedOf(two);
    {
      await using first = feedOf(one);
      await first.start(new AbortController().signal);
      await until(() => first.status().state === 'feeding');
      await second.start(new AbortController().signal);
      await recorded(0, 100);
      await until(() => first.status().confirmed === 200 && second.status().state === 'standby');
    }
    await recorded(100, 50);
    await until(() => second.status().confirmed === 300);
    const lines = readFileSync(join(folder, 'evidence.jsonl'), 'utf8').trimEnd().split('\n');
    const fed = lines
      .map((line) => JSON.parse(line) as { type: string; seq: number; prev: string; hash: string })
      .filter(({ type }) => type === 'entry');
    assert.deepEqual(
      fed.map(({ seq }) => seq),
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
    for (const [i, { prev }] of fed.entries()) if (i > 0) assert.equal(prev, fed[i - 1]?.hash);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
