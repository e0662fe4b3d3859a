import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalize } from '../../../agent/normalize.ts';
import { Collisions } from '../../../agent/uplink/collisions.ts';
import type { BatchAnswer, BatchLink } from '../../../agent/uplink/contract.ts';
import { Pump, type PumpOptions } from '../../../agent/uplink/pump.ts';
import { RefusalLog } from '../../../agent/uplink/refusal-log.ts';
import type { LaneName } from '../../../agent/uplink/share.ts';
import { systemClock } from '../../../shared/clock.ts';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { BatchBundle, Observation } from '../../../shared/fhir.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { parseObservationId } from '../../../shared/uplink/key.ts';
import { entryText } from '../../../shared/uplink/kinds.ts';
import { verifies } from '../../requirements.ts';
import { MemoryIngest, MemoryOutbox, recordOf } from '../../support/uplink.ts';

/** A connection without a network, straight into an ingest. */
class DirectLink implements BatchLink {
  readonly entryText = entryText;
  readonly closed: Promise<VitalmeshError>;
  readonly ingest: MemoryIngest;
  /** What was sent, in order. */
  readonly posted: { lane: LaneName; seqs: number[] }[] = [];
  /** Batches under way, at most. */
  most = 0;
  #underWay = 0;
  #cut: (reason: VitalmeshError) => void = () => undefined;
  #reason: VitalmeshError | undefined;

  constructor(ingest: MemoryIngest) {
    this.ingest = ingest;
    this.closed = new Promise((resolve) => {
      this.#cut = resolve;
    });
  }

  async post(bundle: string, ids: readonly string[], lane: LaneName): Promise<BatchAnswer> {
    if (this.#reason) throw this.#reason;
    this.posted.push({ lane, seqs: ids.map((id) => parseObservationId(id)?.seq ?? 0) });
    this.#underWay += 1;
    this.most = Math.max(this.most, this.#underWay);
    const { entry } = JSON.parse(bundle) as BatchBundle;
    assert.ok(entry.length <= this.ingest.limits.batchEntries, 'too many entries');
    assert.ok(Buffer.byteLength(bundle) <= this.ingest.limits.batchBytes, 'too many bytes');
    try {
      const { outcomes, committed } = await this.ingest.batch('gw-1', JSON.parse(bundle));
      if (this.#reason) throw this.#reason;
      return committed ? { outcomes, at: committed } : { outcomes };
    } finally {
      this.#underWay -= 1;
    }
  }

  cut(code: ErrorCode = 'OVERLAY-CLOSED'): void {
    this.#reason = new VitalmeshError(code);
    this.#cut(this.#reason);
  }
}

interface Setting {
  outbox: MemoryOutbox;
  ingest: MemoryIngest;
  metrics: Metrics;
  collisions: Collisions;
  troubles: (ErrorCode | null)[];
}

function setting(): Setting {
  return { outbox: new MemoryOutbox(), ingest: new MemoryIngest(), metrics: new Metrics(), collisions: new Collisions(), troubles: [] };
}

interface Running {
  link: DirectLink;
  pump: Pump;
  ended: Promise<VitalmeshError | undefined>;
  stop(): Promise<VitalmeshError | undefined>;
}

function pumpOn({ outbox, ingest, metrics, collisions, troubles }: Setting, options: Partial<PumpOptions> = {}): Running {
  const link = new DirectLink(ingest);
  const pump = new Pump(
    {
      outbox,
      normalize: ({ record, epoch, seq }) => normalize(record, { agent: 'gw-1', epoch, seq }),
      clock: systemClock,
      log: silentLogger,
      metrics,
      refusals: new RefusalLog(silentLogger, systemClock),
      windowBatches: 4,
      lingerMs: 1,
      retry: { minMs: 1, maxMs: 2 },
      drainMs: 1000,
      onAnswer: (trouble) => troubles.push(trouble),
      ...options,
    },
    link,
    { entries: ingest.limits.batchEntries, bytes: ingest.limits.batchBytes },
    collisions,
  );
  const abort = new AbortController();
  const ended = pump.run(abort.signal);
  return {
    link,
    pump,
    ended,
    stop: () => {
      abort.abort();
      return ended;
    },
  };
}

const indexesBySeq = (ids: Iterable<string>): Map<number, number[]> => {
  const found = new Map<number, number[]>();
  for (const id of ids) {
    const key = parseObservationId(id);
    assert.ok(key);
    found.set(key.seq, [...(found.get(key.seq) ?? []), key.index].sort());
  }
  return found;
};

test('what is pending and what comes later is delivered, and exactly the rows that the hub holds are completed', async () => {
  const at = setting();
  await at.outbox.append([recordOf(71, 72), recordOf(73)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await at.outbox.append([recordOf(74)]);
  await at.outbox.empty();
  assert.equal(await stop(), undefined);
  assert.deepEqual(
    at.outbox.completed.map(({ seq }) => seq),
    [1, 2, 3],
  );
  assert.equal(at.ingest.held.size, 4);
  assert.deepEqual(at.outbox.refused, []);
});

test('a row is completed on its own, whatever the order of the answers', async () => {
  const at = setting();
  at.ingest.limits.batchEntries = 1;
  let release: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    release = resolve;
  });
  at.ingest.before = ([id]) => (parseObservationId(id ?? '')?.seq === 1 ? first : undefined);
  await at.outbox.append([recordOf(71), recordOf(72), recordOf(73)]);
  const { stop } = pumpOn(at);
  await at.outbox.until(({ completed }) => completed.length === 2);
  assert.deepEqual(at.outbox.completed.map(({ seq }) => seq).sort(), [2, 3]);
  release();
  await at.outbox.empty();
  await stop();
});

test('no more batches are in flight than the window allows, and no more rows are held in memory than they need', async () => {
  const at = setting();
  at.ingest.limits.batchEntries = 2;
  await at.outbox.append(Array.from({ length: 500 }, (_, i) => recordOf(i)));
  let mostFlying = 0;
  const { link, pump, stop } = pumpOn(at, { windowBatches: 4 });
  at.ingest.before = async () => {
    mostFlying = Math.max(mostFlying, pump.flying);
    await new Promise(setImmediate);
  };
  await at.outbox.empty();
  await stop();
  assert.equal(link.most, 3, 'and one place is kept for what is live');
  assert.ok(mostFlying <= 16, `${mostFlying} rows were taken: a window of four batches of two, and as much on its way into the outbox`);
  assert.ok(at.outbox.readMost <= 512);
  assert.equal(at.ingest.held.size, 500);
});

test('what comes next does not wait until the outbox has let go what was answered, as long as that is no more than a window', async () => {
  const at = setting();
  at.ingest.limits.batchEntries = 1;
  const letGo = Promise.withResolvers<void>();
  const complete = at.outbox.complete.bind(at.outbox);
  at.outbox.complete = async (rows) => {
    await letGo.promise;
    await complete(rows);
  };
  const third = Promise.withResolvers<void>();
  at.ingest.before = async () => {
    if (at.ingest.held.size === 2) third.resolve();
  };
  const { stop, pump } = pumpOn(at, { windowBatches: 3 });
  await at.outbox.append([recordOf(71)]);
  await at.outbox.append([recordOf(72), recordOf(73), recordOf(74)]);
  await third.promise;
  assert.equal(at.outbox.completed.length, 0);
  assert.ok(pump.flying <= 4);
  letGo.resolve();
  await at.outbox.empty();
  await stop();
  assert.deepEqual(at.outbox.completed.map(({ seq }) => seq).sort(), [1, 2, 3, 4]);
});

test('a row larger than a batch travels in several', async () => {
  const at = setting();
  at.ingest.limits.batchEntries = 7;
  await at.outbox.append([recordOf(...Array.from({ length: 30 }, (_, i) => 60 + i)), recordOf(99)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.equal(at.ingest.held.size, 31);
  assert.deepEqual(
    at.ingest.batches.map((ids) => ids.length),
    [7, 7, 7, 7, 3],
  );
  assert.deepEqual(
    at.outbox.completed.map(({ seq }) => seq),
    [1, 2],
  );
});

test('a refused entry sends its row to quarantine with the code; the good entries and the other rows are stored', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const at = setting();
  at.ingest.refuse = (_id, content) => (content.includes('"value":66') ? { status: 422, code: 'INGEST-NOT-BOUND' } : undefined);
  await at.outbox.append([recordOf(71), recordOf(72, 66, 73), recordOf(74)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.deepEqual(at.outbox.refused, [{ seq: 2, code: 'INGEST-NOT-BOUND' }]);
  assert.deepEqual(Object.fromEntries(at.outbox.heldOfRefused), { 2: 2 }, 'two of its three are stored');
  assert.deepEqual(
    at.outbox.completed.map(({ seq }) => seq),
    [1, 3],
  );
  assert.deepEqual(
    [...indexesBySeq(at.ingest.held.keys())],
    [
      [1, [0]],
      [2, [0, 2]],
      [3, [0]],
    ],
  );
});

test('a row that cannot become Observations goes to quarantine with its reason and holds up nothing', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const at = setting();
  await at.outbox.append([recordOf(71), recordOf(-1), recordOf(), recordOf(72)]);
  const { stop } = pumpOn(at, {
    normalize: ({ record, epoch, seq }) => {
      if (record.readings[0]?.value === -1) throw new VitalmeshError('DECODE-UNIT');
      return normalize(record, { agent: 'gw-1', epoch, seq });
    },
  });
  await at.outbox.empty();
  await stop();
  assert.deepEqual(at.outbox.refused, [
    { seq: 2, code: 'DECODE-UNIT' },
    { seq: 3, code: 'OUTBOX-DAMAGED-ROW' },
  ]);
  assert.deepEqual(
    at.outbox.completed.map(({ seq }) => seq),
    [1, 4],
  );
  assert.equal(at.metrics.get('uplink_unsendable_rows', 'DECODE-UNIT'), 1);
});

test('many rows in a row that cannot be sent do not stop those behind them', async () => {
  const at = setting();
  await at.outbox.append([...Array.from({ length: 200 }, () => recordOf()), recordOf(71)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.equal(at.outbox.refused.length, 200);
  assert.equal(at.ingest.held.size, 1);
});

test('an entry larger than any batch goes to quarantine; the rest of its row is stored', async () => {
  const at = setting();
  at.ingest.limits.batchBytes = 8000;
  const swollen = (observation: Observation): Observation => ({ ...observation, referenceRange: [{ text: 'x'.repeat(9000) }] });
  await at.outbox.append([recordOf(71, 72), recordOf(73), recordOf(80)]);
  const { stop } = pumpOn(at, {
    normalize: ({ record, epoch, seq }) => {
      const observations = normalize(record, { agent: 'gw-1', epoch, seq });
      return seq === 3 ? observations.map(swollen) : observations.map((o, i) => (seq === 1 && i === 0 ? swollen(o) : o));
    },
  });
  await at.outbox.empty();
  await stop();
  assert.deepEqual(
    at.outbox.refused.sort((a, b) => a.seq - b.seq),
    [
      { seq: 1, code: 'UPLINK-TOO-LARGE' },
      { seq: 3, code: 'UPLINK-TOO-LARGE' },
    ],
  );
  assert.deepEqual(
    [...indexesBySeq(at.ingest.held.keys())],
    [
      [1, [1]],
      [2, [0]],
    ],
  );
});

for (const code of ['INGEST-UNAVAILABLE', 'INGEST-BUSY'] as const)
  test(`a hub that answers ${code} leaves everything pending, is asked again after a while, and holds nothing twice`, async () => {
    const at = setting();
    let failures = 3;
    at.ingest.before = () => {
      if (failures > 0) {
        failures -= 1;
        throw new VitalmeshError(code);
      }
    };
    await at.outbox.append([recordOf(71), recordOf(72)]);
    const { stop } = pumpOn(at);
    await at.outbox.empty();
    await stop();
    assert.equal(failures, 0);
    assert.deepEqual(at.troubles.filter((trouble) => trouble !== null).slice(0, 1), [code]);
    assert.equal(at.troubles.at(-1), null);
    assert.deepEqual(at.outbox.refused, []);
    assert.equal(at.ingest.held.size, 2);
  });

test('an entry to be sent again keeps its whole row pending, and the others go on meanwhile', async () => {
  verifies('EXACTLY-ONCE');
  const at = setting();
  let refusals = 2;
  at.ingest.refuse = (_id, content) => {
    if (!content.includes('"value":66') || refusals === 0) return undefined;
    refusals -= 1;
    return { status: 503, code: 'INGEST-UNAVAILABLE' };
  };
  await at.outbox.append([recordOf(71, 66), recordOf(72)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.deepEqual(
    at.outbox.completed.map(({ seq }) => seq),
    [2, 1],
  );
  assert.equal(at.ingest.held.size, 3);
});

test('a batch refused as a whole because of one row is divided until that row stands alone', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  for (const code of ['UPLINK-BUNDLE', 'UPLINK-TOO-LARGE'] as const) {
    const at = setting();
    const poison = (id: string): boolean => parseObservationId(id)?.seq === 11;
    at.ingest.before = (ids) => {
      if (ids.some(poison)) throw new VitalmeshError(code);
    };
    await at.outbox.append(Array.from({ length: 20 }, (_, i) => recordOf(70 + i)));
    const { stop } = pumpOn(at);
    await at.outbox.empty();
    await stop();
    assert.deepEqual(at.outbox.refused, [{ seq: 11, code }]);
    assert.equal(at.ingest.held.size, 19);
  }
});

test('a row at which the hub fails by a defect stays pending, alone', async () => {
  const at = setting();
  let fails = true;
  let tries = 0;
  at.ingest.before = (ids) => {
    if (!fails || !ids.some((id) => parseObservationId(id)?.seq === 2)) return;
    if (ids.length === 1) tries += 1;
    throw new VitalmeshError('INTERNAL');
  };
  await at.outbox.append([recordOf(71), recordOf(72), recordOf(73)]);
  const { stop } = pumpOn(at);
  await at.outbox.until(({ completed }) => completed.length === 2);
  await at.outbox.append([recordOf(74)]);
  await at.outbox.until(({ completed }) => completed.length === 3);
  assert.equal((await at.outbox.status()).pending, 1);
  fails = false;
  await at.outbox.empty();
  await stop();
  assert.ok(tries >= 1);
  assert.deepEqual(at.outbox.refused, []);
});

test('a key used before with other content: the row gets new keys under a new epoch, with evidence in quarantine', async () => {
  verifies('KEY-REUSED');
  const at = setting();
  const before = at.outbox.epoch;
  at.ingest.held.set(`gw-1.${before}.2.0`, 'what another life of this disk has sent');
  await at.outbox.append([recordOf(71), recordOf(72), recordOf(73)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.notEqual(at.outbox.epoch, before);
  assert.deepEqual(at.outbox.refused, []);
  assert.deepEqual(at.outbox.evidence, [{ code: 'UPLINK-KEY-REUSED', part: `row ${before}.2` }]);
  assert.equal(at.ingest.held.get(`gw-1.${before}.2.0`), 'what another life of this disk has sent');
  assert.ok(at.ingest.held.has(`gw-1.${at.outbox.epoch}.2.0`));
  // The rows beside it were stored under their old keys, and only under these.
  assert.equal(at.ingest.held.size, 4);
});

test('of a row that collides in part, nothing is stored a second time under the new key', async () => {
  verifies('KEY-REUSED', 'EXACTLY-ONCE');
  const at = setting();
  at.ingest.held.set(`gw-1.${at.outbox.epoch}.1.1`, 'other content');
  await at.outbox.append([recordOf(71, 72, 73)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.deepEqual(
    [...at.ingest.held.keys()].map((id) => id.slice(-4)),
    ['.1.1', '.1.0', '.1.2', '.1.1'],
  );
  assert.equal(at.ingest.held.size, 4);
});

test('no new keys are taken before each row whose answer was lost has been answered under its old one', async () => {
  verifies('KEY-REUSED', 'EXACTLY-ONCE');
  const at = setting();
  at.ingest.limits.batchEntries = 1;
  await at.outbox.append([recordOf(71), recordOf(72), recordOf(73), recordOf(74)]);
  const lost = pumpOn(at, { windowBatches: 5 });
  let arrived = 0;
  at.ingest.after = () => {
    arrived += 1;
    if (arrived === 4) lost.link.cut();
    return new Promise((resolve) => void lost.ended.then(() => resolve()));
  };
  await lost.ended;
  assert.equal(at.ingest.held.size, 4);
  assert.equal((await at.outbox.status()).pending, 4);
  at.ingest.after = () => undefined;
  at.ingest.held.set(`gw-1.${at.outbox.epoch}.1.0`, 'other content');
  await at.outbox.append([recordOf(75)]);
  const { stop } = pumpOn(at, { windowBatches: 1 });
  await at.outbox.empty();
  await stop();
  assert.deepEqual([...indexesBySeq(at.ingest.held.keys()).keys()].sort(), [1, 2, 3, 4, 5]);
  assert.equal(at.ingest.held.size, 6);
});

test('while keys are in question, rows that were never sent wait for their new ones', async () => {
  verifies('KEY-REUSED');
  const at = setting();
  const before = at.outbox.epoch;
  at.ingest.held.set(`gw-1.${before}.1.0`, 'other content');
  at.ingest.limits.batchEntries = 1;
  // Devices go on: every batch finds a new row waiting behind it.
  let appended = 1;
  at.ingest.after = () => {
    if (appended === 40) return;
    appended += 1;
    void at.outbox.append([recordOf(60 + appended)]);
  };
  await at.outbox.append([recordOf(60)]);
  const { stop } = pumpOn(at);
  await at.outbox.until(({ completed }) => completed.length === 40);
  await stop();
  const underOldKeys = at.outbox.completed.filter(({ epoch }) => epoch === before);
  assert.ok(underOldKeys.length < 5, `${underOldKeys.length} rows were sent under the old epoch`);
});

test('a row on its way is not sent a second time because another one has to be', async () => {
  const at = setting();
  at.ingest.limits.batchEntries = 1;
  let release: () => void = () => undefined;
  at.ingest.before = ([id]) =>
    parseObservationId(id ?? '')?.seq === 1
      ? new Promise((resolve) => {
          release = resolve;
        })
      : undefined;
  let refusals = 3;
  at.ingest.refuse = (id) => {
    if (parseObservationId(id)?.seq !== 2 || refusals === 0) return undefined;
    refusals -= 1;
    return { status: 503, code: 'INGEST-UNAVAILABLE' };
  };
  await at.outbox.append([recordOf(71), recordOf(72)]);
  const { stop } = pumpOn(at);
  await at.outbox.until(({ completed }) => completed.length === 1);
  release();
  await at.outbox.empty();
  await stop();
  assert.equal(at.ingest.batches.flat().filter((id) => parseObservationId(id)?.seq === 1).length, 1);
});

test('a row that collides whatever its key ends in quarantine', async () => {
  const at = setting();
  at.ingest.refuse = (_id, content) => (content.includes('"value":66') ? { status: 409, code: 'UPLINK-KEY-REUSED' } : undefined);
  await at.outbox.append([recordOf(66), recordOf(71)]);
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.deepEqual(at.outbox.refused, [{ seq: 1, code: 'UPLINK-KEY-REUSED' }]);
  assert.equal(at.ingest.held.size, 1);
});

test('an outbox that cannot take the answers sends again once it can', async () => {
  const at = setting();
  await at.outbox.append([recordOf(71)]);
  at.ingest.before = () => {
    at.outbox.failing = at.ingest.batches.length < 3 ? new VitalmeshError('STORAGE-FULL') : undefined;
  };
  const { stop } = pumpOn(at);
  await at.outbox.empty();
  await stop();
  assert.ok(at.troubles.includes('STORAGE-FULL'));
  assert.equal(at.metrics.get('uplink_outbox_failures', 'STORAGE-FULL'), 2);
  assert.equal(at.ingest.held.size, 1);
});

test('a refusal of the gateway ends the run with its code, and everything stays', async () => {
  const at = setting();
  at.ingest.before = () => {
    throw new VitalmeshError('UPLINK-UNKNOWN-GATEWAY');
  };
  await at.outbox.append([recordOf(71)]);
  const reason = await pumpOn(at).ended;
  assert.equal(reason?.code, 'UPLINK-UNKNOWN-GATEWAY');
  assert.equal((await at.outbox.status()).pending, 1);
});

test('stopping does not wait for a hub that does not answer', async () => {
  const at = setting();
  await at.outbox.append([recordOf(71)]);
  const entered = new Promise<void>((resolve) => {
    at.ingest.before = () => {
      resolve();
      return new Promise(() => undefined);
    };
  });
  const { stop } = pumpOn(at, { drainMs: 1 });
  await entered;
  assert.equal(await stop(), undefined);
  assert.equal((await at.outbox.status()).pending, 1);
});

test('whatever the hub answers and wherever the connection breaks, each observation is held once and each row leaves the outbox once', async () => {
  verifies('EXACTLY-ONCE');
  const batchFate = fc.constantFrom('stored', 'stored', 'cut before', 'cut after', 'unavailable', 'internal', 'outbox fails');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
      fc.array(batchFate, { maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 3 }),
      async (rows, fates, batchEntries, windowBatches) => {
        const at = setting();
        at.ingest.limits.batchEntries = batchEntries;
        await at.outbox.append(rows.map((readings, i) => recordOf(...Array.from({ length: readings }, (_, k) => 40 + i * 5 + k))));
        let running: Running | undefined;
        const next = (): string => fates.shift() ?? 'stored';
        let fate = 'stored';
        at.ingest.before = () => {
          fate = next();
          at.outbox.failing = fate === 'outbox fails' ? new VitalmeshError('STORAGE-IO') : undefined;
          if (fate === 'cut before') running?.link.cut();
          if (fate === 'cut before' || fate === 'unavailable') throw new VitalmeshError('INGEST-UNAVAILABLE');
          if (fate === 'internal') throw new VitalmeshError('INTERNAL');
        };
        at.ingest.after = () => {
          if (fate === 'cut after') running?.link.cut();
        };
        const done = at.outbox.empty().then(() => 'done' as const);
        for (;;) {
          running = pumpOn(at, { windowBatches });
          if ((await Promise.race([done, running.ended])) === 'done') break;
        }
        await running.stop();
        assert.equal(
          at.ingest.held.size,
          rows.reduce((sum, readings) => sum + readings, 0),
        );
        assert.deepEqual(
          at.outbox.completed.map(({ seq }) => seq).sort((a, b) => a - b),
          rows.map((_, i) => i + 1),
        );
        assert.deepEqual(at.outbox.refused, []);
      },
    ),
    { numRuns: 100 },
  );
});
