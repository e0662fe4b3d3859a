import { setEnvironmentData } from 'node:worker_threads';

/** Under which the thread finds it. */
export const GATE = 'vitalmesh outbox gate';

/** What becomes of a commit of the gated thread. */
export type Gate = 'open' | 'closed' | 'exits' | 'throws' | 'fills';

export const GATES: readonly Gate[] = ['open', 'closed', 'exits', 'throws', 'fills'];

/** For threads that are begun after this. */
export function createGate(): { set(gate: Gate): void } {
  const shared = new SharedArrayBuffer(8);
  const cells = new Int32Array(shared);
  setEnvironmentData(GATE, shared);
  return {
    set(gate) {
      Atomics.store(cells, 0, GATES.indexOf(gate));
      Atomics.notify(cells, 0);
    },
  };
}
