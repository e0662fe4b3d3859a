import type { Duplex } from 'node:stream';
import type { Service } from '../../../shared/lifecycle.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import { HostedService } from '../../../shared/overlay/hosted-service.ts';
import { overlayHttp } from '../../../shared/overlay/http-client.ts';
import { connectionPair } from '../../../shared/overlay/memory.ts';
import type { Caller, Overlay } from '../../../shared/overlay/overlay.ts';
import { CallerPlaces, callerKey } from '../caller-places.ts';
import { DEFAULT_LIMITS, type McpLimits } from '../limits.ts';
import type { McpService, McpStatus } from '../server.ts';
import { LineAdmission } from './line-admission.ts';
import { LineConversation } from './line-conversation.ts';

export interface McpLinesOptions {
  overlay: Overlay;
  /** Overlay service to bind. */
  service: string;
  /** The endpoint whose wire this is, and the name by which it is asked for. */
  endpoint: Pick<McpService, 'accept' | 'admits'>;
  host: string;
  log: Logger;
  metrics: Metrics;
  limits?: Partial<McpLimits>;
}

export interface McpLinesStatus extends Pick<McpStatus, 'service' | 'bound' | 'code' | 'connections'> {}

interface Open {
  caller: string;
  admission: LineAdmission;
  over: Promise<void>;
}

/** Connections of one identity behind which is nobody whom the hub knows. */
const STRANGERS_PER_IDENTITY = 32;

/**
 * The line wire of the MCP endpoint (newline-delimited JSON-RPC, as on standard input and output) on an overlay service of its own, for `vitalmesh bridge` and for clients without HTTP. Who
 * calls is who the overlay says, with the token of the connection where one is told; what may be done is decided by the endpoint.
 */
export function serveMcpLines(options: McpLinesOptions): Service & { status(): McpLinesStatus } {
  return new McpLines(options);
}

class McpLines implements Service {
  readonly name = 'mcp-line';
  readonly #options: McpLinesOptions;
  readonly #limits: McpLimits;
  readonly #hosted: HostedService;
  readonly #open = new Map<Duplex, Open>();
  readonly #places: CallerPlaces;

  constructor(options: McpLinesOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#places = new CallerPlaces(this.#limits);
    const { overlay, service, log } = options;
    this.#hosted = new HostedService({ overlay, service, log, accept: (stream, caller) => this.#accept(stream, caller) });
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#hosted.start(signal);
    if (signal.aborted) await this[Symbol.asyncDispose]();
    else signal.addEventListener('abort', () => void this[Symbol.asyncDispose](), { once: true });
  }

  status(): McpLinesStatus {
    return { service: this.#options.service, ...this.#hosted.status(), connections: this.#open.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hosted[Symbol.asyncDispose]();
    for (const stream of this.#open.keys()) stream.destroy();
    await Promise.all([...this.#open.values()].map(({ over }) => over));
  }

  #accept(stream: Duplex, caller: Caller): void {
    const { endpoint, metrics } = this.#options;
    stream.on('error', () => stream.destroy());
    let giveBack: () => void;
    try {
      giveBack = this.#places.take(caller);
    } catch {
      this.#turnAway(stream);
      return;
    }
    metrics.count('mcp_line_connections');
    const admission = new LineAdmission({
      admits: (token) => endpoint.admits(caller, token === undefined ? undefined : `Bearer ${token}`),
      strangerMs: this.#limits.idleMs,
      onOverdue: () => {
        metrics.count('mcp_lines_cut', 'stranger');
        stream.destroy();
      },
    });
    const over = this.#converse(stream, caller, admission).finally(() => {
      admission[Symbol.dispose]();
      this.#open.delete(stream);
      giveBack();
    });
    this.#open.set(stream, { caller: callerKey(caller), admission, over });
  }

  #turnAway(stream: Duplex): void {
    this.#options.metrics.count('mcp_refused', 'MCP-LIMIT');
    stream.destroy();
  }

  async #converse(stream: Duplex, caller: Caller, admission: LineAdmission): Promise<void> {
    const { endpoint, host } = this.#options;
    if (!(await admission.stands(undefined)) && this.#strangersBeside(stream) >= STRANGERS_PER_IDENTITY) {
      this.#turnAway(stream);
      return;
    }
    // Each request of it comes to the endpoint on a connection within this process, as from this caller.
    const dial = async (): Promise<Duplex> => {
      const [near, far] = connectionPair();
      near.on('error', () => near.destroy());
      endpoint.accept(far, caller);
      return near;
    };
    await using http = overlayHttp({ dial }, host, { headersTimeoutMs: this.#limits.exchangeMs });
    await new LineConversation(stream, { http, admission, limits: this.#limits, metrics: this.#options.metrics }).run();
  }

  /** Other connections of the same identity that are strangers', too. */
  #strangersBeside(stream: Duplex): number {
    const caller = this.#open.get(stream)?.caller;
    return [...this.#open].filter(([other, open]) => other !== stream && open.caller === caller && open.admission.isStranger).length;
  }
}
