import type { Instant } from '../../../shared/clock.ts';
import { nobodyIn, type Reassignment } from '../../store/placing/placing.ts';
import { holderBy, isSameRule, type Rule, type Segment, type Stated } from './course.ts';

/** By whom the number behind a public id was assigned; undefined for somebody who was never heard of. */
export type StatedOf = (id: string) => Stated | undefined;

/** A time in which two courses have one rule each. */
export interface Step {
  from: Instant;
  to: Instant | null;
  before: Rule;
  after: Rule;
}

const UNKNOWN: Rule = { certainty: 'unknown' };

/** What is to be moved where the rows of a bed are judged otherwise than before. Its size does not depend on how many people were ever named. Pure. */
export function changesOf(bed: string, before: readonly Segment[], after: readonly Segment[], statedOf: StatedOf): Reassignment[] {
  const changed = steps(before, after).filter((step) => !isSameRule(step.before, step.after));
  return joined(
    changed.flatMap(({ from, to, before: was, after: is }) =>
      moves({ before: was, after: is }, statedOf).map(
        (move): Reassignment => ({ bed, from, to, ...move, was: move.was ?? nobodyIn(bed), is: move.is ?? nobodyIn(bed) }),
      ),
    ),
  );
}

/** That a device stood in a bed for a time, and its rows still have the bed that they named, or in which it was taken to be. */
export interface DeviceStood {
  gateway: string;
  device: string;
  bed: string;
  toBed: string;
  from: Instant;
  to: Instant | null;
}

/** What is to be moved where a device stood in another bed: its rows get that bed, whoever has them and whomever they name. Pure. */
export function changesByDevice(
  { gateway, device, bed, toBed, from, to }: DeviceStood,
  before: readonly Segment[],
  after: readonly Segment[],
  statedOf: StatedOf,
): Reassignment[] {
  return joined(
    steps(before, after, { from, to }).flatMap((step) =>
      moves(step, statedOf, true).map(
        (move): Reassignment => ({
          ...{ bed, gateway, device, from: step.from, to: step.to },
          ...move,
          ...{ was: move.was ?? nobodyIn(bed), is: move.is ?? nobodyIn(toBed), toBed },
        }),
      ),
    ),
  );
}

/** What people gave to a number goes with whose number it is, whenever it was measured. Pure. */
export function changeOfNumber({ number, was, is }: { number: string; was: string; is: string }): Reassignment {
  return { bed: '', number, from: 0, to: null, was, is, unnamed: false, stating: [] };
}

/** Which rows go from whom to whom; undefined for nobody. */
interface Move extends Pick<Reassignment, 'unnamed' | 'stating' | 'others'> {
  was: string | undefined;
  is: string | undefined;
}

/** Rows of one kind go the same way. */
interface Way {
  was: string | undefined;
  is: string | undefined;
  unnamed: boolean;
  stating: string[];
  whole: string[];
}

/**
 * By whom rows name: nobody, or somebody by a number that can be compared with neither's, which is the same; one of both; or somebody else by a number that can be compared with one. `isWhole`: also what stays with whom it is.
 */
function moves({ before, after }: Pick<Step, 'before' | 'after'>, statedOf: StatedOf, isWhole = false): Move[] {
  const both = [before.who, after.who].filter((who) => who !== undefined);
  const compared = [...new Set(both.flatMap(({ authorities }) => [...authorities]))].sort();
  const but = [...new Set(both.flatMap(({ ids }) => [...ids]))].sort();
  const ways = new Map<string, Way>();
  const wayOf = (stated: Stated | undefined): Way | undefined => {
    const [was, is] = [holderBy(before, stated)?.id, holderBy(after, stated)?.id];
    if (!isWhole && was === is) return undefined;
    const key = JSON.stringify([was ?? null, is ?? null]);
    const way = ways.get(key) ?? { was, is, unnamed: false, stating: [], whole: [] };
    ways.set(key, way);
    return way;
  };
  const unnamed = wayOf(undefined);
  if (unnamed) unnamed.unnamed = true;
  for (const authority of compared) wayOf({ id: NOBODY_NAMED, authority })?.whole.push(authority);
  for (const id of but) {
    const stated = statedOf(id);
    if (stated) wayOf(stated)?.stating.push(id);
  }
  return [...ways.values()].map(({ whole, ...way }) => ({
    ...way,
    ...((way.unnamed || whole.length > 0) && { others: { compared, whole, but } }),
  }));
}

/** Stands for whoever has a number and is neither of the two. No public id is empty. */
const NOBODY_NAMED = '';

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
    const key = JSON.stringify(what);
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
