import { ALERT_NOTICE, type AlertsView } from '../../../../hub/access/alert-views.ts';
import type { LatestView, PatientSummary, VitalView } from '../../../../hub/access/door.ts';
import type { DoubtfulReading } from '../../../../hub/access/doubtful-views.ts';
import { trendView, type VersionView } from '../../../../hub/access/history-views.ts';
import { NOTICE } from '../../../../hub/access/views.ts';
import type { StoredEvent, StoredObservation } from '../../../../hub/store/store.ts';
import type { Trend } from '../../../../hub/store/trend.ts';
import { alertObservation } from '../../../../shared/alert-observation.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import type { EventFrame } from '../../../../shared/event-observation.ts';
import { gapFrom, gapObservation } from '../../../../shared/gap-observation.ts';
import { movementResource } from '../../../../shared/movement-resource.ts';
import { readObservation } from '../../../../shared/observation.ts';
import { waveObservation } from '../../../../shared/wave-observation.ts';
import { sampleObservation, TEST_NOW } from '../../../support/hub.ts';

/** What identifies somebody in the samples below, and must be in no masked form of them. */
export const REAL = ['pat-icu-01', 'ICU-01', 'monitor-1', 'gw-icu', 'Mustermann', 'MDIL-4711', 'V-0815', 'call 555'] as const;

export const SUMMARY: PatientSummary = {
  patient: 'pat-icu-01',
  bed: 'ICU-01',
  ward: 'north',
  lastStoredAt: TEST_NOW - 4000,
  vitals: ['hr', 'nibp'],
  withheld: ['laboratory', 'other'],
};

const VITAL: VitalView = {
  vital: 'nibp',
  name: 'Blood pressure, non-invasive',
  value: null,
  unit: 'mm[Hg]',
  absent: null,
  components: [
    { vital: 'nibp_s', name: 'Systolic', value: 121, unit: 'mm[Hg]', absent: null },
    { vital: 'nibp_d', name: 'Diastolic', value: null, unit: 'mm[Hg]', absent: 'unknown' },
  ],
  at: formatInstant(TEST_NOW - 5000, 60),
  ageSeconds: 5,
  stale: false,
  lastKnown: null,
  byHand: { kind: 'reassigned', since: formatInstant(TEST_NOW - 3000, 60) },
  limit: { seconds: 7200, by: 'ward' },
  flags: ['motion'],
  measurand: 'blood-pressure',
  preferred: true,
  preferredBecause: 'sure',
  disagreement: { with: { vital: 'hr', device: 'monitor-1' }, by: 30, limit: 21, unit: 'mm[Hg]' },
  demo: false,
  device: 'monitor-1',
  gateway: 'gw-icu',
  test: false,
  observation: 'gw-icu.0123456789abc.1.0',
  receivedAt: TEST_NOW - 4500,
  storedAt: TEST_NOW - 4000,
};

const OTHER = { patient: 'pat-icu-01-other', bed: 'ICU-01-other', ward: 'north' };

export const LATEST: LatestView = {
  patient: 'pat-icu-01',
  mergedFrom: 'pat-icu-01-merged',
  alsoKnownAs: OTHER,
  discharged: formatInstant(TEST_NOW - 50_000, 60),
  leftBed: formatInstant(TEST_NOW - 49_000, 60),
  unplaced: true,
  bed: 'ICU-01',
  ward: 'north',
  asOf: formatInstant(TEST_NOW, 60),
  withheld: ['laboratory', 'other'],
  vitals: [
    VITAL,
    {
      ...VITAL,
      vital: 'hr',
      name: 'Heart rate (ECG)',
      unit: '/min',
      components: [],
      stale: true,
      lastKnown: { value: 72, components: [{ vital: 'nibp_s', value: 120 }], at: formatInstant(TEST_NOW - 90_000, 60) },
    },
  ],
  sources: [
    { kind: 'device', id: 'monitor-1', state: 'silent', since: formatInstant(TEST_NOW - 90_000, 60) },
    { kind: 'gateway', id: 'gw-icu', state: 'lost', since: formatInstant(TEST_NOW - 80_000, 60) },
    { kind: 'movements', id: null, state: 'unknown', since: null },
  ],
  demo: [{ device: 'monitor-1', since: formatInstant(TEST_NOW - 70_000, 60), lastAt: formatInstant(TEST_NOW - 60_000, 60) }],
  limitsVersion: 'Mustermann-1',
  notice: NOTICE,
};

export const ALERTS: AlertsView = {
  patient: 'pat-icu-01',
  bed: 'ICU-01',
  ward: 'north',
  admitted: formatInstant(TEST_NOW - 100_000, 60),
  alsoKnownAs: OTHER,
  discharged: formatInstant(TEST_NOW - 1000, 60),
  leftBed: formatInstant(TEST_NOW - 900, 60),
  unplaced: true,
  asOf: formatInstant(TEST_NOW, 60),
  alerts: [
    {
      ...{ state: 'unknown', stateSince: formatInstant(TEST_NOW - 9000, 60), since: formatInstant(TEST_NOW - 90_000, 60) },
      ...{ lastTold: formatInstant(TEST_NOW - 9000, 60), delayedSeconds: 130, priority: 'high', type: 'physiological', phase: 'start' },
      ...{
        deviceState: 'active',
        inactivation: 'audio-paused',
        code: { system: 'MDIL-4711', code: '99' },
        about: { vital: 'spo2', mdc: 150456 },
      },
      ...{ device: 'monitor-1', gateway: 'gw-icu', event: 'gw-icu.0123456789abc.3.0', test: false },
      untrusted: { text: 'call 555-0100', instance: 'V-0815' },
    },
  ],
  truncated: false,
  lookedBackTo: formatInstant(TEST_NOW - 86_400_000, 60),
  sources: [
    { kind: 'device', id: 'monitor-1', state: 'silent', since: formatInstant(TEST_NOW - 90_000, 60), reports: 'alarms' },
    { kind: 'gateway', id: 'gw-icu', state: 'lost', since: formatInstant(TEST_NOW - 80_000, 60), reports: null },
  ],
  limits: {
    device: [{ vital: 'hr', device: 'monitor-1', untrusted: { limits: 'call 555-0100' } }],
    site: [{ vital: 'hr', low: 50, high: 120, by: 'ward', unit: '/min' }],
    siteVersion: 'Mustermann-1',
  },
  withheld: ['laboratory', 'other'],
  notice: `${ALERT_NOTICE} ${NOTICE}`,
};

const TREND: Trend = {
  series: ['monitor-2', 'monitor-1'].map((device) => ({
    device,
    vital: 'hr',
    unit: '/min',
    test: false,
    buckets: [
      {
        index: 0,
        n: 2,
        min: 60,
        max: 80,
        mean: 70,
        last: 80,
        lastAt: TEST_NOW - 30_000,
        excluded: { absent: 1, withdrawn: 0, undated: 0, doubtful: 0, test: 0 },
        flags: ['motion'],
        coverage: 0.5,
        open: false,
        rolledUp: false,
      },
    ],
  })),
  changes: [{ index: 0, began: ['monitor-1'], ended: ['monitor-2'] }],
  gaps: [
    {
      id: 'gw-icu.0123456789abc.9.0',
      device: 'monitor-1',
      gateway: 'gw-icu',
      from: TEST_NOW - 50_000,
      to: TEST_NOW - 40_000,
      reason: 'space',
      lost: 'continuous',
      rows: 3,
      values: 9,
      test: false,
    },
  ],
  omittedDevices: 0,
};

export const TREND_VIEW = trendView(TREND, {
  patient: 'pat-icu-01',
  mergedFrom: 'pat-icu-01-merged',
  alsoKnownAs: OTHER,
  bed: 'ICU-01',
  ward: 'north',
  vital: 'hr',
  edges: [TEST_NOW - 60_000, TEST_NOW],
  now: TEST_NOW,
  zone: 'Europe/Berlin',
});

export const VERSION: VersionView = {
  mergedFrom: 'pat-icu-01-merged',
  ...{ observation: 'gw-icu.0123456789abc.1.0', status: 'corrected', stands: true, vital: 'hr', name: 'Heart rate (ECG)', value: 72 },
  ...{ unit: '/min', absent: null, components: [], flags: ['memory'], device: 'monitor-1', gateway: 'gw-icu', test: false },
  ...{ effective: formatInstant(TEST_NOW - 3_600_000, 60), receivedAt: TEST_NOW - 3000, storedAt: TEST_NOW - 2000 },
};

export const DOUBTFUL_READING: DoubtfulReading = {
  ...{ patient: 'pat-icu-01', observation: 'gw-icu.0123456789abc.1.0', vital: 'nibp', name: 'Blood pressure', value: null, unit: 'mm[Hg]' },
  components: [{ vital: 'nibp_s', value: 190 }],
  ...{ flags: ['identity-doubtful'], device: 'monitor-1', test: false },
  ...{ at: formatInstant(TEST_NOW - 3_600_000, 60), since: formatInstant(TEST_NOW - 2000, 60) },
};

const resource = sampleObservation({
  vital: 'nibp_s',
  value: 121,
  limits: 'call 555-0100',
  flags: ['motion'],
  patient: { value: 'Mustermann', authority: '' },
  test: true,
});
const { hints: _, status: _status, ...facts } = readObservation(resource);

export const OBSERVATION: StoredObservation = {
  ...facts,
  id: resource.id,
  tenant: 'clinic',
  gateway: 'gw-icu',
  patient: 'pat-icu-01',
  sortTime: facts.effective,
  freshAt: facts.receivedAt,
  place: 'bed',
  storedAt: TEST_NOW,
  resource,
};

const frame: EventFrame = {
  id: 'gw-icu.0123456789abc.2.0',
  record: {
    device: { id: 'monitor-1', idType: 'serial', vendor: 'Mustermann' },
    receivedAt: TEST_NOW - 1000,
    subject: { patient: { value: 'Mustermann', authority: 'ICU-01' }, visit: 'V-0815', bed: 'ICU-01' },
    test: true,
    profile: 'hl7-mustermann',
  },
  gateway: 'gw-icu',
  device: { identifier: { system: 'urn:vitalmesh:device:serial', value: 'monitor-1' }, display: 'Mustermann' },
  offsetMin: 60,
};

const about: Omit<StoredEvent, 'kind' | 'resource'> = {
  id: frame.id,
  tenant: 'clinic',
  gateway: 'gw-icu',
  patient: 'pat-icu-01',
  device: 'monitor-1',
  effective: TEST_NOW - 2000,
  offsetMin: 60,
  receivedAt: TEST_NOW - 1000,
  sortTime: TEST_NOW - 2000,
  test: true,
  storedAt: TEST_NOW,
};

export const EVENTS: readonly StoredEvent[] = [
  {
    ...about,
    kind: 'alert',
    resource: alertObservation(
      {
        ...{ code: { system: 'MDIL', code: 'MDIL-4711' }, text: 'Mustermann: call 555-0100', instance: 'V-0815' },
        ...{ phase: 'start', state: 'active', priority: 'high', type: 'physiological', source: { vital: 'spo2' }, flags: ['device-alarm'] },
      },
      frame,
    ),
  },
  {
    ...about,
    kind: 'gap',
    until: TEST_NOW - 1500,
    resource: gapObservation(
      { reason: 'space', lost: 'continuous', from: TEST_NOW - 2000, to: TEST_NOW - 1500, rows: 3, values: 9, vitals: ['hr'] },
      frame,
    ),
  },
  {
    ...about,
    kind: 'gap',
    until: TEST_NOW - 1500,
    resource: gapFrom(
      gapObservation(
        { reason: 'age', lost: 'spot', from: TEST_NOW - 9000, to: TEST_NOW - 1500, rows: 777, values: 999, vitals: ['hr'] },
        frame,
      ),
      TEST_NOW - 2000,
      60,
    ),
  },
  { ...about, kind: 'wave', resource: waveObservation({ vital: 'w_pleth', samples: [1, 2, null], periodMs: 8 }, frame) },
  {
    ...about,
    kind: 'movement',
    patient: null,
    resource: movementResource(
      { event: 'A01', parties: [{ patient: { value: 'Mustermann', authority: '' }, bed: 'ICU-01', visit: 'V-0815' }] },
      { id: frame.id, source: 'hl7', profile: 'hl7', receivedAt: TEST_NOW, offsetMin: 60, test: false },
    ),
  },
];
