import type { Instant } from '../../shared/clock.ts';
import type { PatientPlace, Registry } from '../registry/registry.ts';
import type { DemoDevices } from './demo-devices.ts';
import { ownZoneOf } from './due/expected.ts';
import type { ExpectedFile } from './due/schema.ts';
import { limitsFor, rangesFor, type SiteRange } from './limits/limits.ts';
import { type LimitsFile, NO_LIMITS } from './limits/schema.ts';
import type { SiteFile } from './site-file.ts';
import type { SourceWatch } from './sources/source-watch.ts';
import type { Beside, CurrentRow, LimitsInForce, Surroundings } from './surroundings.ts';

export interface ClinicalOptions {
  limits: Pick<SiteFile<LimitsFile>, 'current'>;
  sources: Pick<SourceWatch, 'sourcesOf' | 'lossesOf' | 'elsewhereOf'>;
  demos: Pick<DemoDevices, 'of'>;
  registry: Pick<Registry, 'isSandbox'>;
  /** Has the zones of patients' homes; nobody has one of their own unless given. */
  expected?: Pick<SiteFile<ExpectedFile>, 'current'>;
}

/** The surroundings of a hub that runs. */
export function createSurroundings({ limits, sources, demos, registry, expected }: ClinicalOptions): Surroundings {
  return {
    zone: ({ patient }: PatientPlace): string | undefined => expected && ownZoneOf(expected.current.rules, patient),
    limits: (place: PatientPlace): LimitsInForce => limitsInForce(limits.current.rules, place, limits.current.revision),
    ranges: (place: PatientPlace): readonly SiteRange[] => rangesFor(limits.current.rules, place),
    beside: (tenant: string, place: PatientPlace, rows: readonly CurrentRow[], now: Instant): Beside => ({
      ...elsewhereIn(sources.elsewhereOf(tenant, place.patient, new Set(rows.map(({ device }) => device)))),
      sources: sources.sourcesOf(tenant, place, [...new Set(rows.map(({ gateway }) => gateway))], now),
      demo: demos.of(tenant, place.patient, rows, now),
      sandbox: registry.isSandbox(tenant),
    }),
    losses: (tenant, patient, origin) => sources.lossesOf(tenant, patient, origin),
  };
}

function elsewhereIn(devices: readonly string[]): Pick<Beside, 'elsewhere'> {
  return devices.length === 0 ? {} : { elsewhere: devices };
}

/** The limits of a site's file for whoever is there. */
export function limitsInForce(rules: LimitsFile, place: PatientPlace, revision?: string): LimitsInForce {
  return { of: limitsFor(rules, place), version: rules === NO_LIMITS ? null : rules.version, ...(revision !== undefined && { revision }) };
}
