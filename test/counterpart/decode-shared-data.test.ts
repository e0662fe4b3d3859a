import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Decoded, MqttProfile } from '../../agent/decoding.ts';
import { PROFILES, profile } from '../../agent/profiles.ts';
import { resourcesOf } from '../../agent/resources.ts';
import { checkRecord } from '../../shared/reading-check.ts';
import { verifies } from '../requirements.ts';
import { hapiValidate } from '../support/hapi.ts';
import { CONTINUA_OUTCOMES, HL7_OUTCOMES, JSON_OUTCOMES, SERIAL_OUTCOMES } from './shared-data-outcomes.ts';

const DATA = join(import.meta.dirname, '../../../shared/data');
const CONTEXT = { source: 'shared-data', zone: 'UTC', test: false, maxFrameBytes: 1024 * 1024 };
const RECEIVED_AT = Date.UTC(2026, 10, 21, 9);
const KEY = { agent: 'shared', epoch: '0000000000000', seq: 1 };

const HL7_FILES = '{hl7v2,mllp}/**/*.{hl7,hl7v2,txt,bin}';

/** Readings, events of movements, `reply` (MSA-1 of each acknowledgement), rejected parts by code: `3 readings AA, HL7-VALUE-TYPE 2`. */
function outcomeOf(parts: readonly Decoded[]): string {
  const records = parts.flatMap((part) => part.records);
  for (const record of records) {
    assert.equal(checkRecord(record), undefined);
    assert.ok(resourcesOf(record, KEY).length > 0);
  }
  const readings = records.reduce((sum, record) => sum + record.readings.length, 0);
  const acks = parts.flatMap(({ reply }) =>
    [
      ...Buffer.from(reply?.stored ?? [])
        .toString('latin1')
        .matchAll(/\rMSA.([AC][AER])/g),
    ].map(([, code]) => code),
  );
  const codes = new Map<string, number>();
  for (const { code } of parts.flatMap((part) => part.rejected)) codes.set(code, (codes.get(code) ?? 0) + 1);
  const rejected = [...codes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, count]) => `${code} ${count}`);
  const events = records.flatMap(({ movement }) => movement?.event ?? []);
  return [[`${readings} readings`, ...events, ...acks].join(' '), ...rejected].join(', ');
}

function stream(name: string, bytes: Uint8Array): Decoded[] {
  const decoder = profile(name).decoder(CONTEXT);
  return [...decoder.push(bytes, RECEIVED_AT), ...decoder.end(RECEIVED_AT)];
}

function files(pattern: string): string[] {
  return globSync(pattern, { cwd: DATA }).sort();
}

/** Prints what was found, outcome by outcome, and compares it with what was read and found right. */
function compare(found: ReadonlyMap<string, string>, expected: Readonly<Record<string, readonly string[]>>): void {
  const byOutcome = Object.fromEntries(
    Object.entries(Object.groupBy(found.keys(), (file) => found.get(file) ?? '')).map(([outcome, list = []]) => [outcome, list.sort()]),
  );
  for (const [outcome, list] of Object.entries(byOutcome))
    process.stdout.write(`  ${outcome}\n${list.map((file) => `      ${file}\n`).join('')}`);
  assert.deepEqual(byOutcome, Object.fromEntries(Object.entries(expected).map(([outcome, list]) => [outcome, [...list].sort()])));
}

test('every HL7 file of the shared data is read by the dialect that is for it, with a reasoned outcome', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  const listed = HL7_OUTCOMES.flatMap((row) => row.files);
  assert.deepEqual(listed.toSorted(), files(HL7_FILES));
  for (const { dialect, outcome, reason, files: list } of HL7_OUTCOMES) {
    process.stdout.write(`  ${dialect}: ${outcome}\n    ${reason}\n${list.map((file) => `      ${file}\n`).join('')}`);
    for (const file of list) assert.equal(outcomeOf(stream(dialect, readFileSync(join(DATA, file)))), outcome, file);
  }
});

test('no dialect stumbles over the message of another, or finds in it what is not there', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NOTHING-INVENTED');
  const measured = new Set(HL7_OUTCOMES.filter(({ outcome }) => !outcome.startsWith('0 readings')).flatMap((row) => row.files));
  const moved = new Set(HL7_OUTCOMES.filter(({ outcome }) => /^0 readings A\d/.test(outcome)).flatMap((row) => row.files));
  for (const { name } of PROFILES.filter(({ kind }) => kind === 'hl7')) {
    for (const file of files(HL7_FILES)) {
      const parts = stream(name, readFileSync(join(DATA, file)));
      const outcome = outcomeOf(parts);
      if (!measured.has(file)) assert.match(outcome, /^0 readings/, `${name} ${file}`);
      if (!moved.has(file))
        assert.ok(
          parts.every(({ records }) => records.every(({ movement }) => movement === undefined)),
          `${name} ${file}`,
        );
      assert.ok(parts.length > 0, `${name} ${file}`);
    }
  }
});

test('what the PCD-01 messages say is what is read', () => {
  verifies('NOTHING-INVENTED');
  const values = (file: string): string[] =>
    stream('hl7-pcd01', readFileSync(join(DATA, 'hl7v2/ipf-pcd01', file))).flatMap(({ records }) =>
      records.flatMap(({ subject, device, readings }) =>
        readings.map(
          ({ vital, value, effective = 0 }) =>
            `${subject.patient?.value} ${device.id} ${vital}=${value} ${new Date(effective).toISOString()}`,
        ),
      ),
    );
  const of = '789567 0123456789ABCDEF';
  assert.deepEqual(values('valid-bp-continua-wan.hl7v2'), [
    `${of} nibp_s=120 2009-08-13T09:57:15.000Z`,
    `${of} nibp_d=80 2009-08-13T09:57:15.000Z`,
    `${of} nibp_m=100 2009-08-13T09:57:15.000Z`,
  ]);
  assert.deepEqual(values('valid-oximeter-continua-wan.hl7v2'), [`${of} spo2=80.5 2009-07-15T07:07:07.000Z`]);
  assert.deepEqual(values('valid-thermometer-continua-wan.hl7v2'), [`${of} t_oral=37 2009-07-15T07:07:07.000Z`]);
  assert.deepEqual(values('valid-pcd01-request.hl7v2')[0], `${of} nibp_s=120 2009-08-13T04:57:15.000Z`);
});

test('the messages of home hubs, by their own dialect', () => {
  verifies('NO-SILENT-DROP', 'NOTHING-INVENTED');
  const found = new Map<string, string>();
  for (const file of files('hl7v2/ipf-pcd01/*')) found.set(file, outcomeOf(stream('hl7-continua-wan', readFileSync(join(DATA, file)))));
  compare(found, CONTINUA_OUTCOMES);
});

test('every JSON file of the shared data is no payload of the home hub, and says so', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  const homeHub = profile('mqtt-home-hub') as MqttProfile;
  const found = files('json/**/*.json').map((file) =>
    outcomeOf([homeHub.decodePayload('', readFileSync(join(DATA, file)), RECEIVED_AT, CONTEXT)]),
  );
  assert.equal(found.length, 45);
  assert.deepEqual([...new Set(found)].sort(), JSON_OUTCOMES);
});

test('a capture of another device gives no reading under any text profile', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const found = new Map<string, string>();
  for (const file of files('serial/**/*.data')) {
    for (const name of ['masimo-ascii1', 'nonin-ascii'])
      found.set(`${name} ${file}`, outcomeOf(stream(name, readFileSync(join(DATA, file)))));
  }
  compare(found, SERIAL_OUTCOMES);
});

test('every Observation of the golden captures is valid for HAPI', async () => {
  verifies('OBSERVATION-VALID');
  const golden = join(import.meta.dirname, '../golden/captures');
  const ndjson = globSync('*/*.observations.ndjson', { cwd: golden })
    .map((file) => readFileSync(join(golden, file), 'utf8'))
    .join('');
  const { resources, valid, errors, text } = await hapiValidate(ndjson);
  assert.equal(errors, 0, text);
  assert.deepEqual([resources, valid], [ndjson.trim().split('\n').length, resources]);
  assert.ok(resources > 50);
});
