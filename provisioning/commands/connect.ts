import { randomBytes } from 'node:crypto';
import { type Command, type CommandIo, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { createOwnerFile, readOwnerFile } from '../../shared/identity/owner-file.ts';
import { aborted, processSignal } from '../../shared/lifecycle.ts';
import { createLogger } from '../../shared/log.ts';
import { openOverlay } from '../../shared/overlay/config.ts';
import { overlayHttp } from '../../shared/overlay/http-client.ts';
import { tokenFromFile } from '../../shared/token-file.ts';
import { openLocalLeg } from '../connect/local-leg.ts';
import { CLIENT_OPTIONS, levelOf, placeOf } from './bridge.ts';

const BEARER_BYTES = 32;
const BEARER = /^[A-Za-z0-9_-]{43,128}$/;

/** `vitalmesh connect`: the hub's MCP endpoint as an HTTP address of this machine. */
export const connectCommand: Command = {
  usage:
    '--identity client.json [--listen 127.0.0.1:0] [--bearer FILE] [--service vitals-mcp] [--token token.jwt] [--switch SOCKET] [--log warn] [--json]',
  summary: 'Serves the hub on a loopback address of this machine, for HTTP clients that cannot enter the overlay themselves.',
  explained: [
    '--listen: address and port; loopback alone. Port 0 takes one that is free.',
    '--bearer: file (mode 0600) with what programs on this machine must show; made when it is not there. Without it one is drawn for this run, and printed.',
    '--token, --switch: as for `vitalmesh bridge`.',
  ],
  options: { ...CLIENT_OPTIONS, listen: { type: 'string' }, bearer: { type: 'string' }, json: { type: 'boolean' } },
  async run(values, io: CommandIo) {
    const log = createLogger({ component: 'connect', level: levelOf(values) });
    const { listen = '127.0.0.1:0', bearer: file, token, service = 'vitals-mcp' } = values;
    const { host, port } = addressOf(String(listen));
    const bearer = typeof file === 'string' ? bearerOf(file) : drawn();
    const signal = processSignal({ hangup: true });
    await using overlay = await openOverlay(placeOf(values), loadIdentity(required(values, 'identity')), log);
    await using http = overlayHttp(overlay, String(service));
    await using leg = await openLocalLeg({
      ...{ http, host, port, bearer, log },
      ...(typeof token === 'string' && { token: tokenFromFile(token) }),
    });
    const shown = typeof file === 'string' ? { bearerFile: file } : { bearer };
    io.stdout.write(values.json ? `${JSON.stringify({ url: leg.url, ...shown })}\n` : connectedText(leg.url, shown));
    await aborted(signal);
    return EXIT.ok;
  },
};

function connectedText(url: string, { bearer, bearerFile }: { bearer?: string; bearerFile?: string }): string {
  const how = bearer === undefined ? `Authorization: Bearer … as it stands in ${bearerFile}` : `Authorization: Bearer ${bearer}`;
  return `MCP at ${url}\n${how}\nFor programs of this machine, until Ctrl-C. Not an alarm system.\n`;
}

/** Throws USAGE. */
function addressOf(listen: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(?:\[(?=.*\]:))?([\w.:]+?)\]?:(\d{1,5})$/.exec(listen) ?? [];
  if (host === '' || Number(port) > 65_535) throw new VitalmeshError('USAGE', { detail: '--listen takes ADDRESS:PORT, as 127.0.0.1:0' });
  return { host, port: Number(port) };
}

function drawn(): string {
  return randomBytes(BEARER_BYTES).toString('base64url');
}

/** What the file holds, or what is put into it where there is none. Throws IDENTITY-FILE, IDENTITY-MODE. */
function bearerOf(path: string): string {
  createOwnerFile(path, `${drawn()}\n`);
  const bearer = readOwnerFile(path)?.trim() ?? '';
  if (!BEARER.test(bearer))
    throw new VitalmeshError('IDENTITY-FILE', { detail: `${path} holds no bearer: 43 to 128 letters, digits, - and _` });
  return bearer;
}
