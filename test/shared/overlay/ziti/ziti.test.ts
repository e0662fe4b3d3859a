import { after } from 'node:test';
import { overlayContract } from '../../../contract/overlay.ts';
import { FabricTemplates, ZitiNetwork } from '../../../support/ziti/network.ts';

for (const encryptionRequired of [true, false]) {
  const templates = new FabricTemplates({ encryptionRequired });
  after(() => templates[Symbol.dispose]());
  overlayContract(`ziti, ${encryptionRequired ? 'encrypted' : 'plain'}`, async (plan) => ZitiNetwork.start(await templates.copy(plan)));
}
