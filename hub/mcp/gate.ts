import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLegacyRequest } from '@modelcontextprotocol/server';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Caller } from '../../shared/overlay/overlay.ts';
import type { Action, Principal } from '../access/access.ts';
import type { Callers, Identified } from '../access/callers.ts';
import type { Door } from '../access/door.ts';
import type { ProtectedResource } from '../access/tokens/issuer.ts';
import { Admission } from './admission.ts';
import { scopesToAsk, serveMetadata } from './challenge.ts';
import type { Connection } from './connections.ts';
import type { Extension } from './extension.ts';
import type { McpLimits } from './limits.ts';
import type { Metering } from './metering.ts';
import { checkMethods } from './methods.ts';
import { operationsOf } from './operations.ts';
import { checkParams } from './params.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import type { RefusalTally } from './refusal-tally.ts';
import { checkHost, checkIds, checkTarget, idOf, isObject, MCP_PATH, readBody, refuse } from './request.ts';

export interface GateOptions {
  callers: Callers;
  door: Pick<Door, 'requireScope'>;
  refusals: Pick<RefusalTally, 'add'>;
  metering: Pick<Metering, 'spend'>;
  /** What a client must know to get an access token, where any are taken. */
  resource: ProtectedResource | undefined;
  /** Names that may stand in Host, in small letters. */
  hosts: readonly string[];
  extension?: Extension | undefined;
  log: Logger;
  metrics: Metrics;
  limits: McpLimits;
}

/** A request that may be served: by whom it is, what it says, and in which revision. */
export interface Passed {
  caller: Identified;
  body: unknown;
  channel: 'mcp-2025' | 'mcp-2026';
}

/** What every request must pass before anything of it is handled: who sends it, its form, its method, its rate, and what its token is for. */
export class Gate {
  readonly #options: GateOptions;
  readonly #admission: Admission;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
  }

  /** As `Admission.admits`. */
  admits(caller: Caller, authorization: string | undefined): Promise<boolean> {
    return this.#admission.admits(caller, authorization);
  }

  /** Undefined when it was answered here already, refused or not. */
  async pass(connection: Connection, request: IncomingMessage, response: ServerResponse): Promise<Passed | undefined> {
    try {
      if (this.#servesMetadata(connection, request, response)) return undefined;
      const caller = await this.#admission.identify(connection, request);
      checkHost(request, this.#options.hosts, this.#options.extension);
      checkTarget(request);
      const body = request.method === 'POST' ? await readBody(request, this.#options.limits) : undefined;
      checkIds(body);
      const channel = isOddOpening(body) || (await isLegacyRequest(probe(request), body)) ? 'mcp-2025' : 'mcp-2026';
      this.#options.metrics.count('mcp_requests', channel);
      const passed = { caller, body, channel } as const;
      return (await this.#isServed(response, passed)) && (await this.#isInScope(response, passed)) ? passed : undefined;
    } catch (thrown) {
      refuse(response, this.refusal(thrown, this.#kindOf(connection)));
      return undefined;
    }
  }

  /** What was thrown, in terms of HTTP, counted; `actions` are those that somebody of this kind wanted. */
  refusal(thrown: unknown, kind?: Principal['kind'], actions?: readonly Action[]): Refusal {
    const { log, metrics, resource } = this.#options;
    const refusal = refusalOf(thrown, resource, scopesToAsk(resource, kind, actions));
    metrics.count('mcp_refused', refusal.error.code);
    if (refusal.error.code === 'INTERNAL') log.error({ err: thrown }, 'an MCP request failed');
    return refusal;
  }

  /** Whoever the network vouches for may read where to get a token, without one. */
  #servesMetadata(connection: Connection, request: IncomingMessage, response: ServerResponse): boolean {
    const { resource, hosts } = this.#options;
    if (!resource || !connection.caller.verified) return false;
    checkHost(request, hosts);
    return serveMetadata(request, response, resource, this.#kindOf(connection));
  }

  /** What no revision serves, and what comes too fast, is refused in an answer of JSON-RPC, where there is a question to be answered. */
  async #isServed(response: ServerResponse, { caller: { principal }, body, channel }: Passed): Promise<boolean> {
    try {
      checkMethods(body, channel, this.#options.extension);
      await this.#options.metering.spend(principal, body, { channel });
      checkParams(body, this.#options.extension);
      return true;
    } catch (thrown) {
      const refusal = this.refusal(thrown);
      const isAnswer = idOf(body) !== null && (refusal.error.code === 'ACCESS-LIMIT' || refusal.error.code === 'MCP-ARGUMENTS');
      refuse(response, isAnswer ? { ...refusal, status: 200 } : refusal, idOf(body));
      return false;
    }
  }

  /** What a token is not for is refused in terms of HTTP, before the SDK sees it: the answer then says which scopes it takes. */
  async #isInScope(response: ServerResponse, { caller: { principal }, body, channel }: Passed): Promise<boolean> {
    const actions = operationsOf(body);
    try {
      for (const action of actions) await this.#options.door.requireScope(principal, action, { channel });
      return true;
    } catch (thrown) {
      refuse(response, this.refusal(thrown, principal.kind, actions), idOf(body));
      return false;
    }
  }

  /** As the row with this connection's identity has it; undefined where there is none. */
  #kindOf({ caller: { verified, identityId } }: Connection): Principal['kind'] | undefined {
    return verified && identityId !== undefined ? this.#options.callers.kindOf(identityId) : undefined;
  }
}

/** Of the older revision, which alone has openings: one whose parameters the SDK cannot read it would take for the newer, where it would be refused as if it were never served. */
function isOddOpening(body: unknown): boolean {
  if (!isObject(body) || body.method !== 'initialize') return false;
  const { params = {} } = body;
  return !isObject(params) || !isObject(params._meta ?? {});
}

/** The part of a request by which the SDK tells the revisions apart; the body is passed beside it. */
function probe(request: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return new Request(`http://${request.headers.host}${MCP_PATH}`, { method: request.method ?? 'GET', headers });
}
