import { after } from 'node:test';
import { overlayContract } from '../../../contract/overlay.ts';
import { FabricTemplates, ZitiNetwork } from '../../../support/ziti/network.ts';

const templates = new FabricTemplates({ encryptionRequired: true });
after(() => templates[Symbol.dispose]());
overlayContract('ziti, encrypted, signed in by OIDC', async (plan) => ZitiNetwork.start(await templates.copy(plan), 'oidc'));
