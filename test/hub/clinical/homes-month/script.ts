import type { TrendAsked } from '../../../../hub/access/door.ts';
import { worklist } from '../../../../hub/clinical/due/worklist.ts';
import type { Instant } from '../../../../shared/clock.ts';
import { type ErrorCode, VitalmeshError } from '../../../../shared/errors.ts';
import { alertsOf, dueOf, latestOf, reportsOf, sourcesOf, supportOf, trendOf, worklistOf } from './answers.ts';
import type { Utterance } from './devices.ts';
import type { Month } from './month.ts';
import { gatewayOf, patientOf } from './site.ts';

/** Something that happens at a moment of the month, or that a reader asks then; `run` resolves with a list of what was told otherwise than the key has it, if anything. */
export interface Step {
  at: Instant;
  run: (month: Month) => Promise<unknown>;
}

export type Chapter = readonly Step[];

/** What a reader is told of one person, in the words of `answers.ts`; what is left out is not asked. */
export interface Key {
  latest?: string;
  sources?: string;
  due?: string;
  alerts?: string;
  /** Which sources can tell of alarms. */
  reports?: string;
  support?: string;
  /** Kinds of changes of which whoever follows them was told since this was last in a key of theirs. */
  heard?: string;
  trend?: { of: Omit<TrendAsked, 'points'> & { points?: number }; is: string };
}

/** Devices at home say something, and their gateway sends it, if its line is up. */
export function says(at: Instant, home: number, ...utterances: readonly Utterance[]): Step {
  return {
    at,
    run: async (month) => {
      const gateway = await month.gateway(gatewayOf(home));
      await gateway.hear(...utterances);
      await gateway.drained();
      await month.hub.corrections.settled();
    },
  };
}

/** The line of a home's gateway is gone. */
export function cut(at: Instant, home: number): Step {
  return { at, run: async (month) => (await month.gateway(gatewayOf(home))).cut() };
}

/** It is back, and what waited is sent. */
export function back(at: Instant, home: number): Step {
  return {
    at,
    run: async (month) => {
      const gateway = await month.gateway(gatewayOf(home));
      await gateway.connect();
      await gateway.drained();
    },
  };
}

/** What a reader is told of a home at that moment. */
export function key(at: Instant, home: number, wanted: Key): Step {
  return { at, run: (month) => differences(month, home, wanted) };
}

/** What neither hub nor gateway took so far of what a home's gateway heard: it waits there in quarantine. */
export function refused(at: Instant, home: number, ...wanted: readonly ErrorCode[]): Step {
  return {
    at,
    run: async (month) =>
      differing(`home ${home}, refused`, (await (await month.gateway(gatewayOf(home))).refused()).join(' '), wanted.join(' ')),
  };
}

/** What is open of a panel. */
export function open(at: Instant, panel: string, wanted: string): Step {
  return {
    at,
    run: async (month) => {
      const { door, registry, due } = month.hub;
      const list = await worklist(month.reader, { panel }, CALL, { door, registry, due, clock: { now: () => at } });
      return differing('worklist', worklistOf(list), wanted);
    },
  };
}

const CALL = { channel: 'mcp-2026' } as const;
/** More buckets than a month has days. */
const POINTS = 200;

async function differences(month: Month, home: number, wanted: Key): Promise<string[]> {
  const { door, due, support } = month.hub;
  const [who, whom] = [month.reader, patientOf(home)];
  const of = wanted.trend?.of;
  const asked: [what: string, wanted: string | undefined, ask: () => Promise<string>][] = [
    ['latest', wanted.latest, async () => latestOf(await door.latest(who, whom, CALL))],
    ['sources', wanted.sources, async () => sourcesOf(await door.latest(who, whom, CALL))],
    ['due', wanted.due, async () => dueOf(await due.of(who, whom, CALL))],
    ['alerts', wanted.alerts, async () => alertsOf(await door.alerts(who, whom, CALL))],
    ['reports', wanted.reports, async () => reportsOf(await door.alerts(who, whom, CALL))],
    ['heard', wanted.heard, async () => month.heard(whom).join(' ')],
    ['support', wanted.support, async () => supportOf(await support.of(who, whom, CALL))],
    ...(of
      ? [['trend', wanted.trend?.is, async () => trendOf(await door.trend(who, whom, { points: POINTS, ...of }, CALL))] as const]
      : []),
  ].map(([what, is, ask]) => [what, is, ask] as [string, string | undefined, () => Promise<string>]);
  const found: string[] = [];
  for (const [what, is, ask] of asked) if (is !== undefined) found.push(...differing(`home ${home}, ${what}`, await answered(ask), is));
  return found;
}

async function answered(ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof VitalmeshError) return thrown.code;
    throw thrown;
  }
}

function differing(what: string, is: string, wanted: string): string[] {
  return is === wanted ? [] : [`${what}: told "${is}", the key has "${wanted}"`];
}
