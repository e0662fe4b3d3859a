import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { configJsonSchema, loadConfig, parseConfig } from '../../shared/config.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { editDistance, nearest } from '../../shared/nearest.ts';
import { verifies } from '../requirements.ts';

const schema = z.strictObject({
  zone: z.string().default('UTC'),
  store: z.strictObject({ path: z.string(), maxBytes: z.number().int().min(10).optional() }),
  sources: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('serial'), name: z.string(), port: z.string() }),
      z.strictObject({ type: z.literal('mllp'), name: z.string(), host: z.string(), port: z.number() }),
    ]),
  ),
});

function problems(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    parseConfig(schema, text, { name: 'agent.yaml', env, envPrefix: 'VM' });
  } catch (error) {
    assert.ok(error instanceof VitalmeshError);
    return [error.code, ...(error.detail ?? '').split('\n')];
  }
  return [];
}

const GOOD = `store:
  path: /tmp/x
sources:
  - type: mllp
    name: icu
    host: 127.0.0.1
    port: 2575
`;

test('a good file gives its values with defaults', () => {
  const config = parseConfig(schema, GOOD, { name: 'agent.yaml' });
  assert.equal(config.zone, 'UTC');
  assert.equal(config.sources[0]?.name, 'icu');
});

test('every problem names line, path, what was expected and the nearest key', () => {
  verifies('CONFIG-ERRORS-HELP');
  assert.deepEqual(problems(GOOD.replace('host:', 'hots:').replace('path: /tmp/x', 'path: 5')), [
    'CONFIG-INVALID',
    'agent.yaml:2: store.path: expected string',
    'agent.yaml:4: sources[0].host: missing; expected string',
    "agent.yaml:6: sources[0].hots: unknown key; did you mean 'host'?",
  ]);
  assert.deepEqual(problems(GOOD.replace('mllp', 'mlpp')), [
    'CONFIG-INVALID',
    'agent.yaml:4: sources[0].type: no known type; --print-schema names them',
  ]);
  assert.deepEqual(problems('sources: []\n'), ['CONFIG-INVALID', 'agent.yaml:1: store: missing; expected object']);
});

test('text that is not YAML names the place', () => {
  assert.equal(problems('store: {path: \n')[0], 'CONFIG-YAML');
  assert.match(problems('a: 1\na: 2\n')[1] ?? '', /^agent\.yaml:2:1: duplicate key$/);
});

test('a value in the file is never repeated in an error', () => {
  const secret = 'hunter2-secret';
  for (const line of [`store: ${secret}`, `store: {path: [${secret}]}`, `zone: {a: ${secret}}`, `store: {path: x}\nsources: ${secret}`]) {
    assert.ok(!problems(line).join('\n').includes(secret), line);
  }
});

test('the environment overrides by key, without regard to case, and says what it cannot place', () => {
  const config = parseConfig(schema, GOOD, {
    name: 'a',
    envPrefix: 'VM',
    env: { VM__STORE__MAXBYTES: '4096', VM__SOURCES__0__PORT: '99', OTHER: 'x' },
  });
  assert.equal(config.store.maxBytes, 4096);
  assert.deepEqual(config.sources[0], { type: 'mllp', name: 'icu', host: '127.0.0.1', port: 99 });
  assert.deepEqual(problems(GOOD, { VM__SOURCES__7__PORT: '1' }), [
    'CONFIG-INVALID',
    'environment: VM__SOURCES__7__PORT: there is no place for this key',
  ]);
  assert.deepEqual(problems(GOOD, { VM__store__path: '5', VM__sources__0__port: 'x', VM__stroe: '1' }), [
    'CONFIG-INVALID',
    'environment: VM__store__path: store.path: expected string',
    'environment: VM__sources__0__port: sources[0].port: expected number',
    "environment: VM__stroe: stroe: unknown key; did you mean 'store'?",
  ]);
  assert.deepEqual(problems(GOOD.replace('port: 2575', 'port: x'), { VM__store__path: '/tmp/y' }), [
    'CONFIG-INVALID',
    'agent.yaml:7: sources[0].port: expected number',
  ]);
  assert.deepEqual(problems(GOOD, { VM____proto____x: '1' })[0], 'CONFIG-INVALID');
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

test('a missing file is a coded error', () => {
  assert.throws(() => loadConfig(schema, '/nowhere/agent.yaml'), { code: 'CONFIG-UNREADABLE' });
});

test('the JSON Schema names the keys', () => {
  assert.match(JSON.stringify(configJsonSchema(schema)), /"maxBytes"/);
});

test('an alias bomb is refused', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x,x]',
    ...'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
  ].join('\n');
  assert.equal(problems(bomb)[0], 'CONFIG-YAML');
});

test('any text gives a configuration or a coded error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const [code] = problems(text);
      assert.ok(code === 'CONFIG-YAML' || code === 'CONFIG-INVALID');
    }),
    { numRuns: 200 },
  );
});

test('the nearest word is found, and none when all are far', () => {
  assert.equal(nearest('sorces', ['sources', 'store', 'zone']), 'sources');
  assert.equal(nearest('xyz', ['sources', 'store']), undefined);
  assert.equal(editDistance('ab', 'ba'), 1);
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => editDistance(a, b) === editDistance(b, a) && editDistance(a, a) === 0),
    { numRuns: 100 },
  );
});

test('an override concerns the one place that it names, and not the others of an alias', () => {
  const text = `${GOOD.replace('  - type', '  - &icu\n    type')}  - *icu\n`;
  const config = parseConfig(schema, text, { name: 'agent.yaml', env: { VM__sources__0__name: 'ward' }, envPrefix: 'VM' });
  assert.deepEqual(
    config.sources.map(({ name }) => name),
    ['ward', 'icu'],
  );
  assert.deepEqual(problems('a: &a [*a]\n', { VM__zone: 'UTC' })[0], 'CONFIG-INVALID');
});

test('of very many problems the first are told, and how many more there are', () => {
  const text = GOOD + Array.from({ length: 60_000 }, (_, i) => `k${i}: 1\n`).join('');
  const found = problems(text);
  assert.equal(found.length, 52);
  assert.match(found[1] ?? '', /^agent\.yaml:8: k0: unknown key/);
  assert.equal(found.at(-1), 'agent.yaml: and 59950 more');
});

test('a key that is there twice is named where it comes again, however deep', () => {
  assert.deepEqual(problems(`${GOOD}    port: 2576\n`), ['CONFIG-YAML', 'agent.yaml:8:5: duplicate key']);
  assert.deepEqual(problems('zone: a\n"zone": b\n'), ['CONFIG-YAML', 'agent.yaml:2:1: duplicate key']);
});

test('a number with a unit, and a value that is one of several kinds, are told in the form that is taken', () => {
  const schema = z.strictObject({ maxBytes: z.int().default(1), keep: z.union([z.number().min(1), z.literal('forever')]).default(1) });
  const said = (text: string): string => {
    try {
      parseConfig(schema, text, { name: 'a.yaml' });
    } catch (error) {
      return (error as VitalmeshError).detail ?? '';
    }
    return assert.fail('it was taken');
  };
  assert.equal(said('maxBytes: 30MB'), 'a.yaml:1: maxBytes: expected number (digits alone, without a unit)');
  assert.equal(said('maxBytes: many'), 'a.yaml:1: maxBytes: expected number');
  assert.equal(said('keep: never'), 'a.yaml:1: keep: expected number or forever');
  assert.equal(said('keep: 30d'), 'a.yaml:1: keep: expected number (digits alone, without a unit) or forever');
});
