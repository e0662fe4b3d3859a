import { ageText, scopeText, sourceText } from '../../wording.ts';
import { whoseText } from '../shown.ts';
import type { Devices } from './view.ts';

type Device = Devices['devices'][number];

/** The devices of a patient in plain English; nothing in it comes from a device but identifiers. */
export function devicesText(answer: Devices): string {
  const { devices, behind, withheld, truncated, notice } = answer;
  return [
    ...whoseText(answer),
    ...(withheld ? [`${scopeText(withheld)} This says nothing about the patient.`] : []),
    ...(devices.length === 0 ? ['No device of this patient is known. This says nothing about the patient.'] : []),
    ...devices.map(deviceLine),
    ...behind.flatMap(sourceText),
    ...(truncated ? ['There are more devices than shown here.'] : []),
    'How a device is says nothing about how the patient is.',
    notice,
  ].join('\n');
}

const STATES: Readonly<Record<Device['state'], string>> = {
  live: 'live',
  silent: 'SILENT: nothing comes of it',
  lost: 'LOST: its connection is gone',
  unknown: 'STATE NOT KNOWN',
  elsewhere: 'no longer at this patient: what it sent last was not theirs',
};

const REPORTS: Readonly<Record<Device['reports'], string>> = {
  alarms: 'can tell of alarms',
  none: 'CANNOT tell of alarms',
  unknown: 'is not known to tell of alarms',
};

function deviceLine({ device, state, since, reports, demo, test, measures }: Device): string {
  const heard = since === null ? '' : state === 'silent' || state === 'elsewhere' ? `, last heard ${since}` : ` since ${since}`;
  return [
    `- ${device ?? 'device named in untrusted text'}: ${STATES[state]}${heard}`,
    REPORTS[reports],
    ...(demo ? ['DEMO: what it sends is of nobody'] : []),
    ...(test ? ['TEST DATA'] : []),
    ...measures.map(measureText),
  ].join('; ');
}

function measureText({ vital, ageSeconds, stale, flags, absent }: Device['measures'][number]): string {
  const marks = [...(absent === undefined ? [] : ['no value']), ...(flags ?? [])];
  return `${vital} ${ageText(ageSeconds)} ago${stale ? ', too old' : ''}${marks.length === 0 ? '' : ` [${marks.join(', ')}]`}`;
}
