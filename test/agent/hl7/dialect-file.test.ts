import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadDialect } from '../../../agent/hl7/dialect-file.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { command } from '../decode/command.ts';
import { decoded, outcome, short } from '../decode/decoding.ts';
import { message } from './oru.ts';

const EXAMPLE = join(import.meta.dirname, '../../../agent/hl7/dialects/example-site.yaml');
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-dialect-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function file(yaml: string): string {
  files += 1;
  const path = join(folder, `site-${files}.yaml`);
  writeFileSync(path, yaml);
  return path;
}

const HEAD = `name: hl7-test
vendor: Test
models: [one]
protocol: HL7
source: this test
`;
const CODES = `codes:
  - { code: '101', vital: hr }
`;
const UNITS = `units:
  - { unit: '1', ucum: /min }
`;

const REFUSED: readonly (readonly [name: string, yaml: string, says: RegExp])[] = [
  ['no codes', HEAD, /:\d+: codes: missing/],
  ['a vital sign that is not in the table', `${HEAD}${CODES.replace('hr', 'sop2')}`, /:7: codes\[0\]\.vital: .*did you mean 'spo2'/],
  ['a panel', `${HEAD}${CODES.replace('hr', 'nibp')}`, /:7: codes\[0\]\.vital: .*parameter table/],
  ['a code that YAML reads as a number', `${HEAD}${CODES.replace("'101'", '0101')}`, /:7: codes\[0\]\.code: .*quotes/],
  ['a code twice', `${HEAD}${CODES}  - { code: '101', vital: rr }\n`, /:8: codes\[1\]\.code: listed before/],
  ['neither vital nor use', `${HEAD}codes:\n  - { code: '101' }\n`, /:7: codes\[0\]: .*either vital or use/],
  ['both', `${HEAD}${CODES.replace('hr', 'hr, use: aside')}`, /:7: codes\[0\]: .*either vital or use/],
  ['nothing but what is left aside', `${HEAD}${CODES.replace('vital: hr', 'use: aside')}`, /codes: expected at least one/],
  ['a unit that does not fit the row', `${HEAD}${CODES.replace('hr', "hr, unit: '%'")}`, /:7: codes\[0\]\.unit: .*\/min/],
  ['a unit that fits no row', `${HEAD}${CODES}${UNITS.replace('/min', 'kg')}`, /:9: units\[0\]\.ucum/],
  ['a unit twice', `${HEAD}${CODES}${UNITS}  - { unit: '1', ucum: /min }\n`, /:10: units\[1\]\.unit: listed before/],
  ['a sampling rate of no wave', `${HEAD}${CODES.replace('hr', 'hr, samplesPerSecond: 50')}`, /samplesPerSecond: expected only for a wave/],
  ['an unknown base', `base: hl7-capsul\n${HEAD}${CODES}`, /:1: base: .*did you mean 'hl7-capsule'/],
  ['a base without readings', `base: hl7-adt\n${HEAD}${CODES}`, /:1: base: expected one of/],
  ['the name of a built-in dialect', `${HEAD.replace('hl7-test', 'hl7-pcd01')}${CODES}`, /:1: name: .*no built-in/],
  ['an unknown key', `${HEAD}${CODES}sentinel: []\n`, /:8: sentinel: unknown key; did you mean 'sentinels'/],
  ['an absence that is none', `${HEAD}${CODES}sentinels:\n  - { value: -1, absent: gone }\n`, /:9: sentinels\[0\]\.absent/],
  [
    'a sentinel twice',
    `${HEAD}${CODES}sentinels: [{ value: -1, absent: error }, { value: -1.0, absent: unknown }]\n`,
    /sentinels\[1\]\.value: listed before/,
  ],
  [
    'a spelling of one unit for another',
    `${HEAD}${CODES.replace('hr', 'art_m')}units: [{ unit: 'mm[Hg]', ucum: kPa }]\n`,
    /units\[0\]\.ucum: expected mm\[Hg\]/,
  ],
  [
    'a code of MDC for something else',
    `${HEAD}codes:\n  - { code: '150456', system: MDC, vital: hr }\n`,
    /:7: codes\[0\]\.vital: .*nomenclature/,
  ],
  ['a bare one', `${HEAD}codes:\n  - { code: '19384', system: mdc, vital: hr }\n`, /:7: codes\[0\]\.vital: .*nomenclature/],
  ['alarms', `${HEAD}${CODES}messages: [{ type: ORU, use: alerts }]\n`, /messages\[0\]\.use/],
];

for (const [name, yaml, says] of REFUSED) {
  test(`a dialect file is refused with the place of its error: ${name}`, () => {
    assert.throws(
      () => loadDialect(file(yaml)),
      (error) => error instanceof VitalmeshError && error.code === 'MAPPING-INVALID' && says.test(error.message),
      yaml,
    );
  });
}

test('a file may say more of a code than the nomenclature, and spell a unit in its own way', () => {
  for (const yaml of [
    `${HEAD}codes:\n  - { code: '150344', system: MDC, vital: t_rect }\n`,
    `${HEAD}codes:\n  - { code: '150456', vital: hr }\n`,
    `${HEAD}${CODES}units: [{ unit: BPM, ucum: /min }, { unit: '/min', ucum: /min }]\n`,
  ])
    assert.ok(loadDialect(file(yaml)), yaml);
});

test('the last of many codes is compared with all before it', () => {
  const rows = Array.from({ length: 8000 }, (_, i) => `  - { code: 'c${i}', vital: hr }\n`).join('');
  assert.throws(() => loadDialect(file(`${HEAD}codes:\n${rows}  - { code: 'c1', vital: hr }\n`)), /codes\[8000\]\.code: listed before/);
});

const MSH = 'MSH|^~\\&|SITE||||20261121100000+0100||ORU^R01|1|P|2.4';

/** What rows give by a dialect file. */
function read(yaml: string, ...rows: string[]): { readings: string[]; rejected: string[] } {
  const { records, rejected } = decoded(hl7Profile(loadDialect(file(yaml))), message(MSH, ...rows));
  return { readings: short({ records, rejected }), rejected: rejected.map((line) => line.split(' ').slice(0, 2).join(' ')) };
}

test('a code is what the file names, with its coding system and module, and nothing like it', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP', 'CODES-OF-SITE');
  const yaml = `${HEAD}codes:
  - { code: '101', vital: hr }
  - { code: '101', system: L, vital: rr }
  - { code: '101', system: L, module: '7', vital: pr_oxi }
${UNITS}`;
  const { readings, rejected } = read(
    yaml,
    'OBX|1|NM|101||60|1',
    'OBX|2|NM|101^^L||61|1',
    'OBX|3|NM|101^^L|7|62|1',
    'OBX|4|NM|101^^M||63|1',
    'OBX|5|NM|0101||64|1',
    'OBX|6|NM|x^^y^101^^L||65|1',
    'OBX|7|NM|x^^y^101||66|1',
    'OBX|8|NM|101^^^101^^L||67|1',
    'OBX|9|NM|147842^MDC_ECG_HEART_RATE^MDC||68|264864^^MDC',
  );
  assert.deepEqual(readings.sort(), ['hr=60', 'pr_oxi=62', 'rr=61', 'rr=65']);
  assert.deepEqual(
    rejected,
    [4, 5, 7, 8, 9].map((n) => `DECODE-UNKNOWN-CODE OBX[${n}]`),
  );
});

test('a unit is that of the file; without one a value is refused, unless the file says which it has, and then it is marked', () => {
  verifies('NOTHING-INVENTED');
  const yaml = `${HEAD}codes:
  - { code: A, vital: hr }
  - { code: B, vital: temp_u, unit: '[degF]' }
${UNITS}`;
  const { readings, rejected } = read(
    yaml,
    'OBX|1|NM|A||60|1',
    'OBX|2|NM|A||61|',
    'OBX|3|NM|A||62|2',
    'OBX|4|NM|A||63|bpm',
    'OBX|5|NM|B||98.6|',
    'OBX|6|NM|B||36.5|Cel',
    'OBX|7|NM|B||36.5|1',
    'OBX|8|NM|A||64|1^^L^%^^UCUM',
  );
  assert.deepEqual(readings, ['hr=60', 'hr=63', 'temp_u=37 unit-assumed', 'temp_u=36.5', 'hr=64']);
  assert.deepEqual(
    rejected,
    [2, 3, 7].map((n) => `DECODE-UNIT OBX[${n}]`),
  );
});

test('sentinels, rows left aside, settings, and kinds of message', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const yaml = `${HEAD}codes:
  - { code: A, vital: hr, unit: /min }
  - { code: B, use: setting }
  - { code: C, use: aside }
sentinels:
  - { value: -1, absent: error }
rows:
  - { field: 13, is: Setting, use: setting }
messages:
  - { type: ORU, event: R01, use: readings }
`;
  const { readings, rejected } = read(
    yaml,
    'OBX|1|NM|A||-1|',
    'OBX|2|NM|A||-1.00|',
    'OBX|3|NM|A||-10|',
    'OBX|4|NM|A||60||||||||x~SETTING^y',
    'OBX|5|NM|B||60|',
    'OBX|6|ST|C||words|',
  );
  assert.deepEqual(readings, ['hr=!error', 'hr=!error', 'hr=-10 unit-assumed']);
  assert.deepEqual(rejected, ['HL7-SETTING OBX[4]', 'HL7-SETTING OBX[5]', 'HL7-ASIDE OBX[6]']);
  const profile = hl7Profile(loadDialect(file(yaml)));
  const other = profile.read(message(MSH.replace('R01', 'R32'), 'OBX|1|NM|A||60|'), 0, {
    source: 's',
    zone: 'UTC',
    test: false,
    maxFrameBytes: 4096,
  });
  assert.deepEqual(
    outcome([other]).rejected.map((line) => line.split(' ')[0]),
    ['HL7-TYPE'],
  );
});

test('a base keeps what the file does not say', () => {
  const { readings } = read(
    `base: hl7-pcd01\n${HEAD}codes:\n  - { code: X1, system: 99MINE, vital: rr, unit: /min }\n`,
    'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC||97|262688^MDC_DIM_PERCENT^MDC',
    'OBX|2|NM|X1^^99MINE||14|',
  );
  assert.deepEqual(readings, ['spo2=97', 'rr=14 unit-assumed']);
  const capsule = loadDialect(EXAMPLE);
  assert.deepEqual(
    [capsule.name, capsule.uniqueControlIds, capsule.dictionary, capsule.connects],
    ['hl7-example-site', true, undefined, { senderCalls: true }],
  );
  const waiting = loadDialect(file(`${HEAD}listensAt: 6000\n${CODES}`));
  assert.deepEqual(waiting.connects, { senderCalls: false, senderListensAt: 6000 });
});

test('without a dictionary Capsule gives nothing, and says which streams and units came', async () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const bytes = message(MSH, 'OBX|1|NM|2047||3|139', 'OBX|2|NM|2047||4|1', 'OBX|3|NM|9001||80|87', 'OBX|4|NM|Doe John||4|1');
  const bare = await command(['--profile', 'hl7-capsule', '--codes'], [bytes]);
  assert.deepEqual([bare.code, bare.stdout], [0, '']);
  assert.deepEqual(codesOf(bare.stderr), ['2047 2', '(text) 1', '9001 1']);
  const site = await command(['--profile', EXAMPLE, '--codes'], [bytes]);
  assert.deepEqual(codesOf(site.stderr), ['2047 2', '(text) 1', 'unit 87 1']);
});

function codesOf(stderr: string): string[] {
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { unknown?: string; count?: number });
  return lines.flatMap(({ unknown, count }) => (unknown === undefined ? [] : [`${unknown} ${count}`]));
}

test('decode takes the path of a dialect file or of a mapping, and names what is wrong with one', async () => {
  const mapping = join(import.meta.dirname, '../../../agent/mappings/home-hub.yaml');
  const payload = Buffer.from('{"ts":"2026-11-21T10:00:00Z","serial":"WS-1","type":"weight","weight":81.4,"unit":"kg"}\n');
  assert.equal((await command(['--profile', mapping], [payload])).observations.length, 1);
  const broken = await command(['--profile', file(`${HEAD}codes: []\n`)]);
  assert.deepEqual([broken.code, JSON.parse(broken.stderr).code], [1, 'MAPPING-INVALID']);
  const missing = await command(['--profile', join(folder, 'none.yaml')]);
  assert.deepEqual([missing.code, JSON.parse(missing.stderr).code], [1, 'CONFIG-UNREADABLE']);
});

test('a unit that the file lists, under a code of MDC that means another one, is none', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const yaml = `base: hl7-pcd01\n${HEAD}codes:\n  - { code: '101', vital: art_m }\nunits: [{ unit: '266016', ucum: kPa }, { unit: '7', ucum: kPa }]\n`;
  const row = (unit: string): string => `OBX|1|NM|101||12|${unit}|||||F`;
  const { readings, rejected } = read(yaml, row('266016^MDC_DIM_MMHG^MDC'), row('7^x^L^3872^MDC_DIM_MMHG^MDC'), row('7'));
  assert.deepEqual([readings.length, rejected], [1, ['DECODE-UNIT OBX[1]', 'DECODE-UNIT OBX[2]']]);
});
