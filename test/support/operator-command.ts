import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Program, runProgram } from '../../shared/command-line.ts';

/** What became of a command. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of a program within this process. */
export async function ranOf(program: Program, argv: readonly string[]): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runProgram(program, argv, { stdin: Readable.from([]), stdout, stderr });
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

/** The lines of JSON that a command printed. */
export function rowsOf<T>({ stdout }: Ran): T[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

/** Writes a hub.yaml for commands that need no more of it than where the operator's socket is. */
export function operatorConfig(folder: string): { config: string; socketPath: string } {
  const [config, socketPath] = [join(folder, 'hub.yaml'), join(folder, 'hub.sock')];
  const store = 'store: { path: store.db, keyFile: store.key }';
  writeFileSync(
    config,
    `identity: hub.json\nregistry: registry.yaml\n${store}\noverlay: { type: ziti }\noperator: { socket: ${socketPath} }\n`,
  );
  return { config, socketPath };
}
