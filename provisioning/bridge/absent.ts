import { asVitalmeshError, type VitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import { jsonLines, TOO_LONG } from '../../shared/mcp-line/json-lines.ts';
import { MAX_LINE } from './bridge.ts';
import { Conversation } from './conversation.ts';
import { Host } from './host.ts';

export interface AbsentOptions {
  stdin: AsyncIterable<Uint8Array>;
  stdout: NodeJS.WritableStream;
  /** How long a host that has not closed may take to ask; 5,000 ms unless told. */
  lingerMs?: number;
}

const LINGER_MS = 5_000;

/**
 * Of a bridge that cannot begin: answers what its host asks with why, as where the hub is not reached, until standard input ends or the host had its time to ask. Gives the
 * error back for the command to end with. A host shows its user the answer to a question, and what a command logged seldom.
 */
export async function answerAbsent(
  thrown: unknown,
  { stdin, stdout, lingerMs = LINGER_MS }: AbsentOptions,
  signal: AbortSignal,
): Promise<VitalmeshError> {
  const error = asVitalmeshError(thrown);
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const host = new Host(stdout, ending);
  // Standard input that fails has ended.
  const answering = answerAll(error, stdin, host, ending).catch(() => undefined);
  await Promise.race([answering, pause(lingerMs, ending)]);
  over.abort();
  return error;
}

async function answerAll(error: VitalmeshError, stdin: AsyncIterable<Uint8Array>, host: Host, signal: AbortSignal): Promise<void> {
  for await (const line of jsonLines(stdin, MAX_LINE)) {
    const answer = line === TOO_LONG ? undefined : Conversation.unreached(line.toString('utf8'), error);
    await host.tell(answer);
    if (signal.aborted) return;
  }
}
