import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { DecodeContext } from '../../../agent/decoding.ts';
import { mllpFrame } from '../../../agent/framing/mllp.ts';
import { loadDialect } from '../../../agent/hl7/dialect-file.ts';
import { DIALECTS } from '../../../agent/hl7/dialects/index.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { HL7_SIMULATORS } from '../../../agent/simulate/dialects/index.ts';
import { SIMULATORS } from '../../../agent/simulate/index.ts';
import type { Hl7Simulator, Moment, SimulatedMessage } from '../../../agent/simulate/simulator.ts';
import type { Reading, ReadingRecord } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';

const AT = Date.UTC(2026, 10, 21, 10, 0, 0);
const VITALS = {
  heartRate: 71,
  pulse: 72,
  spo2: 97,
  perfusion: 3.2,
  respiration: 15,
  systolic: 128,
  diastolic: 81,
  mean: 97,
  temperature: 36.9,
  weightKg: 70.5,
};
const MOMENT: Moment = { at: AT, beat: 1, seed: 7, bed: 'BED-7', patient: 'TEST-0007', vitals: VITALS, pressure: true, demo: false };
const CONTEXT: DecodeContext = { source: 'sim', zone: 'UTC', test: false, maxFrameBytes: 1_048_576 };
const PROBE_OFF = { ...VITALS, spo2: null, pulse: null, perfusion: null };

/** What the reader must make of these vital signs, by hand from the tables of devices.md §2.2 and §5.4. */
const READ: Record<string, Record<string, number>> = {
  'hl7-pcd01': { hr: 71, spo2: 97, pr_oxi: 72, rr_imp: 15, temp_u: 36.9, nibp_s: 128, nibp_d: 81, nibp_m: 97 },
  'hl7-ge': { hr: 71, spo2: 97, pr_oxi: 72, rr_imp: 15, temp_u: 36.9, nibp_s: 128, nibp_d: 81, nibp_m: 97 },
  'hl7-mindray-egateway': { hr: 71, spo2: 97, pr_oxi: 72, rr_imp: 15, temp_u: 36.9, cuff_s: 128, cuff_d: 81, cuff_m: 97 },
  'hl7-continua-wan': { spo2: 97, pr_oxi: 72, weight: 70.5 },
  'hl7-philips-iic': { hr: 71, spo2: 97, pr: 72, rr: 15, t_core: 36.9, nibp_s: 128, nibp_d: 81, nibp_m: 97 },
  'hl7-philips-efficia': { hr: 71, spo2: 97, pr: 72, rr: 15, t_core: 36.9, nibp_s: 128, nibp_d: 81, nibp_m: 97 },
  'hl7-mindray-pds': { hr: 71, spo2: 97, pr_oxi: 72, pi: 3.2, rr: 15, temp_u: 36.9, nibp_s: 128, nibp_d: 81, nibp_m: 97 },
  'hl7-nihon-kohden': { hr: 71, spo2: 97, pr_oxi: 72, nibp_s: 128, nibp_d: 81, nibp_m: 97 },
  'hl7-capsule': { hr: 71, spo2: 97, rr_aw: 15, art_s: 128, art_d: 81, art_m: 97 },
};

/** Capsule's numbers mean something with the dictionary of a site only. */
function profileOf(name: string) {
  const site = join(import.meta.dirname, '../../../agent/hl7/dialects/example-site.yaml');
  const dialect = name === 'hl7-capsule' ? loadDialect(site) : DIALECTS.find((candidate) => candidate.name === name);
  assert.ok(dialect, name);
  return hl7Profile(dialect);
}

/** Reads messages as one connection brings them. */
function read(simulator: Hl7Simulator, messages: readonly SimulatedMessage[]): ReadingRecord[] {
  const decoder = profileOf(simulator.profile).decoder(CONTEXT);
  const bytes = Buffer.concat(messages.map(({ text }) => mllpFrame(Buffer.from(text, simulator.encoding))));
  return [...decoder.push(bytes, AT), ...decoder.end(AT)].flatMap(({ records }) => records);
}

const all = (simulator: Hl7Simulator, moment: Moment): SimulatedMessage[] => [
  ...(simulator.greeting?.(moment) ?? []),
  ...simulator.messages(moment),
];
const readingsOf = (records: readonly ReadingRecord[]): Reading[] => records.flatMap(({ readings }) => readings);

describe('simulated dialects', () => {
  test('each dialect and each serial format that can be simulated has one device', () => {
    verifies('SIMULATOR-PER-DIALECT');
    const names = SIMULATORS.map(({ profile }) => profile);
    assert.equal(new Set(names).size, names.length);
    // A generic dialect is of no device.
    const dialects = DIALECTS.map(({ name }) => name).filter((name) => name !== 'hl7-generic');
    assert.deepEqual(
      dialects.filter((name) => !names.includes(name)),
      [],
    );
  });

  for (const simulator of HL7_SIMULATORS) {
    const { profile } = simulator;
    test(`${profile}: calls or listens as its dialect says`, () => {
      const { connects } = profileOf(profile).dialect;
      assert.deepEqual(simulator.role, connects.senderCalls ? { calls: true } : { listensAt: connects.senderListensAt });
    });

    test(`${profile}: every message says that it is a test, and names nobody but TEST^PATIENT`, () => {
      verifies('SIMULATION-IS-TEST');
      const messages = [...all(simulator, MOMENT), ...(simulator.heartbeat ? [simulator.heartbeat.message(MOMENT)] : [])];
      for (const { text, id } of messages) {
        const [header = '', ...rest] = text.split('\r');
        const fields = header.split('|');
        assert.equal(fields[10], 'T', 'MSH-11');
        assert.equal(fields[9], id, 'MSH-10');
        assert.ok(text.endsWith('\r'));
        for (const pid of rest.filter((segment) => segment.startsWith('PID|')))
          assert.ok(['', undefined, 'TEST^PATIENT'].includes(pid.split('|')[5]));
      }
      for (const record of read(simulator, all(simulator, MOMENT))) assert.equal(record.test, true);
    });

    const expected = READ[profile];
    if (!expected) continue;

    test(`${profile}: what it sends is read as what it showed`, () => {
      const records = read(simulator, all(simulator, MOMENT));
      assert.deepEqual(Object.fromEntries(readingsOf(records).map(({ vital, value }) => [vital, value])), expected);
      const isNamed = !['hl7-capsule'].includes(profile);
      for (const { subject } of records) assert.equal(subject.patient?.value, isNamed ? 'TEST-0007' : undefined);
      if (profile !== 'hl7-continua-wan')
        for (const { subject } of records) assert.equal(subject.bed, profile === 'hl7-mindray-pds' ? 'ICU^^BED-7' : 'BED-7');
    });

    test(`${profile}: a probe that is off gives no value`, () => {
      verifies('NOTHING-INVENTED');
      const readings = readingsOf(read(simulator, all(simulator, { ...MOMENT, vitals: PROBE_OFF })));
      for (const { vital, value, absent } of readings) {
        const isOff = ['spo2', 'pr_oxi', 'pr', 'pi'].includes(vital);
        assert.equal(value === undefined, isOff, vital);
        assert.equal(absent !== undefined, isOff, vital);
      }
      // A home gateway sends measurements that were taken, and nothing for others.
      assert.equal(
        readings.some(({ vital }) => vital === 'spo2'),
        profile !== 'hl7-continua-wan',
      );
    });
  }

  test('demonstration mode is said in OBX-8 where PCD-01 is spoken, and read', () => {
    for (const profile of ['hl7-pcd01', 'hl7-ge', 'hl7-mindray-egateway']) {
      const simulator = HL7_SIMULATORS.find((candidate) => candidate.profile === profile);
      assert.ok(simulator);
      const readings = readingsOf(read(simulator, simulator.messages({ ...MOMENT, demo: true })));
      assert.ok(readings.length > 0 && readings.every(({ flags = [] }) => flags.includes('demo')));
    }
  });

  test('monitors that tell of alarms do so while there is one', () => {
    for (const profile of ['hl7-philips-iic', 'hl7-philips-efficia', 'hl7-mindray-pds']) {
      const simulator = HL7_SIMULATORS.find((candidate) => candidate.profile === profile);
      assert.ok(simulator);
      const alerts = (spo2: number) =>
        read(simulator, all(simulator, { ...MOMENT, vitals: { ...VITALS, spo2 } })).filter(({ alerts: told }) => told?.length);
      assert.equal(alerts(97).length, 0);
      assert.equal(alerts(85).length, 1);
    }
  });

  test('the sender of GE tells of a low saturation when it begins and when it ends', () => {
    const ge = HL7_SIMULATORS.find(({ profile }) => profile === 'hl7-ge');
    assert.ok(ge);
    const told = (spo2: number, before: number) =>
      read(ge, ge.messages({ ...MOMENT, vitals: { ...VITALS, spo2 }, previous: { ...VITALS, spo2: before } })).flatMap(({ alerts = [] }) =>
        alerts.map(({ phase, state, priority, type, text }) => [phase, state, priority, type, text]),
      );
    assert.deepEqual(told(97, 97), []);
    assert.deepEqual(told(85, 97), [['start', 'active', 'medium', 'physiological', 'SpO2 low']]);
    assert.deepEqual(told(84, 85), []);
    assert.deepEqual(told(92, 84), [['end', 'inactive', 'medium', 'physiological', 'SpO2 low']]);
  });

  test('a simulated ward: every movement of its day is read, and who lies where follows', () => {
    verifies('MOVEMENTS-READ');
    const adt = HL7_SIMULATORS.find(({ profile }) => profile === 'hl7-adt');
    assert.ok(adt);
    const days = Array.from({ length: 15 }, (_, i) => adt.messages({ ...MOMENT, beat: i + 1 })).flat();
    const told = read(adt, days).map(({ movement }) => [
      movement?.event,
      ...(movement?.parties ?? []).map(({ patient, bed, priorBed, prior }) =>
        [patient.value, bed, priorBed, prior?.patient?.value].join(' ').trim(),
      ),
    ]);
    assert.deepEqual(told, [
      ['A01', 'TEST-0007-1A BED-1'],
      ['A01', 'TEST-0007-1B BED-2'],
      ['A02', 'TEST-0007-1A BED-3 BED-1'],
      ['A12', 'TEST-0007-1A BED-1 BED-3'],
      ['A17', 'TEST-0007-1A BED-2 BED-1', 'TEST-0007-1B BED-1 BED-2'],
      ['A04', 'TEST-0007-1C'],
      ['A40', 'TEST-0007-1A   TEST-0007-1C'],
      ['A08', 'TEST-0007-1A BED-2'],
      ['A03', 'TEST-0007-1A BED-2'],
      ['A13', 'TEST-0007-1A BED-2'],
      ['A03', 'TEST-0007-1A BED-2'],
      ['A01', 'TEST-0007-1D BED-3'],
      ['A11', 'TEST-0007-1D BED-3'],
      ['A03', 'TEST-0007-1B BED-1'],
      ['A01', 'TEST-0007-2A BED-1'],
    ]);
  });

  for (const simulator of HL7_SIMULATORS) {
    test(`${simulator.profile}: the wire form, byte for byte as checked against devices.md §2`, () => {
      const text = readFileSync(join(import.meta.dirname, 'wire', `${simulator.profile}.hl7`), 'latin1');
      const low = { ...MOMENT, vitals: { ...VITALS, spo2: 85 }, previous: VITALS };
      const messages = [...all(simulator, low), ...(simulator.heartbeat ? [simulator.heartbeat.message(low)] : [])];
      assert.equal(messages.map((message) => message.text).join(''), text.replaceAll('\n', '\r'));
    });
  }
});
