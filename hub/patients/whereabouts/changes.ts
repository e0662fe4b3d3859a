import type { Instant } from '../../../shared/clock.ts';
import { nobodyIn, type Reassignment } from '../../store/placing/placing.ts';
import { holderBy, isSameRule, type PersonFacts, type Rule, type Segment, type Stated } from './course.ts';

/** Everybody whom a row may name: public ids by who assigned the number. */
export type Stating = ReadonlyMap<string, ReadonlySet<string>>;

/** A time in which two courses have one rule each. */
export interface Step {
  from: Instant;
  to: Instant | null;
  before: Rule;
  after: Rule;
}

const UNKNOWN: Rule = { certainty: 'unknown' };

/** What is to be moved where the rows of a bed are judged otherwise than before; `stating`: whom they may name. Pure. */
export function changesOf(bed: string, before: readonly Segment[], after: readonly Segment[], stating: Stating): Reassignment[] {
  const changed = steps(before, after).filter((step) => !isSameRule(step.before, step.after));
  return joined(
    changed.flatMap(({ from, to, before: was, after: is }) =>
      moves({ before: was, after: is }, stating).map(
        (move): Reassignment => ({ bed, from, to, ...move, was: move.was ?? nobodyIn(bed), is: move.is ?? nobodyIn(bed) }),
      ),
    ),
  );
}

/** That a device stood in a bed for a time, and its rows still have the bed that they named, or in which it was taken to be. */
export interface DeviceStood {
  device: string;
  bed: string;
  toBed: string;
  from: Instant;
  to: Instant | null;
}

/**
 * What is to be moved where a device stood in another bed: its rows get that bed, whoever has them. Of rows that name somebody those go that name one of `named` or
 * somebody of whom it matters. Pure.
 */
export function changesByDevice(
  { device, bed, toBed, from, to }: DeviceStood,
  before: readonly Segment[],
  after: readonly Segment[],
  stating: Stating,
  named: Iterable<Stated>,
): Reassignment[] {
  const along = [...named];
  return joined(
    steps(before, after, { from, to }).flatMap((step) =>
      moves(step, stating, along).map(
        (move): Reassignment => ({
          ...{ bed, device, from: step.from, to: step.to },
          ...move,
          ...{ was: move.was ?? nobodyIn(bed), is: move.is ?? nobodyIn(toBed), toBed },
        }),
      ),
    ),
  );
}

/** Which rows go from whom to whom; undefined for nobody. */
interface Move {
  was: string | undefined;
  is: string | undefined;
  unnamed: boolean;
  stating: string[];
}

/** By whom rows name: nobody, or one who matters here; each with where it was and will be. `along`: who matters besides, and then also what stays with whom it is. */
function moves({ before, after }: Pick<Step, 'before' | 'after'>, stating: Stating, along?: readonly Stated[]): Move[] {
  const found = new Map<string, Move & { named: Set<string> }>();
  const add = (stated: Stated | undefined): void => {
    const [was, is] = [holderBy(before, stated)?.id, holderBy(after, stated)?.id];
    if (!along && was === is) return;
    const key = JSON.stringify([was ?? null, is ?? null]);
    const move = found.get(key) ?? { was, is, unnamed: false, stating: [], named: new Set() };
    found.set(key, move);
    if (stated === undefined) move.unnamed = true;
    else move.named.add(stated.id);
  };
  add(undefined);
  for (const stated of mattering(before.who, after.who, stating)) add(stated);
  for (const stated of along ?? []) add(stated);
  return [...found.values()].map(({ named, ...move }) => ({ ...move, stating: [...named].sort() }));
}

/**
 * Of all whom a row may name, those of whom it matters: the two themselves, and everybody whose number cannot be compared with the one or with the other. What names
 * somebody else than both by a number that can, was nobody's and stays so.
 */
function* mattering(one: PersonFacts | undefined, other: PersonFacts | undefined, stating: Stating): Generator<Stated> {
  const both = [one, other].filter((who) => who !== undefined);
  for (const [authority, ids] of stating) {
    if (both.some((who) => !who.authorities.has(authority))) for (const id of ids) yield { id, authority };
    else for (const who of both) for (const id of who.ids) if (ids.has(id)) yield { id, authority };
  }
}

/** Both courses laid over each other. Where neither has anybody is left out unless it lies in `within`, which bounds the rest. */
function steps(before: readonly Segment[], after: readonly Segment[], within?: Pick<Segment, 'from' | 'to'>): Step[] {
  const { from: first, to: end } = within ?? { from: Number.NEGATIVE_INFINITY, to: null };
  const last = end ?? Number.POSITIVE_INFINITY;
  const edges = new Set<Instant>(within ? [within.from] : []);
  for (const { from, to } of [...before, ...after])
    for (const edge of [from, to]) if (edge !== null && edge > first && edge < last) edges.add(edge);
  const inOrder = [...edges].sort((a, b) => a - b);
  const found: Step[] = [];
  let [inBefore, inAfter] = [0, 0];
  for (const [i, from] of inOrder.entries()) {
    inBefore = reached(before, inBefore, from);
    inAfter = reached(after, inAfter, from);
    const rules = { before: ruleFrom(before[inBefore], from), after: ruleFrom(after[inAfter], from) };
    if (within || rules.before !== UNKNOWN || rules.after !== UNKNOWN) found.push({ from, to: inOrder[i + 1] ?? end, ...rules });
  }
  return found;
}

/** The first segment from `index` on that has not ended at a time. */
function reached(segments: readonly Segment[], index: number, at: Instant): number {
  let next = index;
  for (let segment = segments[next]; segment && segment.to !== null && segment.to <= at; segment = segments[next]) next += 1;
  return next;
}

function ruleFrom(segment: Segment | undefined, at: Instant): Rule {
  return segment && segment.from <= at ? segment.rule : UNKNOWN;
}

/** Neighbours in time that do the same are one. */
function joined(orders: readonly Reassignment[]): Reassignment[] {
  const result: Reassignment[] = [];
  const open = new Map<string, Reassignment>();
  for (const order of orders) {
    const { from, to, ...what } = order;
    const key = JSON.stringify(what, Object.keys(what).sort());
    const last = open.get(key);
    if (last && last.to === from) {
      last.to = to;
      continue;
    }
    const next = { ...order };
    open.set(key, next);
    result.push(next);
  }
  return result;
}
