import { fingerprintOf } from '../../../provisioning/fabric/controller/enrolment.ts';
import { openHome } from '../../../provisioning/fabric/home.ts';
import type { IdentityFile } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';

/** Identities of one network, with the attributes `hubs` and `gateways`. Their files name no controller that runs: that is for their users. */
export interface IssuedFleet {
  hub: IdentityFile;
  gateways: IdentityFile[];
}

/** Puts a hub and so many gateways into the home of a network that does not run, as enrolment leaves them: about 4 ms each. */
export async function issueFleet(home: string, gateways: number): Promise<IssuedFleet> {
  using opened = await openHome(home, silentLogger);
  const { state, ca } = opened;
  const members = [{ name: 'hub', attributes: ['hubs'] }, ...Array.from({ length: gateways }, (_, i) => gatewayNamed(i))];
  const identities = state.directory.together(() => members.map((member) => state.directory.createIdentity(member)));
  const files: IdentityFile[] = [];
  for (const identity of identities) {
    const file = await ca.issueIdentity(identity);
    const { token } = state.enrolments.offer(identity.id);
    const certPem = file.id.cert.slice('pem:'.length);
    state.enrolments.spend(token, fingerprintOf(certPem), certPem);
    files.push(file);
  }
  const [hub, ...rest] = files;
  if (!hub) throw new Error('no hub');
  return { hub, gateways: rest };
}

function gatewayNamed(index: number): { name: string; attributes: string[] } {
  return { name: `gateway-${index + 1}`, attributes: ['gateways'] };
}
