import { join } from 'node:path';
import { type Command, EXIT } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { aborted, processSignal } from '../../../shared/lifecycle.ts';
import { createLogger } from '../../../shared/log.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { type Fabric, type ListenAddress, startFabric } from '../fabric.ts';
import { ADMIN_FILE } from '../home.ts';
import { adminCommands } from '../operator.ts';
import { homeOf, operatorSocket } from './reach.ts';

const CONTROLLER = '127.0.0.1:1280';
const ROUTER = '127.0.0.1:3022';

/** `vitalmesh fabric run` */
export const runCommand: Command = {
  usage: `--home DIR [--controller ${CONTROLLER}] [--router ${ROUTER}] [--sign-in both|certificate] [--certificate-life SECONDS] [--verbose]`,
  summary: 'Runs an overlay network on this machine alone, for trial, development and tests; a hospital runs OpenZiti. Until Ctrl-C.',
  explained: [
    `--controller HOST:PORT  where enrolment, sign-in and the list of services are asked for; loopback alone (usually ${CONTROLLER})`,
    `--router HOST:PORT      where hub, agents and clients hold their connections; loopback alone (usually ${ROUTER})`,
    '                        port 0 takes a free one of each; enrolled identities then do not find the network after a restart',
    '--sign-in certificate   leaves out the sign-in by OIDC (usually both are offered)',
    '--certificate-life S    certificates last S seconds, to see them renewed (usually a year)',
    '--verbose               logs also what goes well, as JSON lines on standard error',
  ],
  options: {
    ...{ home: { type: 'string' }, controller: { type: 'string' }, router: { type: 'string' }, 'sign-in': { type: 'string' } },
    ...{ 'certificate-life': { type: 'string' }, verbose: { type: 'boolean' } },
  },
  run: async (values, io) => {
    const home = homeOf(values);
    const signal = processSignal({ hangup: true });
    const log = createLogger({ component: 'fabric', level: values.verbose === true ? 'info' : 'warn' });
    await using fabric = await startFabric({
      home,
      controller: addressOf(values.controller, CONTROLLER, '--controller'),
      router: addressOf(values.router, ROUTER, '--router'),
      signIn: signInOf(values['sign-in']),
      ...certificateLifeOf(values['certificate-life']),
      log,
    });
    await using operator = createOperatorServer({ socketPath: operatorSocket(home), commands: adminCommands(fabric.admin), log });
    await operator.start(signal);
    io.stdout.write(welcome(home, fabric));
    await aborted(signal);
    io.stdout.write('The network stops. Everything it knows is kept in its home.\n');
    return EXIT.ok;
  },
};

/** `certificate` leaves OIDC out, as a network may. */
export function signInOf(text: string | boolean | undefined): 'both' | 'certificate' {
  if (text === undefined || text === 'both') return 'both';
  if (text === 'certificate') return text;
  throw new VitalmeshError('USAGE', { detail: '--sign-in is both or certificate' });
}

/** A year unless told; short ones show how they are renewed. */
export function certificateLifeOf(text: string | boolean | undefined): { certificateLifeMs?: number } {
  if (text === undefined) return {};
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 10 && seconds <= 10 * 365 * 86_400) return { certificateLifeMs: seconds * 1000 };
  throw new VitalmeshError('USAGE', { detail: '--certificate-life is a number of seconds, from 10 on, up to ten years' });
}

/** `host:port`, with an IPv6 address in brackets. */
export function addressOf(text: string | boolean | undefined, usual: string, option: string): ListenAddress {
  const given = typeof text === 'string' ? text : usual;
  const [, host, port] = /^(\[[0-9A-Fa-f:]+\]|[^:\s[\]]+):(\d{1,5})$/.exec(given) ?? [];
  if (host === undefined || port === undefined) throw new VitalmeshError('USAGE', { detail: `${option} is HOST:PORT, as ${usual}` });
  return { host, port: Number(port) };
}

function welcome(folder: string, { controllerUrl, routerUrl }: Fabric): string {
  const home = shellWord(folder);
  return `An overlay network for trial, development and tests, on this machine alone. A hospital runs OpenZiti.

  controller  ${new URL(controllerUrl).origin}
  router      ${routerUrl}
  home        ${home}
  management  ${new URL(controllerUrl).origin}/edge/management/v1, OpenZiti's API for administrators
              user name and password: ${shellWord(join(folder, ADMIN_FILE))}

Nobody may do anything yet that was not allowed before. In another terminal, for example:

  vitalmesh fabric service create vitals-ingest --home ${home}
  vitalmesh fabric identity create hub -o hub.jwt --attributes hubs --home ${home}
  vitalmesh fabric identity create gw1 -o gw1.jwt --attributes gateways --home ${home}
  vitalmesh fabric policy create ingest-bind --bind --identities '#hubs' --services '@vitals-ingest' --home ${home}
  vitalmesh fabric policy create ingest-dial --dial --identities '#gateways' --services '@vitals-ingest' --home ${home}
  vitalmesh enroll gw1.jwt -o gw1.json

Ctrl-C stops it.
`;
}

/** As a shell takes it for one word, so that the commands can be copied. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
