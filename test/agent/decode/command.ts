import { Readable, Writable } from 'node:stream';
import { runDecode } from '../../../agent/decode.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { RECEIVED_AT } from './decoding.ts';

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
  observations: Observation[];
  /** The JSON lines of standard error. */
  rejected: { code: string; part?: string; bytes?: number; message: string; advice: string }[];
}

function sink(): { stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

/** Runs `vitalmesh-agent decode` on these chunks, with the clock at RECEIVED_AT. */
export async function command(argv: readonly string[], chunks: readonly Uint8Array[] = []): Promise<CommandResult> {
  const stdout = sink();
  const stderr = sink();
  const clock = { now: () => RECEIVED_AT, monotonicMs: () => 0 };
  const code = await runDecode(argv, { stdin: Readable.from(chunks), stdout: stdout.stream, stderr: stderr.stream, clock });
  return {
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
    observations: lines(stdout.text()) as Observation[],
    rejected: lines(stderr.text()) as CommandResult['rejected'],
  };
}

function lines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as unknown);
}
