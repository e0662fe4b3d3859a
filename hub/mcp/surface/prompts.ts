import type { PromptRow } from './prompts/contract.ts';
import { explainAlert } from './prompts/explain-alert.ts';
import { handover } from './prompts/handover.ts';
import { rpmWeeklyReview } from './prompts/rpm-weekly-review.ts';
import { summarizePatient } from './prompts/summarize-patient.ts';
import { wardRound } from './prompts/ward-round.ts';

/** Every prompt that is served, in the order of their names. */
export const PROMPTS: readonly PromptRow[] = [explainAlert, handover, rpmWeeklyReview, summarizePatient, wardRound];
