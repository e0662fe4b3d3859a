import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { genesisHash } from '../../../../hub/audit/chain.ts';
import { Behind } from '../../../../hub/audit/feed/behind.ts';
import type { FeedEvent, FeedSink } from '../../../../hub/audit/feed/contract.ts';
import type { FeedPlaces } from '../../../../hub/audit/feed/place.ts';
import type { FeedReceiver } from '../../../../hub/audit/feed/receiver.ts';
import { FeedRun, type FeedRunOptions } from '../../../../hub/audit/feed/run.ts';
import { chainHash } from '../../../../hub/audit/link.ts';
import { openSqliteStore } from '../../../../hub/store/sqlite.ts';
import type { Store } from '../../../../hub/store/store.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { aborted, Backoff } from '../../../../shared/lifecycle.ts';
import { createLogger, silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { event } from '../../../contract/store.ts';
import { aReceiver } from '../../../contract/store-feed.ts';
import { verifies } from '../../../requirements.ts';
import { gathered, TestClock } from '../../../support/hub.ts';
import { until } from '../../../support/until.ts';

const SIEM = aReceiver('siem');

/** A receiver in memory, which a test can make misbehave. */
class TestSink implements FeedSink {
  round = { entries: 1000, ms: 1000 };
  /** Everything that came, over all connections. */
  came: FeedEvent[] = [];
  confirmedUpTo = 0;
  fails: VitalmeshError | undefined;
  confirmsNothing = false;
  /** Takes nothing, and says nothing. */
  stalls = false;
  readonly sizes: number[] = [];
  #open = 0;

  async send(events: readonly FeedEvent[], signal: AbortSignal): Promise<void> {
    if (this.stalls) await aborted(signal);
    if (this.fails) throw this.fails;
    signal.throwIfAborted();
    this.came.push(...events);
    this.#open += events.filter(({ type }) => type === 'entry').length;
  }

  async confirm(): Promise<void> {
    this.sizes.push(this.#open);
    this.#open = 0;
    if (this.fails || this.confirmsNothing) throw this.fails ?? new VitalmeshError('AUDIT-FEED-UNREACHABLE');
    this.confirmedUpTo = this.seqs().at(-1) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is held.
  }

  seqs(): number[] {
    return this.came.filter(({ type }) => type === 'entry').map((one) => Number(fieldOf(one, 'seq')));
  }

  of(type: FeedEvent['type']): FeedEvent[] {
    return this.came.filter((one) => one.type === type);
  }
}

const fieldOf = ({ fields }: FeedEvent, name: string): unknown => new Map(fields).get(name);

interface Site extends AsyncDisposable {
  store: Store;
  sink: TestSink;
  clock: TestClock;
  metrics: Metrics;
  log: string[];
  /** A feed that runs until it is disposed. */
  start(change?: Partial<FeedRunOptions>): Promise<FeedRun>;
  reopen(): Promise<void>;
  record(count: number): Promise<void>;
}

async function site(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-feed-'));
  const key = randomBytes(32);
  const open = (): Store => openSqliteStore({ path: join(folder, 'hub.db'), key, metrics: new Metrics() });
  const lines: string[] = [];
  const own: Site = {
    store: open(),
    sink: new TestSink(),
    clock: new TestClock(),
    metrics: new Metrics(),
    log: lines,
    start: async (change = {}) => {
      const { store, sink, clock, metrics } = own;
      const log = createLogger({ component: 'hub', destination: { write: (line: string) => void lines.push(line) } });
      const run = new FeedRun({
        ...{ store, sink, clock, metrics, log },
        receiver: SIEM,
        subjects: true,
        heartbeatMs: 60_000,
        limits: { entries: 100, ms: 60_000 },
        backoff: new Backoff(1, 2),
        // Time goes on by what is waited for.
        wait: async (ms, signal) => {
          await new Promise((resolve) => setImmediate(resolve));
          if (!signal.aborted) clock.advance(Math.max(1, Math.min(ms, 500)));
        },
        ...change,
      });
      await run.start(new AbortController().signal);
      return run;
    },
    reopen: async () => {
      await own.store[Symbol.asyncDispose]();
      own.store = open();
    },
    record: (count) => own.store.record(Array.from({ length: count }, (_, i) => event(i))),
    [Symbol.asyncDispose]: async () => {
      await own.store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return own;
}

/** The same store, of which the feed learns otherwise where it is. */
function withPlaces(store: Store, change: Partial<FeedPlaces>): Store {
  const { take, keep, leave, receivers } = store.feedPlaces;
  const own = store.feedPlaces;
  const feedPlaces: FeedPlaces = {
    take: take.bind(own),
    keep: keep.bind(own),
    leave: leave.bind(own),
    receivers: receivers.bind(own),
    ...change,
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'feedPlaces') return feedPlaces;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test('each entry is sent once, in order, tied to the one before it, while more are written', async () => {
  verifies('FEED-IN-ORDER');
  await using at = await site();
  await at.record(600);
  {
    await using _run = await at.start();
    for (let i = 0; i < 20; i++) await at.record(10);
    await until(() => at.sink.confirmedUpTo === 800);
  }
  assert.deepEqual(at.sink.seqs(), upTo(800));
  const chain = await gathered(at.store.audit());
  let prev = genesisHash(at.store.storeId);
  for (const [i, sent] of at.sink.of('entry').entries()) {
    assert.equal(fieldOf(sent, 'prev'), prev.toString('hex'));
    prev = chainHash(prev, chain[i]?.entry ?? '');
    assert.equal(fieldOf(sent, 'hash'), prev.toString('hex'));
  }
});

test('the feed goes on where the receiver surely had everything, over restarts, failures and ends that nobody answers', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  await at.record(300);
  {
    await using _run = await at.start();
    await until(() => at.sink.confirmedUpTo === 300);
    at.sink.confirmsNothing = true;
    await at.record(100);
    await until(() => at.sink.seqs().length > 400);
  }
  // Nothing of the last hundred was confirmed, so all of it comes again.
  at.sink.confirmsNothing = false;
  at.sink.came = [];
  await at.reopen();
  {
    await using _run = await at.start();
    await until(() => at.sink.confirmedUpTo === 400);
    assert.equal(at.sink.seqs()[0], 301);
    at.sink.fails = new VitalmeshError('AUDIT-FEED-TLS', { detail: 'the receiver' });
    await at.record(50);
    await until(() => at.metrics.get('audit_feed_failures', 'AUDIT-FEED-TLS') > 3);
    at.sink.fails = undefined;
    await until(() => at.sink.confirmedUpTo === 450);
  }
  assert.deepEqual(at.sink.seqs(), upTo(450).slice(300));
});

test('what the last moments before a stop wrote is sent by the stop', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  {
    await using _run = await at.start({ heartbeatMs: 1 });
    await until(() => at.sink.of('heartbeat').length > 0);
    await at.record(700);
  }
  assert.equal(at.sink.confirmedUpTo, 700);
  assert.equal((await at.store.feedPlaces.take(SIEM, 1))?.seq, 700);
});

test('a stop in the middle of a send confirms nothing of what a cut connection held', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  await at.record(100);
  {
    await using run = await at.start();
    const { send } = at.sink;
    let isCaught = false;
    // As a line does: what was cut takes with it what was sent over it and not confirmed.
    at.sink.send = async (events, signal) => {
      if (at.sink.seqs().length < 400) return await send.call(at.sink, events, signal);
      isCaught = true;
      await aborted(signal);
      at.sink.came = [];
      at.sink.send = send;
      throw new VitalmeshError('AUDIT-FEED-UNREACHABLE');
    };
    await until(() => run.status().confirmed === 100);
    at.sink.round = { entries: 1000, ms: Number.MAX_SAFE_INTEGER };
    await at.record(400);
    await until(() => run.status().sent >= 400);
    await at.record(10);
    await until(() => isCaught);
  }
  assert.deepEqual([at.sink.seqs(), at.sink.confirmedUpTo], [upTo(510).slice(100), 510]);
});

test('a receiver that gets no round through in time is sent smaller ones, and larger ones again later', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  await at.record(5000);
  const most = 100;
  const { confirm } = at.sink;
  at.sink.confirm = async () => {
    await confirm.call(at.sink);
    if ((at.sink.sizes.at(-1) ?? 0) > most) throw new VitalmeshError('AUDIT-FEED-UNREACHABLE', { detail: 'too slow' });
  };
  await using _run = await at.start();
  await until(() => _run.status().confirmed > 500);
  at.sink.confirm = confirm;
  await until(() => _run.status().confirmed === 5000);
  assert.ok(Math.max(...at.sink.sizes.slice(-5)) > most);
  assert.deepEqual([...new Set(at.sink.seqs())], upTo(5000));
});

test('a receiver that does not read holds up nothing, and nothing is read ahead of it', async () => {
  verifies('FEED-HOLDS-UP-NOTHING', 'FEED-GAP-ALARM');
  await using at = await site();
  at.sink.stalls = true;
  let pages = 0;
  const store = new Proxy(at.store, {
    get: (target, name) => {
      if (name === 'auditBehind') pages += 1;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  await at.record(10);
  await using run = await at.start({ store });
  for (let i = 0; i < 300; i++) await at.record(10);
  await until(() => run.status().alarms.length > 0);
  assert.deepEqual([pages, run.status().alarms, at.metrics.get('audit_feed_behind')], [1, ['AUDIT-FEED-BEHIND'], 1]);
  assert.ok(run.status().newest - run.status().sent > 100);
  assert.ok(at.log.some((line) => line.includes('AUDIT-FEED-BEHIND') && line.includes('the feed of the evidence is behind')));
});

test('the alarm ends once the feed has caught up; why it waited stands in status, log and metrics meanwhile', async () => {
  verifies('FEED-GAP-ALARM');
  await using at = await site();
  at.sink.fails = new VitalmeshError('AUDIT-FEED-UNREACHABLE', { detail: 'the receiver (ECONNREFUSED)' });
  await at.record(101);
  await using run = await at.start();
  await until(() => run.status().alarms.length > 0 && run.status().code !== null);
  const { state, code, behindMs, newest, confirmed } = run.status();
  assert.deepEqual([state, code, newest, confirmed], ['waiting', 'AUDIT-FEED-UNREACHABLE', 101, 0]);
  assert.equal(run.status().detail, 'the receiver (ECONNREFUSED)');
  assert.ok(behindMs !== null && behindMs >= 0);
  assert.equal(at.metrics.get('audit_feed_waiting'), 101);
  at.sink.fails = undefined;
  await until(() => run.status().alarms.length === 0 && run.status().behindMs === null);
  assert.deepEqual([run.status().state, run.status().code, at.metrics.get('audit_feed_waiting')], ['feeding', null, 0]);
  for (const said of ['does not get through', 'gets through again', 'has caught up'])
    assert.ok(
      at.log.some((line) => line.includes(said)),
      said,
    );
});

test('a heartbeat tells the newest number while nothing else is to be told, and right after a start', async () => {
  verifies('FEED-GAP-ALARM');
  await using at = await site();
  await at.record(3);
  await using _run = await at.start();
  await until(() => at.sink.of('heartbeat').length >= 3);
  const beats = at.sink.of('heartbeat');
  const { seq, hash } = await at.store.auditHead();
  for (const beat of beats) assert.deepEqual([fieldOf(beat, 'newest'), fieldOf(beat, 'hash')], [seq, Buffer.from(hash).toString('hex')]);
  assert.equal(fieldOf(beats[1] as FeedEvent, 'sent'), 3);
  const [first, second] = beats.map((beat) => beat.at ?? 0);
  assert.ok((second ?? 0) - (first ?? 0) >= 60_000);
});

test('entries that the store no longer has are told of, instead of a hole', async () => {
  verifies('FEED-GAP-ALARM', 'FEED-IN-ORDER');
  await using at = await site();
  await at.record(9);
  const { store } = at;
  const kept = new Proxy(store, {
    get: (target, name) => {
      if (name === 'auditBehind') return async (after: number, limit: number) => await target.auditBehind(Math.max(after, 4), limit);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  await using _run = await at.start({ store: kept });
  await until(() => at.sink.confirmedUpTo === 9);
  assert.deepEqual(at.sink.seqs(), [5, 6, 7, 8, 9]);
  const [gap] = at.sink.of('gap');
  assert.deepEqual([fieldOf(gap as FeedEvent, 'from'), fieldOf(gap as FeedEvent, 'to')], [1, 4]);
  assert.deepEqual(
    at.sink.of('entry').map((one) => fieldOf(one, 'prev') === undefined),
    [true, false, false, false, false],
  );
});

test('evidence that does not go on from what was sent is told of, and sent again from its beginning', async () => {
  verifies('FEED-GAP-ALARM');
  for (const kept of [
    { seq: 2, hash: Buffer.alloc(32, 9) },
    { seq: 80, hash: Buffer.alloc(32, 9) },
  ]) {
    await using at = await site();
    await at.record(5);
    await at.store.feedPlaces.take(SIEM, 0);
    await at.store.feedPlaces.keep(SIEM.id, kept);
    await using run = await at.start();
    await until(() => at.sink.confirmedUpTo === 5);
    assert.deepEqual(at.sink.seqs(), upTo(5));
    assert.deepEqual(run.status().alarms, ['AUDIT-FEED-REWRITTEN']);
    assert.equal(at.metrics.get('audit_feed_rewritten'), 1);
  }
});

test('another receiver begins at its own beginning, and the one of before goes on where it was', async () => {
  verifies('FEED-EACH-RECEIVER');
  await using at = await site();
  await at.record(20);
  const fed = async (receiver: FeedReceiver, last: number): Promise<number[]> => {
    at.sink.came = [];
    await using run = await at.start({ receiver });
    await until(() => run.status().confirmed === last);
    return at.sink.seqs();
  };
  assert.deepEqual(await fed(SIEM, 20), upTo(20));
  await at.record(5);
  assert.deepEqual(await fed(aReceiver('other'), 25), upTo(25), 'all that is kept');
  await at.record(5);
  {
    at.sink.came = [];
    await using run = await at.start({ receiver: aReceiver('late', 'now') });
    await until(() => run.status().began === 30);
    await at.record(2);
    await until(() => run.status().confirmed === 32);
    assert.deepEqual(at.sink.seqs(), [31, 32], 'what came from then on');
    assert.deepEqual(
      run.status().others.map(({ id, confirmed }) => [id, confirmed]),
      [
        ['other', 25],
        ['siem', 20],
      ],
    );
  }
  assert.deepEqual(await fed(SIEM, 32), upTo(32).slice(20));
});

test('an operator has everything from an entry on sent again', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  await at.record(20);
  await using run = await at.start();
  await until(() => at.sink.confirmedUpTo === 20);
  at.sink.came = [];
  await run.sendAgain(15);
  await until(() => at.sink.seqs().length === 6);
  assert.deepEqual(at.sink.seqs(), [15, 16, 17, 18, 19, 20]);
  at.sink.came = [];
  await run.sendAgain(1);
  await until(() => at.sink.seqs().length === 20);
  assert.deepEqual([at.sink.seqs(), run.status().alarms], [upTo(20), []]);
});

test('sending again never goes ahead: what the receiver has not confirmed goes with it, and the answer says from where on', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  await at.record(50);
  await using run = await at.start();
  await until(() => at.sink.confirmedUpTo === 50);
  at.sink.fails = new VitalmeshError('AUDIT-FEED-UNREACHABLE');
  await at.record(40);
  await until(() => run.status().code !== null);
  assert.equal(await run.sendAgain(90), 51);
  at.sink.fails = undefined;
  await until(() => at.sink.confirmedUpTo === 90);
  assert.deepEqual([[...new Set(at.sink.seqs())], at.sink.of('gap')], [upTo(90), []]);
  at.sink.fails = new VitalmeshError('AUDIT-FEED-UNREACHABLE');
  await at.record(1);
  await until(() => run.status().code !== null);
  assert.deepEqual([await run.sendAgain(20), await run.sendAgain(80)], [20, 20], 'of two wishes that wait the earlier counts');
});

test('a feed that has not begun goes by the place that is kept when it is to send again', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  await at.record(20);
  {
    await using _first = await at.start();
    await until(() => at.sink.confirmedUpTo === 20);
  }
  await at.record(10);
  await using run = new FeedRun({
    ...at,
    receiver: SIEM,
    subjects: true,
    heartbeatMs: 60_000,
    limits: { entries: 100, ms: 60_000 },
    log: silentLogger,
  });
  assert.equal(await run.sendAgain(25), 21);
});

test('of two hubs one feeds; the other says so, and takes over when the first stops', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  await at.record(5);
  let holder = 'one';
  const places = at.store.feedPlaces;
  const seenBy = (name: string): Store =>
    withPlaces(at.store, {
      take: async (receiver, forMs) => (holder === name ? await places.take(receiver, forMs) : undefined),
      keep: async (receiver, place) => holder === name && (await places.keep(receiver, place)),
    });
  await using one = await at.start({ store: seenBy('one') });
  await using two = await at.start({ store: seenBy('two') });
  await until(() => at.sink.confirmedUpTo === 5 && two.status().state === 'standby');
  assert.deepEqual([one.status().state, two.status().behindMs], ['feeding', null]);
  await assert.rejects(two.sendAgain(1), { code: 'AUDIT-NO-FEED' });
  holder = 'two';
  await at.record(5);
  await until(() => one.status().state === 'standby' && two.status().confirmed === 10);
  assert.deepEqual([...new Set(at.sink.seqs())], upTo(10));
});

test('a store that cannot keep how far the feed has come does not make it send all again', async () => {
  verifies('FEED-GOES-ON');
  await using at = await site();
  let isFull = true;
  const places = at.store.feedPlaces;
  const store = withPlaces(at.store, {
    keep: (receiver, place) => (isFull ? Promise.reject(new VitalmeshError('STORAGE-FULL')) : places.keep(receiver, place)),
  });
  await using run = await at.start({ store });
  await at.record(300);
  await until(() => run.status().confirmed === 300);
  at.sink.fails = new VitalmeshError('AUDIT-FEED-UNREACHABLE');
  await at.record(1);
  await until(() => run.status().code !== null);
  at.sink.fails = undefined;
  isFull = false;
  await until(() => run.status().confirmed === 301);
  assert.deepEqual(at.sink.seqs(), upTo(301));
  while ((await places.take(SIEM, 1))?.seq !== 301) await new Promise((resolve) => setImmediate(resolve));
});

test('behind by time is by the clock that never jumps, and ends with the last entry', () => {
  verifies('FEED-GAP-ALARM');
  const behind = new Behind({ entries: 10, ms: 1000 });
  behind.look(5, 0, 100);
  assert.deepEqual([behind.isTooFar(1100), behind.isTooFar(1101), behind.forMs(600)], [false, true, 500]);
  behind.look(6, 5, 2000);
  assert.equal(behind.isTooFar(2000), true);
  behind.look(6, 6, 2100);
  assert.deepEqual([behind.isTooFar(9000), behind.forMs(9000)], [false, null]);
  behind.look(17, 6, 9000);
  assert.equal(behind.isTooFar(9000), true);
});
