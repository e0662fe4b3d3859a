import type { Socket } from 'node:net';
import type { ScriptedController } from './ziti/controller-script.ts';

/** A controller that tells this time; resolves with the connections over which it was asked for it. */
export function tellsTime(script: ScriptedController, told: number | undefined, capabilities = ['OIDC_AUTH']): Socket[] {
  const asked: Socket[] = [];
  script.on(({ path }) => {
    if (path !== '/version') return undefined;
    return (response) => {
      if (response.socket) asked.push(response.socket);
      if (told === undefined) response.sendDate = false;
      response.writeHead(200, { 'content-type': 'application/json', ...(told !== undefined && { date: new Date(told).toUTCString() }) });
      response.end(JSON.stringify({ data: { version: 'v2.0.3', capabilities, apiVersions: {} } }));
    };
  });
  return asked;
}
