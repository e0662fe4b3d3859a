import type { VitalmeshError } from '../errors.ts';

/** The result of `work`, or a rejection with `late()` when it takes longer than `limitMs`; what `work` does after that is ignored. */
export function within<T>(work: Promise<T>, limitMs: number, late: () => VitalmeshError): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), limitMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
