import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import { SERVER_INFO_META_KEY, type ServerEvent, type ServerEventBus, SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server';
import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Claimed, Principal } from '../access/access.ts';
import type { Identified } from '../access/callers.ts';
import type { Proof } from '../access/credentials.ts';
import type { CallContext, Door } from '../access/door.ts';
import type { Note } from './coalescer.ts';
import { EventPassage } from './event-passage.ts';
import type { Extension } from './extension.ts';
import type { Fanout } from './fanout.ts';
import { wantedOf } from './follow.ts';
import type { McpLimits } from './limits.ts';
import { updatedJson } from './notes.ts';
import { isObject } from './request.ts';
import { SERVER_INFO } from './server-info.ts';
import { type EndReason, Subscriber } from './subscriber.ts';

const CONTEXT: CallContext = { channel: 'mcp-2026' };

/** A `subscriptions/listen` that was allowed; what the SDK then opens for it belongs to it. */
export interface Ticket {
  principal: Principal;
  proof: Proof;
  id: string | number;
  uris: readonly string[];
  place: Disposable;
  open?: { subscriber: Subscriber; passage: EventPassage };
}

/** What the handler of one request of 2026-07-28 must know, wherever the SDK calls back. */
export interface Exchange {
  proof: Proof;
  /** What the client says of itself in it. */
  claimed: Claimed;
  response: ServerResponse;
  ticket: Ticket | undefined;
  /** Aborted when the response is closed. */
  gone: AbortSignal;
}

export interface ListenStreamsOptions {
  door: Door;
  fanout: Fanout;
  clock: Clock;
  metrics: Metrics;
  limits: McpLimits;
  /** Changes of lists that an extension has; those of the hub change with its version alone. */
  changes?: Extension['changes'] | undefined;
}

/**
 * Subscriptions of 2026-07-28. The SDK opens the streams; whether one may be opened, what goes into it and when it ends is decided
 * here, in front of the SDK (`admit`) and behind it, as its event bus.
 */
export class ListenStreams implements ServerEventBus {
  readonly #options: ListenStreamsOptions;
  readonly #exchanges = new AsyncLocalStorage<Exchange>();

  constructor(options: ListenStreamsOptions) {
    this.#options = options;
  }

  run<T>(exchange: Exchange, handle: () => T): T {
    return this.#exchanges.run(exchange, handle);
  }

  current(): Exchange | undefined {
    return this.#exchanges.getStore();
  }

  /**
   * Decides a listen request before the SDK sees it. Undefined when it asks for no resource, or in a form that the SDK refuses
   * itself. Throws NOT-FOUND (unknown and forbidden look the same), MCP-NOT-FOLLOWED, MCP-LIMIT, ACCESS-DENIED, ACCESS-EXPIRED.
   */
  async admit(body: unknown, { principal, proof }: Identified): Promise<Ticket | undefined> {
    const wanted = listenRequest(body);
    if (!wanted || wanted.uris.length === 0) return undefined;
    const uris = distinctUris(wanted.uris, this.#options.limits.urisPerStream);
    const { patients, ...beside } = wantedOf(uris);
    const place = this.#options.fanout.reserveStream(principal);
    try {
      await this.#options.door.openSubscription(principal, patients, CONTEXT, beside);
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
    return { principal, proof, id: wanted.id, uris, place };
  }

  /** When the SDK did not open what was admitted, the evidence says so: closed with nothing delivered. */
  async settle(ticket: Ticket): Promise<void> {
    if (ticket.open) return;
    ticket.place[Symbol.dispose]();
    const reader = { principal: ticket.principal, context: CONTEXT };
    await this.#options.fanout.recordClose(
      reader,
      ticket.uris.map((uri) => ({ uri, delivered: 0 })),
    );
  }

  /** Events reach subscribers through the fan-out alone. */
  publish(_event: ServerEvent): void {
    this.#options.metrics.count('mcp_bus_events_ignored');
  }

  /** Called by the SDK within the exchange of a listen request. Without an admitted one, nothing is ever delivered. */
  subscribe(listener: (event: ServerEvent) => void): () => void {
    const exchange = this.current();
    const ticket = exchange?.ticket;
    const { fanout, clock, metrics, limits, changes } = this.#options;
    if (!exchange || !ticket || ticket.open) return changes?.subscribe(listener) ?? (() => undefined);
    const subscriber = new Subscriber({
      principal: ticket.principal,
      proof: ticket.proof,
      context: CONTEXT,
      clock,
      metrics,
      limits,
      onEnd: (reason) => {
        ticket.place[Symbol.dispose]();
        if (reason === 'stalled') passage.cut();
        else passage.end(reason === 'closed' ? undefined : endMessage(ticket.id, reason));
        fanout.retire(subscriber);
      },
    });
    const passage = new EventPassage(exchange.response, limits.stallMs, () => subscriber.drained());
    ticket.open = { subscriber, passage };
    fanout.enroll(subscriber);
    for (const uri of ticket.uris) fanout.watch(subscriber, uri);
    const outlet = {
      get ready(): boolean {
        return passage.ready;
      },
      send: (uri: string, note: Note): void => passage.send(updatedJson(uri, note, ticket.id)),
    };
    // Its right may have ended between its admission and now.
    if (fanout.stillMay(subscriber)) subscriber.attach(outlet, fanout.catchUp(subscriber));
    // The SDK waits for the signal of a Request, which is never raised once the Request was collected (nodejs/node#55428).
    exchange.response.once('close', () => subscriber.end('closed'));
    return () => subscriber.end('closed');
  }

  /** The response of an opened listen stream, so led that the hub can pace and end it. */
  led(answer: Response, ticket: Ticket): Response {
    return ticket.open ? ticket.open.passage.lead(answer, { acknowledged: true }) : answer;
  }
}

/** The result of the listen request, which says that the server ended the stream (MCP 2026-07-28, subscriptions). */
function endMessage(id: string | number, reason: EndReason): unknown {
  const _meta = { [SUBSCRIPTION_ID_META_KEY]: id, [SERVER_INFO_META_KEY]: SERVER_INFO, 'vitalmesh/ended': reason };
  return { jsonrpc: '2.0', id, result: { resultType: 'complete', _meta } };
}

/** The resources a `subscriptions/listen` asks for; undefined for any other request, or one that is not well formed. */
function listenRequest(body: unknown): { id: string | number; uris: string[] } | undefined {
  if (!isObject(body) || body.method !== 'subscriptions/listen') return undefined;
  const { id, params } = body;
  if (typeof id !== 'string' && typeof id !== 'number') return undefined;
  const filter = isObject(params) ? params.notifications : undefined;
  const uris = isObject(filter) ? filter.resourceSubscriptions : undefined;
  if (!Array.isArray(uris) || !uris.every((uri) => typeof uri === 'string')) return undefined;
  return { id, uris };
}

function distinctUris(uris: readonly string[], limit: number): string[] {
  const distinct = [...new Set(uris)];
  if (distinct.length > limit) throw new VitalmeshError('MCP-LIMIT', { detail: `at most ${limit} resources a subscription` });
  return distinct;
}
