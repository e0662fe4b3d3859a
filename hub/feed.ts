import type { Instant } from '../shared/clock.ts';
import { isNobody } from './store/placing/placing.ts';

/** Something a reader of one patient should look at again. Level-triggered: it carries no values. */
export interface Change {
  tenant: string;
  /** Opaque patient id. */
  patient: string;
  /**
   * `stored` where a current value changed; `late` where something was stored and none did, as with what waited during an outage; `erased` where nothing of the
   * patient is left, and nothing will come; `corrected` where rows were moved to or away from this patient: what was shown before may have been another's; `sources` where a
   * device, a gateway or the movements that this patient's values hang on fell silent or came back; `due` where an expected reading of one of `vitals` stands otherwise: by
   * time, by a reading, or because a source changed while one is overdue. A list of what is due of a group changes by this, by `patients` (whoever is on it, `was` on it), by
   * `erased`, and by nothing else; on which panels somebody is, the registry says at that moment; `alert` where a device told of an alert, `gap` where it became known that something
   * that was measured will never come: neither is of `vitals`.
   */
  kind: 'stored' | 'late' | 'stale' | 'patients' | 'erased' | 'corrected' | 'sources' | 'due' | 'alert' | 'gap';
  vitals: readonly string[];
  /** Of `stale` and `sources`: the devices of which something is otherwise. Without it, it may be any of the patient's. */
  devices?: readonly string[];
  /** Of `patients`: where somebody was before who has moved or gone, so that whoever looked after that place is told. */
  was?: { ward?: string; panels?: readonly string[]; possible?: readonly { ward?: string }[] };
  /** UTC ms of the event at the hub. */
  at: Instant;
  /** Rises by one with every change of this hub process. */
  version: number;
}

/**
 * Tells listeners of changes, synchronously and in order, after the commit they speak of; never of what is nobody's. What a listener publishes meanwhile comes behind, for all
 * in the same order. A listener must not throw or block.
 */
export class Feed {
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #waiting: Change[] = [];
  #isTelling = false;
  #version = 0;

  publish(change: Omit<Change, 'version'>): void {
    if (isNobody(change.patient)) return;
    this.#version += 1;
    this.#waiting.push({ ...change, version: this.#version });
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        for (const listener of this.#listeners) listener(next);
    } finally {
      this.#isTelling = false;
    }
  }

  subscribe(listener: (change: Change) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}
