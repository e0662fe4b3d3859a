import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { AgentStatus } from '../../agent/status.ts';
import { pause } from '../../shared/lifecycle.ts';
import { askOperator } from '../../shared/operator/client.ts';
import type { AgentSite } from '../support/agent-site.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'agent', 'main.ts');

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts `vitalmesh-agent run`, and waits until its operator's socket answers. */
export async function startAgent(site: AgentSite): Promise<AgentProcess> {
  const agent = new AgentProcess(spawn(process.execPath, [MAIN, 'run', '--config', site.config]), site.operator);
  while (agent.running && !(await agent.status().catch(() => undefined))) await pause(20);
  return agent;
}

export class AgentProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stderr = '';
  readonly #operator: string;

  constructor(child: ChildProcess, operator: string) {
    this.child = child;
    this.#operator = operator;
    let stdout = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.finished = once(child, 'close').then(([code]) => ({ code, stdout, stderr: this.stderr }));
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async status(): Promise<AgentStatus> {
    return (await askOperator(this.#operator, 'status')) as AgentStatus;
  }

  /** Asks until the agent is in the state that a test waits for. */
  async until(condition: (status: AgentStatus) => boolean): Promise<AgentStatus> {
    for (;;) {
      const status = await this.status();
      if (condition(status)) return status;
      await pause(20);
    }
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal);
    return this.finished;
  }

  /** A test that failed leaves no agent behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.stop('SIGKILL');
  }
}

/** Runs one command of the agent to its end. */
export async function agentCommand(...args: string[]): Promise<Finished> {
  return new AgentProcess(spawn(process.execPath, [MAIN, ...args]), '').finished;
}
