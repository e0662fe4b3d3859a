import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { ClinicalFile } from '../access/clinical-evidence.ts';
import type { NotInForce } from '../access/rules/reloads.ts';
import type { Feed } from '../feed.ts';
import type { LiveRegistry } from '../registry/live-registry.ts';
import { createSurroundings } from './clinical.ts';
import type { ClinicalConfig } from './config.ts';
import { DemoDevices } from './demo-devices.ts';
import { DueWatch } from './due/due-watch.ts';
import { type ExpectedFile, expectedSchema, NO_EXPECTED } from './due/schema.ts';
import { limitsSchema, NO_LIMITS } from './limits/schema.ts';
import { SiteFile } from './site-file.ts';
import type { LinesOptions } from './sources/lines.ts';
import { SourceWatch } from './sources/source-watch.ts';
import { StalenessWatch, type StalenessWatchOptions, type Timer } from './staleness-watch.ts';
import { NO_SUPPORT, type SupportFile, supportSchema } from './support/schema.ts';
import type { Surroundings } from './surroundings.ts';

/** How long a gateway may be away before it is lost, where the site says nothing of it: as long as a continuous value is current. */
export const GATEWAY_AWAY_MS = 60_000;

export interface ClinicalSite extends Pick<LinesOptions, 'isBound' | 'isAlone' | 'overdueSince'> {
  store: StalenessWatchOptions['store'];
  registry: LiveRegistry;
  feed: Feed;
  clock: Clock;
  timer?: Timer;
  /** IANA; of the hospital. */
  zone: string;
  log: Logger;
  /** Records a change of a site file in the evidence; what it throws keeps the change out. */
  record: (row: ClinicalFile, revision: string) => Promise<void>;
}

/** The clinical core of a hub that runs. */
export interface Clinical {
  /** Has the one timer; to be started. */
  staleness: StalenessWatch;
  sources: SourceWatch;
  demos: DemoDevices;
  surroundings: Surroundings;
  /** Whether it is asked of a vital sign whose it is (`doubt` of the file of limits). */
  isDoubted(vital: string): boolean;
  /** What is reckoned of patients, and for whom. */
  support: Pick<SiteFile<SupportFile>, 'current'>;
  /** Which readings are expected of whom. */
  expected: Pick<SiteFile<ExpectedFile>, 'current'>;
  /** Tells when what is expected stands otherwise; undefined where nothing is expected of anybody. */
  due: DueWatch | undefined;
  /** Site files that were refused at a reload. */
  notInForce(): readonly NotInForce[];
  /** Puts changed site files in force. Never rejects. */
  reload(): Promise<void>;
}

/** Throws CLINICAL-INVALID. */
export function openClinical({ limits: path, support: supportPath, expected: expectedPath }: ClinicalConfig, site: ClinicalSite): Clinical {
  const { store, registry, feed, clock, timer, zone, log, record } = site;
  const limits = new SiteFile({
    ...{ schema: limitsSchema, path, none: NO_LIMITS, clock, log },
    record: (revision) => record('limits', revision),
  });
  const support = new SiteFile({
    ...{ schema: supportSchema, path: supportPath, none: NO_SUPPORT, clock, log },
    record: (revision) => record('support', revision),
  });
  const expected = new SiteFile({
    ...{ schema: expectedSchema, path: expectedPath, none: NO_EXPECTED, clock, log },
    record: (revision) => record('expected', revision),
  });
  const { isBound, isAlone, overdueSince } = site;
  const limitMs = (): number => limits.current.rules.sources.gateway ?? GATEWAY_AWAY_MS;
  const sources = new SourceWatch({ feed, clock, registry, limitMs, isBound, isAlone, overdueSince });
  const demos = new DemoDevices();
  const surroundings = createSurroundings({ limits, sources, demos, registry, expected });
  const due = expectedPath === undefined ? undefined : new DueWatch({ registry, rules: expected, feed, clock, zone });
  const staleness = new StalenessWatch({
    ...{ store, feed, clock, sources, ...(due && { due }), ...(timer && { timer }) },
    ...(path !== undefined && {
      limitOf: (row) => surroundings.limits(registry.patient(row.tenant, row.patient) ?? { patient: row.patient, bed: null }).of(row).ms,
    }),
  });
  // Whoever goes to another ward has its limits from then on; for as long as the process runs.
  if (path !== undefined)
    feed.subscribe(({ kind, tenant, patient }) => {
      if (kind === 'patients') staleness.relimit({ tenant, patient });
    });
  return {
    ...{ staleness, sources, demos, surroundings, support, expected, due },
    isDoubted: (vital) => !Object.hasOwn(limits.current.rules.doubt, vital),
    notInForce: () => [...limits.notInForce(), ...support.notInForce(), ...expected.notInForce()],
    reload: async () => {
      if (await limits.reload()) staleness.relimit();
      await support.reload();
      if (await expected.reload()) due?.reload();
    },
  };
}
