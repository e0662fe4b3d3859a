import type { Instant } from '../../../shared/clock.ts';
import type { RecordKey, Statement } from '../stays/statement.ts';

/** What is known of one person; made anew whenever any of it changes, so two of them are the same knowledge if they are the same object. */
export interface PersonFacts {
  /** The number that survived merges. */
  key: RecordKey;
  /** Public id by which the person goes. */
  id: string;
  /** Public ids of all numbers that are this person's. */
  ids: ReadonlySet<string>;
  /** Who assigned those numbers; without '', which is nobody in particular. */
  authorities: ReadonlySet<string>;
  /** When the last of what was said of this one happened. */
  saidAt: Instant;
  /** All that was said of this one, in no order. */
  said: readonly Pick<Statement, 'at' | 'heard' | 'by'>[];
}

/** A time of a bed in which it was not empty. */
export interface Window {
  from: Instant;
  /** Null while it lasts. */
  to: Instant | null;
  state: 'occupied' | 'unconfirmed' | 'conflict';
  /** Who lay there, where that is one. */
  who: PersonFacts | undefined;
}

/** What is known of a bed, in order of time, without the times at which it was empty. */
export type Course = readonly Window[];

/** By which a time is judged: whose it surely is; whose it is if nothing was missed since the movements fell silent, or were lost; or nobody's. */
export type Rule =
  | { certainty: 'sure' | 'silent'; who: PersonFacts }
  | { certainty: 'unconfirmed' | 'conflict' | 'unknown'; who?: undefined };

/** Whom a row names: public id of the number, and who assigned it. */
export interface Stated {
  id: string;
  authority: string;
}

/** A time from and without; `to` is infinite while it lasts. */
export interface Span {
  from: Instant;
  to: Instant;
}

/** When movements of an occupant may be missing, in no order. */
export type Missing = (who: PersonFacts) => readonly Span[];

const UNKNOWN: Rule = { certainty: 'unknown' };

/** The window of a bed at a time; undefined where it is empty. */
export function windowAt(course: Course, at: Instant): Window | undefined {
  let [low, high] = [0, course.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((course[middle]?.from ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  const last = course[low - 1];
  return last && (last.to === null || last.to > at) ? last : undefined;
}

/** By what the rows of a bed at a time are judged. */
export function ruleAt(course: Course, at: Instant, missing: Missing): Rule {
  return ruleOf(windowAt(course, at), at, missing);
}

function ruleOf(window: Window | undefined, at: Instant, missing: Missing): Rule {
  if (window === undefined) return UNKNOWN;
  const { state, who } = window;
  if (state !== 'occupied' || who === undefined) return { certainty: state === 'conflict' ? 'conflict' : 'unconfirmed' };
  const isMissing = missing(who).some(({ from, to }) => at >= from && at < to);
  return { certainty: isMissing ? 'silent' : 'sure', who };
}

/**
 * Whose a row is: the occupant's, unless it names somebody else by a number that can be compared with the occupant's, being of the same authority. While movements
 * may be missing it must name the occupant. Undefined for nobody.
 */
export function holderBy({ certainty, who }: Rule, stated: Stated | undefined): PersonFacts | undefined {
  if (who === undefined) return undefined;
  if (stated !== undefined && isComparable(who, stated)) return who.ids.has(stated.id) ? who : undefined;
  return certainty === 'sure' ? who : undefined;
}

/** Whether the number of a row could be the occupant's at all. */
export function isComparable(who: PersonFacts, { id, authority }: Stated): boolean {
  return who.ids.has(id) || who.authorities.has(authority);
}

/** A time of a bed that is judged by one rule. */
export interface Segment {
  from: Instant;
  to: Instant | null;
  rule: Rule;
}

/** The windows of a bed with their rules, cut where movements may be missing; nothing for the times at which it is empty. */
export function segmentsOf(course: Course, missing: Missing): Segment[] {
  return course.flatMap((window): Segment[] => {
    const { from, to, who } = window;
    const end = to ?? Number.POSITIVE_INFINITY;
    const edges = (who === undefined ? [] : missing(who))
      .flatMap((span) => [span.from, span.to])
      .filter((edge) => edge > from && edge < end);
    const cuts = [from, ...new Set(edges)].sort((a, b) => a - b);
    return cuts.map((cut, i) => ({ from: cut, to: cuts[i + 1] ?? to, rule: ruleOf(window, cut, missing) }));
  });
}

/** The same rule, by the same knowledge. */
export function isSameRule(a: Rule, b: Rule): boolean {
  if (a.who === undefined || b.who === undefined) return a.who === b.who;
  return a.certainty === b.certainty && (a.who === b.who || isSamePerson(a.who, b.who));
}

/** Two rules that give every row to the same one; when something was said last does not matter beside the rule that followed from it. */
function isSamePerson(a: PersonFacts, b: PersonFacts): boolean {
  return a.id === b.id && isSameSet(a.ids, b.ids) && isSameSet(a.authorities, b.authorities);
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}
