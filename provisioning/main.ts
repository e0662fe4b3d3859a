import { exitWith, runProgram } from '../shared/command-line.ts';
import { vitalmeshProgram } from './cli.ts';

/** `vitalmesh ARGV`: runs the command and ends the process with its exit code. */
export function main(argv: readonly string[]): Promise<void> {
  return exitWith(runProgram(vitalmeshProgram, argv));
}

if (import.meta.main) await main(process.argv.slice(2));
