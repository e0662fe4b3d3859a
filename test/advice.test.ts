import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentProgram } from '../agent/cli.ts';
import { explainCliCommands } from '../hub/access/explain/cli.ts';
import { auditCliCommands } from '../hub/audit/cli.ts';
import { backupCommands } from '../hub/backup/cli.ts';
import { hubProgram } from '../hub/cli.ts';
import { readingsCliCommands } from '../hub/clinical/amend/cli.ts';
import { clinicalCliCommands } from '../hub/clinical/cli.ts';
import { inspectionCliCommands } from '../hub/inspection/cli.ts';
import { patientsCliCommands } from '../hub/patients/cli.ts';
import { vitalmeshProgram } from '../provisioning/cli.ts';
import type { Command, CommandGroup, RawCommand } from '../shared/command-line.ts';
import { ERRORS } from '../shared/errors.ts';
import { verifies } from './requirements.ts';

const root = join(import.meta.dirname, '..');
// Their commands are looked at, and none is run.
const none = {} as never;
const HUB = hubProgram(none, {
  ...backupCommands(none),
  ...inspectionCliCommands(none),
  ...explainCliCommands(none),
  ...auditCliCommands(none),
  ...clinicalCliCommands(),
  ...readingsCliCommands(none),
  ...patientsCliCommands(none),
});
const PROGRAMS: Readonly<Record<string, CommandGroup>> = {
  'vitalmesh-hub': HUB,
  'vitalmesh-agent': agentProgram(none),
  vitalmesh: vitalmeshProgram,
};
/** Groups of the hub, which advice might name without the program. */
const GROUPS = Object.entries(HUB.commands).flatMap(([name, entry]) => ('commands' in entry ? [name] : []));

/** As `readings list`. */
const PAIRS = GROUPS.flatMap((group) => {
  const entry = HUB.commands[group];
  return entry && 'commands' in entry ? Object.keys(entry.commands).map((name) => `${group} ${name}`) : [];
});

/** A command in backquotes, or with its program. */
const NAMED = /`[^`]*`|vitalmesh(?:-hub|-agent)? [a-z-]+ [a-z-]+/g;

/** What is wrong with words behind a program, as somebody would type them; undefined where they are a command, or nothing of one. */
function faultOf(program: string, words: readonly string[]): string | undefined {
  let at: CommandGroup | Command | RawCommand = PROGRAMS[program] ?? assert.fail(program);
  for (const word of words) {
    if (!('commands' in at)) {
      if (!word.startsWith('--')) continue;
      const name = word.slice(2).replace(/=.*/s, '');
      if ('options' in at && name !== 'help' && !Object.hasOwn(at.options, name)) return `${word} is no option of it`;
      continue;
    }
    if (!/^[a-z][a-z-]*$/.test(word)) return undefined;
    if (!Object.hasOwn(at.commands, word)) return `there is no '${word}'`;
    at = at.commands[word] ?? assert.fail(word);
  }
  return undefined;
}

/** Every command in a text: behind a backquote, or at the beginning of a line, with its program or, in backquotes, with a group of the hub alone. */
function commandsIn(text: string): [program: string, words: string[]][] {
  const whole = [...text.matchAll(/(?:`|^ *|[:(] ?| that )(?:npx )?(vitalmesh(?:-hub|-agent)?) ([^`\n\\|,.)]*)/gm)];
  const short = [...text.matchAll(/`([a-z]+) ([a-z][a-z-]+(?: [^`\n\\|$]*)?)\\?`/g)].filter(([, group = '']) => GROUPS.includes(group));
  return [
    ...whole.map(([, program = '', rest = '']): [string, string[]] => [program, rest.split(' ')]),
    ...short.map(([, group = '', rest = '']): [string, string[]] => ['vitalmesh-hub', [group, ...rest.split(' ')]]),
  ];
}

function faultsIn(name: string, text: string): string[] {
  return commandsIn(text).flatMap(([program, words]) => {
    const fault = faultOf(program, words);
    return fault === undefined ? [] : [`${name}: ${program} ${words.join(' ')}: ${fault}`];
  });
}

test('every command that an error advises exists, and is named with its program', () => {
  verifies('ADVICE-EXISTS');
  const advised = Object.entries(ERRORS).map(([code, { message, advice }]) => [code, `${message} ${advice}`] as const);
  assert.deepEqual(
    advised.flatMap(([code, text]) => faultsIn(code, text)),
    [],
  );
  assert.ok(advised.flatMap(([, text]) => commandsIn(text)).length > 20);
  for (const [code, { advice }] of Object.entries(ERRORS))
    for (const pair of PAIRS) assert.ok(!advice.replace(NAMED, '').includes(pair), `${code}: ${pair}`);
});

test('so does every one that the programs print, and that their documents name', () => {
  verifies('ADVICE-EXISTS');
  const files = globSync(['{shared,hub,agent,provisioning}/**/*.ts', '*.md', 'docs/**/*.md'], { cwd: root });
  assert.deepEqual(
    files.flatMap((path) => faultsIn(path, readFileSync(join(root, path), 'utf8'))),
    [],
  );
});

test('a command that does not exist would be found', () => {
  for (const wrong of [
    'vitalmesh-hub readings export',
    'readings export --json',
    'vitalmesh-hub patients undo ID --gone',
    'vitalmesh conect',
  ])
    assert.equal(faultsIn('', `Say \`${wrong}\`.`).length, 1, wrong);
  assert.deepEqual(faultsIn('', 'Say `vitalmesh-hub patients undo --json`, `vitalmesh-hub patients … --at T` or `readings`.'), []);
});
