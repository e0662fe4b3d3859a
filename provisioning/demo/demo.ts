import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { profile } from '../../agent/profiles.ts';
import { type CommandIo, EXIT } from '../../shared/command-line.ts';
import type { Observation } from '../../shared/fhir.ts';
import { pause, processSignal } from '../../shared/lifecycle.ts';
import { EXTENSIONS } from '../../shared/observation.ts';
import { callOperator } from '../../shared/operator/client.ts';
import { compare } from './callers.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { listeningSockets } from './listening.ts';
import type { Note } from './notes.ts';
import { Processes } from './processes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type DemoSummary, faults, formatSummary, type Seen, summarize } from './summary.ts';
import { transferText } from './transfer.ts';
import type { Shown } from './viewer.ts';

export interface DemoOptions {
  /** Ends by itself after so many seconds of data; undefined runs until Ctrl-C. */
  seconds: number | undefined;
  /** Only the summary, as one JSON object on standard output. */
  json: boolean;
  /** Writes the stored Observations there as NDJSON at the end. */
  exportFile: string | undefined;
}

/** What there was to see of a run. */
interface Watched extends Pick<DemoOptions, 'exportFile'> {
  sockets: number;
  seen: Seen;
}

const DRAIN_LIMIT_MS = 15_000;

/**
 * Runs the whole of Vitalmesh on this machine, network included, with simulated devices; resolves with the exit code: 0 only when nothing
 * went wrong. Throws DEMO-PROCESS when a process ends before it should.
 */
export async function runDemo(options: DemoOptions, io: CommandIo): Promise<number> {
  const interrupted = processSignal({ hangup: true });
  // Nobody reads any more (a closed terminal, `| head`): stop in order.
  for (const out of [io.stdout, io.stderr]) out.on('error', () => process.kill(process.pid, 'SIGTERM'));
  const say = (text: string): void => void io.stderr.write(`${text}\n`);
  const home = mkdtempSync(join(tmpdir(), 'vitalmesh-demo-'));
  say(`files of this run: ${home}, removed at the end unless something goes wrong`);
  let wrong: string[] | undefined;
  try {
    const summary = await runProcesses(new Processes(home), options, interrupted, io.stdout, say);
    if (summary === undefined) {
      say('ended before the devices had begun: there is nothing to sum up');
      wrong = [];
      return EXIT.failed;
    }
    io.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `\n${formatSummary(summary)}\n`);
    wrong = faults(summary);
    for (const fault of wrong) say(`WRONG: ${fault}`);
    return wrong.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    if (wrong?.length === 0) rmSync(home, { recursive: true, force: true });
    else say(`The logs are kept in ${home}`);
  }
}

/** Starts everything, watches, and stops everything whatever happens. Resolves without a summary when it was interrupted before there was data. */
async function runProcesses(
  processes: Processes,
  options: DemoOptions,
  interrupted: AbortSignal,
  out: NodeJS.WritableStream,
  say: (text: string) => void,
): Promise<DemoSummary | undefined> {
  const screen = openScreen(options.json ? undefined : out);
  const startedAt = performance.now();
  let first = true;
  const { broken } = processes;
  const shown = (row: Shown): void => {
    if (first) say(`first reading at the AI client ${((performance.now() - startedAt) / 1000).toFixed(1)} s after the start`);
    first = false;
    screen.show(row);
  };
  const seen: Seen = {};
  const note = (text: string): void => (options.json ? say(text) : screen.note(text));
  const noted = ({ kind, text }: Note): void => {
    // Of some kind one is enough: those of the transfer are told below, with what came of it.
    if (kind !== 'transfer' && seen[kind] !== undefined) return;
    if (kind !== 'transfer') seen[kind] = text;
    note(text);
  };
  try {
    const fleet = await until(AbortSignal.any([interrupted, broken]), startFleet(processes, { say, shown, noted }));
    await until(broken, fleet.startData());
    const ending = AbortSignal.any([interrupted, broken]);
    const over = options.seconds === undefined ? ending : AbortSignal.any([ending, AbortSignal.timeout(options.seconds * 1000)]);
    const moving = fleet.move(over).then((transfer) => {
      if (transfer === undefined) return;
      seen.transfer = transferText(transfer);
      note(seen.transfer);
    });
    const [sockets] = await until(broken, Promise.all([watch(fleet, over, screen), moving]));
    broken.throwIfAborted();
    return await until(broken, finish(fleet, { sockets, seen, exportFile: options.exportFile }));
  } catch (error) {
    if (interrupted.aborted && error === interrupted.reason) return undefined;
    throw error;
  } finally {
    const killed = await processes.stop();
    screen[Symbol.dispose]();
    if (killed.length > 0) say(`these had to be killed: ${killed.join(', ')}`);
  }
}

/** Lets the devices run until it is over. Resolves with the most listening sockets that the hub ever had. */
async function watch({ hub }: Fleet, over: AbortSignal, screen: Screen): Promise<number> {
  let sockets = listeningSockets(hub.pid);
  while (!over.aborted) {
    await pause(1000, over);
    sockets = Math.max(sockets, listeningSockets(hub.pid));
    screen.tick();
  }
  return sockets;
}

/** Stops the devices, follows the last reading to the store and to the AI client, lets two others ask, verifies the evidence, and sums up. */
async function finish(fleet: Fleet, { sockets, seen, exportFile }: Watched): Promise<DemoSummary> {
  await fleet.stopDevices();
  await drained(fleet);
  const client = await fleet.stopClient();
  const { research, stranger } = await fleet.askOthers();
  return summarize({
    client,
    seen,
    callers: compare(client.sights, research, stranger),
    evidence: await fleet.verifyEvidence(),
    agents: await fleet.agentStatuses(),
    hub: await fleet.hubStatus(),
    sources: await storedBySource(fleet.site.hub.operator, exportFile),
    hubListeningSockets: Math.max(sockets, listeningSockets(fleet.hub.pid)),
  });
}

/** Settles as `work` does, or rejects with the signal's reason as soon as it aborts; `work` is then left to itself. */
async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
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
async function storedBySource(operator: string, exportFile: string | undefined): Promise<DemoSummary['sources']> {
  const counts = { hl7: 0, serial: 0, mqtt: 0 };
  const lines: string[] = [];
  for await (const row of callOperator(operator, 'export')) {
    const name = (row as Observation).extension?.find(({ url }) => url === EXTENSIONS.profile)?.valueCode;
    if (name !== undefined) counts[profile(name).kind] += 1;
    if (exportFile !== undefined) lines.push(JSON.stringify(row));
  }
  if (exportFile !== undefined) writeFileSync(exportFile, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  return counts;
}
