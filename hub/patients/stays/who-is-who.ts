import type { Instant } from '../../../shared/clock.ts';
import { compareSaid } from './order.ts';
import type { Identification, RecordKey, Statement } from './statement.ts';

/** Whose a statement is, and by which number a person goes. */
export interface WhoIsWho {
  /** The number by which the person goes whose number this was. */
  survivorOf(record: RecordKey): RecordKey;
  /** Whose the statement is: of whom its visit or account turned out to be, else of whom it names. */
  personOf(statement: Pick<Statement, 'record' | 'visit' | 'account'>): RecordKey;
  /** When it was last said that something is this person's that was taken for another's; undefined where it never was. */
  joinedAt(person: RecordKey): Instant | undefined;
}

/**
 * What is known of who is who once everything was said, in whatever order it arrived. It has no time: two numbers that are one person's now were so
 * before anybody noticed, and a visit that was given to another was that one's from its beginning.
 */
export function whoIsWho(identifications: readonly Identification[]): WhoIsWho {
  const into = new Map<RecordKey, RecordKey>();
  const given = new Map<string, { from: RecordKey; to: RecordKey }[]>();
  const survivorOf = (record: RecordKey): RecordKey => {
    let at = record;
    for (let next = into.get(at); next !== undefined; next = into.get(at)) at = next;
    return at;
  };
  const inOrder = [...identifications].sort(compareSaid);
  for (const said of inOrder) {
    if (said.says === 'part') {
      if (into.get(said.one) === said.other) into.delete(said.one);
      if (into.get(said.other) === said.one) into.delete(said.other);
    } else if (said.says === 'merge') {
      openCircle(into, said);
      into.set(said.from, said.into);
    } else {
      const key = partKey(said);
      if (key !== undefined) given.set(key, [...(given.get(key) ?? []), { from: said.from, to: said.record }]);
    }
  }
  const joined = new Map<RecordKey, Instant>();
  for (const said of inOrder) {
    if (said.says === 'merge' && into.get(said.from) === said.into) joined.set(survivorOf(said.into), said.at);
    if (said.says === 'give') joined.set(survivorOf(said.record), said.at);
  }
  return {
    survivorOf,
    joinedAt: (person) => joined.get(person),
    personOf(statement) {
      let { record } = statement;
      for (const key of [partKey({ visit: statement.visit }), partKey({ account: statement.account })]) {
        for (const { from, to } of (key !== undefined && given.get(key)) || []) if (survivorOf(record) === survivorOf(from)) record = to;
      }
      return survivorOf(record);
    },
  };
}

/** The later word counts: where the number that survives now was merged into the one that ceases to be, by however many steps, the two would lead to each other. */
function openCircle(into: Map<RecordKey, RecordKey>, said: { from: RecordKey; into: RecordKey }): void {
  let at = said.into;
  for (let next = into.get(at); next !== undefined; next = into.get(at)) {
    if (next === said.from) into.delete(at);
    at = next;
  }
}

function partKey({ visit, account }: { visit?: string | undefined; account?: string | undefined }): string | undefined {
  if (visit !== undefined) return `visit ${visit}`;
  return account === undefined ? undefined : `account ${account}`;
}
