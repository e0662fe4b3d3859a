import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { createMaskings } from '../../../../hub/access/masking/masking.ts';
import { createDoor } from '../../../../hub/access/store-door.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { readingsOperatorCommands } from '../../../../hub/clinical/amend/operator.ts';
import { DueReadings } from '../../../../hub/clinical/due/due.ts';
import { openClinical } from '../../../../hub/clinical/open-clinical.ts';
import type { Timer } from '../../../../hub/clinical/staleness-watch.ts';
import { Support } from '../../../../hub/clinical/support/support.ts';
import { Feed } from '../../../../hub/feed.ts';
import { createIngest } from '../../../../hub/ingest/create-ingest.ts';
import { serveUplink } from '../../../../hub/ingest/session.ts';
import { Corrections } from '../../../../hub/patients/corrections.ts';
import { followMovements } from '../../../../hub/patients/follow.ts';
import { Whereabouts } from '../../../../hub/patients/whereabouts.ts';
import { LiveRegistry } from '../../../../hub/registry/live-registry.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import type { Registry } from '../../../../hub/registry/registry.ts';
import { openSqliteStore } from '../../../../hub/store/sqlite.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { Identity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { SERVICE } from './gateway.ts';
import { EXPECTED, HUB_ZONE, LIMITS, SUPPORT } from './site.ts';

export interface CountyHubOptions {
  folder: string;
  /** Text of registry.yaml. */
  registry: string;
  overlay: Overlay;
  identity: Identity;
  clock: Clock;
  timer: Timer;
}

export type CountyHub = Awaited<ReturnType<typeof openCountyHub>>;

/** The hub's parts as its `main` puts them together, with the site's files, by a clock and a timer that are the test's. */
export async function openCountyHub({ folder, registry: text, overlay, identity, clock, timer }: CountyHubOptions) {
  const stack = new AsyncDisposableStack();
  const [metrics, feed, log, policy] = [new Metrics(), new Feed(), silentLogger, () => DEFAULT_POLICY];
  const listed = parseRegistry(text);
  const store = stack.use(openSqliteStore({ path: join(folder, 'hub.db'), key: randomBytes(32), metrics, clock }));
  let inForce: Pick<Registry, 'gateways'> = listed;
  const whereabouts = new Whereabouts({ store, gateways: () => inForce.gateways(), clock });
  await whereabouts.open();
  const registry = new LiveRegistry(listed, await store.rebind(listed.bindings(), clock.now(), true), whereabouts);
  inForce = registry;
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const files = { limits: file('limits.yaml', LIMITS), support: file('support.yaml', SUPPORT), expected: file('expected.yaml', EXPECTED) };
  const clinical = openClinical(files, {
    ...{ store, registry, feed, clock, zone: HUB_ZONE, timer, log, isAlone: true, isBound: () => uplink.status().bound },
    ...{ overdueSince: (tenant: string) => whereabouts.overdueSince(tenant), record: async () => undefined },
  });
  const { staleness, surroundings, demos, sources } = clinical;
  const door = createDoor({
    ...{ store, registry, policy, metrics, clock, surroundings, zone: HUB_ZONE },
    maskings: createMaskings(randomBytes(32)),
  });
  const corrections = stack.use(new Corrections({ store, feed, metrics, clock, log, staleness }));
  followMovements({ whereabouts, corrections, registry, feed, clock, log });
  const { due } = clinical;
  const ingest = createIngest({ store, registry, policy, feed, metrics, clock, log, staleness, demos, due, whereabouts, corrections });
  const here = new Set<string>();
  const uplink = serveUplink({
    ...{ overlay, service: SERVICE, identity, ingest, log, metrics },
    // What waits for real waits by the machine's clock.
    clock: { now: () => clock.now(), monotonicMs: () => systemClock.monotonicMs() },
    onPresence(gateway, isHere) {
      if (isHere) here.add(gateway);
      else here.delete(gateway);
      sources.presence(gateway, isHere, clock.now());
    },
  });
  const { signal } = new AbortController();
  await staleness.start(signal);
  stack.use(staleness);
  await uplink.start(signal);
  stack.use(uplink);
  return {
    ...{ store, door, feed, registry, here, corrections },
    due: new DueReadings({ door, registry, rules: clinical.expected, feed, policy, clock, zone: HUB_ZONE }),
    support: new Support({ door, registry, rules: clinical.support }),
    /** What an operator decides about readings. */
    amending: readingsOperatorCommands({
      amending: openAmending({ store, door, registry, policy, corrections, clock }),
      tenants: () => registry.tenants(),
    }),
    /** Another registry.yaml is read. */
    async reload(next: string): Promise<void> {
      const read = parseRegistry(next);
      const moved = registry.replace(read, await store.rebind(read.bindings(), clock.now(), true));
      for (const change of moved) feed.publish({ ...change, kind: 'patients', vitals: [], at: clock.now() });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
