import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { MOST_PLACES, Places } from '../../../agent/outbox/places.ts';
import { readPlaces } from '../../../agent/outbox/places-file.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { createLogger, silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { readKeyFile } from '../../../shared/storage/key-file.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-places-'));
after(() => rmSync(root, { recursive: true, force: true }));

const START = Date.UTC(2026, 0, 1, 12);
const HOUR = 3_600_000;
const PAGE = 4096;

function setUp() {
  const folder = mkdtempSync(join(root, 'p-'));
  const clock = { ms: START, now: () => clock.ms, monotonicMs: () => clock.ms };
  const lines: string[] = [];
  const metrics = new Metrics();
  const log = createLogger({ component: 'test', destination: { write: (line: string) => void lines.push(line) } });
  const [path, keyFile] = [join(folder, 'outbox.db'), join(folder, 'outbox.key')];
  const places = `${path}.places`;
  const open = (): Promise<Outbox> => openOutbox({ path, keyFile, clock, log, metrics });
  /** Beds that the list on disk names. */
  const listed = (): (string | undefined)[] => (readPlaces(places, readKeyFile(keyFile)) ?? []).map(({ subject }) => subject.bed);
  return { folder, clock, lines, metrics, path, places, keyFile, open, listed };
}

/** Of a bed, from one of its devices. */
const ofBed = (bed: string, device = `M-${bed}`, mark = 1): ReadingRecord => ({
  ...markedRecord(mark, 'continuous'),
  device: { id: device, idType: 'serial' },
  subject: { bed },
  receivedAt: START + mark,
});

/** Writes over a part of every page. */
function spoilAll(path: string): void {
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += PAGE) bytes.fill(0x55, at + 500, at + 600);
  writeFileSync(path, bytes);
}

async function gapsOf(outbox: Outbox): Promise<ReadingRecord[]> {
  const found = async (): Promise<ReadingRecord[]> =>
    (await outbox.waiting(0, 1000)).flatMap(({ record }) => (record.class === 'gap' ? [record] : []));
  while ((await found()).length === 0) await turn();
  return found();
}

describe('whose data wait in the outbox', () => {
  test('is told when nothing of it can be read: each bed and device has its gap, from the oldest row that waited', async () => {
    verifies('DAMAGED-WHOSE');
    const at = setUp();
    {
      await using outbox = await at.open();
      for (let i = 1; i <= 60; i += 1) await outbox.append([ofBed(`BED-${i % 3}`, i % 6 === 0 ? 'PUMP' : 'MONITOR', i)]);
    }
    spoilAll(at.path);
    at.clock.ms += HOUR;
    await using outbox = await at.open();
    const gaps = await gapsOf(outbox);
    assert.deepEqual(gaps.map(({ subject, device }) => `${subject.bed} ${device.id}`).sort(), [
      'BED-0 MONITOR',
      'BED-0 PUMP',
      'BED-1 MONITOR',
      'BED-2 MONITOR',
    ]);
    for (const { gap } of gaps)
      assert.deepEqual([gap?.reason, gap?.lost, gap?.from, gap?.to], ['damaged', 'continuous', START + 1, START + HOUR]);
  });

  test('a list of another key proves nothing: an outbox of which no page opens is then left as it is', async () => {
    verifies('DAMAGED-WHOSE', 'DAMAGED-SET-ASIDE');
    const at = setUp();
    {
      await using outbox = await at.open();
      await outbox.append([ofBed('BED-A')]);
    }
    writeFileSync(at.keyFile, 'ab'.repeat(32));
    spoilAll(at.path);
    await assert.rejects(at.open(), { code: 'STORAGE-KEY' });
    assert.ok(!readdirSync(at.folder).some((name) => name.includes('damaged')));
  });

  test('is on disk before the first row of a place is acknowledged, encrypted and for the owner alone', async () => {
    verifies('DAMAGED-WHOSE', 'ENCRYPTED-AT-REST');
    const at = setUp();
    await using outbox = await at.open();
    for (const bed of ['BED-A', 'BED-B', 'BED-C']) {
      await outbox.append([ofBed(bed)]);
      assert.equal(at.listed().at(-1), bed);
    }
    assert.equal(statSync(at.places).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(at.places, 'latin1'), /BED|MONITOR/);
    assert.ok(!readdirSync(at.folder).some((name) => name.endsWith('.draft')));
  });

  test('is written once for many rows of one place, and not in the turn of those that are known', async () => {
    verifies('DAMAGED-WHOSE');
    const at = setUp();
    await using outbox = await at.open();
    await outbox.append([ofBed('BED-A')]);
    const written = statSync(at.places, { bigint: true }).mtimeNs;
    const nodes = statSync(at.places).ino;
    for (let i = 0; i < 50; i += 1) await outbox.append([ofBed('BED-A', undefined, i)]);
    assert.deepEqual([statSync(at.places, { bigint: true }).mtimeNs, statSync(at.places).ino], [written, nodes]);
  });

  test('names nobody any more of whom nothing came for an hour and nothing waits, and everybody of whom something waits', async () => {
    verifies('DAMAGED-WHOSE');
    const at = setUp();
    await using outbox = await at.open();
    await outbox.append([ofBed('GONE')]);
    await outbox.complete(await outbox.pending(0, 10));
    await outbox.append([ofBed('WAITS')]);
    for (let hours = 0; hours < 3; hours += 1) {
      at.clock.ms += HOUR;
      await outbox.append([ofBed('SENDS')]);
    }
    assert.deepEqual(at.listed(), ['WAITS', 'SENDS']);
  });

  test('is bounded, in memory and in what it writes: of more than a thousand those that sent last', () => {
    verifies('DAMAGED-WHOSE');
    const folder = mkdtempSync(join(root, 'b-'));
    const clock = { ms: START, now: () => clock.ms, monotonicMs: () => clock.ms };
    const path = join(folder, 'list');
    const metrics = new Metrics();
    const key = Buffer.alloc(32, 7);
    const places = new Places({ path, key, clock, log: silentLogger, metrics, lastSeq: 0 });
    let written = 0;
    let before = 0;
    for (let seq = 1; seq <= 3 * MOST_PLACES; seq += 1) {
      places.note(ofBed(`BED-${seq}`), seq);
      places.keep(() => 1);
      const { ino, size } = statSync(path);
      if (ino !== before) written += size;
      before = ino;
    }
    assert.equal(places.all.length, MOST_PLACES);
    assert.equal(metrics.get('outbox_places_forgotten'), 2 * MOST_PLACES);
    assert.ok(written < 9 * 1024 * 1024, `${written}`);
    assert.notDeepEqual(readPlaces(path, key), places.all, 'what is over the limit waits');
    clock.ms += HOUR;
    places.keep(() => 1);
    assert.deepEqual(readPlaces(path, key), places.all);
    assert.deepEqual(places.all.at(-1)?.subject, { bed: `BED-${3 * MOST_PLACES}` });
  });

  const bad: [string, (bytes: Buffer) => Buffer][] = [
    ['torn', (bytes) => bytes.subarray(0, bytes.length - 9)],
    ['cut to nothing', () => Buffer.alloc(0)],
    ['of another key, or changed', (bytes) => Buffer.from(bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)))],
    ['of another form', (bytes) => Buffer.concat([Buffer.from('x'), bytes])],
  ];
  for (const [what, change] of bad)
    test(`a list that is ${what} is counted, logged without a name, and made anew out of what waits`, async () => {
      verifies('DAMAGED-WHOSE');
      const at = setUp();
      {
        await using outbox = await at.open();
        for (let i = 0; i < 600; i += 1) await outbox.append([ofBed(`BED-${i % 2}`, undefined, i)]);
      }
      writeFileSync(at.places, change(readFileSync(at.places)));
      await using outbox = await at.open();
      assert.equal((await outbox.status()).pending, 600);
      assert.equal(at.metrics.get('outbox_places_unreadable'), 1);
      assert.equal(at.lines.filter((line) => line.includes('OUTBOX-PLACES')).length, 1);
      assert.ok(!at.lines.some((line) => line.includes('BED-')));
      while (readable(at.listed).length < 2) await turn();
      assert.deepEqual(at.listed(), ['BED-0', 'BED-1']);
    });

  test('a list that is missing, as beside a file of an older version, is made out of what waits', async () => {
    verifies('DAMAGED-WHOSE');
    const at = setUp();
    {
      await using outbox = await at.open();
      await outbox.append([ofBed('BED-A'), ofBed('BED-B')]);
    }
    rmSync(at.places);
    await using outbox = await at.open();
    while (readable(at.listed).length < 2) await turn();
    assert.equal(at.metrics.get('outbox_places_unreadable'), 0);
    assert.equal((await outbox.status()).pending, 2);
  });

  test('what waits again because the hub went back is listed again', async () => {
    verifies('DAMAGED-WHOSE', 'HUB-RESTORED');
    const at = setUp();
    const epoch = 'aaaaaaaaaaaaa';
    await using outbox = await at.open();
    await outbox.append([ofBed('BED-A')]);
    await outbox.complete((await outbox.pending(0, 1)).map((row) => ({ ...row, committed: { epoch, position: 1 } })));
    for (let hours = 0; hours < 3; hours += 1) {
      at.clock.ms += HOUR;
      await outbox.append([ofBed('BED-B')]);
    }
    assert.deepEqual(at.listed(), ['BED-B']);
    const restored = {
      epochs: [
        { epoch, from: 0 },
        { epoch: 'bbbbbbbbbbbbb', from: 0 },
      ],
      position: 0,
    };
    assert.equal((await outbox.redeliver(restored)).rows, 1);
    while (!at.listed().includes('BED-A')) await turn();
  });

  test('a list that cannot be written costs no row', async () => {
    verifies('DAMAGED-WHOSE');
    const at = setUp();
    await using outbox = await at.open();
    // A folder in its place can be neither opened nor replaced.
    mkdirSync(`${at.places}.draft`);
    assert.equal((await outbox.append([ofBed('BED-A')])).length, 1);
    assert.equal((await outbox.append([ofBed('BED-B')])).length, 1);
    assert.equal(existsSync(at.places), false);
    assert.equal(at.metrics.get('outbox_places_unwritten'), 2);
    assert.equal(at.lines.filter((line) => line.includes('cannot be written')).length, 1);
  });
});

/** What is being replaced may not be there yet. */
function readable(list: () => (string | undefined)[]): (string | undefined)[] {
  try {
    return list();
  } catch {
    return [];
  }
}
