import { BYTES_A_TOKEN, fitted } from '../fitting.ts';
import { toolResult } from './answers.ts';
import type { Call, ToolAnswer } from './contract.ts';

/** Of a tool with a ceiling of its own, in tokens: its answer with as many rows, out of `most`, as that and the caller's limits have room for. Throws ACCESS-TOO-LARGE. */
export function fitWithin<Answer extends ToolAnswer>(
  { fit }: Pick<Call, 'fit'>,
  { tokens, most }: { tokens: number; most: number },
  make: (rows: number) => Answer,
): Answer {
  const { rows } = fitted(
    most,
    tokens * BYTES_A_TOKEN,
    (count) => ({ rows: count, answer: make(count) }),
    ({ answer }) => toolResult(answer),
  );
  return fit(rows, make);
}
