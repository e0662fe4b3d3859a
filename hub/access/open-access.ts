import { readFileSync } from 'node:fs';
import type { Clock, Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import type { Registry } from '../registry/registry.ts';
import { type AccessStatus, statusOf } from './access-status.ts';
import type { Entrance } from './barred.ts';
import { type Callers, createCallers } from './callers.ts';
import { type AccessConfig, type IssuerConfig, issuerOf, modesOf, resourceOf } from './config.ts';
import { gapsInWords, registryGaps } from './registry-gaps.ts';
import type { ProtectedResource } from './tokens/issuer.ts';
import { IssuerKeys } from './tokens/issuer-keys.ts';
import { parseKeySet } from './tokens/key-set.ts';
import { keysFromFile, keysOverOverlay } from './tokens/key-sources.ts';
import { TokenVerifier } from './tokens/verifier.ts';

export interface AccessOptions {
  /** The registry in force. */
  registry: Registry;
  overlay: Pick<Overlay, 'dial'>;
  /** Name of the MCP service. */
  service: string;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}

/** Who is let in, as hub.yaml has it. */
export interface Access {
  callers: Callers;
  /** Undefined where no tokens are taken. */
  resource: ProtectedResource | undefined;
  /** Gets the keys of all issuers anew, and says what of the registry in force cannot be used. Never rejects. */
  renew(): Promise<void>;
  status(): AccessStatus;
}

/** Opens what `access` of hub.yaml names. Rejects with ACCESS-ISSUER-KEYS when a file of keys cannot be used; keys over the overlay may come later. */
export async function openAccess(config: AccessConfig, options: AccessOptions): Promise<Access> {
  const { registry, overlay, service, clock, metrics, log } = options;
  const modes = modesOf(config);
  const resource = resourceOf(config, service);
  const trusted = config.issuers.map((issuer) => {
    const load = sourceOf(issuer, overlay);
    const onFailure = (err: VitalmeshError): void => {
      metrics.count('issuer_keys', err.code);
      log.warn({ err, issuer: issuer.name }, 'the keys of an issuer were not got');
    };
    const onSuccess = (): void => metrics.count('issuer_keys', 'good');
    const isFile = 'file' in issuer.jwks;
    const from = 'file' in issuer.jwks ? issuer.jwks.file : `service ${issuer.jwks.service}`;
    return { issuer: issuerOf(issuer, resource), keys: new IssuerKeys({ load, clock, onFailure, onSuccess }), isFile, from };
  });
  const entrance = entranceOf(config);
  const gaps = () => registryGaps(registry, entrance, clock.now());
  const complain = (): void => {
    for (const said of gapsInWords(gaps())) log.warn(said);
  };
  for (const { keys, isFile } of trusted) {
    // Over the overlay they are got when first needed: a hub starts without waiting for its network.
    if (isFile) await keys.refresh();
    if (keys.failure) throw keys.failure;
  }
  if (modes.person !== 'both') log.warn({ people: modes.person }, 'FOR A TRIAL: people are let in by one credential alone (access.mcp)');
  complain();
  return {
    callers: createCallers({ registry, modes, takesTokens: trusted.length > 0, verifier: new TokenVerifier(trusted, clock), metrics }),
    resource:
      trusted.length === 0
        ? undefined
        : { resource, issuers: trusted.map(({ issuer }) => issuer.issuer), ...(config.scopes && { scopes: config.scopes }) },
    renew: async () => {
      complain();
      await Promise.all(trusted.map(({ keys }) => keys.refresh()));
    },
    status: () =>
      statusOf({ modes, issuers: trusted.map(({ issuer, keys, from }) => ({ name: issuer.name, from, ...keys.status() })), ...gaps() }),
  };
}

/** Reads the files that `access` names, and tells what the registry says in vain. Rejects with ACCESS-ISSUER-KEYS. */
export async function checkAccess(
  config: AccessConfig,
  registry: Pick<Registry, 'clients' | 'revocations'>,
  at: Instant,
): Promise<string | undefined> {
  for (const { jwks } of config.issuers) {
    if ('file' in jwks) parseKeySet(await keysFromFile(jwks.file));
    else caOf(jwks.ca);
  }
  const said = gapsInWords(registryGaps(registry, entranceOf(config), at));
  return said.length === 0 ? undefined : said.map((one) => `${one}.`).join('\n');
}

/** What callers must prove, by hub.yaml. */
export function entranceOf(config: Pick<AccessConfig, 'mcp' | 'issuers'>): Entrance {
  return { modes: modesOf(config), issuers: config.issuers.map(({ name }) => name) };
}

function sourceOf({ jwks }: IssuerConfig, overlay: Pick<Overlay, 'dial'>): () => Promise<unknown> {
  if ('file' in jwks) return () => keysFromFile(jwks.file);
  const { service, url } = jwks;
  const ca = caOf(jwks.ca);
  return () => keysOverOverlay({ overlay, service, url, ...(ca !== undefined && { ca }) });
}

function caOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}
