import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { CheckedRules, RuleTexts } from './check-rules.ts';

/** What the thread answers. */
export type Outcome = { rules: CheckedRules } | { code: ErrorCode; detail?: string };

/** The thread's program, beside this file and of its kind: the published package holds JavaScript. */
const PROGRAM = new URL(`check-rules-thread${extname(import.meta.filename)}`, import.meta.url);

/**
 * As `checkRules`, in a thread of its own: a registry of some thousand homes takes a second, in which this one goes on taking readings and telling of
 * them. Rejects with the same errors, and INTERNAL where the thread ends without an answer.
 */
export async function checkAside(texts: RuleTexts): Promise<CheckedRules> {
  const thread = new Worker(PROGRAM, { workerData: texts });
  const answered = once(thread, 'message') as Promise<[Outcome]>;
  const ended = once(thread, 'exit').then(() => {
    throw new VitalmeshError('INTERNAL', { detail: 'the thread that checks registry and policy ended without an answer' });
  });
  try {
    const [outcome] = await Promise.race([answered, ended]);
    if ('rules' in outcome) return outcome.rules;
    const { code, detail } = outcome;
    throw new VitalmeshError(code, detail === undefined ? {} : { detail });
  } finally {
    ended.catch(() => undefined);
    answered.catch(() => undefined);
    await thread.terminate();
  }
}
