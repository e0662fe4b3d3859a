import type { MqttProfile } from '../../agent/decoding.ts';
import { profile } from '../../agent/profiles.ts';
import { resourcesOf } from '../../agent/resources.ts';
import type { Ingest } from '../../hub/ingest/ingest.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { Resource } from '../../shared/fhir.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { batchEntry } from '../../shared/uplink/kinds.ts';
import { hl7Pcd01 } from './hl7.ts';
import { TEST_EPOCH, TEST_NOW } from './hub.ts';

/** The eighteen kinds of identifiers of 45 CFR 164.514(b)(2)(i), by their letters there. */
export const SAFE_HARBOR = {
  A: 'names',
  B: 'places smaller than a state',
  C: 'dates but the year, ages over 89',
  D: 'telephone numbers',
  E: 'fax numbers',
  F: 'e-mail addresses',
  G: 'social security numbers',
  H: 'medical record numbers',
  I: 'health plan numbers',
  J: 'account numbers',
  K: 'certificate and licence numbers',
  L: 'vehicle identifiers',
  M: 'device identifiers and serial numbers',
  N: 'URLs',
  O: 'IP addresses',
  P: 'biometric identifiers',
  Q: 'photographs of the face',
  R: 'any other number, characteristic or code that is unique',
} as const;
export type SafeHarborKind = keyof typeof SAFE_HARBOR;

/** An identifier of the planted hospital, unlike any other text. */
export interface Marker {
  kind: SafeHarborKind;
  text: string;
}

const marker = (kind: SafeHarborKind, text: string): Marker => ({ kind, text });

export const MARKERS = {
  name: marker('A', 'Zylphaquist'),
  town: marker('B', 'Quorndale'),
  zip: marker('B', '98765-4321'),
  bed: marker('B', 'ZB-3'),
  ward: marker('B', 'quorn-north'),
  born: marker('C', '19310204'),
  bornIso: marker('C', '1931-02-04'),
  age: marker('C', '95 years'),
  measured: marker('C', '2026-11-21'),
  measuredMs: marker('C', String(TEST_NOW).slice(0, 7)),
  phone: marker('D', '+49-555-0101'),
  typedPhone: marker('D', '5550102'),
  fax: marker('E', '+49-555-0199'),
  mail: marker('F', 'z.quist@example.test'),
  social: marker('G', '078-05-1120'),
  record: marker('H', 'MRN-7741902'),
  plan: marker('I', 'HPB-33190'),
  account: marker('J', 'ACC-55817'),
  licence: marker('K', 'DL-Q81-220'),
  vehicle: marker('L', 'WOB-ZQ-81'),
  serial: marker('M', 'SN-88X-4410'),
  homeSerial: marker('M', 'BP-4410-QX'),
  mac: marker('M', '00:09:FB:5A:51:01'),
  eui: marker('M', '0009FBFFFE5A5101'),
  url: marker('N', 'https://quist.example.test/me'),
  ip: marker('O', '198.51.100.77'),
  fingerprint: marker('P', 'BIOFP-7Q7Q7Q'),
  wave: marker('P', '31337 31338'),
  photo: marker('Q', '/9j/4AAQSkZJRgZYLPHOTO'),
  visit: marker('R', 'VISIT-90210'),
  gateway: marker('R', 'gw-quist'),
  patient: marker('R', 'pat-corpus'),
  instance: marker('R', 'ALARM-0815-Q'),
} as const satisfies Record<string, Marker>;
export type MarkerName = keyof typeof MARKERS;

const ICU = 'gw-quist-icu';
const HOME = 'gw-quist-home';
const CLIENT = 'gw-quist-fhir';
const BED = `${MARKERS.town.text}^17^${MARKERS.bed.text}`;

/** Patients of the planted hospital: in a bed, at home, and of a FHIR client. */
export const PLANTED_PATIENTS = ['pat-corpus-01', 'pat-corpus-02', 'pat-corpus-03'] as const;

/** registry.yaml of the planted hospital; identifiers in every name that it has room for. */
export const PLANTED_REGISTRY = `
gateways:
  - { identity: ${ICU}, tenant: clinic, movements: true, beds: { "${BED}": pat-corpus-01 } }
  - { identity: ${HOME}, tenant: clinic, patient: pat-corpus-02, devices: { "${MARKERS.mac.text}": pat-corpus-02 } }
  - identity: ${CLIENT}
    tenant: clinic
    patient: pat-corpus-03
    subjects: { "urn:oid:1.2.3|${MARKERS.record.text}": pat-corpus-03, "${MARKERS.url.text}": pat-corpus-03 }
  - { identity: gw-other, tenant: other, patient: pat-other-01 }
clients:
  - { identity: ai-research, tenant: clinic, kind: software, role: researcher, purpose: HRESCH, patients: all }
  - { identity: ai-quality, tenant: clinic, kind: person, role: quality, patients: all }
  - { identity: ai-extract, tenant: clinic, kind: software, role: extractor, patients: all }
  - { identity: ai-extract-2, tenant: clinic, kind: software, role: limited-extractor, patients: all }
  - { identity: ai-denied, tenant: other, kind: software, role: monitor, patients: all }
wards:
  ${MARKERS.ward.text}: { tenant: clinic, beds: ["${BED}"] }
`;

/** Everything that somebody may write where there is room for text. */
const FREE_TEXT = Object.values(MARKERS)
  .map(({ text }) => text)
  .join(' ');

/** An HL7 message of a monitor whose sender fills every field that it has. */
function hl7Message(): Buffer {
  const m = Object.fromEntries(Object.entries(MARKERS).map(([name, { text }]) => [name, text])) as Record<MarkerName, string>;
  const safe = FREE_TEXT.replaceAll('^', ' ');
  const row = (index: number, code: string, value: string, unit: string, limits = '') =>
    `OBX|${index}|NM|${code}|1.1.1.${index}|${value}|${unit}|${limits}||||R|||20261121095958+0000||||${m.serial}^MON^${m.eui}^EUI-64`;
  return Buffer.from(
    [
      `MSH|^~\\&|MON^${m.eui}^EUI-64|${m.town}|||20261121100000+0000||ORU^R01^ORU_R01|M1|P|2.6`,
      `PID|1||${m.record}^^^HOSP^MR~${m.plan}^^^PLAN^HC~${m.licence}^^^DMV^DL||${m.name}^Ottilie||${m.born}|F|||17 Elm^^${m.town}^^${m.zip}||${m.phone}^PRN^PH~^NET^Internet^${m.mail}|${m.fax}^WPN^FX|||||${m.account}|${m.social}|${m.licence}`,
      `PV1||I|${BED}||||||||||||||||${m.visit}`,
      'OBR|1|||182777000^monitoring of patient^SCT|||20261121095958+0000',
      `NTE|1||${safe}`,
      row(1, '150456^MDC_PULS_OXIM_SAT_O2^MDC', '97', '262688^MDC_DIM_PERCENT^MDC', `90-100 ${m.name}`),
      row(2, '147842^MDC_ECG_HEART_RATE^MDC', m.typedPhone, '264864^MDC_DIM_BEAT_PER_MIN^MDC'),
      `OBX|3|TX|0^Comment^L|1.1.1.3|${safe}||||||R`,
      '',
    ].join('\r'),
    'latin1',
  );
}

/** A payload of a home hub with more in it than anybody asked for. */
function mqttPayload(): { topic: string; payload: Buffer } {
  const payload = {
    ts: '2026-11-21T09:59:58.000+00:00',
    serial: MARKERS.homeSerial.text,
    type: 'bp',
    systolic: 128,
    diastolic: 82,
    unit: 'mmHg',
  };
  const more = { owner: MARKERS.name.text, ip: MARKERS.ip.text, mac: MARKERS.mac.text, photo: MARKERS.photo.text, note: FREE_TEXT };
  return { topic: `home/hub-01/${MARKERS.homeSerial.text}/measurement`, payload: Buffer.from(JSON.stringify({ ...payload, ...more })) };
}

const DEVICE = { id: MARKERS.serial.text, idType: 'serial', vendor: MARKERS.name.text, model: MARKERS.vehicle.text } as const;
const SUBJECT = { patient: { value: MARKERS.record.text, authority: MARKERS.town.text }, visit: MARKERS.visit.text, bed: BED };

/** One of each other kind that an agent sends. */
const RECORDS: readonly ReadingRecord[] = [
  {
    ...base('alert'),
    alerts: [
      {
        ...{
          code: { system: MARKERS.plan.text, code: MARKERS.account.text },
          text: FREE_TEXT.slice(0, 128),
          instance: MARKERS.instance.text,
        },
        ...{ phase: 'start', state: 'active', priority: 'high', type: 'physiological', source: { vital: 'spo2' } },
      },
    ],
  },
  // Of a bed that nobody is bound to: refused, and shown to operators by the name that the sender has for it.
  { ...base('continuous'), subject: { bed: `${BED}-2` }, readings: [{ vital: 'hr', value: 70 }] },
  { ...base('waveform'), waves: [{ vital: 'w_pleth', samples: [...MARKERS.wave.text.split(' ').map(Number), null], periodMs: 8 }] },
  {
    ...base('gap'),
    gap: { reason: 'space', lost: 'continuous', from: TEST_NOW - 9000, to: TEST_NOW - 8000, rows: 3, values: 9, vitals: ['hr'] },
  },
  { ...base('device'), tree: { mdc: 69_965, parts: [{ path: '1', level: 'vmd', mdc: 69_854 }] } },
  {
    ...base('movement'),
    movement: {
      event: 'A01',
      parties: [{ patient: SUBJECT.patient, visit: SUBJECT.visit, account: MARKERS.account.text, bed: BED, priorBed: MARKERS.zip.text }],
    },
  },
];

function base(kind: ReadingRecord['class']): ReadingRecord {
  return {
    ...{ source: 'monitor', profile: 'hl7-pcd01', device: DEVICE, receivedAt: TEST_NOW - 1000, subject: SUBJECT, test: false },
    ...{ class: kind, readings: [] },
  };
}

/** What a FHIR client sends that puts everything in. */
const FOREIGN = {
  resourceType: 'Observation',
  identifier: [{ system: MARKERS.url.text, value: MARKERS.instance.text }],
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: MARKERS.name.text }], text: FREE_TEXT },
  subject: { identifier: { system: 'urn:oid:1.2.3', value: MARKERS.record.text }, display: MARKERS.name.text },
  performer: [{ reference: MARKERS.url.text, display: MARKERS.name.text }],
  effectiveDateTime: '2026-11-21T09:59:59+00:00',
  valueQuantity: { value: 72, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
  device: { identifier: { value: MARKERS.mac.text }, display: MARKERS.vehicle.text },
  note: [{ text: FREE_TEXT, authorString: MARKERS.mail.text }],
  text: { status: 'generated', div: `<div>${FREE_TEXT}</div>` },
  extension: [{ url: MARKERS.url.text, valueString: MARKERS.fingerprint.text }],
};
/** The same with what cannot be taken, so that it is refused and kept aside. */
const REFUSED = {
  ...FOREIGN,
  code: { text: FREE_TEXT },
  contained: [{ resourceType: 'Binary', contentType: 'image/jpeg', data: MARKERS.photo.text }],
};

/** What came of planting: how many parts were stored and how many refused, and all that was answered to those who sent them. */
export interface Planted {
  stored: number;
  refused: number;
  answers: readonly unknown[];
}

/** Sends everything, good and bad, by every way in. */
export async function plant(ingest: Ingest): Promise<Planted> {
  const context = { source: 'monitor', zone: 'Europe/Berlin', test: false, maxFrameBytes: 64 * 1024 };
  const home = profile('mqtt-home-hub') as MqttProfile;
  const { topic, payload } = mqttPayload();
  const icu = [...hl7Pcd01.read(hl7Message(), TEST_NOW - 500, context).records, ...RECORDS];
  const sent = [
    await ingest.batch(ICU, bundleOf(icu.flatMap((record, seq) => resourcesOf(record, { agent: ICU, epoch: TEST_EPOCH, seq: seq + 1 })))),
    await ingest.batch(
      HOME,
      bundleOf(
        home
          .decodePayload(topic, payload, TEST_NOW - 500, context)
          .records.flatMap((record, seq) => resourcesOf(record, { agent: HOME, epoch: TEST_EPOCH, seq: seq + 1 })),
      ),
    ),
    await ingest.batch(HOME, bundleOf([{ ...FOREIGN, id: `${HOME}.${TEST_EPOCH}.z.0` } as unknown as Resource])),
    await ingest.foreign(CLIENT, foreignBundle([FOREIGN, REFUSED])),
  ];
  const outcomes = sent.flatMap((answer) => ('outcomes' in answer ? answer.outcomes : []));
  const stored = outcomes.filter(({ status }) => status === 201).length;
  return { stored, refused: outcomes.length - stored, answers: [...sent, await refusalOf(ingest.batch(ICU, FREE_TEXT))] };
}

async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (thrown) {
    const { code, message, detail } = asVitalmeshError(thrown);
    return { code, message, detail };
  }
}

function bundleOf(resources: readonly Resource[]): unknown {
  return JSON.parse(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: resources.map((resource) => batchEntry(resource)) }));
}

function foreignBundle(resources: readonly object[]): unknown {
  const entry = resources.map((resource) => ({ resource, request: { method: 'POST', url: 'Observation' } }));
  return JSON.parse(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }));
}

/** The markers that stand in a text: as they are, in other letters, or in what is written in base64 or as part of a URL in it. */
export function markersIn(text: string): MarkerName[] {
  const views = [
    text,
    decoded(text),
    ...(text.match(/[A-Za-z0-9_-]{6,}/g) ?? []).map((word) => Buffer.from(word, 'base64url').toString('latin1')),
  ];
  const all = views.join('\n').toLowerCase();
  return (Object.keys(MARKERS) as MarkerName[]).filter((name) => all.includes(MARKERS[name].text.toLowerCase()));
}

function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (codes) => Buffer.from(codes.replaceAll('%', ''), 'hex').toString('latin1'));
}
