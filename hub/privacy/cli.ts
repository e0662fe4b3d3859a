import { createInterface } from 'node:readline/promises';
import { type Command, type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { processSignal } from '../../shared/lifecycle.ts';
import { callOperator, nobodyRuns } from '../../shared/operator/client.ts';
import { type HubConfig, loadHubConfig } from '../config.ts';
import { writeExport } from './export-file.ts';
import type { PatientCommand } from './operator.ts';
import type { ErasureReport } from './rights.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface PatientPrograms {
  patient(config: HubConfig, command: PatientCommand, args: Record<string, unknown>): AsyncIterable<unknown>;
}

const text = { type: 'string' } as const;
const common = { config: text, tenant: text, json: { type: 'boolean' } } as const;

/** What one person may ask of the hospital about their data, of `vitalmesh-hub patients …`. */
export function patientRightsCommands(programs: PatientPrograms): Readonly<Record<'export' | 'erase' | 'hold' | 'release', Command>> {
  return {
    export: {
      usage: 'PATIENT --config hub.yaml --out FILE [--ndjson] [--tenant NAME] [--json]',
      summary: 'Writes everything that the hub holds of one person, and who saw it, as FHIR R4 to a new file that only you can read.',
      explained: ['--ndjson  a resource a line instead of one Bundle'],
      positionals: ['PATIENT'],
      options: { ...common, out: text, ndjson: { type: 'boolean' } },
      run: async (values, io) => {
        const out = required(values, 'out');
        const rows = asked(programs, values, 'patient-export', {});
        const counts = await writeExport(out, values.ndjson ? 'ndjson' : 'bundle', rows, processSignal());
        return print(io, values.json ? JSON.stringify({ file: out, resources: counts }) : formatExport(out, counts));
      },
    },
    erase: {
      usage: 'PATIENT --config hub.yaml --reason CODE [--confirm PATIENT] [--also AUTHORITY|VALUE,…] [--tenant NAME] [--json]',
      summary: 'Erases everything that the hub holds of one person, for good. Take them out of registry.yaml first.',
      explained: [
        '--reason   a code or a ticket; it stays, so nothing about the person',
        '--confirm  the id once more; it is asked for at the terminal unless given',
        '--also     numbers of the person as movements have them, besides those of their readings; also behind an erasure',
      ],
      positionals: ['PATIENT'],
      options: { ...common, reason: text, confirm: text, also: text },
      run: async (values, io) => {
        const reason = required(values, 'reason');
        const confirm = typeof values.confirm === 'string' ? values.confirm : await confirmed(io);
        const also = typeof values.also === 'string' ? { also: values.also.split(',') } : {};
        const [report] = await all(asked(programs, values, 'patient-erase', { reason, confirm, ...also }));
        if (values.json) return print(io, JSON.stringify(report));
        const { store } = loadHubConfig(required(values, 'config'));
        return print(io, formatErasure(report as ErasureReport, store.type === 'postgres'));
      },
    },
    hold: held(programs, 'hold', 'patient-hold', 'Puts one person under legal hold: until it is released, nobody erases them.'),
    release: held(programs, 'release', 'patient-release', 'Ends the legal hold of one person that was set with this reason; others stay.'),
  };
}

function held(programs: PatientPrograms, name: 'hold' | 'release', command: PatientCommand, summary: string): Command {
  return {
    usage: 'PATIENT --config hub.yaml --reason CODE [--tenant NAME] [--json]',
    summary,
    positionals: ['PATIENT'],
    options: { ...common, reason: text },
    run: async (values, io) => {
      const [row] = await all(asked(programs, values, command, { reason: required(values, 'reason') }));
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
  const args = { ...tenant, ...given, patient: required(values, 'PATIENT', 'PATIENT') };
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

function formatExport(out: string, counts: Record<string, number>): string {
  const said = Object.entries(counts).map(([type, count]) => `${count} ${type}`);
  return `Written to ${out}, which only you can read: ${said.join(', ')}.`;
}

function formatErasure({ mark, removed }: ErasureReport, isPostgres: boolean): string {
  const { observations, rollups, events, movements, quarantine } = removed;
  return [
    `Erased: ${observations} observations, ${rollups} rollups, ${events} events, ${movements} movements; and ${quarantine} parts in quarantine of gateways that spoke for this patient.`,
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
