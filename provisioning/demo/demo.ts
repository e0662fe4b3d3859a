import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { profile } from '../../agent/profiles.ts';
import { type CommandIo, EXIT } from '../../shared/command-line.ts';
import type { Observation } from '../../shared/fhir.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { pause, processSignal } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { connectMcp } from '../../shared/mcp-client.ts';
import { EXTENSIONS } from '../../shared/observation.ts';
import { callOperator } from '../../shared/operator/client.ts';
import { openLocalOverlay } from '../../shared/overlay/local.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { listeningSockets } from './listening.ts';
import { openScreen } from './screen.ts';
import { type DemoSite, makeSite, SERVICES } from './site.ts';
import { type DemoSummary, faults, formatSummary, summarize } from './summary.ts';
import { Viewer } from './viewer.ts';

export interface DemoOptions {
  /** Ends by itself after so many seconds of data; undefined runs until Ctrl-C. */
  seconds: number | undefined;
  /** Only the summary, as one JSON object on standard output. */
  json: boolean;
  /** Writes the stored Observations there as NDJSON at the end. */
  exportFile: string | undefined;
}

const DRAIN_LIMIT_MS = 15_000;

/** Runs the whole of Vitalmesh on this machine with simulated devices; resolves with the exit code (0 only when nothing went wrong). */
export async function runDemo(options: DemoOptions, io: CommandIo): Promise<number> {
  const signal = processSignal({ hangup: true });
  // Nobody reads any more (a closed terminal, `| head`): stop in order.
  for (const out of [io.stdout, io.stderr]) out.on('error', () => process.kill(process.pid, 'SIGTERM'));
  const say = (text: string): void => void io.stderr.write(`${text}\n`);
  const home = mkdtempSync(join(tmpdir(), 'vitalmesh-demo-'));
  say(`files of this run: ${home}, removed at the end unless something goes wrong`);
  let good = false;
  try {
    const site = await makeSite(home);
    const fleet = await startFleet(site, say);
    let summary: DemoSummary;
    try {
      summary = await watch(site, fleet, options, signal, io);
    } finally {
      const killed = await fleet.stop();
      if (killed.length > 0) say(`these had to be killed: ${killed.join(', ')}`);
    }
    const wrong = faults(summary);
    io.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `\n${formatSummary(summary)}\n`);
    for (const fault of wrong) say(`WRONG: ${fault}`);
    good = wrong.length === 0;
    return good ? EXIT.ok : EXIT.failed;
  } finally {
    if (good) rmSync(home, { recursive: true, force: true });
    else say(`The logs are kept in ${home}`);
  }
}

/** Connects the AI client, lets the devices run, shows what arrives, and when the time is up follows the last reading to the store. */
async function watch(site: DemoSite, fleet: Fleet, options: DemoOptions, signal: AbortSignal, io: CommandIo): Promise<DemoSummary> {
  await using overlay = await openLocalOverlay({
    socketPath: fleet.overlaySocket,
    identity: loadIdentity(site.identities.client.file),
    log: silentLogger,
  });
  await using mcp = await connectMcp({ overlay, service: SERVICES.mcp, name: 'vitalmesh-demo' });
  using screen = openScreen(options.json ? undefined : io.stdout, () => viewer.rows());
  const viewer = new Viewer(mcp.client, (row) => screen.row(row));
  const patients = await mcp.client.readResource({ uri: 'vitals://patients' });
  await mcp.listen(patientUris(patients), (uri) => viewer.updated(uri));
  await fleet.startGateways();

  let sockets = listeningSockets(fleet.hub.pid);
  const time = options.seconds === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(options.seconds * 1000)]);
  while (!time.aborted) {
    await pause(1000, time);
    sockets = Math.max(sockets, listeningSockets(fleet.hub.pid));
    screen.tick();
  }
  await fleet.stopDevices();
  await drained(fleet);
  await viewer.quiet();
  return summarize({
    viewer,
    agents: await fleet.agentStatuses(),
    hub: await fleet.hubStatus(),
    sources: await storedBySource(site, options.exportFile),
    hubListeningSockets: Math.max(sockets, listeningSockets(fleet.hub.pid)),
  });
}

function patientUris({ contents }: { contents: readonly unknown[] }): string[] {
  const [content] = contents as readonly { text?: string }[];
  const { patients = [] } = JSON.parse(content?.text ?? '{}') as { patients?: { patient: string }[] };
  return patients.map(({ patient }) => `vitals://patient/${patient}/latest`);
}

/** Waits until the hub has everything that the agents kept. */
async function drained(fleet: Fleet): Promise<void> {
  const late = AbortSignal.timeout(DRAIN_LIMIT_MS);
  while (!late.aborted) {
    const statuses = await fleet.agentStatuses();
    if (statuses.every(({ outbox }) => outbox.pending === 0)) return;
    await pause(50, late);
  }
}

/** Counts what is stored by the protocol it came by, and keeps it in a file where one was asked for. */
async function storedBySource(site: DemoSite, exportFile: string | undefined): Promise<DemoSummary['sources']> {
  const counts = { hl7: 0, serial: 0, mqtt: 0 };
  const lines: string[] = [];
  for await (const row of callOperator(site.hub.operator, 'export')) {
    const name = (row as Observation).extension?.find(({ url }) => url === EXTENSIONS.profile)?.valueCode;
    if (name !== undefined) counts[profile(name).kind] += 1;
    if (exportFile !== undefined) lines.push(JSON.stringify(row));
  }
  if (exportFile !== undefined) writeFileSync(exportFile, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  return counts;
}
