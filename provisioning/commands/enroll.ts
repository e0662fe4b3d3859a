import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { systemClock } from '../../shared/clock.ts';
import { type Command, type CommandIo, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { parseIdentity } from '../../shared/identity/identity.ts';
import { createLogger } from '../../shared/log.ts';
import { enroll } from '../../shared/overlay/ziti/enroll/enroll.ts';

/** Tokens have some 700 characters; what is much larger is another file, and read no further. */
const MAX_TOKEN_BYTES = 64 * 1024;

/** `vitalmesh enroll`: a one-time token in, an identity file out. */
export const enrollCommand: Command = {
  usage: 'TOKEN.jwt|- -o IDENTITY.json [--json]',
  summary:
    'Enrols this machine in an OpenZiti network with a one-time token (- reads it from standard input), and writes the identity file.',
  options: { output: { type: 'string', short: 'o' }, json: { type: 'boolean' } },
  positionals: ['TOKEN.jwt'],
  async run(values, io) {
    const identityPath = resolve(required(values, 'output', '-o'));
    const token = await readTokenText(required(values, 'TOKEN.jwt'), io);
    const file = await enroll({ token, identityPath, now: systemClock.now, log: createLogger({ component: 'enroll', level: 'warn' }) });
    const { id, controllers } = parseIdentity(file);
    io.stdout.write(
      values.json ? `${JSON.stringify({ id, file: identityPath, controllers })}\n` : enrolledText(id, identityPath, controllers),
    );
    return EXIT.ok;
  },
};

async function readTokenText(path: string, { stdin }: CommandIo): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of path === '-' ? stdin : createReadStream(path)) {
      bytes += chunk.length;
      if (bytes > MAX_TOKEN_BYTES) throw new VitalmeshError('ENROLL-TOKEN', { detail: `${path} is too large for a token` });
      chunks.push(Buffer.from(chunk));
    }
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw new VitalmeshError('USAGE', { cause, detail: `${path} cannot be read (${(cause as NodeJS.ErrnoException).code})` });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function enrolledText(id: string, path: string, controllers: readonly string[]): string {
  return [
    `Enrolled as ${id} at ${controllers.join(', ')}.`,
    `The identity file, which holds the private key: ${path}`,
    'Next, where it is',
    `  a hub      set 'identity: ${path}' in hub.yaml, and ${id} in uplink.hub of each agent.yaml`,
    `  an agent   set 'identity: ${path}' in agent.yaml, and ${id} under gateways of registry.yaml`,
    `  a client   name ${id} under clients of registry.yaml; a program opens the network with the file, an AI host starts \`vitalmesh bridge --identity ${path}\``,
    'The token is spent; its file may be deleted.',
    '',
  ].join('\n');
}
