import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { exportWitness, showWitness, witnessFileOf } from '../../../agent/witness/command.ts';
import { readWitness, WitnessFile } from '../../../agent/witness/witness-file.ts';
import { readWitnessFile } from '../../../hub/audit/witness.ts';
import type { CommandIo } from '../../../shared/command-line.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { originOf, readCheckpoint, signCheckpoint, verifierKey } from '../../../shared/signed-note.ts';
import { formatCheckpoint } from '../../../shared/uplink/protocol.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW, TestClock } from '../../support/hub.ts';

const DAY_MS = 24 * 3_600_000;
const ORIGIN = originOf('store-1');
const pair = generateKeyPairSync('ed25519');
const KEY = verifierKey(ORIGIN, pair.publicKey);

function headerOf(size: number, hash = Buffer.alloc(32, size), keys = pair): string {
  const note = signCheckpoint({ origin: ORIGIN, size, hash }, keys.privateKey);
  return formatCheckpoint({ note, key: verifierKey(ORIGIN, keys.publicKey) });
}

interface At {
  path: string;
  folder: string;
  clock: TestClock;
  metrics: Metrics;
  open(): WitnessFile;
  sizes(): number[];
}

async function inFolder(body: (at: At) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-witness-'));
  const path = witnessFileOf(join(folder, 'outbox.db'));
  const [clock, metrics] = [new TestClock(), new Metrics()];
  const sizes = (): number[] =>
    (readWitness(path)?.stores ?? []).flatMap(({ notes }) => notes.map(({ note }) => readCheckpoint(note)?.size ?? Number.NaN));
  const open = (): WitnessFile => new WitnessFile({ path, gateway: 'gw-1', clock, log: silentLogger, metrics });
  try {
    await body({ path, folder, clock, metrics, open, sizes });
  } finally {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  }
}

test('what the hub told is kept over a restart, for the owner alone', async () => {
  verifies('AUDIT-WITNESSED');
  await inFolder(({ path, open, sizes }) => {
    const first = open();
    assert.equal(existsSync(path), false, 'nothing is made before anything came');
    first.keep(headerOf(5), 'store-1');
    first.keep(headerOf(5), 'store-1');
    open().keep(headerOf(9), 'store-1');
    assert.deepEqual(sizes(), [5, 9]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});

test('what is no note, or not signed by the key beside it, is not kept', async () => {
  verifies('AUDIT-WITNESSED');
  await inFolder(({ open, sizes, metrics }) => {
    const file = open();
    const stranger = verifierKey(ORIGIN, generateKeyPairSync('ed25519').publicKey);
    const [note = ''] = headerOf(5).split(' ');
    for (const header of ['', 'x', note, `${note} ${stranger}`, `${note} ${KEY} x`, randomBytes(9000).toString('base64')])
      file.keep(header, 'store-1');
    assert.deepEqual([sizes(), metrics.get('witness_refused')], [[], 6]);
  });
});

test('a hub that tells of another chain of as many entries is noticed, and both notes are kept', async () => {
  verifies('AUDIT-WITNESSED');
  await inFolder(({ open, sizes, metrics }) => {
    const file = open();
    file.keep(headerOf(5), 'store-1');
    file.keep(headerOf(6), 'store-1');
    assert.equal(metrics.get('witness_contradicted'), 0);
    file.keep(headerOf(5, Buffer.alloc(32, 99)), 'store-1');
    assert.deepEqual([sizes(), metrics.get('witness_contradicted')], [[5, 6, 5], 1]);
    file.keep(headerOf(6, Buffer.alloc(32, 99), generateKeyPairSync('ed25519')), 'store-1');
    assert.equal(metrics.get('witness_contradicted'), 2, 'under another key as well');
  });
});

test('fewer entries than before are noticed, and the note that proves it stays however many come after it', async () => {
  verifies('AUDIT-WITNESSED');
  await inFolder(({ open, sizes, metrics }) => {
    const file = open();
    for (const size of [100, 200, 300]) file.keep(headerOf(size), 'store-1');
    const other = (size: number): string => headerOf(size, Buffer.alloc(32, size + 1));
    for (const size of [150, 260, 350]) file.keep(other(size), 'store-1');
    assert.equal(metrics.get('witness_contradicted'), 2);
    for (let size = 351; size < 450; size += 1) file.keep(other(size), 'store-1');
    assert.deepEqual([metrics.get('witness_contradicted'), sizes().includes(300)], [2, true]);
  });
});

test('only notes of the store that the hub named are kept, and made-up stores and keys do not drive out one of long ago', async () => {
  verifies('AUDIT-WITNESSED');
  await inFolder(({ open, path, clock, metrics }) => {
    const file = open();
    file.keep(headerOf(5), 'store-1');
    file.keep(headerOf(6), 'store-2');
    assert.deepEqual([metrics.get('witness_refused'), readWitness(path)?.stores[0]?.notes.length], [1, 1]);
    for (let i = 0; i < 40; i += 1) {
      clock.set(TEST_NOW + i + 1);
      const keys = generateKeyPairSync('ed25519');
      const origin = originOf(`made-up-${i}`);
      const note = signCheckpoint({ origin, size: 1, hash: Buffer.alloc(32) }, keys.privateKey);
      file.keep(formatCheckpoint({ note, key: verifierKey(origin, keys.publicKey) }), `made-up-${i}`);
    }
    const kept = readWitness(path)?.stores.map(({ origin }) => origin) ?? [];
    assert.deepEqual([kept.length, kept.includes(ORIGIN), kept.at(-1)], [16, true, originOf('made-up-39')]);
  });
});

test('the file stays small, and keeps a note of each day of a year', async () => {
  verifies('AUDIT-WITNESSED');
  await inFolder(({ open, sizes, clock, path }) => {
    const file = open();
    for (let day = 0; day < 500; day += 1) {
      for (let i = 1; i <= 3; i += 1) file.keep(headerOf(3 * day + i), 'store-1');
      clock.set(TEST_NOW + (day + 1) * DAY_MS);
    }
    const kept = sizes();
    assert.ok(kept.length <= 432 && statSync(path).size < 300_000, `${kept.length}`);
    assert.deepEqual(kept.slice(-3), [1498, 1499, 1500]);
    assert.ok((kept[0] ?? 0) <= 3 * 110);
  });
});

test('a file that cannot be read is set aside, and one that cannot be written costs nothing but itself', async () => {
  await inFolder(({ open, path, folder, sizes }) => {
    writeFileSync(path, '{');
    assert.throws(() => readWitness(path), { code: 'STORAGE-DAMAGED' });
    open().keep(headerOf(1), 'store-1');
    assert.deepEqual(sizes(), [1]);
    assert.equal(readdirSync(folder).filter((name) => name.includes('.damaged-')).length, 1);
    const nowhere = new WitnessFile({
      path: join(folder, 'no', 'x'),
      gateway: 'g',
      clock: new TestClock(),
      log: silentLogger,
      metrics: new Metrics(),
    });
    nowhere.keep(headerOf(2), 'store-1');
  });
});

test('show counts, and export is what the hub verifies with', async () => {
  verifies('AUDIT-WITNESSED');
  await inFolder(async ({ open, path, folder }) => {
    const ran = async (run: (io: CommandIo) => number): Promise<[number, string]> => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = run({ stdin: Readable.from([]), stdout, stderr });
      return [code, (await text(stdout.end())) + (await text(stderr.end()))];
    };
    assert.equal((await ran((io) => exportWitness(path, io)))[0], 1);
    assert.match((await ran((io) => showWitness(path, false, io)))[1], /^No hub/);
    const file = open();
    file.keep(headerOf(5), 'store-1');
    file.keep(headerOf(8), 'store-1');
    assert.match(
      (await ran((io) => showWitness(path, false, io)))[1],
      /^vitalmesh\/store-1: 2 notes .* of 8 entries; key vitalmesh\/store-1\+/,
    );
    const [shown] = JSON.parse((await ran((io) => showWitness(path, true, io)))[1]) as { entries: number }[];
    assert.equal(shown?.entries, 8);
    const [code, exported] = await ran((io) => exportWitness(path, io));
    assert.equal(code, 0);
    const out = join(folder, 'export.json');
    writeFileSync(out, exported);
    assert.deepEqual(
      readWitnessFile(out).map(({ gateway, checkpoint: { origin, size } }) => [gateway, origin, size]),
      [
        ['gw-1', ORIGIN, 5],
        ['gw-1', ORIGIN, 8],
      ],
    );
    writeFileSync(out, exported.replace(KEY, verifierKey(ORIGIN, generateKeyPairSync('ed25519').publicKey)));
    assert.throws(() => readWitnessFile(out), { code: 'AUDIT-WITNESS' });
    for (const bad of ['', '{}', '[]']) {
      writeFileSync(out, bad);
      assert.throws(() => readWitnessFile(out), { code: 'AUDIT-WITNESS' });
    }
    assert.throws(() => readWitnessFile(join(folder, 'none')), { code: 'AUDIT-WITNESS' });
  });
});
