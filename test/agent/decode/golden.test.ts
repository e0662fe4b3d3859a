import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { mllpFrame } from '../../../agent/framing/mllp.ts';
import { PROFILES } from '../../../agent/profiles.ts';
import { verifies } from '../../requirements.ts';
import { captureOptions, captureProfile } from '../../support/golden-captures.ts';
import { command } from './command.ts';
import { decoded } from './decoding.ts';

/**
 * test/golden/captures/<profile>/<name>.{bin,hl7,ndjson} is what a device sent; <name>.observations.ndjson and <name>.rejected.ndjson
 * are what `decode` makes of it, checked by hand. UPDATE_GOLDEN=1 writes the latter anew, to be read before they are committed.
 */
const ROOT = join(import.meta.dirname, '../../golden/captures');
const CAPTURES = globSync('*/*.{bin,hl7,ndjson}', { cwd: ROOT }).filter((file) => !/\.(observations|rejected)\.ndjson$/.test(file));
const UPDATE = process.env.UPDATE_GOLDEN === '1';

const options = (file: string): string[] => captureOptions(dirname(file), basename(file));
const golden = (file: string, what: string): string => join(ROOT, file.replace(/\.\w+$/, `.${what}.ndjson`));

test('every profile has a capture', () => {
  assert.deepEqual([...new Set(CAPTURES.map((file) => dirname(file)))].sort(), PROFILES.map(({ name }) => name).sort());
});

for (const file of CAPTURES) {
  const bytes = readFileSync(join(ROOT, file));

  test(`${file}: the Observations and rejected parts that were checked by hand`, async () => {
    verifies('DECODE-STABLE', 'GOOD-PARTS-SURVIVE', 'NOTHING-INVENTED', 'NO-SILENT-DROP');
    const { code, stdout, stderr } = await command(options(file), [bytes]);
    assert.equal(code, 0);
    if (UPDATE) {
      writeFileSync(golden(file, 'observations'), stdout);
      writeFileSync(golden(file, 'rejected'), stderr);
    }
    assert.equal(stdout, readFileSync(golden(file, 'observations'), 'utf8'));
    assert.equal(stderr, readFileSync(golden(file, 'rejected'), 'utf8'));
  });

  test(`${file}: the same however it is cut`, async () => {
    verifies('DECODE-STABLE', 'FRAMING-PURE');
    decoded(captureProfile(dirname(file)), bytes);
    const whole = await command(options(file), [bytes]);
    const single = await command(
      options(file),
      Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
    );
    assert.equal(single.stdout, whole.stdout);
    assert.equal(single.stderr, whole.stderr);
  });
}

for (const file of CAPTURES.filter((name) => name.endsWith('.hl7'))) {
  const text = readFileSync(join(ROOT, file), 'latin1');
  const messages = text.split(/(?=MSH\|)/);
  for (const [name, end] of [
    ['CR', '\r'],
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ] as const) {
    for (const framed of [false, true]) {
      test(`${basename(file)} with ${name} line ends, ${framed ? 'in MLLP blocks' : 'bare'}: the same Observations`, async () => {
        verifies('DECODE-STABLE');
        const variants = messages.map((message) => Buffer.from(message.replaceAll('\r', end), 'latin1'));
        const bytes = Buffer.concat(framed ? variants.map((message) => mllpFrame(message)) : variants);
        const { code, stdout, rejected } = await command(options(file), [bytes]);
        assert.equal(code, 0);
        assert.equal(stdout, readFileSync(golden(file, 'observations'), 'utf8'));
        const expected = readFileSync(golden(file, 'rejected'), 'utf8').trim().split('\n').filter(Boolean);
        assert.deepEqual(
          rejected.map(({ code: why, part }) => [why, part]),
          expected.map((line) => JSON.parse(line) as { code: string; part: string }).map(({ code: why, part }) => [why, part]),
        );
      });
    }
  }
}
