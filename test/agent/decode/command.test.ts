import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { runDecode } from '../../../agent/decode.ts';
import { PROFILES } from '../../../agent/profiles.ts';
import { verifies } from '../../requirements.ts';
import { command } from './command.ts';

const LINE = Buffer.from('SPO2=097 HR=072\r\n');
const ascii = (...more: string[]): string[] => ['--profile', 'nonin-ascii', ...more];

test('one Observation a line, numbered in order', async () => {
  verifies('DECODE-STABLE');
  const { code, observations, stderr } = await command(ascii('--patient', 'P-0001'), [LINE, LINE]);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.deepEqual(
    observations.map(({ id, subject, valueQuantity }) => [id, subject?.identifier?.value, valueQuantity?.value]),
    [
      ['decode.0000000000000.1.0', 'P-0001', 97],
      ['decode.0000000000000.1.1', 'P-0001', 72],
      ['decode.0000000000000.2.0', 'P-0001', 97],
      ['decode.0000000000000.2.1', 'P-0001', 72],
    ],
  );
});

test('a rejected part is one JSON line that says what, where and what to do, and nothing of its content', async () => {
  verifies('DECODE-STABLE', 'NO-SILENT-DROP', 'LOG-CLEAN');
  const { code, rejected, stderr } = await command(ascii(), [Buffer.from('SPO2=SECRET HR=072\r\nPATIENT P-0001\r\n')]);
  assert.equal(code, 0);
  assert.deepEqual(rejected, [
    {
      code: 'DECODE-FIELD',
      part: 'SPO2',
      bytes: 6,
      message: 'A field of a reading is missing or has the wrong form.',
      advice: 'Check the profile or mapping against the device.',
    },
    {
      code: 'DECODE-GARBAGE',
      part: 'line',
      bytes: 14,
      message: 'Bytes that belong to no frame were skipped.',
      advice: 'Check line settings, cabling and the profile.',
    },
  ]);
  assert.doesNotMatch(stderr, /SECRET|P-0001/);
});

test('--list names every profile, as lines or as JSON', async () => {
  const { code, stdout } = await command(['--list']);
  assert.equal(code, 0);
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    PROFILES.map(({ name }) => name),
  );
  const json = JSON.parse((await command(['--list', '--json'])).stdout) as unknown[];
  assert.deepEqual(json[0], {
    name: 'masimo-ascii1',
    kind: 'serial',
    vendor: 'Masimo',
    models: ['Rad-8', 'Radical-7'],
    protocol: 'serial ASCII 1, one line a second',
  });
});

test('--test marks everything, --zone is that of the device', async () => {
  const masimo = Buffer.from('11/21/26 10:00:04 SN=1 SPO2=098% BPM=097\r\n');
  const { observations } = await command(['--profile', 'masimo-ascii1', '--zone', 'America/New_York', '--test'], [masimo]);
  assert.equal(observations[0]?.effectiveDateTime, '2026-11-21T10:00:04.000-05:00');
  assert.equal(observations[0]?.meta?.security?.[0]?.code, 'HTEST');
});

for (const [name, argv, says] of [
  ['no profile', [], 'USAGE'],
  ['an unknown profile', ['--profile', 'nonin-df88'], 'DECODE-PROFILE'],
  ['an unknown option', ascii('--verbose'), 'USAGE'],
  ['an option without its value', ['--profile'], 'USAGE'],
  ['a zone that is none', ascii('--zone', 'Mars/Base'), 'USAGE'],
  ['a patient id that is none', ascii('--patient', '\u0007'), 'USAGE'],
  ['an argument too many', ascii('file.bin'), 'USAGE'],
] as const) {
  test(`called wrongly: ${name}`, async () => {
    const { code, stdout, rejected } = await command(argv, [LINE]);
    assert.deepEqual([code, stdout, rejected.map((line) => line.code)], [2, '', [says]]);
  });
}

test('the nearest profile is named, --help explains', async () => {
  assert.match((await command(['--profile', 'nonin-df88'])).rejected[0]?.message ?? '', /did you mean 'nonin-df8'/);
  const { code, stdout } = await command(['--help']);
  assert.equal(code, 0);
  assert.match(stdout, /--profile NAME/);
});

test('an empty input is readable', async () => {
  for (const { name } of PROFILES) assert.deepEqual((await command(['--profile', name])).code, 0);
});

test('an input that breaks off is an error, after what came before it', async () => {
  const stdin = Readable.from(
    (async function* () {
      yield LINE;
      throw Object.assign(new Error('gone'), { code: 'EIO' });
    })(),
  );
  const out = new PassThrough();
  const err = new PassThrough();
  assert.equal(await runDecode(ascii(), { stdin, stdout: out, stderr: err }), 1);
  assert.equal(String(out.read()).trim().split('\n').length, 2);
  assert.equal(JSON.parse(String(err.read())).code, 'SOURCE-LOST');
});

test('a slow reader slows the reading down: nothing piles up', async () => {
  const gate = Promise.withResolvers<void>();
  let written = 0;
  const stdout = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      written += chunk.length;
      void gate.promise.then(() => done());
    },
  });
  let read = 0;
  const stdin = Readable.from(
    (async function* () {
      for (; read < 1000; read += 1) yield LINE;
    })(),
    { highWaterMark: 1 },
  );
  const done = runDecode(ascii(), { stdin, stdout, stderr: new PassThrough() });
  while (written === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(read < 20, `${read} lines were read while none was taken`);
  gate.resolve();
  assert.equal(await done, 0);
  assert.equal(read, 1000);
});

test('a reader that goes away ends the command quietly', async () => {
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('closed'), { code: 'EPIPE' }));
    },
  });
  const stdin = Readable.from(
    (async function* () {
      for (;;) yield LINE;
    })(),
  );
  const stderr = new PassThrough();
  assert.equal(await runDecode(ascii(), { stdin, stdout, stderr }), 0);
  assert.equal(stderr.read(), null);
  if (!stdin.destroyed) await once(stdin, 'close');
});
