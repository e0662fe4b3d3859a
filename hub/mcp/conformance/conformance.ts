import { VitalmeshError } from '../../../shared/errors.ts';
import type { Service } from '../../../shared/lifecycle.ts';
import type { Callers } from '../../access/callers.ts';
import type { Registry } from '../../registry/registry.ts';
import type { McpLimits } from '../limits.ts';
import { type McpOptions, serveMcp } from '../server.ts';
import { conformanceFixtures } from './fixtures.ts';
import { LoopbackPort } from './loopback.ts';

/** As whom `--conformance` answers, and on which port of this machine; 0 for one that is free. */
export interface ConformanceRequest {
  caller: string;
  port: number;
}

export interface ConformanceOptions
  extends Pick<McpOptions, 'door' | 'clinical' | 'feed' | 'callers' | 'policy' | 'clock' | 'log' | 'metrics'> {
  request: ConformanceRequest;
  registry: Pick<Registry, 'isSandbox' | 'clientByIdentity'>;
  /** Those that are listed or have data here. */
  tenants: () => readonly string[];
  /** Whose access tokens this hub takes. */
  issuers: readonly unknown[];
}

/** For `vitalmesh-hub status`. */
export interface ConformanceStatus {
  /** Undefined while it does not listen. */
  url: string | undefined;
  caller: string;
}

/** The suite opens a session for nearly every scenario. */
const LIMITS: Partial<McpLimits> = { opensPerMinute: 1_000, opensBurst: 1_000 };
const HOSTS = ['127.0.0.1', 'localhost'];

/**
 * The conformance mode (`run --conformance`): a second MCP endpoint of the same code, with the fixtures of the official suite beside the hub's own surface, on a loopback
 * port where everybody is one client of the registry. The hub's own service on the overlay stays without them. Throws MCP-CONFORMANCE unless all tenants are
 * sandboxes, no access tokens are taken and the client is listed; when a registry that is read later says otherwise, every request is refused with it.
 */
export function serveConformance({
  request,
  registry,
  tenants,
  issuers,
  ...shared
}: ConformanceOptions): Service & { status(): ConformanceStatus } {
  const { callers, log } = shared;
  const refuse = (): void => refuseInUse({ request, registry, tenants, issuers });
  refuse();
  const port = new LoopbackPort(request.caller, request.port);
  const fresh: Callers['fresh'] = (proof) => {
    refuse();
    return callers.fresh(proof);
  };
  const endpoint = serveMcp({
    ...shared,
    callers: { ...callers, fresh },
    overlay: port,
    service: 'conformance',
    hosts: HOSTS,
    limits: LIMITS,
    extension: conformanceFixtures(),
  });
  return {
    name: 'conformance',
    start: async (signal) => {
      await endpoint.start(signal);
      log.warn(
        { url: port.url, caller: request.caller },
        'CONFORMANCE MODE: fixtures of the conformance suite are served on a loopback port, to everybody on this machine, without proof. Never run a hub in use like this.',
      );
    },
    status: () => ({ url: port.url, caller: request.caller }),
    [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
  };
}

function refuseInUse({
  request,
  registry,
  tenants,
  issuers,
}: Pick<ConformanceOptions, 'request' | 'registry' | 'tenants' | 'issuers'>): void {
  const inUse = tenants().filter((tenant) => !registry.isSandbox(tenant));
  if (inUse.length > 0) throw refused(`in production: ${inUse.join(', ')}`);
  if (issuers.length > 0) throw refused('access tokens are taken');
  if (!registry.clientByIdentity(request.caller)) throw refused(`no client has the identity ${request.caller}`);
}

function refused(detail: string): VitalmeshError {
  return new VitalmeshError('MCP-CONFORMANCE', { detail });
}
