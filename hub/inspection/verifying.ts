import { pause } from '../../shared/lifecycle.ts';
import type { Store } from '../store/store.ts';
import type { StoreVerdict, VerifyProgress } from '../store/verdict.ts';

/** What a verification tells: where it is, now and then, and its verdict at last. */
export type VerifyNews = { progress: VerifyProgress } | { verdict: StoreVerdict };

const EVERY_MS = 1000;

/** Verifies a store; gives its progress once a second. Throws as `Store.verify` does. */
export async function* verifying(store: Pick<Store, 'verify'>, everyMs = EVERY_MS): AsyncGenerator<VerifyNews> {
  let latest: VerifyProgress | undefined;
  const over = new AbortController();
  const verdict = store
    .verify((at) => {
      latest = at;
    })
    .finally(() => over.abort());
  // Awaited below; until then its failure is nobody's.
  verdict.catch(() => undefined);
  while (!over.signal.aborted) {
    await pause(everyMs, over.signal);
    if (latest !== undefined && !over.signal.aborted) yield { progress: latest };
  }
  yield { verdict: await verdict };
}
