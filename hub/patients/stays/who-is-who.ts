import type { Instant } from '../../../shared/clock.ts';
import type { Join } from './lives.ts';
import { compareSaid } from './order.ts';
import type { Identification, RecordKey, Statement } from './statement.ts';

/** Whose a statement is, and by which number a person goes. */
export interface WhoIsWho {
  /** The number by which the person goes whose number this was. */
  survivorOf(record: RecordKey): RecordKey;
  /** Whose the statement is: of whom its visit or account turned out to be, else of whom it names. */
  personOf(statement: Pick<Statement, 'record' | 'visit' | 'account'>): RecordKey;
  /** When it was said that something is this person's that was taken for another's, in order; empty where it never was. */
  joinsOf(person: RecordKey): readonly Join[];
}

interface Given {
  from: RecordKey;
  to: RecordKey;
  at: Instant;
}

/**
 * What is known of who is who once everything was said, in whatever order it arrived. It has no time: two numbers that are one person's now were so
 * before anybody noticed, and a visit that was given to another was that one's from its beginning.
 */
export function whoIsWho(identifications: readonly Identification[]): WhoIsWho {
  const into = new Map<RecordKey, RecordKey>();
  const since = new Map<RecordKey, Instant>();
  const given = new Map<string, Given[]>();
  for (const said of [...identifications].sort(compareSaid)) {
    if (said.says === 'part') part(into, said.one, said.other);
    else if (said.says === 'give') {
      const key = partKey(said);
      if (key !== undefined) given.set(key, [...(given.get(key) ?? []), { from: said.from, to: said.record, at: said.at }]);
    } else if (into.get(said.from) !== said.into) {
      openCircle(into, said);
      into.set(said.from, said.into);
      since.set(said.from, said.at);
    }
  }
  const survivorOf = (record: RecordKey): RecordKey => chainOf(into, record).at(-1) ?? record;
  const merged = [...into].map(([from, to]): Join => ({ at: since.get(from) ?? Number.NEGATIVE_INFINITY, from, into: to }));
  const gifts = [...given.values()].flat();
  const numbersOf = (person: RecordKey): RecordKey[] => [person, ...into.keys()].filter((record) => survivorOf(record) === person);
  const handed = gifts.flatMap(({ from, to, at }): Join[] => {
    const givers = giversOf(survivorOf(from), gifts, survivorOf);
    givers.delete(survivorOf(to));
    return [...new Set([from, ...[...givers].flatMap(numbersOf)])].map((record) => ({ at, from: record, into: to }));
  });
  const joins = Map.groupBy([...merged, ...handed].sort(compareJoins), (join) => survivorOf(join.into));
  return {
    survivorOf,
    joinsOf: (person) => joins.get(person) ?? [],
    personOf(statement) {
      let { record } = statement;
      for (const key of [partKey({ visit: statement.visit }), partKey({ account: statement.account })]) {
        for (const { from, to } of (key !== undefined && given.get(key)) || []) if (survivorOf(record) === survivorOf(from)) record = to;
      }
      return survivorOf(record);
    },
  };
}

/** A number, and by which it goes, step by step up to the one that survives. */
function chainOf(into: ReadonlyMap<RecordKey, RecordKey>, record: RecordKey): RecordKey[] {
  const chain = [record];
  for (let next = into.get(record); next !== undefined; next = into.get(next)) chain.push(next);
  return chain;
}

/** Whichever of both was merged into the other, by however many steps, is its own again; where both were merged into a third one, each is. */
function part(into: Map<RecordKey, RecordKey>, one: RecordKey, other: RecordKey): void {
  const [of, ofOther] = [chainOf(into, one), chainOf(into, other)];
  const meeting = of.find((record) => ofOther.includes(record));
  if (meeting === undefined) return;
  for (const record of [one, other]) if (record !== meeting) into.delete(record);
}

/** The later word counts: where the number that survives now was merged into the one that ceases to be, by however many steps, the two would lead to each other. */
function openCircle(into: Map<RecordKey, RecordKey>, said: { from: RecordKey; into: RecordKey }): void {
  if (chainOf(into, said.into).includes(said.from)) into.delete(said.into);
}

/** A person, and whoever gave something away that came to this one, over however many others: it may have been told of any number of theirs. */
function giversOf(person: RecordKey, gifts: readonly Given[], survivorOf: WhoIsWho['survivorOf']): Set<RecordKey> {
  const givers = new Set([person]);
  for (const giver of givers) for (const { from, to } of gifts) if (survivorOf(to) === giver) givers.add(survivorOf(from));
  return givers;
}

function compareJoins(a: Join, b: Join): number {
  const [one, other] = [a, b].map(({ from, into }) => JSON.stringify([from, into])) as [string, string];
  return a.at - b.at || (one < other ? -1 : Number(one > other));
}

function partKey({ visit, account }: { visit?: string | undefined; account?: string | undefined }): string | undefined {
  if (visit !== undefined) return `visit ${visit}`;
  return account === undefined ? undefined : `account ${account}`;
}
