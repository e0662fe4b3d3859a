import { setEnvironmentData } from 'node:worker_threads';

/** Under which the thread finds it. */
export const GATE = 'vitalmesh outbox gate';

/** What becomes of a commit of the gated thread. */
export type Gate = 'open' | 'closed' | 'exits' | 'throws' | 'fills';

/** The cell that counts commits at the gate. */
export const REACHED = 1;
const PATIENCE_MS = 10_000;

export const GATES: readonly Gate[] = ['open', 'closed', 'exits', 'throws', 'fills'];

/** For threads that are begun after this. `isReached` blocks until a commit is at the gate that was not there when it was set, or until it would be of no use. */
export function createGate(): { set(gate: Gate): void; isReached(): boolean } {
  const shared = new SharedArrayBuffer(8);
  const cells = new Int32Array(shared);
  setEnvironmentData(GATE, shared);
  return {
    set(gate) {
      Atomics.store(cells, REACHED, 0);
      Atomics.store(cells, 0, GATES.indexOf(gate));
      Atomics.notify(cells, 0);
    },
    isReached: () => Atomics.wait(cells, REACHED, 0, PATIENCE_MS) !== 'timed-out',
  };
}
