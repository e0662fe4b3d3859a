import { type Clock, systemClock } from '../shared/clock.ts';
import { type CommandIo, type CommandValues, exitWith, packageVersion, runProgram } from '../shared/command-line.ts';
import { asVitalmeshError, VitalmeshError } from '../shared/errors.ts';
import { loadIdentity } from '../shared/identity/identity.ts';
import { IdentityFiles } from '../shared/identity/identity-files.ts';
import { aborted, processSignal, startAll } from '../shared/lifecycle.ts';
import { createLogger, silentLogger } from '../shared/log.ts';
import { Metrics } from '../shared/metrics.ts';
import { createOperatorServer } from '../shared/operator/server.ts';
import { openOwnPlace } from '../shared/overlay/config.ts';
import { runRekey } from '../shared/storage/rekey-command.ts';
import { openKeptClock } from '../shared/time/keep-time.ts';
import { recordClinical } from './access/clinical-evidence.ts';
import type { Door } from './access/door.ts';
import { createExplainer } from './access/explain/audited.ts';
import { explainCliCommands } from './access/explain/cli.ts';
import type { Explanation, Rights } from './access/explain/explain.ts';
import { type ExplainSurroundings, explainedTo, explainOperatorCommands, listedTo } from './access/explain/operator.ts';
import { LivePolicy, loadRules } from './access/load-rules.ts';
import { recordMaintenance } from './access/maintenance.ts';
import { createMaskings } from './access/masking/masking.ts';
import { checkMaskingSecret, openMaskingSecret } from './access/masking/secret.ts';
import { checkAccess, entranceOf, openAccess } from './access/open-access.ts';
import { takenInWords } from './access/operator-gaps.ts';
import type { Policy } from './access/policy.ts';
import { recordRegistry } from './access/registry-evidence.ts';
import { Reloads } from './access/rules/reloads.ts';
import { createDoor } from './access/store-door.ts';
import { recordTools } from './access/tools-evidence.ts';
import { type AuditorOptions, createAuditor } from './audit/auditor.ts';
import { auditCliCommands } from './audit/cli.ts';
import { auditFilesOf } from './audit/config.ts';
import { checkFeed, openFeed } from './audit/feed/open-feed.ts';
import { receiverOf } from './audit/feed/receiver.ts';
import { readKeptNote } from './audit/kept-note.ts';
import { openCheckpoints } from './audit/open-checkpoints.ts';
import { type AuditCommand, auditOperatorCommands } from './audit/operator.ts';
import { evidencePolicy } from './audit/retention-config.ts';
import { EvidenceRetention } from './audit/retention-run.ts';
import { readVerifiers } from './audit/signing-key.ts';
import { type BackupReport, WITH_ITS_TOOLS } from './backup/backup.ts';
import { backupCommands } from './backup/cli.ts';
import { backUp, backupOperatorCommands } from './backup/operator.ts';
import { type RestoreOptions, type RestoreReport, restoreBackup } from './backup/restore.ts';
import { type ExportFilter, hubProgram } from './cli.ts';
import { readingsCliCommands } from './clinical/amend/cli.ts';
import { lostDecisions } from './clinical/amend/lost-decisions.ts';
import { openAmending } from './clinical/amend/open-amending.ts';
import { type ReadingsCommand, readingsOperatorCommands } from './clinical/amend/operator.ts';
import { clinicalCliCommands } from './clinical/cli.ts';
import { expectedSchema } from './clinical/due/schema.ts';
import { unlistedAmong, unlistedGroups } from './clinical/limits/limits.ts';
import { limitsSchema } from './clinical/limits/schema.ts';
import { openClinical } from './clinical/open-clinical.ts';
import { clinicalOperatorCommands } from './clinical/operator.ts';
import { clinicalReads } from './clinical/reads.ts';
import { loadSiteFile } from './clinical/site-file.ts';
import type { FleetNow } from './clinical/sources/fleet.ts';
import { supportSchema } from './clinical/support/schema.ts';
import type { HubConfig } from './config.ts';
import { Feed } from './feed.ts';
import { formatHomesWithoutList, homesWithoutList } from './ingest/adopted/adoption-status.ts';
import { Strangers } from './ingest/adopted/strangers.ts';
import { createIngest } from './ingest/create-ingest.ts';
import { serveUplink } from './ingest/session.ts';
import { Storing } from './ingest/storing.ts';
import { UnboundPlaces } from './ingest/unbound.ts';
import { inspectionCliCommands } from './inspection/cli.ts';
import { inspectionCommands, verifyAs } from './inspection/operator.ts';
import type { VerifyNews } from './inspection/verifying.ts';
import { type ConformanceRequest, serveConformance } from './mcp/conformance/conformance.ts';
import { serveMcpLines } from './mcp/line/line-service.ts';
import { serveMcp } from './mcp/server.ts';
import { TOOLS_FINGERPRINT } from './mcp/surface/fingerprint.ts';
import { exportAll, hubOperatorCommands } from './operator-commands.ts';
import { patientsCliCommands } from './patients/cli.ts';
import { Corrections } from './patients/corrections.ts';
import { followMovements } from './patients/follow.ts';
import { openHand } from './patients/hand/open-hand.ts';
import { type HandCommand, handOperatorCommands } from './patients/hand/operator.ts';
import { refuseForgetting } from './patients/kept-movements.ts';
import { lostLog } from './patients/lost-log.ts';
import { patientsOperatorCommands } from './patients/operator.ts';
import { Whereabouts } from './patients/whereabouts.ts';
import { rowsOfErased } from './privacy/erased-again.ts';
import { forgetErased } from './privacy/forget-erased.ts';
import { type PatientCommand, rightsOperatorCommands } from './privacy/operator.ts';
import { PatientRights } from './privacy/rights.ts';
import { readTombstones, tombstonesOf } from './privacy/tombstone-file.ts';
import { NOTHING_UNKNOWN, withUnknown } from './registry/bindings.ts';
import { LiveRegistry } from './registry/live-registry.ts';
import type { Registry } from './registry/registry.ts';
import { refuseMixed, tenantsOf } from './registry/tenants.ts';
import { RetentionTime } from './retention-time.ts';
import { asFile, retentionFileOf, timeFileOf } from './store/config.ts';
import { whoWasErased } from './store/erasing/tombstone.ts';
import { checkStore, isNotBegun, openExistingStore, openStore } from './store/open-store.ts';
import { retentionPolicy } from './store/retention-config.ts';
import { RetentionRun } from './store/retention-run.ts';
import type { Store } from './store/store.ts';

/** `vitalmesh-hub ARGV`: runs the command and ends the process with its exit code. */
export function main(argv: readonly string[]): Promise<void> {
  return exitWith(
    runProgram(
      hubProgram(
        { run, check, exportOffline },
        {
          ...backupCommands({ backup, restore, rekey }),
          ...inspectionCliCommands({ verify }),
          ...explainCliCommands({ explain: explainOffline, list: listOffline }),
          ...auditCliCommands({ audit: auditOffline }),
          ...clinicalCliCommands(),
          ...readingsCliCommands({ readings: readingsOffline }),
          ...patientsCliCommands({ where: whereOffline, patient: patientOffline, place: placeOffline }),
        },
      ),
      argv,
    ),
  );
}

async function run(config: HubConfig, asked?: ConformanceRequest): Promise<void> {
  const signal = processSignal();
  const metrics = new Metrics();
  const log = createLogger({ component: 'hub', level: config.log.level });

  const files = new IdentityFiles(config.identity);
  const held = files.open(log);
  const { identity } = held;
  using time = openKeptClock({ path: timeFileOf(config.store), identity, log });
  const { clock } = time;
  const rules = loadRules(config);
  const listed = rules.registry;
  const policies = new LivePolicy(rules.policy);
  const policy = () => policies.current;
  const opened = await openStore(config.store, { metrics, clock, log });
  await using store = opened.store;
  refuseMixed(tenantsOf(listed, store), opened.engine);
  const keeping = retentionPolicy(config.store.retention);
  refuseForgetting(listed, keeping);
  const checkpoints = await openCheckpoints(config, { store, clock, metrics, log });
  await recordRegistry(store, { before: undefined, next: listed, uid: ownUid(), at: clock.now(), policy: rules.policy });
  const started = { tenants: listed.tenants(), uid: ownUid(), at: clock.now(), policy: rules.policy };
  await recordTools(store, { ...started, fingerprint: TOOLS_FINGERPRINT });
  let inForce: Pick<Registry, 'gateways' | 'isSandbox'> & Partial<Pick<LiveRegistry, 'unknown'>> = listed;
  const whereabouts = new Whereabouts({
    ...{ store, clock, isShared: opened.engine === 'postgres' },
    onAmbiguous: (of) =>
      log.warn({ ...of, err: new VitalmeshError('PATIENT-DEVICE') }, 'a move of a device by hand does not count any more'),
    gateways: () => inForce.gateways(),
    isSandbox: (tenant) => inForce.isSandbox(tenant),
    unknown: () => inForce.unknown ?? NOTHING_UNKNOWN,
  });
  await whereabouts.open();
  const registry = new LiveRegistry(listed, await store.rebind(listed.bindings(), clock.now(), clock.trust !== 'floor'), whereabouts);
  inForce = registry;
  await using place = await openOwnPlace(config.overlay, { held, files, clock }, log);
  const { overlay } = place;
  const feed = new Feed();
  const maskings = createMaskings(openMaskingSecret(config.masking, config.store));
  const { engine } = opened;
  const clinical = openClinical(config.clinical, {
    ...{ store, registry, feed, clock, zone: config.zone, log, isAlone: engine === 'sqlite' },
    isBound: () => uplink.status().bound,
    overdueSince: (tenant) => whereabouts.overdueSince(tenant),
    record: (row, revision) =>
      recordClinical(store, { tenants: registry.tenants(), row, revision, uid: ownUid(), at: clock.now(), policy: policy() }),
  });
  const { staleness, surroundings } = clinical;
  const fleet: FleetNow = (tenant, now) => clinical.sources.fleet(tenant, now);
  const door = createDoor({ store, registry, metrics, policy, maskings, clock, zone: config.zone, surroundings, fleet });
  const unbound = new UnboundPlaces();
  const strangers = new Strangers(() => registry.gateways());
  const storing = new Storing();
  const service = config.services.mcp;
  const access = await openAccess(config.access, { registry, overlay, service, clock, metrics, log });
  const reloads = new Reloads({ config, registry, policies, access, store, engine, keeping, feed, clock, metrics, log, uid: ownUid() });
  const decisionsLost = () => lostDecisions(registry.gateways(), registry.unknown, clock.now());
  const warnOf = [lostLog(log, 'PATIENT-HAND-LOST', () => whereabouts.lostMovements()), lostLog(log, 'AMEND-LOST', decisionsLost)];
  const warnOfLost = (): void => {
    for (const warn of warnOf) warn();
  };
  warnOfLost();
  const rebind = (): Promise<void> => reloads.rebind().then(warnOfLost);
  using _known = clock.onChange(({ before, trust }) => {
    if (before === 'floor' && trust !== 'floor')
      rebind().catch((err: unknown) => log.error({ err: asVitalmeshError(err) }, 'since when bindings are known could not be kept'));
  });
  const corrections = new Corrections({ store, feed, metrics, clock, log, staleness });
  const lookAgain = followMovements({ whereabouts, corrections, registry, feed, clock, log });
  const ingest = createIngest({
    ...{ store, registry, policy, feed, metrics, clock, log, staleness, unbound, strangers, storing, rebind },
    ...{ isDoubted: clinical.isDoubted, demos: clinical.demos, due: clinical.due },
    ...{ whereabouts, corrections },
  });
  const rights = new PatientRights({ store, registry, policy, tombstones: tombstonesOf(config.store), feed, staleness, clock });
  await rights.look();
  for (const row of rights.counts.listed ?? []) log.warn({ row }, 'registry.yaml names somebody who was erased');
  const checkpoint = () => checkpoints.newest;
  const uplink = serveUplink({
    ...{ overlay, service: config.services.ingest, identity, ingest, log, metrics, clock, checkpoint },
    onPresence: (gateway, isHere) => clinical.sources.presence(gateway, isHere, clock.now()),
  });
  const { callers, resource } = access;
  const reads = clinicalReads({ door, registry, clinical, feed, policy, clock, zone: config.zone });
  const mcp = serveMcp({ overlay, service, door, clinical: reads, feed, callers, resource, policy, clock, log, metrics });
  const { line } = config.services;
  const lines = line === undefined ? undefined : serveMcpLines({ overlay, service: line, endpoint: mcp, host: service, log, metrics });
  const conformance =
    asked &&
    serveConformance({
      ...{ request: asked, registry, tenants: () => tenantsOf(registry, store), issuers: config.access.issuers },
      ...{ door, clinical: reads, feed, callers, policy, clock, log, metrics },
    });
  const siem = config.audit.feed && openFeed(config.audit.feed, { store, overlay, clock, metrics, log });
  const agesOf = (what: 'readings' | 'evidence') => new RetentionTime({ path: retentionFileOf(config.store, what), clock, log });
  const evidenceRetention = new EvidenceRetention({
    ...{ store, policy: evidencePolicy(config.audit.retention), key: checkpoints.key, time: agesOf('evidence'), metrics, clock, log },
    keys: notesOf(config).keys,
    knownTime: () => clock.toKeep(),
    isDoubted: () => checkpoints.status().alarms.length > 0,
  });
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
      engine,
      registry: registry.revision,
      notInForce: [...reloads.notInForce(), ...clinical.notInForce()],
      policy: policies.current.version,
      gateways: uplink.sessions(),
      storeRefusal: storing.refusal(),
      unbound: unbound.list(),
      notAdopted: strangers.list(),
      notAdoptedLeftOut: strangers.leftOut,
      homesWithoutList: homesWithoutList(registry.gateways()),
      lostMovements: whereabouts.lostMovements(),
      devicesLeftOut: whereabouts.devicesLeftOut(),
      lostDecisions: decisionsLost(),
      knownGateways: registry.gatewayCount,
      uplink: uplink.status(),
      access: access.status(),
      evidence: checkpoints.status(),
      people: rights.counts,
      evidenceKept: evidenceRetention.status(),
      evidenceFeed: siem?.status() ?? null,
      mcp: mcp.status(),
      mcpLine: lines?.status() ?? null,
      conformance: conformance?.status() ?? null,
      metrics: metrics.snapshot(),
    }),
  });
  // Before the watch reads what is current, so that it misses nothing.
  const others = opened.others(({ patients, currencies, erased }) => {
    staleness.changed(currencies);
    for (const changed of patients) feed.publish(changed);
    clinical.due?.elsewhere(patients, currencies);
    if (erased) forgetErased(erased, { staleness, whereabouts, registry, feed, clock });
    lookAgain();
  });
  const backups = { store, tenants: () => tenantsOf(registry, store), policy, recipients: config.backup.recipients, clock, log };
  const explaining = {
    explainer: createExplainer({ store, registry, policy, entrance: entranceOf(config.access), clock }),
    tenants: backups.tenants,
  };
  const auditor = createAuditor({
    store,
    policy,
    ...notesOf(config),
    doubts: checkpoints,
    siem,
    replay: { door, registry, zone: config.zone, surroundings },
    clock,
  });
  const operator = createOperatorServer({
    socketPath: config.operator.socket,
    commands: {
      ...commands,
      ...backupOperatorCommands(backups),
      ...inspectionCommands({ ...backups, door }),
      ...clinicalOperatorCommands({
        ...{ door, reads, tenants: backups.tenants },
      }),
      ...patientsOperatorCommands({ ...backups, door, registry }),
      ...handOperatorCommands(openHand({ store, registry, policy, whereabouts, corrections, clock, tenants: backups.tenants })),
      ...readingsOperatorCommands({
        amending: openAmending({ store, door, registry, policy, corrections, clock }),
        tenants: backups.tenants,
      }),
      ...explainOperatorCommands(explaining),
      ...auditOperatorCommands({ auditor, tenants: backups.tenants }),
      ...rightsOperatorCommands({ rights, tenants: backups.tenants }),
    },
    log,
  });
  process.on(
    'SIGHUP',
    () =>
      void reloads
        .reload()
        .then(() => clinical.reload())
        .then(lookAgain),
  );
  const retention = new RetentionRun({ store, policy: keeping, time: agesOf('readings'), metrics, clock, log });
  await using _running = await startAll(
    [
      checkpoints,
      ...(siem ? [siem] : []),
      operator,
      ...others,
      staleness,
      corrections,
      uplink,
      mcp,
      ...(lines ? [lines] : []),
      ...(conformance ? [conformance] : []),
      retention,
      evidenceRetention,
    ],
    signal,
  );
  log.info({ services: [config.services.ingest, service, ...(line === undefined ? [] : [line])], storeId: store.storeId }, 'hub runs');
  await aborted(signal);
  log.info('hub stops');
}

async function check(config: HubConfig): Promise<string | undefined> {
  loadIdentity(config.identity);
  const { registry, policy } = loadRules(config);
  const note = await checkAccess(config.access, registry, systemClock.now());
  refuseMixed(registry.tenants(), config.store.type === 'postgres' ? 'postgres' : 'sqlite');
  refuseForgetting(registry, retentionPolicy(config.store.retention));
  checkMaskingSecret(config.masking, config.store);
  checkFeed(config.audit.feed);
  const limits = config.clinical.limits === undefined ? undefined : loadSiteFile(limitsSchema, config.clinical.limits).rules;
  const unlisted = limits && unlistedGroups(limits, (kind) => registry.groupNames(kind));
  if (config.clinical.support !== undefined) loadSiteFile(supportSchema, config.clinical.support);
  const expected = config.clinical.expected === undefined ? undefined : loadSiteFile(expectedSchema, config.clinical.expected).rules;
  const unexpected = expected && unlistedAmong('expected readings', [expected], (kind) => registry.groupNames(kind));
  const store = await checkStore(config.store);
  const erased = rowsOfErased(registry, whoWasErased(readTombstones(tombstonesOf(config.store)))).map(
    (row) => `registry.yaml names somebody who was erased: ${row}`,
  );
  const homes = formatHomesWithoutList(homesWithoutList(registry.gateways()));
  const found = [note, takenInWords(policy), homes, unlisted, unexpected, store, ...erased].filter((one) => one !== undefined);
  return found.length === 0 ? undefined : found.join('\n');
}

/** What a command has of a store whose hub does not run. */
interface OfflineSite {
  store: Store;
  registry: ReturnType<typeof loadRules>['registry'];
  policy: () => Policy;
  tenants: () => readonly string[];
  door: Door;
}

async function* offline<T>(config: HubConfig, use: (site: OfflineSite) => AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  const { registry, policy: rules } = loadRules(config);
  const [metrics, policy] = [new Metrics(), () => rules];
  await using store = await openExistingStore(config.store, { metrics });
  const maskings = createMaskings(openMaskingSecret(config.masking, config.store));
  const door = createDoor({ store, registry, metrics, policy, maskings, zone: config.zone });
  yield* use({ store, registry, policy, door, tenants: () => tenantsOf(registry, store) });
}

function exportOffline(config: HubConfig, filter: ExportFilter): AsyncIterable<unknown> {
  return offline(config, ({ door, tenants }) => exportAll(door, tenants(), filter, `local:${ownUid()}`));
}

function whereOffline(config: HubConfig, args: Record<string, unknown>): AsyncIterable<unknown> {
  return offline(config, ({ door, registry, tenants }) =>
    patientsOperatorCommands({ door, registry, tenants, clock: systemClock })['patients-where'](args, `local:${ownUid()}`),
  );
}

async function backup(config: HubConfig, to: string): Promise<BackupReport> {
  asFile(config.store, WITH_ITS_TOOLS);
  const { registry, policy: rules } = loadRules(config);
  const policy = () => rules;
  await using store = await openExistingStore(config.store, { metrics: new Metrics() });
  const tenants = () => tenantsOf(registry, store);
  return await backUp(
    { store, tenants, policy, recipients: config.backup.recipients, clock: systemClock, log: silentLogger },
    to,
    ownUid(),
  );
}

async function* verify(config: HubConfig): AsyncGenerator<VerifyNews> {
  const { registry, policy: rules } = loadRules(config);
  const policy = () => rules;
  await using store = await openExistingStore(config.store, { metrics: new Metrics() });
  yield* verifyAs({ store, tenants: () => tenantsOf(registry, store), policy, clock: systemClock }, ownUid());
}

async function* explainOffline(config: HubConfig, args: Record<string, unknown>): AsyncGenerator<Explanation> {
  yield* explainingOffline(config, (surroundings) => explainedTo(surroundings, ownUid(), args));
}

async function* listOffline(config: HubConfig, args: Record<string, unknown>): AsyncGenerator<Rights> {
  yield* explainingOffline(config, (surroundings) => listedTo(surroundings, ownUid(), args));
}

async function* explainingOffline<T>(config: HubConfig, use: (surroundings: ExplainSurroundings) => AsyncIterable<T>): AsyncGenerator<T> {
  const { registry, policy } = loadRules(config);
  // Before the first start there is nobody's data, and no evidence to append to: the files say all there is.
  await using store = isNotBegun(config.store) ? undefined : await openExistingStore(config.store, { metrics: new Metrics() });
  const explainer = createExplainer({
    store: store ?? { record: async () => undefined },
    registry,
    policy: () => policy,
    entrance: entranceOf(config.access),
    clock: systemClock,
  });
  yield* use({ explainer, tenants: () => (store ? tenantsOf(registry, store) : registry.tenants()) });
}

function auditOffline(config: HubConfig, command: AuditCommand, args: Record<string, unknown>): AsyncIterable<unknown> {
  return offline(config, ({ store, registry, policy, door, tenants }) => {
    const replay = { door, registry, zone: config.zone };
    const auditor = createAuditor({ store, policy, ...notesOf(config), replay, clock: systemClock });
    return auditOperatorCommands({ auditor, tenants })[command](args, `local:${ownUid()}`);
  });
}

async function* patientOffline(config: HubConfig, command: PatientCommand, args: Record<string, unknown>): AsyncGenerator<unknown> {
  const { registry, policy: rules } = loadRules(config);
  await using store = await openExistingStore(config.store, { metrics: new Metrics() });
  const nobody = { feed: new Feed(), staleness: { changed: () => undefined } };
  const rights = new PatientRights({
    store,
    registry,
    policy: () => rules,
    tombstones: tombstonesOf(config.store),
    ...nobody,
    clock: systemClock,
  });
  yield* rightsOperatorCommands({ rights, tenants: () => tenantsOf(registry, store) })[command](args, `local:${ownUid()}`);
}

function placeOffline(config: HubConfig, command: HandCommand, args: Record<string, unknown>): AsyncIterable<unknown> {
  return placedOffline(config, ({ tenants, ...site }) =>
    handOperatorCommands(openHand({ ...site, tenants }))[command](args, `local:${ownUid()}`),
  );
}

function readingsOffline(config: HubConfig, command: ReadingsCommand, args: Record<string, unknown>): AsyncIterable<unknown> {
  return placedOffline(config, ({ tenants, ...site }) => {
    const maskings = createMaskings(openMaskingSecret(config.masking, config.store));
    const door = createDoor({ ...site, maskings, zone: config.zone });
    return readingsOperatorCommands({ amending: openAmending({ ...site, door }), tenants })[command](args, `local:${ownUid()}`);
  });
}

interface PlacedSite extends Omit<OfflineSite, 'door' | 'registry'> {
  registry: LiveRegistry;
  whereabouts: Whereabouts;
  corrections: Corrections;
  metrics: Metrics;
  clock: Clock;
}

/** With who lies where, so that whoever decides something by hand decides it of whom a running hub would. */
async function* placedOffline<T>(config: HubConfig, use: (site: PlacedSite) => AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  const { registry: listed, policy: rules } = loadRules(config);
  const [clock, metrics, policy] = [systemClock, new Metrics(), () => rules];
  await using store = await openExistingStore(config.store, { metrics });
  const unknown = await store.unknownBindings();
  const ofList = { gateways: () => listed.gateways(), isSandbox: (tenant: string) => listed.isSandbox(tenant), unknown: () => unknown };
  const whereabouts = new Whereabouts({ store, ...ofList, clock });
  await whereabouts.open();
  // Nothing is taken here, but what was lost is said as by a hub that runs.
  const bindings = listed.bindings().map((binding) => ({ ...binding, since: 0 }));
  const registry = new LiveRegistry(listed, withUnknown(bindings, unknown), whereabouts);
  await using corrections = new Corrections({ store, feed: new Feed(), metrics, clock });
  yield* use({ store, registry, policy, whereabouts, corrections, metrics, clock, tenants: () => tenantsOf(listed, store) });
}

/** What the evidence of a store is held against, outside of it, and to whom it is fed. */
function notesOf({ audit, store }: HubConfig): Pick<AuditorOptions, 'keys' | 'kept' | 'everyEntries' | 'receiver'> {
  const { verifiers, note } = auditFilesOf(audit, store);
  const receiver = audit.feed && receiverOf(audit.feed);
  return { keys: () => readVerifiers(verifiers), kept: () => readKeptNote(note), everyEntries: audit.checkpointEntries, receiver };
}

function restore(options: Omit<RestoreOptions, 'clock' | 'uid'>): Promise<RestoreReport> {
  return restoreBackup({ ...options, clock: systemClock, uid: ownUid() });
}

async function rekey(config: HubConfig, values: CommandValues, io: CommandIo): Promise<number> {
  const file = asFile(config.store, 'its encryption is the matter of whoever runs it');
  const { registry, policy: rules } = loadRules(config);
  const before = async (): Promise<void> => {
    await using store = await openExistingStore(file, { metrics: new Metrics() });
    const tenants = tenantsOf(registry, store);
    await recordMaintenance(store, { tenants, uid: ownUid(), action: 'store.rekey', at: systemClock.now(), policy: rules });
  };
  return await runRekey({ ...file, socket: config.operator.socket, before }, values, io);
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}

if (import.meta.main) await main(process.argv.slice(2));
