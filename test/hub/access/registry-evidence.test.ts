import { registryEvidenceContract } from '../../contract/registry-evidence.ts';
import { testHub } from '../../support/hub.ts';

registryEvidenceContract('sqlite', async () => {
  const hub = testHub();
  return { open: async () => hub.store, [Symbol.asyncDispose]: hub.close };
});
