import { AwakeLimit } from '../awake-limit.ts';
import type { VitalmeshError } from '../errors.ts';

/** The result of `work`, or a rejection with `late()` when it takes the other side longer than `limitMs`; what `work` does after that is ignored. */
export function within<T>(work: Promise<T>, limitMs: number, late: () => VitalmeshError): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = new AwakeLimit(limitMs, () => reject(late()));
    work.then(resolve, reject).finally(() => limit[Symbol.dispose]());
  });
}
