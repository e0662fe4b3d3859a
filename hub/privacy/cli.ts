import { createInterface } from 'node:readline/promises';
import { formatInstant } from '../../shared/clock.ts';
import { type Command, type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { processSignal } from '../../shared/lifecycle.ts';
import { callOperator, nobodyRuns } from '../../shared/operator/client.ts';
import { type HubConfig, loadHubConfig } from '../config.ts';
import type { LegalHold } from '../store/erasing/erasing.ts';
import type { ErasureReport, NumbersReport } from './contract.ts';
import { streamExport, writeExport } from './export-file.ts';
import { readNumbersFile } from './numbers-file.ts';
import type { PatientCommand } from './operator.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface PatientPrograms {
  patient(config: HubConfig, command: PatientCommand, args: Record<string, unknown>): AsyncIterable<unknown>;
}

const text = { type: 'string' } as const;
const common = { config: text, tenant: text, json: { type: 'boolean' } } as const;

const also = { 'also-from': text } as const;
const ALSO = '--also-from  file (mode 0600) of numbers that are the person’s, AUTHORITY|VALUE, one a line: movements under them are theirs';

/** What one person may ask of the hospital about their data, of `vitalmesh-hub patients …`. */
export function patientRightsCommands(
  programs: PatientPrograms,
): Readonly<Record<'export' | 'erase' | 'hold' | 'holds' | 'release' | 'accept-list', Command>> {
  return {
    export: {
      usage: 'PATIENT --config hub.yaml --out FILE [--also-from FILE] [--ndjson] [--tenant NAME] [--json]',
      summary: 'Writes everything that the hub holds of one person, and who saw it, as FHIR R4 to a new file that only you can read.',
      explained: ['--out     a new file, or - for the standard output', '--ndjson  a resource a line instead of one Bundle', ALSO],
      positionals: ['PATIENT'],
      options: { ...common, ...also, out: text, ndjson: { type: 'boolean' } },
      run: async (values, io) => await copied(programs, values, io),
    },
    erase: {
      usage: 'PATIENT --config hub.yaml --reason CODE [--confirm PATIENT] [--also-from FILE] [--tenant NAME] [--json]',
      summary: 'Erases everything that the hub holds of one person, for good. Take them out of registry.yaml first.',
      explained: [
        '--reason     a code or a ticket; it stays, so nothing about the person',
        '--confirm    the id once more; it is asked for at the terminal unless given',
        `${ALSO}; also behind an erasure`,
      ],
      positionals: ['PATIENT'],
      options: { ...common, ...also, reason: text, confirm: text },
      run: async (values, io) => {
        const reason = required(values, 'reason');
        const numbers = numbersOf(values);
        const confirm = typeof values.confirm === 'string' ? values.confirm : await confirmed(io);
        const [report] = await all(asked(programs, values, 'patient-erase', { ...ofPatient(values), reason, confirm, ...numbers }));
        if (values.json) return print(io, JSON.stringify(report));
        const { store } = loadHubConfig(required(values, 'config'));
        return print(io, formatErasure(report as ErasureReport, store.type === 'postgres'));
      },
    },
    hold: held(programs, 'hold', 'patient-hold', 'Puts one person under legal hold: until it is released, nobody erases them.'),
    holds: {
      usage: '--config hub.yaml [--tenant NAME] [--json]',
      summary: 'Lists who is under legal hold: by which code, since when, and who set it.',
      options: common,
      run: async (values, io) => {
        const [answer] = await all(asked(programs, values, 'patient-holds', {}));
        const { holds } = answer as { holds: readonly LegalHold[] };
        return print(io, values.json ? JSON.stringify(holds) : formatHolds(holds));
      },
    },
    release: held(programs, 'release', 'patient-release', 'Ends the legal hold of one person that was set with this reason; others stay.'),
    'accept-list': {
      usage: '--config hub.yaml --reason CODE [--tenant NAME] [--json]',
      summary:
        'Goes on without the list of erased people beside the store, where status says that it cannot be followed: a new one is begun.',
      options: { ...common, reason: text },
      run: async (values, io) => {
        const [answer] = await all(asked(programs, values, 'patient-tombstones', { reason: required(values, 'reason') }));
        const { aside } = answer as { aside: string | null };
        const moved = aside === null ? 'There was none' : `The one that was there is ${aside}`;
        return print(io, values.json ? JSON.stringify(answer) : `A new list was begun from what the store knows. ${moved}.`);
      },
    },
  };
}

async function copied(programs: PatientPrograms, values: CommandValues, io: CommandIo): Promise<number> {
  const out = required(values, 'out');
  const form = values.ndjson ? 'ndjson' : 'bundle';
  const rows = asked(programs, values, 'patient-export', { ...ofPatient(values), ...numbersOf(values) });
  const report: NumbersReport = { included: 0, ambiguous: [] };
  const resources = withoutReport(rows, report);
  const isStream = out === '-';
  const counts = isStream
    ? await streamExport(io.stdout, form, resources, processSignal())
    : await writeExport(out, form, resources, processSignal());
  const file = isStream ? {} : { file: out };
  const said = values.json
    ? JSON.stringify({ ...file, resources: counts, ...report })
    : formatExport(isStream ? undefined : out, counts, report);
  // Behind what was asked for there may be nothing else.
  (isStream ? io.stderr : io.stdout).write(`${said}\n`);
  return EXIT.ok;
}

/** What comes first is for whoever asks, and not for the copy. */
async function* withoutReport(rows: AsyncIterable<unknown>, report: NumbersReport): AsyncGenerator<unknown> {
  for await (const row of rows) {
    if (typeof row === 'object' && row !== null && 'resourceType' in row) yield row;
    else Object.assign(report, row);
  }
}

function ofPatient(values: CommandValues): { patient: string } {
  return { patient: required(values, 'PATIENT', 'PATIENT') };
}

function numbersOf(values: CommandValues): { also?: string[] } {
  const file = values['also-from'];
  return typeof file === 'string' ? { also: readNumbersFile(file) } : {};
}

function held(programs: PatientPrograms, name: 'hold' | 'release', command: PatientCommand, summary: string): Command {
  return {
    usage: 'PATIENT --config hub.yaml --reason CODE [--tenant NAME] [--json]',
    summary,
    positionals: ['PATIENT'],
    options: { ...common, reason: text },
    run: async (values, io) => {
      const [row] = await all(asked(programs, values, command, { ...ofPatient(values), reason: required(values, 'reason') }));
      return print(
        io,
        values.json
          ? JSON.stringify(row)
          : name === 'hold'
            ? 'The patient is under legal hold.'
            : 'This legal hold is over; the patient may be under others (status counts who is).',
      );
    },
  };
}

/** Asks for the id once more. Throws USAGE where there is no terminal to ask at. */
async function confirmed({ stdin, stderr }: CommandIo): Promise<string> {
  if (!(stdin as NodeJS.ReadStream).isTTY)
    throw new VitalmeshError('USAGE', { detail: '--confirm is missing: the id of the patient once more' });
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    return (await terminal.question('Everything of this patient is erased, for good. The id once more: ')).trim();
  } finally {
    terminal.close();
  }
}

async function* asked(
  programs: PatientPrograms,
  values: CommandValues,
  command: PatientCommand,
  given: Record<string, unknown>,
): AsyncGenerator<unknown> {
  const config = loadHubConfig(required(values, 'config'));
  const tenant = typeof values.tenant === 'string' ? { tenant: values.tenant } : {};
  const args = { ...tenant, ...given };
  try {
    yield* callOperator(config.operator.socket, command, args);
  } catch (error) {
    if (!nobodyRuns(error, config.operator.socket)) throw error;
    yield* programs.patient(config, command, args);
  }
}

async function all(rows: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

function formatExport(out: string | undefined, counts: Record<string, number>, report: NumbersReport): string {
  const said = Object.entries(counts).map(([type, count]) => `${count} ${type}`);
  return [
    `Written to ${out === undefined ? 'the standard output' : `${out}, which only you can read`}: ${said.join(', ')}.`,
    ...formatNumbers(report),
  ].join('\n');
}

/** For the operator's terminal alone: nothing of it is kept. */
function formatNumbers({ ambiguous }: NumbersReport): string[] {
  if (ambiguous.length === 0) return [];
  const [count, are] = ambiguous.length === 1 ? ['One number', 'is'] : [`${ambiguous.length} numbers`, 'are'];
  return [
    `${count} in their readings may be somebody else’s; movements under it ${are} left where they ${are}:`,
    ...ambiguous.map(
      ({ number, rows, withOthers }) =>
        `  ${number}  in ${rows} ${rows === 1 ? 'row' : 'rows'}${withOthers ? ', also in rows of another patient' : ', beside another number of the same authority'}`,
    ),
    'Ask the hospital’s register of patients whose these are, write those of this person to a file (chmod 600), and call again with --also-from FILE.',
  ];
}

function formatHolds(holds: readonly LegalHold[]): string {
  if (holds.length === 0) return 'Nobody is under legal hold.';
  const wide = (of: (hold: LegalHold) => string): number => Math.max(...holds.map((hold) => of(hold).length));
  const [patients, reasons] = [wide(({ patient }) => patient), wide(({ reason }) => reason)];
  return holds
    .map(
      ({ patient, reason, principal, at }) =>
        `${patient.padEnd(patients)}  ${reason.padEnd(reasons)}  since ${formatInstant(at)}  by ${principal}`,
    )
    .join('\n');
}

function formatErasure({ mark, removed, ...numbers }: ErasureReport, isPostgres: boolean): string {
  const { observations, rollups, events, movements, quarantine } = removed;
  return [
    `Erased: ${observations} observations, ${rollups} rollups, ${events} events, ${movements} movements; and ${quarantine} parts in quarantine of gateways that spoke for this patient.`,
    ...formatNumbers(numbers),
    `What the evidence says of them cannot be opened any more. The entries of the erasure itself carry the mark ${mark.slice(0, 16)}….`,
    ...(isPostgres
      ? [
          'PostgreSQL keeps removed rows in its files until VACUUM, and in its log (WAL), replicas and backups for as long as these are kept: run VACUUM as the owner of the tables.',
        ]
      : []),
    'Backups of before still hold all of it: destroy them, or let them run out. Gateways keep what they have not delivered yet, and their quarantine.',
  ].join('\n');
}

function print(io: CommandIo, line: string): number {
  io.stdout.write(`${line}\n`);
  return EXIT.ok;
}
