import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HubStatus } from '../../hub/status.ts';
import { pause } from '../../shared/lifecycle.ts';
import { askOperator } from '../../shared/operator/client.ts';
import type { LocalNetwork } from '../support/local-network.ts';
import type { Finished } from './agent-process.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'hub', 'main.ts');

/** Writes the hub.yaml of a hub on a local network, everything of which lies in its folder; `access` as YAML. */
export async function writeHubConfig({ folder, network, socketPath }: LocalNetwork, access?: string): Promise<void> {
  const at = (name: string): string => join(folder, name);
  writeFileSync(
    at('hub.yaml'),
    `identity: ${await network.identityFile(folder, 'hub')}
registry: ${at('registry.yaml')}
store: { path: ${at('hub.db')}, keyFile: ${at('hub.key')} }
overlay: { type: local, socket: ${socketPath} }
operator: { socket: ${at('op/hub.sock')} }
${access === undefined ? '' : `access: ${access}\n`}`,
  );
}

/** A `vitalmesh-hub run` of its own, whose log is kept as text. */
export class HubProcess implements AsyncDisposable {
  readonly #child;
  readonly #closed: Promise<number | null>;
  readonly #heard = new Set<() => void>();
  log = '';

  private constructor(config: string, more: readonly string[]) {
    this.#child = spawn(process.execPath, [MAIN, 'run', '--config', config, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
        for (const hear of this.#heard) hear();
      });
    this.#closed = new Promise((resolve) => this.#child.once('close', resolve));
  }

  /** Resolves once its services are bound; rejects when it ends before. `more` is of the command line. */
  static async start(config: string, operator: string, more: readonly string[] = []): Promise<HubProcess> {
    const hub = new HubProcess(config, more);
    await hub.says(/"msg":"hub runs"/);
    while (!((await askOperator(operator, 'status')) as HubStatus).mcp.bound) await pause(20);
    return hub;
  }

  /** Resolves when this stands in the log behind its first `from` characters; rejects when the hub ends without it. */
  says(what: RegExp, from = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      const hear = (): void => {
        if (!what.test(this.log.slice(from))) return;
        this.#heard.delete(hear);
        resolve();
      };
      this.#heard.add(hear);
      hear();
      const never = (): void => reject(new Error(`it never said ${what}: ${this.log}`));
      AbortSignal.timeout(150_000).addEventListener('abort', never);
      void this.#closed.then(never);
    });
  }

  /** As `kill -HUP` does; resolves when the registry was read again. */
  async reload(): Promise<void> {
    const from = this.log.length;
    this.#child.kill('SIGHUP');
    await this.says(/"msg":"registry read again"/, from);
  }

  /** At once (SIGKILL). */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }
}

/** Runs one command of the hub to its end. */
export function hubCommand(...args: string[]): Promise<Finished> {
  return program(MAIN, ...args);
}

/** Runs a program of ours to its end. */
export async function program(path: string, ...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...said };
}
