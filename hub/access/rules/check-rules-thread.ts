import { parentPort, workerData } from 'node:worker_threads';
import { asVitalmeshError } from '../../../shared/errors.ts';
import type { Outcome } from './check-aside.ts';
import { checkRules, type RuleTexts } from './check-rules.ts';

/** The program of the thread that `checkAside` starts: one pair of files, one answer. */
function outcomeOf(texts: RuleTexts): Outcome {
  try {
    return { rules: checkRules(texts) };
  } catch (thrown) {
    const { code, detail } = asVitalmeshError(thrown);
    return { code, ...(detail !== undefined && { detail }) };
  }
}

parentPort?.postMessage(outcomeOf(workerData as RuleTexts));
