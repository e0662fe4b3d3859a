import { join } from 'node:path';
import type { FabricAdmin, NewPolicy } from '../fabric/admin.ts';
import { operatorSocket } from '../fabric/commands/reach.ts';
import { writeTokenFile } from '../fabric/commands/token-file.ts';
import { remoteAdmin } from '../fabric/operator.ts';
import { answering, ownProgram, type Processes } from './processes.ts';
import { MEMBERS, type Member, SERVICES } from './site.ts';

/** Any free port, so that demos run side by side. */
const ANYWHERE = '127.0.0.1:0';

/** Default deny: whatever is not listed here is refused. */
const POLICIES: readonly NewPolicy[] = [
  { name: 'hubs host', type: 'Bind', identityRoles: ['#hubs'], serviceRoles: [`@${SERVICES.ingest}`, `@${SERVICES.mcp}`] },
  { name: 'gateways send', type: 'Dial', identityRoles: ['#gateways'], serviceRoles: [`@${SERVICES.ingest}`] },
  { name: 'clients read', type: 'Dial', identityRoles: ['#clients'], serviceRoles: [`@${SERVICES.mcp}`] },
];

/** An identity that was created, and its one-time token. */
export interface Invited {
  id: string;
  /** The token's file (JWT), mode 0600. */
  token: string;
  /** Where its identity file belongs. */
  file: string;
}

/** Starts `vitalmesh fabric run` with its home in `home`; resolves with its operator's part once it takes calls. */
export async function startNetwork(processes: Processes, home: string): Promise<FabricAdmin> {
  const args = ['fabric', 'run', '--home', home, '--controller', ANYWHERE, '--router', ANYWHERE, '--verbose'];
  const network = processes.start('network', 'network', ownProgram('provisioning/main', args));
  const admin = remoteAdmin(operatorSocket(home));
  await answering(network, () => admin.listServices());
  return admin;
}

/** Creates both services, an identity for each member, and the policies; the tokens lie in `folder`. */
export async function invite(admin: FabricAdmin, folder: string): Promise<Record<Member, Invited>> {
  for (const name of Object.values(SERVICES)) await admin.createService({ name });
  for (const policy of POLICIES) await admin.createPolicy(policy);
  const invited = await Promise.all(
    Object.entries(MEMBERS).map(async ([name, attribute]) => {
      const token = join(folder, `${name}.jwt`);
      const { id } = await writeTokenFile(token, () => admin.createIdentity({ name, attributes: [attribute] }));
      return [name, { id, token, file: join(folder, `${name}.json`) }];
    }),
  );
  return Object.fromEntries(invited) as Record<Member, Invited>;
}
