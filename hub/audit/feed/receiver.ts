import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { FeedConfig } from './config.ts';

/** Whom the evidence is fed to. */
export interface FeedReceiver {
  /** What it is known by in the store: a digest of where it is. */
  id: string;
  kind: FeedConfig['type'];
  /** For an operator: path, or host and port or service. */
  to: string;
  /** Where it begins once it is fed for the first time: with the first entry that is kept, or with what comes from then on. */
  begin: FeedConfig['begin'];
}

/**
 * The receiver that a configuration names: another path, host, port, service or file of its authority is another receiver. The content of the
 * authority's file is not part of it, because authorities are renewed, and nothing may be left out, or sent for years again, for that.
 */
export function receiverOf(config: FeedConfig): FeedReceiver {
  const { type: kind, begin } = config;
  if (config.type === 'file') return { id: digestOf(kind, resolve(config.path)), kind, to: config.path, begin };
  const { host, port, service, caFile } = config;
  const way = service === undefined ? ['tcp', port] : ['service', service];
  const to = service === undefined ? `${host} port ${port}` : `${host} over service ${service}`;
  return { id: digestOf(kind, host.toLowerCase(), ...way, resolve(caFile)), kind, to, begin };
}

function digestOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
