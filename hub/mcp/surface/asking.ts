import type { ServerContext } from '@modelcontextprotocol/server';
import type { Clock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { UNHURRIED } from '../../clinical/overview/course.ts';

/** How a long read is with its caller while it lasts. */
export interface Asking {
  /** Aborted (MCP-CANCELLED) once the caller takes its question back or is gone: nobody reads the answer, so a long read stops where it is. */
  readonly signal: AbortSignal;
  /** Tells how far it is, `done` of `total` parts, where the caller asked for it (`progressToken`). To be called as often as there are parts; never rejects. */
  progress(done: number, total: number): Promise<void>;
}

/** At most one notification in this time, besides the last. */
export const PROGRESS_MS = 200;

/** For what cannot be taken back, and is not asked how far it is. */
export const UNASKED: Asking = UNHURRIED;

/** What goes with the request that this context is of; `gone` where its caller may be gone without a word. */
export function askingOf({ mcpReq }: ServerContext, clock: Pick<Clock, 'monotonicMs'>, gone?: AbortSignal): Asking {
  const token = mcpReq._meta?.progressToken;
  let toldMs = Number.NEGATIVE_INFINITY;
  let furthest = Number.NEGATIVE_INFINITY;
  return {
    signal: takenBack(gone ? [mcpReq.signal, gone] : [mcpReq.signal]),
    progress: async (done, total) => {
      const nowMs = clock.monotonicMs();
      // The values of one token must grow (MCP, progress).
      if (token === undefined || done <= furthest || (done < total && nowMs - toldMs < PROGRESS_MS)) return;
      [toldMs, furthest] = [nowMs, done];
      const params = { progressToken: token, progress: done, total };
      await mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
    },
  };
}

/** With a reason of ours: what the SDK gives is the caller's own text. */
function takenBack(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  const end = (): void => controller.abort(new VitalmeshError('MCP-CANCELLED'));
  if (signals.some(({ aborted }) => aborted)) end();
  else for (const signal of signals) signal.addEventListener('abort', end, { once: true });
  return controller.signal;
}
