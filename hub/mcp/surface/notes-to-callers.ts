import { LOG_LEVEL_META_KEY, type LoggingLevel, type McpServer, ProtocolError, type ServerContext } from '@modelcontextprotocol/server';
import type { Clock } from '../../../shared/clock.ts';
import { isObject } from '../request.ts';

/** In order of weight (RFC 5424 §6.2.1). */
const LEVELS: readonly LoggingLevel[] = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/**
 * Log messages to the client about a request of its own (MCP, logging): only where it has said from which level on it wants them, in 2025-11-25 for its session
 * (`logging/setLevel`), in 2026-07-28 with the request. They say how the request went and nothing of any patient.
 */
export class NotesToCallers {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Of the session that this server serves; a server of 2026-07-28 serves one request. */
  #session: LoggingLevel | undefined;

  /** Takes `logging/setLevel` of this server over: the SDK's own sends everything to whoever has never asked for anything. */
  constructor(server: McpServer, clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    server.server.setRequestHandler('logging/setLevel', ({ params }) => {
      this.#session = params.level;
      return {};
    });
  }

  /** Answers, and tells how it went: what was asked for, in how many milliseconds, and the code of its error; `warning` with one, `debug` without. */
  async about<Answer extends { _meta?: Record<string, unknown> | undefined }>(
    request: ServerContext,
    asked: string,
    answer: () => Promise<Answer>,
  ): Promise<Answer> {
    const beganMs = this.#clock.monotonicMs();
    const tell = (code: unknown): Promise<void> => {
      const went = { asked, ms: Math.round(this.#clock.monotonicMs() - beganMs) };
      return typeof code === 'string' ? this.tell(request, 'warning', { ...went, code }) : this.tell(request, 'debug', went);
    };
    try {
      const answered = await answer();
      await tell(answered._meta?.['vitalmesh/code']);
      return answered;
    } catch (thrown) {
      if (thrown instanceof ProtocolError && isObject(thrown.data)) await tell(thrown.data.code);
      throw thrown;
    }
  }

  /** Resolves when it is written, or was not wanted; never rejects, for what is told about an answer must not cost the answer. */
  async tell({ mcpReq }: ServerContext, level: LoggingLevel, data: unknown): Promise<void> {
    const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
    const from = LEVELS.findIndex((one) => one === (envelope[LOG_LEVEL_META_KEY] ?? this.#session));
    if (from < 0 || LEVELS.indexOf(level) < from) return;
    const params = { level, logger: 'vitalmesh', data };
    await mcpReq.notify({ method: 'notifications/message', params }).catch(() => undefined);
  }
}
