import { formatInstant, type Instant, zoneOffsetMin } from '../../shared/clock.ts';
import { BUILT_IN } from '../clinical/limits/limits.ts';
import type { ShownBeside } from '../clinical/surroundings.ts';
import type { StoredReading } from '../store/store.ts';
import { type LatestFrame, latestView, sourcesOf, sourceView } from './views.ts';

/**
 * Of what shape the views of current values are that this version makes; stands in the evidence. To be raised whenever the same rows and surroundings would make another view, as with a
 * field more; `MADE` then keeps how it was before, because what was shown then is to be proven as long as its evidence is kept.
 */
export const LATEST_SHAPE = 5;

type Made = (rows: readonly StoredReading[], frame: LatestFrame) => unknown;

const MADE: Readonly<Record<number, Made>> = {
  /** Values alone, by the limits of the table. */
  1: (rows, frame) => {
    const beside = { sources: [], demo: [], sandbox: false };
    const {
      sources: _,
      demo: __,
      limitsVersion: ___,
      zone: ____,
      vitals,
      ...whole
    } = latestView(rows, { ...frame, limits: { of: BUILT_IN, version: null }, beside });
    return { ...whole, vitals: vitals.map(({ limit, measurand, preferred, preferredBecause, disagreement, demo, ...row }) => row) };
  },
  /** With what its token kept from a reader showing in the state of devices. */
  2: (rows, frame) => {
    const { now, zone, limits, beside } = frame;
    const shown = (at: Instant): string => formatInstant(at, zoneOffsetMin(at, zone));
    const sources = sourcesOf(rows, { now, limits: limits.of, behind: beside.sources, withheld: [] });
    const { zone: _, ...view } = latestView(rows, frame);
    return { ...view, sources: sources.map((source) => sourceView(source, shown)) };
  },
  /** Without the name of the zone in which its times are. */
  3: (rows, frame) => {
    const { zone: _, ...view } = latestView(rows, frame);
    return view;
  },
  /** Without which rows are whose they are because a person said so. */
  4: (rows, frame) =>
    latestView(
      rows.map(({ byHand: _, ...row }) => row),
      frame,
    ),
  [LATEST_SHAPE]: latestView,
};

/** Shapes that a view may have had, by what its evidence says beside. It says which since the third; those before are told apart by their hash. None for one that is not known here. */
export function shapesOf(beside: Pick<ShownBeside, 'shape'> | undefined): readonly number[] {
  if (beside === undefined) return [1];
  const { shape } = beside;
  if (shape === undefined) return [3, 2];
  return Object.hasOwn(MADE, shape) ? [shape] : [];
}

/** A view as a version made it whose views had this shape; one of `shapesOf`. Pure. */
export function viewOfShape(shape: number, rows: readonly StoredReading[], frame: LatestFrame): unknown {
  return MADE[shape]?.(rows, frame);
}
