import { type Instant, parseInstant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Principal } from '../../access/access.ts';
import type { CallContext, Door, LatestView } from '../../access/door.ts';
import type { TrendView } from '../../access/history-views.ts';
import type { Masked } from '../../access/masking/contract.ts';
import { SANDBOX_NOTICE } from '../../access/views.ts';
import type { PatientPlace, Registry } from '../../registry/registry.ts';
import type { SiteFile } from '../site-file.ts';
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

export interface SupportOptions {
  door: Pick<Door, 'latest' | 'trend' | 'patientBehind'>;
  registry: Pick<Registry, 'patient' | 'isSandbox'>;
  rules: Pick<SiteFile<SupportFile>, 'current'>;
}

/** Who asks of whom, and when by the times that it knows. */
interface Asked {
  principal: Principal;
  name: string;
  now: Instant;
  isSandbox: boolean;
  context: CallContext;
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
  readonly #options: SupportOptions;

  constructor(options: SupportOptions) {
    this.#options = options;
  }

  /** Throws as `Door.latest` does. */
  async of(principal: Principal, name: string, context: CallContext): Promise<SupportView> {
    const { door, registry, rules } = this.#options;
    const latest = await door.latest(principal, name, context);
    const { version, news2: score, weight, baseline } = rules.current.rules;
    const place = this.#placeOf(principal, name);
    const isSandbox = registry.isSandbox(principal.tenant);
    // Whoever is masked knows other times; it asks by those that it is shown.
    const now = parseInstant(latest.asOf)?.at;
    if (now === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a view without its time' });
    const asked = { principal, name, now, isSandbox, context: { ...context, followed: true } };
    return {
      patient: latest.patient,
      asOf: latest.asOf,
      version,
      news2: score && isApplied(score.applies, place) ? scored(latest, score, place, isSandbox) : null,
      weight: weight && isApplied(weight.applies, place) ? await this.#weight(weight.rules, asked) : null,
      baseline: baseline && isApplied(baseline.applies, place) ? await this.#baselines(baseline, asked) : null,
      notice: isSandbox ? `${SANDBOX_NOTICE} ${SUPPORT_NOTICE}` : SUPPORT_NOTICE,
      ...(latest.masked && { masked: latest.masked }),
    };
  }

  #placeOf({ tenant, ...principal }: Principal, name: string): PatientPlace {
    const { door, registry } = this.#options;
    const patient = door.patientBehind({ tenant, ...principal }, name) ?? name;
    return registry.patient(tenant, patient) ?? { patient, bed: null };
  }

  async #weight(rules: NonNullable<SupportFile['weight']>['rules'], asked: Asked): Promise<WeightGain[]> {
    const trend = await this.#trend(
      'weight',
      { days: Math.max(...rules.map(({ days }) => days)) + MARGIN_DAYS, points: WEIGHT_STRETCHES },
      asked,
    );
    const scales = new Map(trend.series.map(({ device, buckets }) => [device, weighings(buckets)]));
    return rules.map((rule) => weightGain(rule, scales, asked.now));
  }

  async #baselines({ vitals, days }: NonNullable<SupportFile['baseline']>, asked: Asked): Promise<Baseline[]> {
    const found: Baseline[] = [];
    for (const vital of vitals) {
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
    const { principal, name, now, isSandbox, context } = asked;
    const { series, edges } = await this.#options.door.trend(
      principal,
      name,
      { vital, from: now - days * DAY_MS, to: now, points },
      context,
    );
    return { series: series.filter(({ test }) => isSandbox || !test), edges };
  }
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
