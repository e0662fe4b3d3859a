import { EXIT, exitWith, type Program, required, runProgram } from '../../shared/command-line.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { createLogger } from '../../shared/log.ts';
import { connectMcp } from '../../shared/mcp-client.ts';
import { openOverlay } from '../../shared/overlay/config.ts';
import { tokenFromFile } from '../../shared/token-file.ts';

const text = { type: 'string' } as const;

/**
 * An example to begin from: a program that shows the hub its overlay identity and an access token, and reads the current values of one patient. How it comes by
 * the token is between it and its issuer; it asks for the scopes that the hub's challenge names, and puts the token into a file of mode 0600.
 */
const program: Program = {
  name: 'example',
  summary: 'Reads current vital signs by overlay identity and access token.',
  commands: {
    latest: {
      usage: '--identity client.json --token token.jwt --patient ID [--service vitals-mcp] [--switch SOCKET]',
      summary: 'Prints the current values of one patient in words. --switch: of an overlay on one machine instead of OpenZiti.',
      options: { identity: text, token: text, patient: text, service: text, switch: text },
      run: async (values, io) => {
        const identity = loadIdentity(required(values, 'identity'));
        const socket = values.switch;
        const place = typeof socket === 'string' ? ({ type: 'local', socket } as const) : ({ type: 'ziti' } as const);
        await using overlay = await openOverlay(place, identity, createLogger({ component: 'example', level: 'warn' }));
        const service = typeof values.service === 'string' ? values.service : 'vitals-mcp';
        const token = tokenFromFile(required(values, 'token'));
        await using mcp = await connectMcp({ overlay, service, name: 'example', token });
        const told = await mcp.client.callTool({ name: 'get_latest_vitals', arguments: { patient: required(values, 'patient') } });
        const [said] = told.content as readonly { text?: string }[];
        io.stdout.write(`${said?.text ?? ''}\n`);
        return told.isError ? EXIT.failed : EXIT.ok;
      },
    },
  },
};

if (import.meta.main) await exitWith(runProgram(program, process.argv.slice(2)));
