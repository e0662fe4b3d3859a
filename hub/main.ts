import type { Clock } from '../shared/clock.ts';
import { exitWith, packageVersion, runProgram } from '../shared/command-line.ts';
import { asVitalmeshError } from '../shared/errors.ts';
import { loadIdentity } from '../shared/identity/identity.ts';
import { IdentityFiles } from '../shared/identity/identity-files.ts';
import { aborted, processSignal, startAll } from '../shared/lifecycle.ts';
import { createLogger, type Logger } from '../shared/log.ts';
import { Metrics } from '../shared/metrics.ts';
import { createOperatorServer } from '../shared/operator/server.ts';
import { openOwnPlace } from '../shared/overlay/config.ts';
import { openKeptClock } from '../shared/time/keep-time.ts';
import { createDoor } from './access/store-door.ts';
import { type ExportFilter, hubProgram } from './cli.ts';
import { StalenessWatch } from './clinical/staleness-watch.ts';
import type { HubConfig } from './config.ts';
import { Feed } from './feed.ts';
import { createIngest } from './ingest/create-ingest.ts';
import { serveUplink } from './ingest/session.ts';
import { serveMcp } from './mcp/server.ts';
import { exportAll, hubOperatorCommands } from './operator-commands.ts';
import { LiveRegistry } from './registry/live-registry.ts';
import { loadRegistry } from './registry/load-registry.ts';
import { tenantsOf } from './registry/tenants.ts';
import { timeFileOf } from './store/config.ts';
import { checkStore, openStore } from './store/open-store.ts';
import type { Store } from './store/store.ts';

/** `vitalmesh-hub ARGV`: runs the command and ends the process with its exit code. */
export function main(argv: readonly string[]): Promise<void> {
  return exitWith(runProgram(hubProgram({ run, check, exportOffline }), argv));
}

async function run(config: HubConfig): Promise<void> {
  const signal = processSignal();
  const metrics = new Metrics();
  const log = createLogger({ component: 'hub', level: config.log.level });

  const files = new IdentityFiles(config.identity);
  const held = files.open(log);
  const { identity } = held;
  using time = openKeptClock({ path: timeFileOf(config.store), identity, log });
  const { clock } = time;
  const listed = loadRegistry(config.registry);
  const opened = await openStore(config.store, { metrics, clock, log });
  await using store = opened.store;
  const registry = new LiveRegistry(listed, await store.rebind(listed.bindings(), clock.now()));
  await using place = await openOwnPlace(config.overlay, { held, files, clock }, log);
  const { overlay } = place;
  const feed = new Feed();
  const door = createDoor({ store, registry, metrics, clock, zone: config.zone });
  const staleness = new StalenessWatch({ store, feed, clock });
  const ingest = createIngest({ store, registry, feed, metrics, clock, log, staleness });
  const uplink = serveUplink({ overlay, service: config.services.ingest, identity, ingest, log, metrics, clock });
  const mcp = serveMcp({ overlay, service: config.services.mcp, door, feed, registry, clock, log, metrics });
  const commands = hubOperatorCommands({
    door,
    tenants: () => tenantsOf(registry, store),
    vitalSigns: () => ({
      version: packageVersion(),
      pid: process.pid,
      identity: place.identityStatus(),
      startedAt: time.startedAt,
      now: clock.now(),
      clock: clock.status() ?? null,
      overlay: overlay.state,
      controller: place.controller(),
      signIn: place.signIn(),
      routers: place.routers(),
      storeId: store.storeId,
      engine: opened.engine,
      registry: registry.revision,
      gateways: uplink.sessions(),
      knownGateways: registry.gatewayCount,
      uplink: uplink.status(),
      mcp: mcp.status(),
      metrics: metrics.snapshot(),
    }),
  });
  // Before the watch reads what is current, so that it misses nothing.
  const others = opened.others(({ patients, currencies }) => {
    staleness.changed(currencies);
    for (const changed of patients) feed.publish({ ...changed, kind: 'stored' });
  });
  const operator = createOperatorServer({ socketPath: config.operator.socket, commands, log });
  let reloaded = Promise.resolve();
  process.on('SIGHUP', () => {
    reloaded = reloaded.then(() => reload(config.registry, { registry, store, feed, clock, log }));
  });
  await using _running = await startAll([operator, ...others, staleness, uplink, mcp], signal);
  log.info({ services: [config.services.ingest, config.services.mcp], storeId: store.storeId }, 'hub runs');
  await aborted(signal);
  log.info('hub stops');
}

interface Reloading {
  registry: LiveRegistry;
  store: Store;
  feed: Feed;
  clock: Clock;
  log: Logger;
}

/**
 * Puts a changed registry.yaml in force, or leaves the last good one there. Since when its bindings hold is on disk before: a hub that is
 * killed in between knows at its next start. One reload at a time.
 */
async function reload(path: string, { registry, store, feed, clock, log }: Reloading): Promise<void> {
  try {
    const next = loadRegistry(path);
    const moved = registry.replace(next, await store.rebind(next.bindings(), clock.now()));
    for (const { tenant, patient } of moved) feed.publish({ tenant, patient, kind: 'patients', vitals: [], at: clock.now() });
    log.info({ revision: registry.revision }, 'registry read again');
  } catch (error) {
    log.error({ err: asVitalmeshError(error, 'REGISTRY-INVALID') }, 'registry left as it was');
  }
}

async function check(config: HubConfig): Promise<void> {
  loadIdentity(config.identity);
  loadRegistry(config.registry);
  await checkStore(config.store);
}

async function* exportOffline(config: HubConfig, filter: ExportFilter): AsyncGenerator<unknown> {
  const registry = loadRegistry(config.registry);
  const metrics = new Metrics();
  await using store = (await openStore(config.store, { metrics })).store;
  const door = createDoor({ store, registry, metrics, zone: config.zone });
  yield* exportAll(door, tenantsOf(registry, store), filter, `local:${process.getuid?.() ?? 0}`);
}

if (import.meta.main) await main(process.argv.slice(2));
