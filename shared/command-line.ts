import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { asVitalmeshError, VitalmeshError } from './errors.ts';
import { nearest } from './nearest.ts';

/** Where a command reads and writes; a test hands in its own. */
export interface CommandIo {
  stdin: NodeJS.ReadableStream;
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
}

export const processIo: CommandIo = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };

/** Exit codes of every Vitalmesh command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notRunning: 3 } as const;

export type CommandValues = Readonly<Record<string, string | boolean | undefined>>;

export interface Command {
  /** What stands behind the command's name: `NAME --config FILE [--json]`. */
  usage: string;
  summary: string;
  /** Lines of `--help` about options that the usage does not explain by itself. */
  explained?: readonly string[];
  options: NonNullable<ParseArgsConfig['options']>;
  /** Names of the arguments without an option, as `usage` writes them (`NAME`). Every one must be given; `run` finds it in `values` under that name. */
  positionals?: readonly string[];
  /** Name of further arguments, of which there may be any number; `run` finds them in `values` under that name, with blanks between. */
  more?: string;
  run(values: CommandValues, io: CommandIo): Promise<number>;
}

/** A command that reads its arguments itself. */
export interface RawCommand {
  usage: string;
  summary: string;
  raw(argv: string[], io: CommandIo): Promise<number>;
}

/** Commands that belong together: `vitalmesh fabric run`, `vitalmesh fabric identity create`. Groups may hold groups. */
export interface CommandGroup {
  summary: string;
  commands: Readonly<Record<string, Command | RawCommand | CommandGroup>>;
}

export interface Program extends CommandGroup {
  /** What an operator types before the name of a command. */
  name: string;
}

/**
 * Runs `argv[0]` as a command of the program and resolves with its exit code. `--help`, `-h` and `--version` are
 * understood everywhere. An error is printed as `CODE: message` with its advice on the next line; whoever reads the output may go
 * away when he has seen enough (`export … | head`).
 */
export async function runProgram(program: Program, argv: readonly string[], io: CommandIo = processIo): Promise<number> {
  // That a reader went away is told by an event, which need not come while the command waits for its output.
  const left = Promise.withResolvers<number>();
  const ended = (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? left.resolve(EXIT.ok) : left.reject(error));
  io.stdout.once('error', ended);
  try {
    return await Promise.race([runCommand(program, argv, io), left.promise]);
  } catch (thrown) {
    const error = asVitalmeshError(thrown);
    io.stderr.write(`${errorText(error)}\n`);
    if (error.code === 'USAGE') return EXIT.usage;
    return error.code === 'OPERATOR-NOT-RUNNING' ? EXIT.notRunning : EXIT.failed;
  } finally {
    io.stdout.off('error', ended);
  }
}

async function runCommand(program: Program, argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version') return print(io.stdout, packageVersion());
  if (name === undefined || name === 'help' || asksForHelp([name])) return print(io.stdout, help(program));
  const command = Object.hasOwn(program.commands, name) ? program.commands[name] : undefined;
  if (!command) throw unknownCommand(program, name);
  if ('commands' in command) return await runCommand({ ...command, name: `${program.name} ${name}` }, rest, io);
  if ('raw' in command) return await command.raw(rest, io);
  if (asksForHelp(rest)) return print(io.stdout, commandHelp(program, name, command));
  return await command.run(parse(command, rest), io);
}

/** `CODE: message` and, on the next line, what to do. */
export function errorText(error: VitalmeshError): string {
  return `${error.code}: ${error.message}\n  ${error.advice}`;
}

/** The value of an option that must be given, or of a positional. `shown` is the option as the command's usage writes it. */
export function required(values: CommandValues, option: string, shown = `--${option}`): string {
  const value = values[option];
  if (typeof value !== 'string' || value === '') throw new VitalmeshError('USAGE', { detail: `${shown} is missing` });
  return value;
}

/** Ends the process with a program's exit code, after standard output was taken. For the last line of a `main.ts`. */
export async function exitWith(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
  process.stdout.write('', () => process.exit());
}

function parse(command: Command, argv: string[]): CommandValues {
  const { values, positionals } = parseStrictly(command, argv);
  const names = command.positionals ?? [];
  const missing = names.find((_, index) => !positionals[index]);
  if (missing !== undefined) throw new VitalmeshError('USAGE', { detail: `${missing} is missing; usage: ${command.usage}` });
  const more = positionals.slice(names.length);
  if (more.length > 0 && command.more === undefined) throw new VitalmeshError('USAGE', { detail: `usage: ${command.usage}` });
  const named = Object.fromEntries(names.map((name, index) => [name, positionals[index]]));
  return { ...values, ...named, ...(command.more !== undefined && more.length > 0 && { [command.more]: more.join(' ') }) };
}

function parseStrictly(command: Command, argv: string[]): { values: CommandValues; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args: argv, options: command.options, strict: true, allowPositionals: true });
    return { values: values as CommandValues, positionals };
  } catch (cause) {
    throw new VitalmeshError('USAGE', { detail: wrongOption(command, argv, cause) ?? `usage: ${command.usage}`, cause });
  }
}

/** What is wrong with an option, named as the usage writes it: by its letter where it has one. */
function wrongOption({ options }: Command, argv: readonly string[], cause: unknown): string | undefined {
  const [, named = ''] = /^Option '(?:-\w, )?--([\w-]+)/.exec((cause as Error).message) ?? [];
  const known = Object.hasOwn(options, named) ? options[named] : undefined;
  if (known) {
    const shown = known.short ? `-${known.short}` : `--${named}`;
    if (known.type !== 'string') return `${shown} takes no value`;
    return `${shown} needs a value${mayBeValue(argv, named, options) ? `; one that begins with - is given as --${named}=-…` : ''}`;
  }
  // Without what stands behind =, which may be somebody's name.
  const option = argv.map((arg) => arg.replace(/=.*/s, '')).find((arg) => arg.startsWith('--') && !Object.hasOwn(options, arg.slice(2)));
  if (option !== undefined) {
    const guess = nearest(option.slice(2), Object.keys(options));
    return `unknown option ${option}${guess ? `; did you mean --${guess}?` : ''}`;
  }
  const letters = Object.values(options).map(({ short }) => short);
  const letter = argv.find((arg) => /^-[^-]/.test(arg) && !letters.includes(arg[1]));
  return letter && `unknown option ${letter.slice(0, 2)}`;
}

/** Whether what stands behind an option begins with a dash and is no option of the command: its value may be meant. */
function mayBeValue(argv: readonly string[], named: string, options: Command['options']): boolean {
  const names = new Set(Object.entries(options).flatMap(([name, { short }]) => (short ? [`--${name}`, `-${short}`] : [`--${name}`])));
  const own = options[named]?.short;
  return argv.some((arg, i) => {
    const next = argv[i + 1] ?? '';
    return (
      (arg === `--${named}` || (own !== undefined && arg === `-${own}`)) && next.startsWith('-') && !names.has(next.replace(/=.*/s, ''))
    );
  });
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  return options.includes('--help') || options.includes('-h');
}

function unknownCommand(program: Program, name: string): VitalmeshError {
  const guess = nearest(name, Object.keys(program.commands));
  return new VitalmeshError('USAGE', { detail: `${program.name} has no command '${name}'${guess ? `; did you mean '${guess}'?` : ''}` });
}

function print(out: NodeJS.WritableStream, text: string): number {
  out.write(`${text}\n`);
  return EXIT.ok;
}

function help({ name, summary, commands }: Program): string {
  const rows = Object.entries(commands).map(([command, entry]) =>
    `  ${name} ${command} ${'usage' in entry ? entry.usage : 'COMMAND …'}`.trimEnd().concat(`\n      ${entry.summary}`),
  );
  return [
    `${name}: ${summary}`,
    '',
    ...rows,
    '',
    `  ${name} --version, ${name} COMMAND --help`,
    '',
    'Exit codes: 0 done, 1 failed (a coded error on standard error), 2 called wrongly, 3 the process is not running.',
    'Not a medical device, not an alarm system, not for diagnosis.',
  ].join('\n');
}

function commandHelp({ name }: Program, commandName: string, { usage, summary, explained = [] }: Command): string {
  return [
    `${name} ${commandName} ${usage}`,
    '',
    summary,
    ...(explained.length > 0 ? ['', ...explained.map((line) => `  ${line}`)] : []),
  ].join('\n');
}

/** Version of the package this file belongs to, in a clone and in the published package alike. */
export function packageVersion(): string {
  for (const up of ['..', join('..', '..')]) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(import.meta.dirname, up, 'package.json'), 'utf8')) as {
        name: string;
        version: string;
      };
      if (name === 'vitalmesh') return version;
    } catch {
      // In the published package the file lies one folder further up.
    }
  }
  throw new VitalmeshError('INTERNAL', { detail: 'package.json was not found' });
}
