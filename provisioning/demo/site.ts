import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createKeyFile } from '../../shared/storage/key-file.ts';

/** Who takes part in the demo's network, and the role attribute by which policies mean it; `client` is a nurse's agent. */
export const MEMBERS = {
  hub: 'hubs',
  home: 'gateways',
  icu: 'gateways',
  client: 'clients',
  research: 'clients',
  stranger: 'clients',
} as const;
export type Member = keyof typeof MEMBERS;

/** Where everything of one demo lies, and who is who in it. */
export interface DemoSite {
  home: string;
  /** `overlay` of the configurations. */
  overlay: { type: 'ziti' } | { type: 'local'; socket: string };
  identities: Record<Member, { id: string; file: string }>;
  hub: { config: string; operator: string };
  agents: Record<'home' | 'icu', { operator: string; outbox: string }>;
}

/** The simulated hospital: two monitored beds, one bed with an oximeter alone, two that follow movements, three people at home. */
export const PATIENTS = {
  beds: { 'BED-1': 'p-icu-0001', 'BED-2': 'p-icu-0002', 'BED-5': 'p-icu-0005' },
  home: { '0001': 'p-home-001', '0002': 'p-home-002' },
  /** Somebody at home with an oximeter on a serial line. */
  oximeter: 'p-home-003',
} as const;

/** Who is moved while the demo runs: by the number that the hospital gave, out of the bed of the census. */
export const MOVED = { authority: 'SIMHOSPITAL', number: 'TEST-0013', visit: 'V-TEST-0013', from: 'BED-3', to: 'BED-4' } as const;
/** Beds whose monitors are there from the beginning, each with the seed of its monitor. */
export const MONITORED = { 'BED-1': 11, 'BED-2': 12, [MOVED.from]: 13 } as const;
/** At home a continuous value is stale after so many seconds in place of the usual minute, so that it is seen in a short run. */
export const HOME_LIMIT_S = 10;
export const SERVICES = { ingest: 'vitals-ingest', mcp: 'vitals-mcp' } as const;
export const NONIN = { source: 'oximeter', device: 'NONIN-0001' } as const;
export const MASIMO = { source: 'masimo', bed: 'BED-5' } as const;

const TENANT = 'sandbox';
const FOLLOWED = { [MOVED.from]: 'followed', [MOVED.to]: 'followed' };
const SEEING_ALL = { tenant: TENANT, kind: 'software', wards: ['icu'], panels: ['home'] } as const;

/** Lays out the demo in `home` (mode 0700), and writes keys, registry and the hub's configuration. The identity files may come later. */
export function makeSite({ home, overlay, identities }: Pick<DemoSite, 'home' | 'overlay' | 'identities'>): DemoSite {
  const site: DemoSite = {
    home,
    overlay,
    identities,
    hub: { config: join(home, 'hub.yaml'), operator: join(home, 'hub', 'operator.sock') },
    agents: { home: filesOf(join(home, 'home')), icu: filesOf(join(home, 'icu')) },
  };
  write(registryOf(site), registryRows(site));
  writeHubConfig(site);
  return site;
}

function filesOf(folder: string): { operator: string; outbox: string } {
  return { operator: join(folder, 'operator.sock'), outbox: join(folder, 'outbox.db') };
}

function registryOf({ home }: DemoSite): string {
  return join(home, 'registry.yaml');
}

/** Says in registry.yaml that whoever is listed at the home gateway had its devices all along: a new store knows nothing of before. To be read again (SIGHUP). */
export function confirmHome(site: DemoSite): void {
  const next = `${registryOf(site)}.next`;
  write(next, registryRows(site, new Date().toISOString()));
  renameSync(next, registryOf(site));
}

function registryRows({ identities }: DemoSite, confirmed?: string): unknown {
  const devices: Record<string, string> = { [NONIN.device]: PATIENTS.oximeter };
  for (const kind of ['BP', 'WS', 'OX']) devices[`${kind}-0002`] = PATIENTS.home['0002'];
  return {
    gateways: [
      { identity: identities.icu.id, tenant: TENANT, beds: { ...PATIENTS.beds, ...FOLLOWED }, movements: true },
      {
        identity: identities.home.id,
        tenant: TENANT,
        patient: PATIENTS.home['0001'],
        devices,
        ...(confirmed !== undefined && { confirmed }),
      },
    ],
    // Everything here is simulated, and says so in each answer.
    tenants: { [TENANT]: { kind: 'sandbox' } },
    // Of the stranger there is nothing: the network lets it dial, and the hub does not know it.
    clients: [
      { identity: identities.client.id, ...SEEING_ALL, role: 'clinician', purpose: 'TREAT' },
      { identity: identities.research.id, ...SEEING_ALL, role: 'researcher', purpose: 'HRESCH' },
    ],
    wards: { icu: { tenant: TENANT, beds: Object.keys({ ...PATIENTS.beds, ...FOLLOWED }) } },
    panels: { home: { tenant: TENANT, patients: [...Object.values(PATIENTS.home), PATIENTS.oximeter] } },
  };
}

function writeHubConfig(site: DemoSite): void {
  const { home, overlay, identities, hub } = site;
  createKeyFile(join(home, 'hub.key'));
  write(join(home, 'limits.yaml'), { version: 'demo', stale: { panels: { home: { classes: { continuous: `${HOME_LIMIT_S}s` } } } } });
  write(hub.config, {
    identity: identities.hub.file,
    registry: registryOf(site),
    store: { path: join(home, 'hub', 'store.db'), keyFile: join(home, 'hub.key') },
    overlay,
    // There is no issuer of tokens in the demo.
    access: { mcp: 'overlay' },
    services: SERVICES,
    clinical: { limits: join(home, 'limits.yaml') },
    operator: { socket: hub.operator },
    log: { level: 'info' },
  });
}

/** Where the configuration of an agent belongs; `writeAgentConfig` writes it. */
export function agentConfigOf({ home }: DemoSite, which: 'home' | 'icu'): string {
  return join(home, `${which}.yaml`);
}

/** Writes the configuration of one agent and returns its path. */
export function writeAgentConfig(site: DemoSite, which: 'home' | 'icu', sources: readonly object[]): string {
  const { home, overlay, identities, agents } = site;
  const file = agentConfigOf(site, which);
  createKeyFile(join(home, `${which}.key`));
  write(file, {
    identity: identities[which].file,
    outbox: { path: agents[which].outbox, keyFile: join(home, `${which}.key`) },
    overlay,
    uplink: { service: SERVICES.ingest, hub: [identities.hub.id] },
    operator: { socket: agents[which].operator },
    zone: 'UTC',
    sources,
  });
  return file;
}

/** What is named twice is written twice: no anchors. */
function write(path: string, content: unknown): void {
  writeFileSync(path, stringify(content, { aliasDuplicateObjects: false }), { mode: 0o600, flag: 'wx' });
}
