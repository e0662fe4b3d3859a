import { type Command, type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { processSignal } from '../../shared/lifecycle.ts';
import { createLogger } from '../../shared/log.ts';
import { openOverlay } from '../../shared/overlay/config.ts';
import { tokenFromFile } from '../../shared/token-file.ts';
import { answerAbsent } from '../bridge/absent.ts';
import { runBridge } from '../bridge/bridge.ts';

const text = { type: 'string' } as const;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
/** A host that was killed closes nothing: then its children get another parent. */
const PARENT_MS = 2_000;

/** How a client's command finds the hub: who it is, where the network is, and the service. */
export const CLIENT_OPTIONS = { identity: text, service: text, token: text, switch: text, log: text } as const;

/** `vitalmesh bridge`: what a host starts as an MCP server on standard input and output. */
export const bridgeCommand: Command = {
  usage: '--identity client.json [--service vitals-mcp-line] [--token token.jwt] [--switch SOCKET] [--log warn]',
  summary: 'The stdio command of MCP hosts: standard input and output to the hub and back, over the overlay.',
  explained: [
    '--token: file (mode 0600) with an access token, read anew before each message; for people, and for whoever the hub wants one of.',
    '--switch: socket of an overlay on one machine, instead of an OpenZiti network.',
    'It connects again by itself, and writes its log to standard error alone. It ends when standard input does.',
    'Where it cannot begin, it answers what is asked with why, and exits with 1.',
  ],
  options: CLIENT_OPTIONS,
  async run(values, io: CommandIo) {
    const identity = required(values, 'identity');
    const log = createLogger({ component: 'bridge', level: levelOf(values) });
    const ending = new AbortController();
    const parent = process.ppid;
    const watch = setInterval(() => process.ppid !== parent && ending.abort(), PARENT_MS);
    io.stdout.once('error', () => ending.abort());
    const signal = AbortSignal.any([processSignal({ hangup: true }), ending.signal]);
    const ends = { stdin: io.stdin as NodeJS.ReadStream, stdout: io.stdout };
    const begun = async () => await openOverlay(placeOf(values), loadIdentity(identity), log);
    try {
      await using overlay = await begun().catch(async (thrown: unknown) => Promise.reject(await answerAbsent(thrown, ends, signal)));
      const { service, token } = values;
      await runBridge(
        {
          ...{ overlay, ...ends, log },
          service: typeof service === 'string' ? service : 'vitals-mcp-line',
          ...(typeof token === 'string' && { token: tokenFromFile(token) }),
        },
        signal,
      );
      return EXIT.ok;
    } finally {
      clearInterval(watch);
    }
  },
};

/** Where the network of a client is. */
export function placeOf({ switch: socket }: CommandValues): Parameters<typeof openOverlay>[0] {
  return typeof socket === 'string' ? { type: 'local', socket } : { type: 'ziti' };
}

/** Throws USAGE. */
export function levelOf({ log = 'warn' }: CommandValues): (typeof LEVELS)[number] {
  const level = LEVELS.find((one) => one === log);
  if (level === undefined) throw new VitalmeshError('USAGE', { detail: `--log is one of ${LEVELS.join(', ')}` });
  return level;
}
