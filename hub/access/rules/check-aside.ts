import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { CheckedRules, RuleTexts } from './check-rules.ts';

/** What the thread answers. */
export type Outcome = { rules: CheckedRules } | { code: ErrorCode; detail?: string };

/** The thread's program, beside this file and of its kind: the published package holds JavaScript. */
const PROGRAM = new URL(`check-rules-thread${extname(import.meta.filename)}`, import.meta.url);

/** A registry of some thousand homes takes a second: who takes this long does not end. */
const LIMIT_MS = 60_000;

export interface AsideOptions {
  /** How long the thread may take, in milliseconds. */
  limitMs?: number;
  /** The thread's program; another one for tests. */
  program?: URL;
}

/**
 * As `checkRules`, in a thread of its own: a registry of some thousand homes takes a second, in which this one goes on taking readings and telling of
 * them. Rejects with the same errors, REGISTRY-UNCHECKED where the thread takes longer than it may, and INTERNAL where it ends without an answer.
 */
export async function checkAside(texts: RuleTexts, { limitMs = LIMIT_MS, program = PROGRAM }: AsideOptions = {}): Promise<CheckedRules> {
  const thread = new Worker(program, { workerData: texts });
  const answered = once(thread, 'message') as Promise<[Outcome]>;
  const ended = once(thread, 'exit').then(() => {
    throw new VitalmeshError('INTERNAL', { detail: 'the thread that checks registry and policy ended without an answer' });
  });
  const late = Promise.withResolvers<never>();
  const limit = setTimeout(() => late.reject(new VitalmeshError('REGISTRY-UNCHECKED')), limitMs);
  try {
    const [outcome] = await Promise.race([answered, ended, late.promise]);
    if ('rules' in outcome) return outcome.rules;
    const { code, detail } = outcome;
    throw new VitalmeshError(code, detail === undefined ? {} : { detail });
  } finally {
    ended.catch(() => undefined);
    answered.catch(() => undefined);
    clearTimeout(limit);
    // Nobody waits for it: a thread that hangs may be slow to end, too, and reloads come one after another.
    void thread.terminate();
  }
}
