import { rmSync } from 'node:fs';
import { type Instant, systemClock } from '../shared/clock.ts';
import { type CommandIo, type CommandValues, exitWith, packageVersion, runProgram } from '../shared/command-line.ts';
import { VitalmeshError } from '../shared/errors.ts';
import type { HeldIdentity } from '../shared/identity/held-identity.ts';
import { loadIdentity } from '../shared/identity/identity.ts';
import { IdentityFiles } from '../shared/identity/identity-files.ts';
import { aborted, processSignal, startAll } from '../shared/lifecycle.ts';
import { createLogger, type Logger } from '../shared/log.ts';
import { Metrics } from '../shared/metrics.ts';
import { createOperatorServer, type OperatorCommand } from '../shared/operator/server.ts';
import { openOwnPlace } from '../shared/overlay/config.ts';
import { checkKeyFile } from '../shared/storage/key-file.ts';
import { refuseRekey } from '../shared/storage/refuse-rekey.ts';
import { openKeptClock } from '../shared/time/keep-time.ts';
import type { NetworkClock } from '../shared/time/network-clock.ts';
import { watchSynchronized } from '../shared/time/synchronized.ts';
import { alarmNotes } from './alarm-notes.ts';
import { type CapturedSource, captureCommand } from './capture/operator.ts';
import { Taps } from './capture/taps.ts';
import { type AgentPrograms, agentProgram } from './cli.ts';
import { type AgentConfig, decodeContext, type SourceConfig } from './config.ts';
import { createIntake, INTAKE_METRICS } from './intake.ts';
import { outboxLimits } from './outbox/config.ts';
import { outboxCommands } from './outbox/operator.ts';
import type { Outbox } from './outbox/outbox.ts';
import type { GapSource } from './outbox/places.ts';
import { placesOf } from './outbox/places-file.ts';
import type { ConfiguredSource } from './outbox/reread.ts';
import { openOutbox } from './outbox/sqlite.ts';
import { profileOrFile } from './profiles.ts';
import { prepareSource } from './sources/create-source.ts';
import { outOfTime, readTls } from './sources/tls.ts';
import type { AgentStatus } from './status.ts';
import { destinationOf, type ToFhirServer, type ToHub, tellsTime } from './uplink/config.ts';
import type { Uplink, UplinkStatus } from './uplink/contract.ts';
import { createUplink, type UplinkOptions } from './uplink.ts';
import { witnessFileOf } from './witness/command.ts';
import { WitnessFile } from './witness/witness-file.ts';

/** What the commands do. */
export const programs: AgentPrograms = { run, check, decode, capture, replay, outbox, rekey, simulate };

/** `vitalmesh-agent ARGV`: runs the command and ends the process with its exit code. */
export function main(argv: readonly string[]): Promise<void> {
  return exitWith(runProgram(agentProgram(programs), argv));
}

/** The outbox is open before a device is accepted, and closed after the last one was told; a hub that is not there is waited for. */
async function run(config: AgentConfig): Promise<void> {
  const signal = processSignal();
  const metrics = new Metrics();
  const log = createLogger({ component: 'agent', level: config.log.level });

  const destination = destinationOf(config);
  const own = ownOf(destination, log);
  using synchronized = watchSynchronized();
  using time = openKeptClock({
    path: `${config.outbox.path}.time`,
    identity: own.held?.identity,
    log,
    isSynchronized: () => synchronized.state(),
    mayStandStill: config.clock?.mayStandStill,
  });
  const { clock } = time;
  const prepared = config.sources.map((source) => prepareSource(config, source, own.gateway));
  const { thread, ...file } = config.outbox;
  // Loaded when it is asked for: it costs memory.
  const open = thread ? (await import('./outbox/thread/thread-outbox.ts')).openOutboxInThread : openOutbox;
  await using outbox: Outbox = await open({
    ...file,
    ...outboxLimits(config.outbox.limits),
    sources: gapSources(config),
    clock,
    log,
    metrics,
  });
  using _known = clock.onKnown((known) => void outbox.timeKnown(known));
  const known = clock.known();
  if (known) void outbox.timeKnown(known);
  await using end = await openEnd(destination, own, { outbox, log, metrics, clock }, witnessFileOf(config.outbox.path));
  const { uplink } = end;
  using _returns = outbox.onReturn(() => uplink.moveOver());
  const taps = new Taps();
  const configured = config.sources.map((source) => configuredSource(config, source));
  const origins = new Map(configured.map(({ name, profile: { name: profile, kind }, context }) => [name, { profile, kind, context }]));
  const intake = createIntake({
    ...{ outbox, metrics, clock, origins },
    isDoubtful: (at) => clock.isDoubtful(at),
    ...(tellsTime(destination) && { runOf: (at: Instant) => clock.runOf(at) }),
  });
  const sources = prepared.map((make) => make({ intake, clock, log, metrics, taps }));

  const status = async (): Promise<AgentStatus> => ({
    version: packageVersion(),
    pid: process.pid,
    startedAt: time.startedAt,
    now: clock.now(),
    clock: clock.status() ?? null,
    ...end.network(),
    uplink: uplink.status(),
    outbox: await outbox.status(),
    sources: sources.map((source) => source.status()),
    observations: metrics.get(INTAKE_METRICS.observations),
    metrics: metrics.snapshot(),
  });
  const captured = config.sources.map((source) => capturedSource(config, source));
  const commands: Record<string, OperatorCommand> = {
    async *status() {
      yield await status();
    },
    capture: captureCommand({ sources: captured, taps, clock, log }),
    ...outboxCommands({ outbox, sources: configured, clock, log, answeringStore: () => answeringStore(uplink.status()) }),
    rekey: refuseRekey,
  };
  const operator = createOperatorServer({ socketPath: config.operator.socket, commands, log });
  await using _running = await startAll([uplink, ...sources, operator], signal);
  log.info({ gateway: own.gateway, sources: sources.map((source) => source.name) }, 'agent runs');
  await aborted(signal);
  log.info('agent stops');
}

/** Who this agent is: an identity of a network, or a name alone. */
interface Own {
  gateway: string;
  files?: IdentityFiles;
  held?: HeldIdentity;
}

function ownOf(destination: ToHub | ToFhirServer, log: Logger): Own {
  if (destination.to === 'fhir-server') return { gateway: destination.uplink.gateway };
  const files = new IdentityFiles(destination.identity);
  const held = files.open(log);
  return { gateway: held.identity.id, files, held };
}

/** The way to who takes the data. */
interface End extends AsyncDisposable {
  uplink: Uplink;
  network(): Pick<AgentStatus, 'identity' | 'overlay' | 'controller' | 'signIn' | 'routers' | 'fhirServer'>;
}

type Carried = Pick<UplinkOptions, 'outbox' | 'log' | 'metrics'> & { clock: NetworkClock };

async function openEnd(
  destination: ToHub | ToFhirServer,
  { gateway, files, held }: Own,
  carried: Carried,
  witnessFile: string,
): Promise<End> {
  if (destination.to === 'fhir-server') return toFhirServer(destination, gateway, carried);
  if (!files || !held) throw new VitalmeshError('INTERNAL', { detail: 'a hub without an identity' });
  return toHub(destination, { files, held }, carried, witnessFile);
}

async function toHub(
  { overlay, uplink }: ToHub,
  own: Required<Pick<Own, 'files' | 'held'>>,
  carried: Carried,
  witnessFile: string,
): Promise<End> {
  await using stack = new AsyncDisposableStack();
  const { clock, log } = carried;
  const place = stack.use(await openOwnPlace(overlay, { ...own, clock }, log));
  const { service, hub, type: _, ...batch } = uplink;
  const { identity } = own.held;
  const witness = new WitnessFile({ path: witnessFile, gateway: identity.id, ...carried });
  const made = createUplink({ ...batch, ...carried, overlay: place.overlay, service, identity, hubIdentity: hub, witness });
  stack.use(place.onRenewed(() => made.moveOver()));
  const opened = stack.move();
  return {
    uplink: made,
    network: () => ({
      identity: place.identityStatus(),
      overlay: place.overlay.state,
      controller: place.controller(),
      signIn: place.signIn(),
      routers: place.routers(),
    }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Loaded when called for: an agent with a hub has no use for it. */
async function toFhirServer({ uplink }: ToFhirServer, agent: string, carried: Carried): Promise<End> {
  const { createFhirServerUplink } = await import('./uplink/fhir-server/fhir-server.ts');
  const { url, tokenFile, tls, type: _, gateway: __, ...batch } = uplink;
  return {
    uplink: createFhirServerUplink({ ...batch, ...carried, agent, url, files: { tokenFile, tls } }),
    network: () => ({ identity: null, overlay: null, controller: null, signIn: null, routers: [], fhirServer: url }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function configuredSource(config: AgentConfig, source: SourceConfig): ConfiguredSource {
  const profile = profileOrFile(source.type === 'mqtt' ? source.mapping : source.profile);
  return { name: source.name, profile, context: decodeContext(config, source) };
}

/** Whose data a source brings, as far as the configuration says so. */
function gapSources(config: AgentConfig): GapSource[] {
  return config.sources.map((source) => {
    const { name, profile, context } = configuredSource(config, source);
    const { patient, bed, deviceId, test } = context;
    const subject = { ...(patient && { patient }), ...(bed !== undefined && { bed }) };
    return { source: name, profile: profile.name, device: { id: deviceId ?? name, idType: 'config' }, subject, test };
  });
}

/** The store of the hub that answers: the one that was refused last, or the one that it is connected to. */
function answeringStore({ state, hub, refusedStore }: UplinkStatus): string | null {
  return refusedStore ?? (state === 'connected' ? (hub?.storeId ?? null) : null);
}

function capturedSource({ zone }: AgentConfig, source: SourceConfig): CapturedSource {
  const profile = profileOrFile(source.type === 'mqtt' ? source.mapping : source.profile);
  const framing = 'framing' in source ? { framing: source.framing } : {};
  return { name: source.name, profile, zone: source.zone ?? zone, ...framing };
}

/** What an operator is to know of a configuration that is good. */
async function check(config: AgentConfig): Promise<string[]> {
  const gateway = await checkDestination(destinationOf(config));
  for (const source of config.sources) {
    prepareSource(config, source, gateway);
    checkCertificate(source);
  }
  checkKeyFile(config.outbox.keyFile, config.outbox.path);
  return alarmNotes(config.sources);
}

/** Reads what proves who this agent is; the name of the gateway. Throws IDENTITY-*, FHIR-CREDENTIALS. */
async function checkDestination(destination: ToHub | ToFhirServer): Promise<string> {
  if (destination.to === 'hub') return loadIdentity(destination.identity).id;
  const { readCredentials } = await import('./uplink/fhir-server/files.ts');
  const { tls } = readCredentials(destination.uplink);
  const trouble = tls.certPem === '' ? undefined : outOfTime({ cert: tls.certPem }, systemClock.now());
  if (trouble) throw new VitalmeshError('FHIR-CREDENTIALS', { detail: `uplink.tls.certFile: ${trouble.detail}`, cause: trouble });
  return destination.uplink.gateway;
}

/** A running source only logs this, for the other side may not look at it. Throws SOURCE-CERTIFICATE. */
function checkCertificate(source: SourceConfig): void {
  const { certFile, keyFile } = ('tls' in source && source.tls) || {};
  if (certFile === undefined || keyFile === undefined) return;
  const trouble = outOfTime(readTls({ certFile, keyFile }), systemClock.now());
  if (trouble) throw new VitalmeshError('SOURCE-CERTIFICATE', { detail: `${certFile}: ${trouble.detail}`, cause: trouble });
}

/** Loaded when called: a running agent has no use for it. */
async function decode(...args: Parameters<typeof import('./decode.ts').runDecode>): Promise<number> {
  return (await import('./decode.ts')).runDecode(...args);
}

async function simulate(argv: string[], io: CommandIo): Promise<number> {
  return (await import('./simulate/command.ts')).runSimulate(argv, io);
}

async function capture(...args: Parameters<AgentPrograms['capture']>): Promise<number> {
  return (await import('./capture/command.ts')).runCapture(...args);
}

async function outbox(...args: Parameters<AgentPrograms['outbox']>): Promise<number> {
  return (await import('./outbox/command.ts')).runOutbox(...args);
}

async function rekey({ outbox: { path, keyFile }, operator }: AgentConfig, ...rest: [CommandValues, CommandIo]): Promise<number> {
  const code = await (await import('../shared/storage/rekey-command.ts')).runRekey({ path, keyFile, socket: operator.socket }, ...rest);
  // It has the old key; the next start makes it anew.
  rmSync(placesOf(path), { force: true });
  return code;
}

async function replay(...args: Parameters<AgentPrograms['replay']>): Promise<number> {
  return (await import('./capture/command.ts')).runReplay(...args);
}

if (import.meta.main) await main(process.argv.slice(2));
