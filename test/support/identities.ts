import { join } from 'node:path';
import { type Ca, createCa, writeIdentity } from '../../provisioning/fabric/ca.ts';
import type { Clock } from '../../shared/clock.ts';
import { type Identity, parseIdentity } from '../../shared/identity/identity.ts';

/** A network's CA and the identities that a test wants of it. */
export interface TestNetwork {
  readonly ca: Ca;
  readonly trustDomain: string;
  readonly caPem: string;
  /** A fresh identity. The name is for people to read; the id unless told. */
  identity(id: string, name?: string): Promise<Identity>;
  /** The path of a fresh identity file `<id>.json` in `folder`. */
  identityFile(folder: string, id: string): Promise<string>;
}

/** A CA of its own for one test; a few milliseconds. */
export async function testNetwork({
  trustDomain = 'vitalmesh.test',
  clock,
}: {
  trustDomain?: string;
  clock?: Clock;
} = {}): Promise<TestNetwork> {
  const ca = await createCa({ trustDomain, commonName: 'Test network', ...(clock && { clock }) });
  return {
    ca,
    trustDomain,
    caPem: ca.caPem,
    identity: async (id, name = id) => parseIdentity(await ca.issueIdentity({ id, name })),
    async identityFile(folder, id) {
      const path = join(folder, `${id}.json`);
      writeIdentity(path, await ca.issueIdentity({ id, name: id }));
      return path;
    },
  };
}
