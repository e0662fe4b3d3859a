import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createKeyFile } from '../../shared/storage/key-file.ts';
import { type Ca, createCa, newIdentityId, writeIdentity } from '../fabric/ca.ts';

/** Where everything of one demo lies, and who is who in it. */
export interface DemoSite {
  home: string;
  ca: Ca;
  switchFolder: string;
  identities: Record<'hub' | 'home' | 'icu' | 'client', { id: string; file: string }>;
  hub: { config: string; operator: string };
  agents: Record<'home' | 'icu', { operator: string }>;
}

/** The simulated hospital: four monitored beds, one bed with an oximeter alone, three people at home. */
export const PATIENTS = {
  beds: { 'BED-1': 'p-icu-0001', 'BED-2': 'p-icu-0002', 'BED-3': 'p-icu-0003', 'BED-4': 'p-icu-0004', 'BED-5': 'p-icu-0005' },
  home: { '0001': 'p-home-001', '0002': 'p-home-002' },
  /** Somebody at home with an oximeter on a serial line. */
  oximeter: 'p-home-003',
} as const;

export const MONITORED_BEDS = ['BED-1', 'BED-2', 'BED-3', 'BED-4'] as const;
export const SERVICES = { ingest: 'vitals-ingest', mcp: 'vitals-mcp' } as const;
export const NONIN = { source: 'oximeter', device: 'NONIN-0001' } as const;
export const MASIMO = { source: 'masimo', bed: 'BED-5', serial: '0000056661' } as const;

const TENANT = 'sandbox';

/** Makes identities, keys, registry and the hub's configuration in `home` (mode 0700). */
export async function makeSite(home: string): Promise<DemoSite> {
  const ca = await createCa({ trustDomain: 'demo.vitalmesh', commonName: 'Vitalmesh demo' });
  const switchFolder = join(home, 'switch');
  mkdirSync(switchFolder, { mode: 0o700 });
  const issue = async (name: string): Promise<{ id: string; file: string }> => {
    const id = newIdentityId();
    const file = join(home, `${name}.json`);
    writeIdentity(file, await ca.issueIdentity({ id, name }));
    return { id, file };
  };
  const identities = { hub: await issue('hub'), home: await issue('home'), icu: await issue('icu'), client: await issue('client') };
  const site: DemoSite = {
    home,
    ca,
    switchFolder,
    identities,
    hub: { config: join(home, 'hub.yaml'), operator: join(home, 'hub', 'operator.sock') },
    agents: { home: { operator: join(home, 'home', 'operator.sock') }, icu: { operator: join(home, 'icu', 'operator.sock') } },
  };
  writeRegistry(site);
  return site;
}

function writeRegistry({ home, identities }: DemoSite): void {
  const devices: Record<string, string> = { [NONIN.device]: PATIENTS.oximeter };
  for (const [number, patient] of Object.entries(PATIENTS.home)) {
    for (const kind of ['BP', 'WS', 'OX']) devices[`${kind}-${number}`] = patient;
  }
  const registry = {
    gateways: [
      { identity: identities.icu.id, tenant: TENANT, beds: PATIENTS.beds },
      { identity: identities.home.id, tenant: TENANT, devices },
    ],
    clients: [{ identity: identities.client.id, tenant: TENANT, kind: 'software', role: 'clinician', patients: 'all' }],
  };
  write(join(home, 'registry.yaml'), registry);
}

/** Writes hub.yaml once the overlay's socket is known. */
export function writeHubConfig({ home, identities, hub }: DemoSite, overlaySocket: string): void {
  createKeyFile(join(home, 'hub.key'));
  write(hub.config, {
    identity: identities.hub.file,
    registry: join(home, 'registry.yaml'),
    store: { path: join(home, 'hub', 'store.db'), keyFile: join(home, 'hub.key') },
    overlay: { type: 'local', socket: overlaySocket },
    services: SERVICES,
    operator: { socket: hub.operator },
    log: { level: 'info' },
  });
}

/** Writes the configuration of one agent and returns its path. */
export function writeAgentConfig(site: DemoSite, which: 'home' | 'icu', overlaySocket: string, sources: readonly object[]): string {
  const { home, identities, agents } = site;
  const file = join(home, `${which}.yaml`);
  createKeyFile(join(home, `${which}.key`));
  write(file, {
    identity: identities[which].file,
    outbox: { path: join(home, which, 'outbox.db'), keyFile: join(home, `${which}.key`) },
    overlay: { type: 'local', socket: overlaySocket },
    uplink: { service: SERVICES.ingest, hub: [identities.hub.id] },
    operator: { socket: agents[which].operator },
    zone: 'UTC',
    test: true,
    sources,
  });
  return file;
}

function write(path: string, content: unknown): void {
  writeFileSync(path, stringify(content), { mode: 0o600, flag: 'wx' });
}
