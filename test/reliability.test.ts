import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifies } from './requirements.ts';
import { BOUNDS } from './soak/growth.ts';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'RELIABILITY.md'), 'utf8');
/** `npm` commands, by what follows `npm`. */
const commands = [...text.matchAll(/`npm ((?:run )?(\S+) -- ([^`]+))`/g)].map(([, whole = '', script = '', rest = '']) => ({
  whole,
  script,
  rest,
}));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** What tests the tools. */
const NO_FAULT = new Set(['test/fault/soak.test.ts']);

/** Where the files of a script lie. */
const PLACES: Readonly<Record<string, RegExp>> = {
  test: /^test\/(?:shared|agent|hub|fault|e2e)\/\S+\.test\.ts$/,
  counterpart: /^test\/counterpart\/\S+\.test\.ts$/,
  torture: /^test\/torture\/\S+\.test\.ts$/,
};

test('every command that repeats what RELIABILITY.md tells of is a script of the package, and every file that it names is one of that script', () => {
  verifies('RELIABILITY-REPEATABLE');
  assert.ok(commands.length > 20);
  for (const { whole, script, rest } of commands) {
    assert.ok(scripts[script], whole);
    const place = PLACES[script];
    for (const file of place ? rest.split(' ') : []) assert.ok(place?.test(file) && existsSync(join(root, file)), whole);
    if (script === 'soak') assert.match(rest, /^--minutes \d+$/);
    if (script === 'bench') for (const name of rest.split(' ')) assert.ok(existsSync(join(root, 'test', 'bench', `${name}.ts`)), whole);
  }
});

test('each row of the faults that were tried has a count, an outcome and a command', () => {
  const table = /^\| what is done .*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(text)?.[1] ?? '';
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.split(' | '));
  assert.ok(rows.length > 15);
  for (const row of rows) {
    assert.equal(row.length, 4, row[0]);
    assert.match(row[3] ?? '', /^`npm (?:test|run counterpart|run soak|run torture) -- [^`]+` \|$/, row[0]);
  }
});

test('every test that kills, cuts or starves something is told of', () => {
  const told = new Set(commands.flatMap(({ rest }) => rest.split(' ')));
  const faults = ['fault/*', 'counterpart/*disk*', 'counterpart/power-cut*', '{agent,hub}/**/model'].flatMap((name) =>
    globSync(`test/${name}.test.ts`, { cwd: root }),
  );
  assert.ok(faults.length > 10);
  for (const file of faults) if (!NO_FAULT.has(file)) assert.ok(told.has(file), file);
});

test('the bounds of a soak are those that it tells of', () => {
  const { rssMb, rssMbAnHour, fds, fdsAnHour } = BOUNDS;
  assert.equal(fdsAnHour, 1);
  assert.match(
    text.replaceAll(/\s+/g, ' '),
    new RegExp(`more than ${rssMb} MB and ${rssMbAnHour} MB an hour, or ${fds} descriptors and one an hour`),
  );
});
