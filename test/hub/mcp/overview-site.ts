import assert from 'node:assert/strict';
import type { Principal } from '../../../hub/access/access.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { expectedSchema } from '../../../hub/clinical/due/schema.ts';
import { BUILT_IN, rangesFor } from '../../../hub/clinical/limits/limits.ts';
import { limitsSchema } from '../../../hub/clinical/limits/schema.ts';
import { type ClinicalReads, clinicalReads } from '../../../hub/clinical/reads.ts';
import type { Source } from '../../../hub/clinical/sources/source.ts';
import { supportSchema } from '../../../hub/clinical/support/schema.ts';
import { NO_SURROUNDINGS } from '../../../hub/clinical/surroundings.ts';
import { serveMcpLines } from '../../../hub/mcp/line/line-service.ts';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { overlayCallers } from '../../support/callers.ts';
import {
  type SampleOptions,
  sampleBundle,
  sampleObservation,
  TEST_NOW,
  TEST_REGISTRY,
  TestClock,
  type TestHub,
  testHub,
} from '../../support/hub.ts';
import { LINE_SERVICE, SERVICE } from './support.ts';

export const OVERVIEW_REGISTRY = `${TEST_REGISTRY}
  - { identity: ai-study, tenant: clinic, kind: software, role: researcher, patients: all, purpose: HRESCH }
wards: { icu: { tenant: clinic, beds: [ICU-01, ICU-02] } }
panels: { heart: { tenant: clinic, patients: [pat-home-01, pat-home-02, pat-icu-01] } }
`;

const SUPPORT = supportSchema.parse({
  version: 'support-1',
  news2: { applies: { wards: ['icu'] } },
  baseline: { applies: { wards: ['icu'] }, days: 7, vitals: ['hr', 'glu'] },
});

const EXPECTED = expectedSchema.parse({
  version: 'due-1',
  wards: { icu: { temp: [{ window: '06:00-07:00' }], hr: [{ window: '00:00-24:00' }] } },
});

/** Ranges of the ward: a site has none unless it names them. */
const LIMITS = limitsSchema.parse({
  version: 'limits-1',
  ranges: { wards: { icu: { hr: { low: 50, high: 120 }, spo2: { low: 92 }, rr: { low: 8, high: 30 }, nibp_s: { low: 90, high: 180 } } } },
});

export interface OverviewSite extends AsyncDisposable {
  hub: TestHub;
  clock: TestClock;
  reads: ClinicalReads;
  /** Whoever has this identity. */
  named(identity: string): Principal;
  as(identity: string): Overlay;
  /** What stands behind the devices. */
  stand(sources: readonly Source[]): void;
  /** Stores what was measured. */
  measured(...samples: SampleOptions[]): Promise<void>;
}

/** A clinic with a ward and a panel over the real store and door, with a site's files of all kinds, served; a test counts as a measurement, for it is a sandbox. */
export async function overviewSite({
  registry = OVERVIEW_REGISTRY,
  zones = {},
}: {
  registry?: string;
  /** Of patients' homes. */
  zones?: Readonly<Record<string, string>>;
} = {}): Promise<OverviewSite> {
  await using stack = new AsyncDisposableStack();
  const clock = new TestClock(TEST_NOW);
  let sources: readonly Source[] = [];
  const surroundings = {
    ...NO_SURROUNDINGS,
    zone: ({ patient }: { patient: string }) => zones[patient],
    limits: () => ({ of: BUILT_IN, version: LIMITS.version }),
    ranges: (place: Parameters<typeof rangesFor>[1]) => rangesFor(LIMITS, place),
    beside: () => ({ sources, demo: [], sandbox: true }),
  };
  const hub = stack.use(testHub({ clock, registry, surroundings }));
  const { door, feed, metrics } = hub;
  const policy = () => DEFAULT_POLICY;
  const reads = clinicalReads({
    ...{ door, registry: hub.registry, feed, policy, clock, zone: 'UTC' },
    clinical: { support: { current: { revision: 'test', rules: SUPPORT } }, expected: { current: { revision: 'test', rules: EXPECTED } } },
  });
  const network = createMemoryNetwork();
  const overlay = stack.use(network.overlay({ id: 'hub', name: 'hub' }));
  const service = stack.use(
    serveMcp({
      ...{ overlay, service: SERVICE, door, clinical: reads, feed, callers: overlayCallers(hub.registry, metrics), policy },
      ...{ clock: { now: () => clock.now(), monotonicMs: () => performance.now() }, log: silentLogger, metrics },
    }),
  );
  await service.start(new AbortController().signal);
  const wire = { overlay, log: silentLogger, metrics };
  const lines = stack.use(serveMcpLines({ ...wire, limits: {}, service: LINE_SERVICE, endpoint: service, host: SERVICE }));
  await lines.start(new AbortController().signal);
  const dispose = stack.move();
  const seqs = new Map<string, number>();
  return {
    ...{ hub, clock, reads },
    named: (identity) => hub.registry.principal(identity) ?? assert.fail(`${identity} is not listed`),
    as: (identity) => dispose.use(network.overlay({ id: identity, name: identity })),
    stand: (now) => {
      sources = now;
    },
    measured: async (...samples) => {
      for (const [agent, some] of Map.groupBy(samples, ({ agent = 'gw-icu' }) => agent)) {
        const made = some.map((sample) => {
          const seq = (seqs.get(agent) ?? 0) + 1;
          seqs.set(agent, seq);
          const at = sample.effective ?? clock.now();
          return sampleObservation({ seq, effective: at, receivedAt: at, ...sample });
        });
        await hub.ingest.batch(agent, sampleBundle(made));
      }
    },
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}
