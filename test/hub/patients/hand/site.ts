import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import { patientsCliCommands } from '../../../../hub/patients/cli.ts';
import { openHand } from '../../../../hub/patients/hand/open-hand.ts';
import { handOperatorCommands } from '../../../../hub/patients/hand/operator.ts';
import { runProgram } from '../../../../shared/command-line.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { createOperatorServer } from '../../../../shared/operator/server.ts';
import { FOLLOWING_REGISTRY } from '../../../support/following.ts';
import { TestClock, type TestHub, testHub } from '../../../support/hub.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface HandSite {
  hub: TestHub;
  clock: TestClock;
  folder: string;
  /** `vitalmesh-hub patients ARGV`, with something to read. */
  patients(argv: readonly string[], stdin?: string): Promise<Ran>;
  /** The same that must succeed, as what `--json` prints. */
  json<T>(argv: readonly string[], stdin?: string): Promise<T>;
}

/** A hub whose ICU beds follow movements, and the commands by which an operator says who lies there; `isRunning`: at the operator's socket, or else with the store alone. */
export async function handSite(
  run: (site: HandSite) => Promise<void>,
  {
    isRunning = true,
    policy = DEFAULT_POLICY,
    registry = FOLLOWING_REGISTRY,
  }: { isRunning?: boolean; policy?: Policy; registry?: string } = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-hand-'));
  const socketPath = join(folder, 'hub.sock');
  const config = join(folder, 'hub.yaml');
  writeFileSync(
    config,
    `identity: hub.json\nregistry: registry.yaml\nzone: Europe/Berlin\nstore: { path: store.db, keyFile: store.key }\noverlay: { type: ziti }\noperator: { socket: ${socketPath} }\n`,
  );
  const clock = new TestClock();
  await using hub = testHub({ clock, registry, policy: () => policy });
  await hub.whereabouts.open();
  const commands = handOperatorCommands(openHand({ ...hub, policy: () => policy, clock, tenants: () => ['clinic'] }));
  const server = createOperatorServer({ socketPath, commands, log: silentLogger });
  const stop = new AbortController();
  if (isRunning) await server.start(stop.signal);
  const place = async function* (_: unknown, name: keyof typeof commands, args: Record<string, unknown>): AsyncGenerator<unknown> {
    assert.ok(!isRunning, 'asked beside the hub that runs');
    yield* commands[name](args, 'local:1000');
  };
  const program = {
    name: 'vitalmesh-hub',
    summary: '',
    commands: patientsCliCommands({ place, where: () => assert.fail(), patient: () => assert.fail() }),
  };
  const patients = async (argv: readonly string[], stdin = ''): Promise<Ran> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [name = '', ...rest] = argv;
    const io = { stdin: Readable.from([stdin]), stdout, stderr };
    const code = await runProgram(program, ['patients', name, ...rest, '--config', config], io);
    return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
  };
  const json = async <T>(argv: readonly string[], stdin?: string): Promise<T> => {
    const { code, stdout, stderr } = await patients([...argv, '--json'], stdin);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };
  try {
    await run({ hub, clock, folder, patients, json });
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}
