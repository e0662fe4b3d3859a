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
 * but what is heard again after it was taken back counts from then on, and neither the first time nor what took it back does any more. Pure.
 */
export function countedOf(statements: readonly Statement[]): Statement[] {
  const counted = new Map<string, Counted>();
  for (const statement of [...statements].sort(compareHeard)) {
    const content = contentOf(statement);
    const before = counted.get(content);
    if (before && !before.takenBack) continue;
    if (before?.takenBack) counted.delete(contentOf(before.takenBack.statement));
    const now: Counted = { statement };
    if (statement.says === 'cancel') takeBack([...counted.values()], now, statement);
    counted.set(content, now);
  }
  return [...counted.values()].map(({ statement }) => statement);
}

/** The last such act before it, as far as was heard. */
function takeBack(counted: readonly Counted[], cancel: Counted, { act, ...of }: Cancel): void {
  let last: Counted | undefined;
  for (const one of counted) {
    const { statement, takenBack } = one;
    if (statement.says !== act || takenBack || !isOfVisit(statement, of) || compareSaid(statement, cancel.statement) > 0) continue;
    if (!last || compareSaid(last.statement, statement) < 0) last = one;
  }
  if (last) last.takenBack = cancel;
}

function compareHeard(a: Statement, b: Statement): number {
  return a.heard - b.heard || (a.key < b.key ? -1 : Number(a.key > b.key));
}

function contentOf({ key: _, heard: __, ...said }: Statement): string {
  return JSON.stringify(said, Object.keys(said).sort());
}

/** Whether two statements may be of one visit. */
export function isOfVisit(a: Pick<Statement, 'visit'>, b: Pick<Statement, 'visit'>): boolean {
  return a.visit === undefined || b.visit === undefined || a.visit === b.visit;
}
