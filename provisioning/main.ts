import { exitWith, runProgram } from '../shared/command-line.ts';
import { vitalmeshProgram } from './cli.ts';

await exitWith(runProgram(vitalmeshProgram, process.argv.slice(2)));
