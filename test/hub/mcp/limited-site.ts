import type { PolicyLimits } from '../../../hub/access/budgets/limits.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { Policy } from '../../../hub/access/policy.ts';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { bindingsFrom } from '../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { Clock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { overlayCallers } from '../../support/callers.ts';
import { TestClock, type TestHub, testHub } from '../../support/hub.ts';
import { SERVICE } from './support.ts';

/** A ward of two beds, two other beds, and callers: with a ward, with all patients, and a person with all. */
export const LIMITED_REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02, S-1: pat-step-01, S-2: pat-step-02, S-3: pat-step-03, S-4: null } }
clients:
  - { identity: ai-ward, tenant: clinic, kind: person, role: clinician, wards: [icu] }
  - { identity: ai-all, tenant: clinic, kind: software, role: monitor, wards: [icu], patients: all }
wards:
  icu: { tenant: clinic, beds: [ICU-01, ICU-02] }
`;

export interface LimitedSite extends AsyncDisposable {
  hub: TestHub;
  clock: TestClock;
  as(identity: string): Overlay;
  reload(registry: string): void;
  /** The policy in force. */
  policy: Policy;
}

export interface LimitedOptions {
  limits?: PolicyLimits;
  dir?: string;
  key?: Buffer;
  /** Time as it is; else it stands until it is moved. */
  runs?: boolean;
}

/** The endpoint before the real door and store, under these limits. */
export async function limitedSite({ limits = {}, dir, key, runs = false }: LimitedOptions = {}): Promise<LimitedSite> {
  await using stack = new AsyncDisposableStack();
  const clock = new TestClock();
  const site = { policy: { ...DEFAULT_POLICY, limits } };
  const policy = (): Policy => site.policy;
  const own = { ...(dir !== undefined && { dir }), ...(key && { key }) };
  const hub = stack.use(testHub({ clock, registry: LIMITED_REGISTRY, policy, ...own }));
  const network = createMemoryNetwork();
  const overlay = stack.use(network.overlay({ id: 'hub', name: 'hub' }));
  const { door, feed, registry, metrics } = hub;
  const running: Clock = { now: () => clock.now(), monotonicMs: () => performance.now() };
  const service = serveMcp({
    ...{ overlay, service: SERVICE, door, feed, callers: overlayCallers(registry, metrics), policy },
    ...{ clock: runs ? running : clock, log: silentLogger, metrics, limits: { coalesceMs: 5, sweepMs: 5 } },
  });
  stack.use(service);
  await service.start(new AbortController().signal);
  const dispose = stack.move();
  return Object.assign(site, {
    ...{ hub, clock },
    as: (identity: string) => dispose.use(network.overlay({ id: identity, name: identity })),
    reload: (text: string) => {
      const next = parseRegistry(text);
      const moved = registry.replace(next, bindingsFrom([], next.bindings(), 0));
      for (const change of moved) feed.publish({ ...change, kind: 'patients', vitals: [], at: clock.now() });
    },
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  });
}
