import { after } from 'node:test';
import { overlayContract } from '../../../contract/overlay.ts';
import { FabricTemplates, ZitiNetwork } from '../../../support/ziti/network.ts';

const templates = new FabricTemplates({ encryptionRequired: false });
after(() => templates[Symbol.dispose]());
overlayContract('ziti, plain, with a certificate session', async (plan) => ZitiNetwork.start(await templates.copy(plan), 'certificate'));
