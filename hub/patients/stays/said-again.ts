import { isOneLife, type Join } from './lives.ts';
import { compareSaid } from './order.ts';
import type { Statement } from './statement.ts';

type Cancel = Extract<Statement, { says: 'cancel' }>;

/** What was said once, or again after it had been taken back. */
interface Counted {
  statement: Statement;
  /** By what it was taken back, of what was heard up to now. */
  takenBack?: Counted;
}

/**
 * What counts of everything that was said of one person. What was heard more than once, by two gateways or in two messages, counts once, from when it was first heard;
 * but what is heard again after it was taken back counts from then on, and neither the first time nor what took it back does any more. So does what a gateway says again of an
 * instant of which it said something else in between: times of movements are often whole minutes, and in one of them somebody may go there, back and there again. `joins`: as `stepsOf`
 * has them. Pure.
 */
export function countedOf(statements: readonly Statement[], joins: readonly Join[] = []): Statement[] {
  const counted = new Map<string, Counted>();
  const lastWord = new Map<string, string>();
  for (const statement of [...statements].sort(compareHeard)) {
    const content = contentOf(statement);
    const before = counted.get(content);
    const isAgain = saysAgain(lastWord, statement, content);
    if (before && !before.takenBack && !isAgain) continue;
    if (before) counted.delete(content);
    if (before?.takenBack) counted.delete(contentOf(before.takenBack.statement));
    const now: Counted = { statement };
    if (statement.says === 'cancel') takeBack([...counted.values()], now, statement, joins);
    counted.set(content, now);
  }
  return [...counted.values()].map(({ statement }) => statement);
}

/** Whether its gateway has said something else of where the person was at that instant since it said this. */
function saysAgain(lastWord: Map<string, string>, { says, by, at }: Statement, content: string): boolean {
  if (by === undefined || !(says === 'admit' || says === 'transfer' || says === 'leave')) return false;
  const key = JSON.stringify([by, at]);
  const last = lastWord.get(key);
  lastWord.set(key, content);
  return last !== undefined && last !== content;
}

/** The last such act before it, as far as was heard, of the numbers that were known to be one person's by then. */
function takeBack(counted: readonly Counted[], cancel: Counted, { act, ...of }: Cancel, joins: readonly Join[]): void {
  let last: Counted | undefined;
  for (const one of counted) {
    const { statement, takenBack } = one;
    if (statement.says !== act || takenBack || !isOfVisit(statement, of) || compareSaid(statement, cancel.statement) > 0) continue;
    if (!isOneLife(joins, statement.record, of.record, of.at)) continue;
    if (!last || compareSaid(last.statement, statement) < 0) last = one;
  }
  if (last) last.takenBack = cancel;
}

function compareHeard(a: Statement, b: Statement): number {
  return a.heard - b.heard || (a.key < b.key ? -1 : Number(a.key > b.key));
}

function contentOf({ key: _, heard: __, by: ___, ...said }: Statement): string {
  return JSON.stringify(said, Object.keys(said).sort());
}

/** Whether two statements may be of one visit. */
export function isOfVisit(a: Pick<Statement, 'visit'>, b: Pick<Statement, 'visit'>): boolean {
  return a.visit === undefined || b.visit === undefined || a.visit === b.visit;
}
