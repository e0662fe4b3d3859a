import { type Instant, parseInstant } from '../../../shared/clock.ts';
import type { Principal } from '../../access/access.ts';
import { inScope } from '../../access/decide.ts';
import type { CallContext, LatestView } from '../../access/door.ts';
import type { TrendView } from '../../access/history-views.ts';
import type { Masked } from '../../access/masking/contract.ts';
import type { PatientPlace } from '../../registry/registry.ts';
import { type Asked, asking, noticeIn, type OverTheDoor } from '../over-the-door.ts';
import { type Baseline, baselineOf } from './baseline.ts';
import { news2Inputs, type ShownInput } from './inputs.ts';
import { type News2, news2 } from './news2.ts';
import { isApplied, type SupportFile } from './schema.ts';
import { type Weighing, type WeightGain, weightGain } from './weight-gain.ts';

/** Stands under everything that is reckoned. */
export const SUPPORT_NOTICE =
  'Reckoned by the rules of this site from what the devices sent: no diagnosis, no alarm, no substitute for looking at the patient. Check the inputs.';

/** What is reckoned of a patient. Null for what the site does not apply to them. */
export interface SupportView {
  patient: string;
  /** ISO 8601. */
  asOf: string;
  /** Of the site's file. */
  version: string;
  news2: (News2 & { inputs: readonly ShownInput[] }) | null;
  weight: readonly WeightGain[] | null;
  baseline: readonly Baseline[] | null;
  notice: string;
  masked?: Masked;
}

const DAY_MS = 86_400_000;
/** The newest weight may be of yesterday. */
const MARGIN_DAYS = 2;
/** A baseline looks at tenths of hours at the finest: so many stretches make a trend of sixty days. */
const STRETCHES = 2000;
/** Of weights, of which there is one a day. */
const WEIGHT_STRETCHES = 360;

/**
 * Decision support over what the door shows: it sees nothing that the reader may not see, under the names that the reader knows, and each read that goes into it has its own decision and
 * evidence. The same inputs and the same version of the site's file give the same answer.
 */
export class Support {
  readonly #options: OverTheDoor<SupportFile>;

  constructor(options: OverTheDoor<SupportFile>) {
    this.#options = options;
  }

  /** Throws as `Door.latest` does. */
  async of(principal: Principal, name: string, context: CallContext): Promise<SupportView> {
    const asked = await asking(this.#options, principal, name, context);
    const { latest, place, isSandbox } = asked;
    const { version, news2: score, weight } = this.#options.rules.current.rules;
    return {
      patient: latest.patient,
      asOf: latest.asOf,
      version,
      news2: score && isApplied(score.applies, place) ? scored(latest, score, place, isSandbox) : null,
      weight: weight && isApplied(weight.applies, place) ? await this.#weight(weight.rules, asked) : null,
      baseline: await this.baseline(asked),
      notice: noticeIn(isSandbox, SUPPORT_NOTICE),
      ...(latest.masked && { masked: latest.masked }),
    };
  }

  /** The person's own usual, for a view that asks for nothing else of it; null where the site does not apply it to them. Throws as `Door.trend` does. */
  async baseline(asked: Asked): Promise<Baseline[] | null> {
    const { baseline } = this.#options.rules.current.rules;
    return baseline && isApplied(baseline.applies, asked.place) ? await this.#baselines(baseline, asked) : null;
  }

  /** Of the site's file in force. */
  get version(): string {
    return this.#options.rules.current.rules.version;
  }

  async #weight(rules: NonNullable<SupportFile['weight']>['rules'], asked: Asked): Promise<WeightGain[]> {
    const trend = await this.#trend(
      'weight',
      { days: Math.max(...rules.map(({ days }) => days)) + MARGIN_DAYS, points: WEIGHT_STRETCHES },
      asked,
    );
    const scales = new Map(trend.series.map(({ device, buckets }) => [device, weighings(buckets)]));
    const { now, isSandbox, latest } = asked;
    const isDoubtful = latest.vitals.some(({ vital, doubtful, test }) => vital === 'weight' && doubtful && (isSandbox || !test));
    return rules.map((rule) => weightGain(rule, scales, { now, isDoubtful }));
  }

  async #baselines({ vitals, days }: NonNullable<SupportFile['baseline']>, asked: Asked): Promise<Baseline[]> {
    const found: Baseline[] = [];
    // What the reader's token is not for is not asked for.
    for (const vital of vitals.filter((key) => inScope(asked.principal, 'vitals.read', key))) {
      const { series, edges } = await this.#trend(vital, { days, points: STRETCHES }, asked);
      found.push(...series.map((one) => baselineOf(one, edges.length - 1)));
    }
    return found;
  }

  async #trend(
    vital: string,
    { days, points }: { days: number; points: number },
    asked: Asked,
  ): Promise<Pick<TrendView, 'series' | 'edges'>> {
    const { principal, name, now, isSandbox, context, latest } = asked;
    const from = Math.max(now - days * DAY_MS, Math.min(sinceOf(latest), now - 1));
    const { series, edges } = await this.#options.door.trend(principal, name, { vital, from, to: now, points }, context);
    return { series: series.filter(({ test }) => isSandbox || !test), edges };
  }
}

/** Since when it is this stay, or none: what was measured in a former one is not what is usual now, and no gain goes from one to the next. */
function sinceOf({ admitted, discharged }: LatestView): Instant {
  const at = (told: string | undefined): Instant => (told === undefined ? undefined : parseInstant(told)?.at) ?? Number.NEGATIVE_INFINITY;
  return Math.max(at(admitted), at(discharged));
}

function scored(
  latest: LatestView,
  { scale2 }: NonNullable<SupportFile['news2']>,
  { patient }: PatientPlace,
  isSandbox: boolean,
): NonNullable<SupportView['news2']> {
  const { inputs, shown } = news2Inputs(latest, isSandbox);
  return { ...news2(inputs, scale2.includes(patient) ? 2 : 1), inputs: shown };
}

/** The last weight of each stretch. */
function weighings(buckets: TrendView['series'][number]['buckets']): Weighing[] {
  return buckets.flatMap(({ last, lastAt }) => (last === null || lastAt === null ? [] : [{ at: lastAt, kg: last }]));
}
