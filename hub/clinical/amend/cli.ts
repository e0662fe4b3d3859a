import { readFileSync } from 'node:fs';
import { type Instant, parseInstant } from '../../../shared/clock.ts';
import { type Command, type CommandGroup, type CommandIo, type CommandValues, EXIT, required } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { jsonWithTimes } from '../../../shared/json-times.ts';
import { callOperator, nobodyRuns } from '../../../shared/operator/client.ts';
import type { DoubtfulListView, DoubtfulReading } from '../../access/doubtful-views.ts';
import { type HubConfig, loadHubConfig } from '../../config.ts';
import { AMEND_REASONS, type AmendKind } from '../../store/amend/amend.ts';
import type { Amended, ShownAmendment, ShownReading, Undone } from './amending.ts';
import { type LostDecisions, lostDecisionsLine } from './lost-decisions.ts';
import { MOST_DOUBTFUL, MOST_NOTE, MOST_OBSERVATIONS, type ReadingsCommand } from './operator.ts';
import { formatAmended, formatAmendment, formatDoubtful, formatReading, formatUndone } from './words.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface ReadingsPrograms {
  readings(config: HubConfig, command: ReadingsCommand, args: Record<string, unknown>): AsyncIterable<unknown>;
}

/** How many doubtful readings are listed unless told. */
const USUAL_DOUBTFUL = 100;

/** Times in the JSON of these commands. */
const TIMES = new Set(['at', 'undoneAt', 'measuredFrom', 'from', 'to', 'receivedAt', 'storedAt']);

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const common = { config: text, tenant: text, json: flag } as const;
const options = {
  ...common,
  ...{ observation: text, patient: text, from: text, to: text, device: text, vital: text },
  ...{ reason: text, 'note-file': text, 'dry-run': flag, 'to-come': flag },
} as const;

const WHICH = '(--observation ID[,ID…] | --patient P --from T --to T [--device D] [--vital V] [--to-come])';
const EXPLAINED = [
  '--observation  ids of single readings; every version of the same measurement goes along, those too that are still to come',
  '--patient …    what was measured of a patient from T up to and without T, as 2026-11-21T10:00:00+01:00; what comes late of it too',
  '--to-come      with --patient: decided as well where nothing of it has come yet, as from a gateway that is cut off; otherwise that is refused',
  `--reason       ${AMEND_REASONS.join(', ')}`,
  '--note-file    file with a note, or - for standard input; it is kept sealed in the evidence of the patient, and nowhere else',
  '--dry-run      says of how many readings it would be, and changes nothing',
];

/** `vitalmesh-hub readings …`: what people decide about readings. `more`: commands of other rooms. */
export function readingsCliCommands(programs: ReadingsPrograms, more: CommandGroup['commands'] = {}): { readings: CommandGroup } {
  return {
    readings: {
      summary:
        'Corrects readings: enters them as errors, gives them to the patient whose they are, confirms doubtful ones, undoes that, and shows what was decided by whom.',
      commands: {
        void: {
          usage: `--config hub.yaml ${WHICH} --reason CODE [--note-file F] [--dry-run] [--tenant NAME] [--json]`,
          summary: 'Enters readings as errors: they count for nothing any more. Their history stays.',
          explained: EXPLAINED,
          options,
          run: (values, io) => amend(programs, values, io, 'void'),
        },
        reassign: {
          usage: `--config hub.yaml ${WHICH} --to-patient P2 --reason CODE [--note-file F] [--dry-run] [--tenant NAME] [--json]`,
          summary: 'Gives readings to the patient whose they are; readers of both are told. Movements leave them alone from then on.',
          explained: EXPLAINED,
          options: { ...options, 'to-patient': text },
          run: (values, io) => amend(programs, values, io, 'reassign', required(values, 'to-patient')),
        },
        confirm: {
          usage: '--config hub.yaml --observation ID[,ID…] [--note-file F] [--dry-run] [--tenant NAME] [--json]',
          summary:
            'Says that readings that are doubtful (identity-doubtful) are their patient’s: they count from then on, and what agrees with them.',
          explained: ['--observation  ids as the answers name them beside what is doubtful', ...EXPLAINED.slice(-2)],
          options: { ...common, observation: text, 'note-file': text, 'dry-run': flag },
          run: (values, io) => {
            required(values, 'observation');
            // Of a confirmation there is one reason.
            return amend(programs, { ...values, reason: 'other' }, io, 'confirm');
          },
        },
        undo: undo(programs),
        show: show(programs),
        list: listCommand(programs),
        ...more,
      },
    },
  };
}

function undo(programs: ReadingsPrograms): Command {
  return {
    usage: 'AMENDMENT --config hub.yaml [--tenant NAME] [--json]',
    summary: 'Takes back what was decided about readings, by the id that the command printed.',
    positionals: ['AMENDMENT'],
    options: common,
    run: async (values, io) => {
      const args = { amendment: required(values, 'AMENDMENT', 'AMENDMENT') };
      const [kept] = await asked<Undone>(programs, values, 'readings-undo', args);
      if (kept === undefined) throw new VitalmeshError('INTERNAL', { detail: 'an undoing without an answer' });
      return print(io, values.json ? jsonWithTimes(kept, TIMES) : formatUndone(kept));
    },
  };
}

function show(programs: ReadingsPrograms): Command {
  return {
    usage: '--config hub.yaml --observation ID [--tenant NAME] [--json]',
    summary:
      'Shows every version of a reading, what was decided about it, or taken back, by whom and why, and who was shown it under the wrong patient.',
    options: { ...common, observation: text },
    run: async (values, io) => {
      const args = { observation: required(values, 'observation') };
      const [shown] = await asked<ShownReading>(programs, values, 'readings-show', args);
      if (shown) print(io, values.json ? jsonWithTimes(shown, TIMES) : formatReading(shown));
      return EXIT.ok;
    },
  };
}

function listCommand(programs: ReadingsPrograms): Command {
  return {
    usage: '--config hub.yaml [--doubtful [--before T] [--limit N]] [--patient ID] [--tenant NAME] [--json]',
    summary:
      'Lists what was decided about readings, or taken back, by whom and why, and who was shown them under the wrong patient; or those that are doubtful.',
    explained: [
      '--doubtful     readings of personal devices that may be somebody else’s (identity-doubtful), newest first, and how to decide about them',
      '--before       only what was measured before, as 2026-11-21T10:00:00+01:00',
      `--limit        how many, and all of the time of the last one; ${USUAL_DOUBTFUL} unless given, ${MOST_DOUBTFUL} at most`,
    ],
    options: { ...common, patient: text, doubtful: flag, before: text, limit: text },
    run: async (values, io) => {
      if (values.doubtful) return await listDoubtful(programs, values, io);
      if (values.before !== undefined || values.limit !== undefined)
        throw new VitalmeshError('USAGE', { detail: '--before and --limit go with --doubtful' });
      const args = typeof values.patient === 'string' ? { patient: values.patient } : {};
      const rows = await asked<ShownAmendment | { lost: LostDecisions }>(programs, values, 'readings-list', args);
      const found = rows.filter((row) => 'id' in row);
      // Beside what is listed, so that a program that reads it goes on as it is.
      for (const row of rows) if ('lost' in row) io.stderr.write(`${lostDecisionsLine(row.lost)}\n`);
      if (values.json) return print(io, jsonWithTimes(found, TIMES));
      return print(io, found.length === 0 ? 'Nothing was decided about readings.' : found.map(formatAmendment).join('\n'));
    },
  };
}

async function listDoubtful(programs: ReadingsPrograms, values: CommandValues, io: CommandIo): Promise<number> {
  const args = {
    ...(typeof values.patient === 'string' && { patient: values.patient }),
    ...(values.before !== undefined && { before: instantOf(values, 'before') }),
    most: typeof values.limit === 'string' ? numberOf(values.limit) : USUAL_DOUBTFUL,
  };
  const rows = await asked<{ reading: DoubtfulReading } | Pick<DoubtfulListView, 'before'>>(programs, values, 'readings-doubtful', args);
  const readings = rows.flatMap((row) => ('reading' in row ? [row.reading] : []));
  const before = rows.flatMap((row) => ('before' in row ? [row.before] : []))[0] ?? null;
  return print(io, values.json ? JSON.stringify({ readings, before }) : formatDoubtful({ readings, before }));
}

function numberOf(limit: string): number {
  const most = /^[1-9]\d{0,3}$/.test(limit) ? Number(limit) : 0;
  if (most < 1 || most > MOST_DOUBTFUL) throw new VitalmeshError('USAGE', { detail: `--limit is a number from 1 to ${MOST_DOUBTFUL}` });
  return most;
}

async function amend(programs: ReadingsPrograms, values: CommandValues, io: CommandIo, kind: AmendKind, to?: string): Promise<number> {
  const reason = AMEND_REASONS.find((one) => one === values.reason);
  if (reason === undefined) throw new VitalmeshError('USAGE', { detail: `--reason is one of: ${AMEND_REASONS.join(', ')}` });
  const note = noteOf(values);
  const args = {
    kind,
    selection: selectionOf(values),
    reason,
    trial: values['dry-run'] === true,
    toCome: values['to-come'] === true,
    ...(to !== undefined && { to }),
    ...note,
  };
  const [amended] = await asked<Amended>(programs, values, 'readings-amend', args);
  if (amended) print(io, values.json ? jsonWithTimes(amended, TIMES) : formatAmended(amended, kind));
  return EXIT.ok;
}

function selectionOf(values: CommandValues): Record<string, unknown> {
  const { observation, patient, from, to, device, vital } = values;
  if (typeof observation === 'string') {
    if ([patient, from, to, device, vital, values['to-come']].some((one) => one !== undefined))
      throw new VitalmeshError('USAGE', { detail: 'give either --observation or --patient with --from and --to' });
    const observations = observation.split(',').filter((id) => id !== '');
    if (observations.length > MOST_OBSERVATIONS)
      throw new VitalmeshError('USAGE', { detail: `--observation names ${MOST_OBSERVATIONS} at most; name a stretch` });
    return { observations };
  }
  return {
    patient: required(values, 'patient'),
    ...{ from: instantOf(values, 'from'), to: instantOf(values, 'to') },
    ...(typeof device === 'string' && { device }),
    ...(typeof vital === 'string' && { vital }),
  };
}

/** Throws USAGE where the file cannot be read, is no UTF-8, or too long. */
function noteOf({ 'note-file': path }: CommandValues): { note?: string } {
  if (typeof path !== 'string') return {};
  let note: string;
  try {
    note = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path === '-' ? 0 : path)).trim();
  } catch (cause) {
    throw new VitalmeshError('USAGE', { detail: '--note-file cannot be read as UTF-8', cause });
  }
  if (note === '' || note.length > MOST_NOTE) throw new VitalmeshError('USAGE', { detail: `a note has 1 to ${MOST_NOTE} characters` });
  return { note };
}

async function asked<T>(
  programs: ReadingsPrograms,
  values: CommandValues,
  command: ReadingsCommand,
  args: Record<string, unknown>,
): Promise<T[]> {
  const config = loadHubConfig(required(values, 'config'));
  const named = { ...args, ...(typeof values.tenant === 'string' && { tenant: values.tenant }) };
  const rows: T[] = [];
  try {
    for await (const row of callOperator(config.operator.socket, command, named)) rows.push(row as T);
  } catch (error) {
    if (!nobodyRuns(error, config.operator.socket)) throw error;
    for await (const row of programs.readings(config, command, named)) rows.push(row as T);
  }
  return rows;
}

function instantOf(values: CommandValues, name: string): Instant {
  const instant = parseInstant(required(values, name));
  if (!instant) throw new VitalmeshError('USAGE', { detail: `--${name} is a time with offset, as 2026-11-21T10:00:00+01:00` });
  return instant.at;
}

function print(io: CommandIo, line: string): number {
  io.stdout.write(`${line}\n`);
  return EXIT.ok;
}
