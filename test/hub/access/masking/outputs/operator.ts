import { join } from 'node:path';
import { asVitalmeshError } from '../../../../../shared/errors.ts';
import { EVENT_KINDS } from '../../../../../shared/event.ts';
import { TEST_NOW } from '../../../../support/hub.ts';
import { MARKERS } from '../../../../support/planted-identifiers.ts';
import type { PlantedSite } from '../planted-site.ts';
import { AS_STORED, EVIDENCE, type Output } from './output.ts';

const REPLAY = {
  markers: [...EVIDENCE.markers, 'typedPhone'] as const,
  why: `${EVIDENCE.why}; values as devices sent them, whatever was typed there, as whoever holds the hub’s machine exports them`,
} as const;

const PATIENT = `${MARKERS.patient.text}-01`;

/** Each command of the operator's socket, with arguments that make it say most. */
export const ASKED_BY_OPERATORS: Readonly<Record<string, { args: (site: PlantedSite) => object[]; may?: Output['may'] }>> = {
  status: {
    args: () => [{}],
    may: {
      markers: ['gateway', 'bed', 'town', 'measuredMs'],
      why: 'gateways, and places that one named, with when, and nobody is bound to: an operator has to find them',
    },
  },
  export: { args: () => [{}, ...EVENT_KINDS.map((kind) => ({ kind })), { patient: PATIENT }], may: AS_STORED },
  trend: {
    args: () => [{ tenant: 'clinic', patient: PATIENT, vital: 'spo2', from: TEST_NOW - 60_000, to: TEST_NOW + 1000 }],
    may: AS_STORED,
  },
  history: {
    args: () => [{ tenant: 'clinic', patient: PATIENT, vital: 'spo2', device: MARKERS.eui.text, effective: TEST_NOW - 2000 }],
    may: AS_STORED,
  },
  'clinical-alerts': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'clinical-support': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'clinical-due': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'clinical-worklist': { args: () => [{ tenant: 'clinic', ward: MARKERS.ward.text }], may: AS_STORED },
  verify: { args: () => [{}] },
  backup: {
    args: ({ folder }) => [{ to: join(folder, 'store.backup') }],
    may: { markers: ['measuredMs'], why: 'when it was made' },
  },
  rekey: { args: () => [{}] },
  'access-explain': {
    args: () => [
      { tenant: 'clinic', as: 'ai-research', action: 'vitals.read', patient: PATIENT },
      { tenant: 'clinic', as: 'ai-research', action: 'vitals.read', patient: MARKERS.name.text },
    ],
    may: { markers: ['patient', 'gateway', 'bed', 'town', 'ward'], why: 'whom and where it was asked about' },
  },
  'audit-list': { args: () => [{ tenant: 'clinic' }], may: EVIDENCE },
  'audit-export': {
    args: () => [
      { tenant: 'clinic', format: 'fhir' },
      { tenant: 'clinic', format: 'json' },
    ],
    may: EVIDENCE,
  },
  'audit-replay': { args: () => [{ tenant: 'clinic', principal: 'ai-quality' }], may: REPLAY },
  'audit-report': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: EVIDENCE },
  'audit-verify': { args: () => [{}], may: { markers: ['measuredMs'], why: 'since when entries are not signed: when they were written' } },
  'audit-acknowledge': { args: () => [{ alarm: 'AUDIT-NOTE-LOST' }] },
  'audit-status': { args: () => [{}] },
  'audit-resend': { args: () => [{ from: 1 }] },
  'patients-where': { args: () => [{ tenant: 'clinic' }], may: AS_STORED },
  'patients-place': { args: () => [{ tenant: 'clinic', act: 'admit', who: { patient: PATIENT }, bed: MARKERS.bed.text }] },
  'patients-undo': { args: () => [{ tenant: 'clinic', statement: MARKERS.name.text }] },
  'patients-import': {
    args: () => [
      { tenant: 'clinic', trial: true, rows: [{ line: 1, bed: MARKERS.bed.text, authority: '', value: MARKERS.record.text }] },
      { tenant: 'clinic', trial: false, rows: [{ line: 1, bed: MARKERS.bed.text, authority: '', value: MARKERS.record.text }] },
    ],
    may: { markers: ['measuredMs'], why: 'since when they lie there, which here is the hub’s time' },
  },
  'patients-device': { args: () => [{ tenant: 'clinic', device: MARKERS.eui.text, bed: MARKERS.bed.text }] },
  'patients-show': {
    args: () => [
      { tenant: 'clinic', numbers: true },
      { tenant: 'clinic', patient: PATIENT, numbers: false },
      { tenant: 'clinic', bed: MARKERS.bed.text, numbers: true },
    ],
    may: AS_STORED,
  },
  'patients-corrections': { args: () => [{ tenant: 'clinic' }] },
  'readings-amend': {
    args: () => [
      {
        tenant: 'clinic',
        kind: 'void',
        selection: { patient: PATIENT, from: TEST_NOW - 60_000, to: TEST_NOW - 59_000 },
        reason: 'other',
        trial: true,
      },
      { tenant: 'clinic', kind: 'void', selection: { observations: [MARKERS.name.text] }, reason: 'other', trial: false },
      { tenant: 'clinic', kind: 'void', selection: { observations: ['x'] }, reason: MARKERS.name.text, trial: false },
    ],
    may: { markers: ['patient'], why: 'whose readings an operator at the machine corrects, by the id that they gave' },
  },
  'readings-undo': { args: () => [{ tenant: 'clinic', amendment: MARKERS.name.text }] },
  'readings-show': { args: () => [{ tenant: 'clinic', observation: MARKERS.name.text }] },
  'readings-list': { args: () => [{ tenant: 'clinic', patient: PATIENT }] },
  'readings-doubtful': {
    args: () => [
      { tenant: 'clinic', most: 9 },
      { tenant: 'clinic', patient: PATIENT, most: 9 },
    ],
    may: AS_STORED,
  },
  'patient-export': { args: () => [{ tenant: 'clinic', patient: PATIENT }], may: AS_STORED },
  'patient-hold': { args: () => [{ tenant: 'clinic', patient: PATIENT, reason: 'CASE-1' }] },
  'patient-holds': {
    args: () => [{ tenant: 'clinic' }],
    may: { markers: ['patient', 'measuredMs'], why: 'who is under legal hold, and since when' },
  },
  'patient-erase': {
    args: () => [
      { tenant: 'clinic', patient: PATIENT, confirm: PATIENT, reason: 'DSR-1' },
      { tenant: 'clinic', patient: PATIENT, confirm: MARKERS.name.text, reason: 'DSR-1' },
      { tenant: 'clinic', patient: PATIENT, confirm: PATIENT, reason: MARKERS.name.text },
    ],
    may: { markers: ['gateway'], why: 'where registry.yaml names the patient, for the operator to take it out' },
  },
  'patient-tombstones': { args: () => [{ tenant: 'clinic', reason: 'CASE-1' }] },
  'patient-release': { args: () => [{ tenant: 'clinic', patient: PATIENT, reason: 'CASE-1' }] },
  'access-list': {
    args: () => [{ tenant: 'clinic' }],
    may: { markers: ['patient', 'gateway', 'ward'], why: 'who is listed, and for whom' },
  },
};

export function operatorOutputs(): Output[] {
  return Object.entries(ASKED_BY_OPERATORS).map(([name, { args, may }]) => ({
    name: `operator ${name}`,
    ...(may && { may }),
    run: async (site) => {
      const said: unknown[] = [];
      for (const given of args(site)) said.push(await answerTo(site, name, given));
      return JSON.stringify(said);
    },
  }));
}

async function answerTo({ operator }: PlantedSite, name: string, args: object): Promise<unknown> {
  const answer: unknown[] = [];
  try {
    for await (const item of operator[name]?.(args as Record<string, unknown>, 'local:1000', new AbortController().signal) ?? [])
      answer.push(item);
  } catch (thrown) {
    const { code, message, detail, advice } = asVitalmeshError(thrown);
    return [...answer, { code, message, detail, advice }];
  }
  return answer;
}

/**
 * The commands of `vitalmesh-hub`: each prints what an operator command answers, or the same of a store whose hub does not run, or nothing that comes out of a store.
 */
export const PRINTED_BY_THE_CLI: Readonly<Record<string, keyof typeof ASKED_BY_OPERATORS | 'nothing of the store'>> = {
  run: 'nothing of the store',
  check: 'nothing of the store',
  status: 'status',
  export: 'export',
  trend: 'trend',
  history: 'history',
  verify: 'verify',
  backup: 'backup',
  restore: 'nothing of the store',
  rekey: 'rekey',
  'access explain': 'access-explain',
  'access list': 'access-list',
  'access policy': 'nothing of the store',
  'clinical alerts': 'clinical-alerts',
  'clinical support': 'clinical-support',
  'clinical due': 'clinical-due',
  'clinical worklist': 'clinical-worklist',
  'audit list': 'audit-list',
  'audit show': 'audit-list',
  'audit export': 'audit-export',
  'audit replay': 'audit-replay',
  'audit report': 'audit-report',
  'audit verify': 'audit-verify',
  'audit resend': 'audit-resend',
  'audit status': 'audit-status',
  'audit acknowledge': 'audit-acknowledge',
  'patients id': 'nothing of the store',
  'patients where': 'patients-where',
  'patients import': 'patients-import',
  'patients admit': 'patients-place',
  'patients move': 'patients-place',
  'patients swap': 'patients-place',
  'patients discharge': 'patients-place',
  'patients merge': 'patients-place',
  'patients unmerge': 'patients-place',
  'patients undo': 'patients-undo',
  'patients assign-device': 'patients-device',
  'patients show': 'patients-show',
  'patients corrections': 'patients-corrections',
  'readings void': 'readings-amend',
  'readings reassign': 'readings-amend',
  'readings confirm': 'readings-amend',
  'readings undo': 'readings-undo',
  'readings show': 'readings-show',
  'readings list': 'readings-list',
  'patients export': 'patient-export',
  'patients erase': 'patient-erase',
  'patients hold': 'patient-hold',
  'patients holds': 'patient-holds',
  'patients release': 'patient-release',
  'patients accept-list': 'patient-tombstones',
};
