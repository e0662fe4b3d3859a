import { type Instant, parseInstant } from '../../../shared/clock.ts';
import { type Command, type CommandIo, type CommandValues, EXIT, required } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { jsonWithTimes } from '../../../shared/json-times.ts';
import { callOperator, nobodyRuns } from '../../../shared/operator/client.ts';
import { type HubConfig, loadHubConfig } from '../../config.ts';
import type { AssignedDevice } from './assigned-device.ts';
import type { Done, Imported } from './by-hand.ts';
import { type CensusFile, codeOf, faultIn, withoutContradictions } from './census.ts';
import { parseCensusCsv } from './census-csv.ts';
import { isHl7, parseCensusHl7 } from './census-hl7.ts';
import { isUnclear } from './contradicted.ts';
import { type Correction, DAYS_UNASKED } from './corrected.ts';
import { formatAssigned, formatCorrection, formatDone, formatImport, formatStay } from './format.ts';
import type { Named } from './named.ts';
import { type HandCommand, LINES_A_CALL } from './operator.ts';
import { parseNumbers, readText } from './read-file.ts';
import type { ShownStay } from './shown.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface HandPrograms {
  place(config: HubConfig, command: HandCommand, args: Record<string, unknown>): AsyncIterable<unknown>;
}

/** Times in the JSON of these commands. */
const TIMES = new Set(['at', 'from', 'to', 'discharged', 'since', 'lastReading']);

const NO_STAY = 'Nothing tells that this patient lay in a bed then.';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const common = { config: text, tenant: text, json: flag } as const;
const about = { ...common, patient: text, from: text, at: text } as const;

const WHO = [
  '--patient  public id, as `patients show` lists it',
  '--from     file with the number that the hospital gave, AUTHORITY|VALUE or AUTHORITY|VALUE|VISIT, or - for standard input: what stands on a command line others see (ps)',
  '--at       when it happened, as 2026-11-21T10:00:00+01:00; now unless given',
  'It exits with 1 where what it says is kept and contradicts what is known, so that readings are nobody’s.',
];
const BOTH = [
  '--patient, --with, --into  public ids, as `patients show` lists them',
  '--from     instead of both: file with the two numbers that the hospital gave, in that order, AUTHORITY|VALUE, one a line, or - for standard input',
  '--at       when it happened, as 2026-11-21T10:00:00+01:00; now unless given',
  'It exits with 1 where what it says is kept and contradicts what is known, so that readings are nobody’s.',
];

type Name = 'import' | 'admit' | 'move' | 'swap' | 'discharge' | 'merge' | 'unmerge' | 'undo' | 'assign-device' | 'show' | 'corrections';

/** Who lies where, said by hand and shown, of `vitalmesh-hub patients …`. */
export function handCommands(programs: HandPrograms): Readonly<Record<Name, Command>> {
  const one = (act: 'admit' | 'move', summary: string): Command => ({
    usage: '--config hub.yaml --bed BED (--patient ID | --from FILE) [--at TIME] [--tenant NAME] [--json]',
    summary,
    explained: WHO,
    options: { ...about, bed: text },
    run: async (values, io) => {
      const [who] = await people(values, io, 1);
      return await said(programs, values, io, 'patients-place', { act, who, bed: required(values, 'bed'), ...at(values) });
    },
  });
  const two = (act: 'swap' | 'unmerge' | 'merge', option: 'with' | 'into', summary: string): Command => ({
    usage: `--config hub.yaml (--patient ID --${option} ID | --from FILE) [--at TIME] [--tenant NAME] [--json]`,
    summary,
    explained: BOTH,
    options: { ...about, [option]: text },
    run: async (values, io) => {
      const [who, other] = await people(values, io, 2, option);
      return await said(programs, values, io, 'patients-place', { act, who, other, ...at(values) });
    },
  });
  return {
    import: {
      usage: 'FILE --config hub.yaml [--at TIME] [--dry-run] [--all-or-nothing] [--tenant NAME] [--json]',
      summary:
        'Admits everybody of a census, because the hospital’s system tells of changes alone: CSV, or HL7 messages of ADT^A01; - is standard input.',
      explained: [
        'CSV        a header bed,authority,number[,visit][,since], then a line a person; beds as registry.yaml has them, since as 2026-11-21T10:00:00+01:00',
        '--at       since when those lie there of whom the file does not say; now unless given',
        '--dry-run  reads and checks all of it, and keeps nothing',
        '--all-or-nothing  keeps nothing either where any line cannot be taken; else the good ones count',
      ],
      positionals: ['FILE'],
      options: { ...common, at: text, 'dry-run': flag, 'all-or-nothing': flag },
      run: (values, io) => importCensus(programs, values, io),
    },
    admit: one('admit', 'Says that somebody lies in a bed from a time on, and that this is a new stay.'),
    move: one('move', 'Says that somebody who is here lies in another bed from a time on.'),
    swap: two('swap', 'with', 'Says that two people changed beds with each other.'),
    discharge: {
      usage: '--config hub.yaml (--patient ID | --from FILE) [--at TIME] [--tenant NAME] [--json]',
      summary: 'Says that somebody left: their stay ends, and nothing of them is current any more.',
      explained: WHO,
      options: about,
      run: async (values, io) => {
        const [who] = await people(values, io, 1);
        return await said(programs, values, io, 'patients-place', { act: 'discharge', who, ...at(values) });
      },
    },
    merge: two('merge', 'into', 'Says that one number, or id, is the same person as another one, which stays.'),
    unmerge: two('unmerge', 'with', 'Says that two numbers, or ids, that were merged are two people.'),
    undo: {
      usage: 'STATEMENT --config hub.yaml [--tenant NAME] [--json]',
      summary: 'Takes back what was said by hand, by the id that the command printed; of `merge` too, but not of `unmerge`.',
      positionals: ['STATEMENT'],
      options: common,
      run: (values, io) => said(programs, values, io, 'patients-undo', { statement: required(values, 'STATEMENT', 'STATEMENT') }),
    },
    'assign-device': {
      usage: 'DEVICE --config hub.yaml (--bed BED | --none) [--gateway GATEWAY] [--unheard] [--at TIME] [--tenant NAME] [--json]',
      summary: 'Says in which bed a device stands from a time on, or in none, whatever bed its messages name.',
      explained: [
        '--gateway  whose device it is, as registry.yaml names it; needed where several have one that is called so',
        '--unheard  it is known that nothing was heard of it yet; with --gateway',
      ],
      positionals: ['DEVICE'],
      options: { ...common, bed: text, none: flag, gateway: text, unheard: flag, at: text },
      run: async (values, io) => {
        if ((values.bed === undefined) !== (values.none === true))
          throw new VitalmeshError('USAGE', { detail: 'give either --bed or --none' });
        const device = { device: required(values, 'DEVICE', 'DEVICE'), ...named(values, ['gateway']), unheard: values.unheard === true };
        const args = { ...device, bed: values.none ? null : required(values, 'bed'), ...at(values) };
        const [done] = await asked<AssignedDevice>(programs, values, 'patients-device', args);
        if (done === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a statement without an answer' });
        return print(io, values.json ? jsonWithTimes(done, TIMES) : formatAssigned(done));
      },
    },
    show: {
      usage: '--config hub.yaml [--patient ID | --bed BED] [--at TIME] [--numbers] [--tenant NAME] [--json]',
      summary: 'Shows who lies in each followed bed by public id; of one patient or bed all stays, or that of a time.',
      explained: [
        'occupied     this one lay there',
        'unconfirmed  perhaps: what was said contradicts itself, so a movement was missed; nobody’s values are shown from this bed',
        'conflict     several were said to be there at once; the same',
        'nobody       nobody is known to lie there; what is measured there is shown to no one',
        'listed       no movement tells of it: registry.yaml says who that is and where',
        '--numbers    the hospital’s numbers too, for whoever may export what is stored',
      ],
      options: { ...common, patient: text, bed: text, at: text, numbers: flag },
      run: async (values, io) => {
        if (values.patient !== undefined && values.bed !== undefined)
          throw new VitalmeshError('USAGE', { detail: 'give --patient or --bed' });
        const args = { ...named(values, ['patient', 'bed']), ...at(values), numbers: values.numbers === true };
        const stays = await asked<ShownStay>(programs, values, 'patients-show', args);
        if (values.json) return print(io, jsonWithTimes(stays, TIMES));
        return print(
          io,
          stays.length === 0
            ? values.patient === undefined
              ? 'No bed here follows movements.'
              : NO_STAY
            : stays.map(formatStay).join('\n'),
        );
      },
    },
    corrections: {
      usage: '--config hub.yaml [--since TIME] [--tenant NAME] [--json]',
      summary:
        'Lists what moved from one patient to another, because a movement came late or was taken back or by hand, and who was shown it under the wrong one.',
      explained: [`--since    when it was moved, as 2026-11-21T10:00:00+01:00; in the last ${DAYS_UNASKED} days unless given`],
      options: { ...common, since: text },
      run: async (values, io) => {
        const args = values.since === undefined ? {} : { since: instant(values, 'since') };
        const found = await asked<Correction>(programs, values, 'patients-corrections', args);
        if (values.json) return print(io, jsonWithTimes(found, TIMES));
        const lines = found.length === 0 ? ['Nothing moved from one patient to another.'] : found.map(formatCorrection);
        if (values.since === undefined) lines.push(`Looked at were the last ${DAYS_UNASKED} days; --since goes further back.`);
        return print(io, lines.join('\n'));
      },
    },
  };
}

/** Reads a census and has it kept; fails where a line is left out. */
async function importCensus(programs: HandPrograms, values: CommandValues, io: CommandIo): Promise<number> {
  const { zone } = loadHubConfig(required(values, 'config'));
  const read = censusOf(await readText(required(values, 'FILE', 'FILE'), io), zone);
  const trial = values['dry-run'] === true;
  const isWhole = values['all-or-nothing'] === true;
  const census = withoutContradictions(read, await whoseNumbers(programs, values, read));
  const tried = trial || isWhole ? await imported(programs, values, census, true) : undefined;
  const nothing = isWhole && tried !== undefined && tried.faults.length > 0;
  const total = trial || nothing ? tried : undefined;
  const { people: _, ...done } = total ?? (await imported(programs, values, census, false));
  const report = { ...done, ...(nothing && { admitted: 0 }), trial };
  const faults = report.faults.map((one) => ({ ...one, code: codeOf(one.fault) }));
  print(io, values.json ? jsonWithTimes({ ...report, faults }, TIMES) : formatImport({ ...report, nothing: nothing && !trial }));
  return faults.length === 0 ? EXIT.ok : EXIT.failed;
}

/** By line, whose each number is by now: two lines that name one person by two of their numbers may stand in different calls. */
async function whoseNumbers(programs: HandPrograms, values: CommandValues, { rows, claims }: CensusFile): Promise<Map<number, string>> {
  const lines = [...rows, ...claims].map(({ line, bed, authority, value }) => ({ line, bed, authority, value }));
  // Of what a faulty line says the number alone may be good.
  const good = lines.filter((line) => faultIn(line) === undefined);
  const { people } = await imported(programs, values, { rows: good, faults: [], claims: [] }, true);
  return new Map(people.map(({ line, patient }) => [line, patient]));
}

/** Hands the good lines of a census to the hub, some a call, as of one time for all of it: by the hub's clock, which the first of them says. */
async function imported(
  programs: HandPrograms,
  values: CommandValues,
  { rows, faults }: CensusFile,
  trial: boolean,
): Promise<Omit<Imported, 'at'>> {
  const total = {
    admitted: 0,
    statements: [] as Imported['statements'][number][],
    faults: [...faults],
    conflicts: [] as Imported['conflicts'][number][],
    people: [] as Imported['people'][number][],
  };
  let when = at(values);
  for (let from = 0; from < Math.max(rows.length, 1); from += LINES_A_CALL) {
    const part = { rows: rows.slice(from, from + LINES_A_CALL), trial, ...when };
    for (const done of await asked<Imported>(programs, values, 'patients-import', part)) {
      when = { at: done.at };
      total.admitted += done.admitted;
      total.statements.push(...done.statements);
      total.faults.push(...done.faults);
      total.conflicts.push(...done.conflicts);
      total.people.push(...done.people);
    }
  }
  total.faults.sort((a, b) => a.line - b.line);
  return total;
}

function censusOf(census: string, zone: string): CensusFile {
  return isHl7(census) ? parseCensusHl7(census, zone) : parseCensusCsv(census);
}

async function said(programs: HandPrograms, values: CommandValues, io: CommandIo, command: HandCommand, args: object): Promise<number> {
  const [done] = await asked<Done>(programs, values, command, args);
  if (done === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a statement without an answer' });
  print(io, values.json ? jsonWithTimes(done, TIMES) : formatDone(done));
  return isUnclear(done.conflicts) ? EXIT.failed : EXIT.ok;
}

/** Of whom it is said: by public ids, or by as many numbers in a file. Throws USAGE. */
async function people(values: CommandValues, io: CommandIo, count: 1 | 2, other?: 'with' | 'into'): Promise<Named[]> {
  const ids = other === undefined ? [values.patient] : [values.patient, values[other]];
  if (values.from === undefined) {
    const names = other === undefined ? ['patient'] : ['patient', other];
    return names.map((name) => ({ patient: required(values, name) }));
  }
  if (ids.some((id) => id !== undefined)) throw new VitalmeshError('USAGE', { detail: 'give public ids or --from, not both' });
  const numbers = parseNumbers(await readText(required(values, 'from'), io));
  if (numbers.length !== count)
    throw new VitalmeshError('USAGE', { detail: `--from holds ${count === 1 ? 'one number' : 'two numbers, one a line'}` });
  return numbers;
}

async function asked<T>(programs: HandPrograms, values: CommandValues, command: HandCommand, given: object): Promise<T[]> {
  const config = loadHubConfig(required(values, 'config'));
  const args = { ...named(values, ['tenant']), ...given };
  const rows: T[] = [];
  try {
    for await (const row of callOperator(config.operator.socket, command, args)) rows.push(row as T);
  } catch (error) {
    if (!nobodyRuns(error, config.operator.socket)) throw error;
    for await (const row of programs.place(config, command, args)) rows.push(row as T);
  }
  return rows;
}

function named(values: CommandValues, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (typeof values[name] === 'string' ? [[name, values[name]]] : [])));
}

function at(values: CommandValues): { at?: Instant } {
  return values.at === undefined ? {} : { at: instant(values, 'at') };
}

function instant(values: CommandValues, name: string): Instant {
  const read = parseInstant(required(values, name))?.at;
  if (read === undefined) throw new VitalmeshError('USAGE', { detail: `--${name} is a time with offset, as 2026-11-21T10:00:00+01:00` });
  return read;
}

function print(io: CommandIo, line: string): number {
  io.stdout.write(`${line}\n`);
  return EXIT.ok;
}
