import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outbox, OutboxRow } from '../../../agent/outbox/outbox.ts';
import { type OutboxOptions, openOutbox } from '../../../agent/outbox/sqlite.ts';
import type { Gap } from '../../../shared/gap.ts';
import { createLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { ReadingRecord, RowClass } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-limits-'));
after(() => rmSync(root, { recursive: true, force: true }));

const START = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const LIMIT = 1024 * 1024;

function setUp(options: Partial<OutboxOptions> = {}) {
  const folder = mkdtempSync(join(root, 'o-'));
  const clock = { ms: START, now: () => clock.ms, monotonicMs: () => clock.ms };
  const lines: string[] = [];
  const metrics = new Metrics();
  const log = createLogger({ component: 'test', destination: { write: (line: string) => void lines.push(line) } });
  const [path, keyFile] = [join(folder, 'outbox.db'), join(folder, 'outbox.key')];
  const open = (): Promise<Outbox> => openOutbox({ path, keyFile, clock, log, metrics, limits: { maxBytes: LIMIT }, ...options });
  return { clock, lines, metrics, open };
}

/** About a kilobyte on disk, of one second. */
function record(second: number, rowClass: RowClass = 'spot', device = 'a'): ReadingRecord {
  const common = {
    source: 'bench',
    profile: 'p'.repeat(32),
    device: { id: device, idType: 'config' as const, model: 'm'.repeat(60) },
    receivedAt: START + 1000 * second,
    subject: { patient: { value: `P-${device}`, authority: '' } },
    test: true,
    class: rowClass,
  };
  if (rowClass === 'waveform') {
    const samples = Array.from({ length: 300 }, (_, i) => i);
    return { ...common, readings: [], waves: [{ vital: 'ecg_ii', samples, periodMs: 4 }] };
  }
  if (rowClass === 'alert') {
    const alert = { text: `alert ${second} ${'t'.repeat(900)}`, phase: 'start', state: 'active', priority: 'high', kind: 'physiological' };
    return { ...common, readings: [], alerts: [alert as never] };
  }
  const readings = Array.from({ length: 8 }, (_, i) => ({
    vital: 'spo2',
    value: second,
    limits: `${i} ${'l'.repeat(90)}`,
    measurement: i,
  }));
  return { ...common, readings };
}

const rowsOf = async (outbox: Outbox): Promise<OutboxRow[]> => await outbox.waiting(0, 100_000);
const ofClass = async (outbox: Outbox, rowClass: RowClass): Promise<OutboxRow[]> =>
  (await rowsOf(outbox)).filter((row) => row.class === rowClass);
const gapsIn = async (outbox: Outbox): Promise<Gap[]> => (await ofClass(outbox, 'gap')).flatMap((row) => row.record.gap ?? []);
const sum = (gaps: readonly Gap[], what: 'rows' | 'values'): number => gaps.reduce((total, gap) => total + gap[what], 0);

/** Until nothing is under way: making room goes on for some turns after the commit that needed it. */
async function settled(outbox: Outbox): Promise<void> {
  for (let calm = 0, before = ''; calm < 20; calm += 1) {
    await turn();
    const { usedBytes, pending, delivered } = await outbox.status();
    const now = `${usedBytes} ${pending} ${delivered}`;
    if (now !== before) calm = 0;
    before = now;
  }
}

async function append(outbox: Outbox, count: number, rowClass: RowClass, from = 0, device?: string): Promise<void> {
  for (let i = from; i < from + count; i += 20) {
    await outbox.append(Array.from({ length: Math.min(20, from + count - i) }, (_, k) => record(i + k, rowClass, device)));
  }
  await settled(outbox);
}

describe('an outbox that becomes full', () => {
  test('delivered rows go first, and nothing is given up for them', async () => {
    verifies('OUTBOX-CLASSES', 'OUTBOX-LIMITS');
    const at = setUp();
    await using outbox = await at.open();
    for (let i = 0; i < 30; i += 1) {
      await append(outbox, 100, 'spot', 100 * i);
      await outbox.complete(await outbox.pending(0, 1000));
    }
    await settled(outbox);
    const { pending, delivered, usedBytes, code } = await outbox.status();
    assert.deepEqual([pending, code, await gapsIn(outbox)], [0, null, []]);
    assert.ok(delivered > 100 && delivered < 1000, `${delivered} are kept`);
    assert.ok(usedBytes <= LIMIT);
    assert.ok(!at.lines.some((line) => line.includes('OUTBOX-')), 'nobody is alarmed');
  });

  test('waves go, oldest first, then continuous readings are thinned; spot readings and alerts stay; gaps tell of exactly what is gone', async () => {
    verifies('OUTBOX-CLASSES', 'OUTBOX-THINNED', 'OUTBOX-GAPS');
    const at = setUp();
    const outbox = await at.open();
    await append(outbox, 100, 'spot');
    await append(outbox, 20, 'alert');
    await append(outbox, 240, 'continuous', 0, 'b');
    await append(outbox, 300, 'waveform');
    assert.equal((await ofClass(outbox, 'continuous')).length, 240, 'waves were enough');
    const waves = await ofClass(outbox, 'waveform');
    assert.ok(waves.length > 0 && waves.length < 300);
    assert.equal(sum(await gapsIn(outbox), 'rows'), 300 - waves.length);
    assert.equal(sum(await gapsIn(outbox), 'values'), 300 * (300 - waves.length));
    assert.deepEqual(
      waves.map((row) => row.record.receivedAt),
      waves.map((_, i) => START + 1000 * (300 - waves.length + i)),
      'the newest are left',
    );
    await append(outbox, 600, 'continuous', 240, 'b');
    assert.deepEqual([(await ofClass(outbox, 'spot')).length, (await ofClass(outbox, 'alert')).length], [100, 20]);
    const continuous = await ofClass(outbox, 'continuous');
    const thinnedGaps = (await gapsIn(outbox)).filter(({ reason }) => reason === 'thinned');
    assert.ok(thinnedGaps.length > 0 && thinnedGaps.every(({ lost }) => lost === 'continuous'));
    const kept = continuous.reduce((total, row) => total + row.record.readings.length, 0);
    assert.equal(kept + sum(thinnedGaps, 'values'), 8 * 840, 'what is kept and what is gone are all');
    assert.equal(continuous.length + sum(thinnedGaps, 'rows'), 840);
    const gone = new Set(Array.from({ length: 840 }, (_, i) => i));
    for (const row of continuous) gone.delete(row.record.readings[0]?.value ?? -1);
    const covers = (second: number): boolean =>
      thinnedGaps.some(({ from, to }) => from <= START + 1000 * second && START + 1000 * second <= to);
    assert.ok([...gone].every(covers));
    for (const row of await ofClass(outbox, 'gap')) assert.equal(row.record.subject.patient?.value, `P-${row.record.device.id}`);
    assert.equal(at.metrics.get('outbox_given_up_rows', 'thinned/continuous'), sum(thinnedGaps, 'rows'));
    // Durable, and counted the same by whoever opens the file next.
    const [rows, status] = [await rowsOf(outbox), await outbox.status()];
    await outbox[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.deepEqual(await rowsOf(again), rows);
    assert.equal((await again.status()).pending, status.pending);
    assert.ok(!at.lines.some((line) => /P-[ab]|"a"/.test(line)), 'no log line names anybody');
    const [told] = at.lines.filter((line) => line.includes('gave up some')).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual([typeof told?.rows, typeof told?.valueCount], ['number', 'number'], 'counts are no secret');
  });

  test('gaps of one place that were not sent become one row; one that may have been sent is left as it is', async () => {
    verifies('OUTBOX-GAPS', 'EXACTLY-ONCE');
    const at = setUp();
    await using outbox = await at.open();
    await append(outbox, 1000, 'waveform');
    const [first, ...others] = await ofClass(outbox, 'gap');
    assert.ok(first?.record.gap && others.length === 0);
    await append(outbox, 100, 'waveform', 1000);
    const [grown] = await ofClass(outbox, 'gap');
    assert.ok(grown?.record.gap && grown.seq === first.seq && grown.record.gap.rows > first.record.gap.rows);
    await outbox.pending(grown.seq - 1, 1);
    await append(outbox, 100, 'waveform', 1100);
    const [sent, next, ...more] = await ofClass(outbox, 'gap');
    assert.deepEqual([sent, more], [grown, []]);
    assert.ok(next?.record.gap && next.record.gap.to > grown.record.gap.to);
    assert.equal(sum(await gapsIn(outbox), 'rows') + (await ofClass(outbox, 'waveform')).length, 1200);
  });

  test('rows that were handed out are neither thinned nor given up while there is anything else, after a restart neither', async () => {
    verifies('EXACTLY-ONCE', 'OUTBOX-THINNED');
    const at = setUp({ limits: { maxBytes: 4 * LIMIT } });
    const first = await at.open();
    await append(first, 120, 'continuous');
    const sent = await first.pending(0, 60);
    await first[Symbol.asyncDispose]();
    const outbox = await at.open();
    await append(outbox, 900, 'continuous', 120);
    await append(outbox, 3200, 'spot', 2000);
    const left = new Map((await rowsOf(outbox)).map((row) => [row.seq, row]));
    for (const row of sent) assert.deepEqual(left.get(row.seq), row);
    assert.ok(
      (await gapsIn(outbox)).some(({ lost }) => lost === 'spot'),
      'even spot readings went before them',
    );
    await outbox[Symbol.asyncDispose]();
  });

  test('a row that vanished while it was in flight is harmless', async () => {
    verifies('EXACTLY-ONCE');
    const at = setUp();
    await using outbox = await at.open();
    await append(outbox, 40, 'waveform');
    const sent = await outbox.pending(0, 40);
    await append(outbox, 720, 'alert');
    assert.deepEqual(await ofClass(outbox, 'waveform'), []);
    const { pending, delivered } = await outbox.status();
    await outbox.complete(sent);
    await outbox.quarantine(sent, 'INGEST-INVALID');
    assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [pending, delivered]);
  });

  test('what would be given up at once is not acknowledged: the last of the room is for what is never given up', async () => {
    verifies('OUTBOX-CLASSES', 'OUTBOX-ALARM', 'ACK-AFTER-COMMIT');
    const at = setUp();
    await using outbox = await at.open();
    let alerts = 0;
    for (; (await outbox.status()).usedBytes < 0.96 * LIMIT; alerts += 1) await outbox.append([record(alerts, 'alert')]);
    assert.equal((await outbox.status()).code, 'OUTBOX-FULL');
    for (const rowClass of ['spot', 'continuous', 'waveform'] as const) {
      await assert.rejects(outbox.append([record(0, rowClass)]), { code: 'OUTBOX-FULL' });
    }
    await outbox.append([record(alerts, 'alert'), record(0, 'spot')]);
    await settled(outbox);
    assert.deepEqual(
      [(await ofClass(outbox, 'alert')).length, (await ofClass(outbox, 'spot')).length],
      [alerts + 1, 0],
      'an alert is worth it',
    );
    assert.deepEqual([sum(await gapsIn(outbox), 'rows'), (await gapsIn(outbox))[0]?.lost], [1, 'spot']);
    await outbox.complete(await outbox.pending(0, 300));
    await outbox.append([record(0, 'spot')]);
    assert.equal((await ofClass(outbox, 'spot')).length, 1);
  });

  test('with alerts alone it is told at 80 %, refuses when full, keeps all it took, and recovers when the hub takes rows', async () => {
    verifies('OUTBOX-ALARM', 'ACK-AFTER-COMMIT', 'OUTBOX-LIMITS');
    const at = setUp();
    await using outbox = await at.open();
    let taken = 0;
    const codes = new Set<string | null>();
    const refused = await (async () => {
      for (;;) {
        try {
          await outbox.append([record(taken, 'alert')]);
        } catch (error) {
          return error;
        }
        taken += 1;
        codes.add((await outbox.status()).code);
      }
    })();
    assert.equal((refused as { code?: string }).code, 'OUTBOX-FULL');
    assert.deepEqual([...codes], [null, 'OUTBOX-NEARLY-FULL', 'OUTBOX-FULL']);
    assert.equal((await outbox.status()).code, 'OUTBOX-FULL');
    await assert.rejects(outbox.append([record(0, 'waveform')]), { code: 'OUTBOX-FULL' });
    assert.deepEqual([(await ofClass(outbox, 'alert')).length, await gapsIn(outbox)], [taken, []]);
    for (const code of ['OUTBOX-NEARLY-FULL', 'OUTBOX-FULL']) {
      assert.equal(at.lines.filter((line) => line.includes(code)).length, 1, `${code} is logged once`);
    }
    assert.equal(at.metrics.get('outbox_level'), 2);
    await outbox.complete(await outbox.pending(0, Math.ceil(taken / 2)));
    await outbox.append([record(taken, 'alert')]);
    await settled(outbox);
    assert.equal((await outbox.status()).code, null);
    assert.equal((await ofClass(outbox, 'alert')).length, taken - Math.ceil(taken / 2) + 1);
    assert.ok((await outbox.status()).usedBytes <= LIMIT);
  });

  test('what the hub refused takes no more than its share: good rows stay, an alert is taken, gaps tell of what is gone', async () => {
    verifies('OUTBOX-CLASSES', 'OUTBOX-LIMITS', 'OUTBOX-GAPS');
    const at = setUp();
    const outbox = await at.open();
    await append(outbox, 100, 'spot', 0, 'good');
    for (let i = 0; i < 2000; i += 20) {
      const rows = Array.from({ length: 20 }, (_, k) => record(i + k, 'waveform', 'unbound'));
      await outbox.quarantine(await outbox.append(rows), 'INGEST-NOT-BOUND');
      await settled(outbox);
    }
    await outbox.append([record(9999, 'alert')]);
    const { code, usedBytes, quarantined } = await outbox.status();
    assert.deepEqual([(await ofClass(outbox, 'spot')).length, (await ofClass(outbox, 'alert')).length, code], [100, 1, null]);
    assert.ok(usedBytes < 0.7 * LIMIT, `${usedBytes}`);
    const lost = await gapsIn(outbox);
    assert.ok(quarantined > 0 && lost.every((gap) => gap.reason === 'space' && gap.lost === 'waveform'));
    assert.equal(sum(lost, 'rows') + quarantined, 2000, 'each is in quarantine, or a gap counts it');
    assert.equal(at.metrics.get('outbox_quarantine_dropped'), sum(lost, 'rows'));
    assert.ok(at.lines.some((line) => line.includes('quarantine took too much room')));
    await outbox[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.equal((await again.status()).quarantined, quarantined);
  });

  test('refused rows that may be given up go before good ones, and before an alert is refused', async () => {
    verifies('OUTBOX-CLASSES', 'OUTBOX-GAPS');
    const at = setUp();
    await using outbox = await at.open();
    for (const rowClass of ['waveform', 'continuous', 'spot'] as const) {
      const rows = Array.from({ length: 40 }, (_, k) => record(k, rowClass, 'unbound'));
      await outbox.quarantine(await outbox.append(rows), 'INGEST-NOT-BOUND');
    }
    assert.equal((await outbox.status()).quarantined, 120);
    await append(outbox, 20, 'waveform', 0, 'good');
    let alerts = 0;
    const left = async () => new Set((await outbox.quarantined(1000)).map((entry) => entry.class));
    for (; (await left()).has('continuous'); alerts += 1) {
      await outbox.append([record(alerts, 'alert')]);
      await settled(outbox);
    }
    assert.deepEqual([...(await left())], ['spot']);
    assert.equal((await ofClass(outbox, 'waveform')).length, 20, 'good waves are still there');
    for (; (await outbox.status()).quarantined > 0; alerts += 1) {
      await outbox.append([record(alerts, 'alert')]);
      await settled(outbox);
    }
    assert.equal((await ofClass(outbox, 'alert')).length, alerts);
    assert.equal(sum(await gapsIn(outbox), 'rows'), 140);
  });

  test('a refused gap that goes from quarantine is not told again, and what cannot be read goes as well', async () => {
    verifies('OUTBOX-LIMITS', 'OUTBOX-GAPS');
    const at = setUp({ quarantineLimits: { rows: 100_000, parts: 1000 } });
    await using outbox = await at.open();
    for (let i = 0; i < 100; i += 1) await outbox.quarantineBytes('bench', 'HL7-TYPE', 'message', Buffer.alloc(16 * 1024));
    await settled(outbox);
    assert.ok((await outbox.status()).quarantined <= 16 && (await outbox.status()).quarantined > 8);
    const gap = { reason: 'space', lost: 'waveform', from: 0, to: 1, rows: 1, values: 1, vitals: [] } as const;
    const refused = Array.from({ length: 1000 }, (_, k) => ({ ...record(k, 'gap'), readings: [], gap }));
    for (let i = 0; i < 1000; i += 100) await outbox.quarantine(await outbox.append(refused.slice(i, i + 100)), 'INGEST-NOT-BOUND');
    await settled(outbox);
    assert.ok((await outbox.status()).quarantined < 1000);
    assert.deepEqual(await gapsIn(outbox), []);
  });

  test('however much comes, it never grows beyond its limit by more than a commit, and all is there or in a gap', async () => {
    verifies('OUTBOX-LIMITS', 'OUTBOX-GAPS');
    const at = setUp();
    await using outbox = await at.open();
    let most = 0;
    for (let i = 0; i < 3000; i += 30) {
      await Promise.all(Array.from({ length: 30 }, (_, k) => outbox.append([record(i + k, 'spot')])));
      most = Math.max(most, (await outbox.status()).usedBytes);
    }
    await settled(outbox);
    assert.equal((await ofClass(outbox, 'spot')).length + sum(await gapsIn(outbox), 'rows'), 3000);
    assert.ok(most < 1.1 * LIMIT, `${most}`);
    assert.equal((await gapsIn(outbox)).length, 1);
  });

  test('one commit that brings more than there is room for is noticed behind it', async () => {
    verifies('OUTBOX-LIMITS', 'OUTBOX-ALARM');
    const at = setUp();
    await using outbox = await at.open();
    await outbox.append(Array.from({ length: 1400 }, (_, i) => record(i, 'alert')));
    await turn();
    assert.equal((await outbox.status()).code, 'OUTBOX-FULL');
    await assert.rejects(outbox.append([record(0, 'spot')]), { code: 'OUTBOX-FULL' });
  });

  test('where little comes, how full it is is told as of the last commit', async () => {
    verifies('OUTBOX-ALARM');
    const at = setUp();
    await using outbox = await at.open();
    for (let i = 0, before = 0; i < 6; i += 1) {
      at.clock.ms += 60_000;
      await outbox.append(Array.from({ length: 8 }, (_, k) => record(8 * i + k)));
      await turn();
      const { usedBytes } = await outbox.status();
      assert.ok(usedBytes > before, `${usedBytes} after ${before} bytes`);
      before = usedBytes;
    }
  });

  test('what waited longer than its class may goes, with a gap; other classes stay', async () => {
    verifies('OUTBOX-LIMITS', 'OUTBOX-GAPS');
    const at = setUp({ limits: { maxBytes: 64 * LIMIT, maxAgeMs: { waveform: HOUR_MS, continuous: 2 * HOUR_MS } } });
    await using outbox = await at.open();
    for (const rowClass of ['waveform', 'continuous', 'spot', 'alert'] as const) await append(outbox, 100, rowClass);
    const left = (): Promise<number[]> =>
      Promise.all((['waveform', 'continuous', 'spot', 'alert'] as const).map(async (name) => (await ofClass(outbox, name)).length));
    at.clock.ms += HOUR_MS + 50_500;
    await append(outbox, 1, 'spot', 3650);
    assert.deepEqual(await left(), [49, 100, 101, 100]);
    at.clock.ms += 2 * HOUR_MS;
    await append(outbox, 1, 'spot', 10_850);
    assert.deepEqual(await left(), [0, 0, 102, 100]);
    assert.deepEqual(
      (await gapsIn(outbox)).map(({ reason, lost, rows, from }) => [reason, lost, rows, from]),
      [
        ['age', 'waveform', 100, START],
        ['age', 'continuous', 100, START],
      ],
    );
  });
});
