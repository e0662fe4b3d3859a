import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, type Writable } from 'node:stream';
import { LineTransport } from '../support/mcp-line-clients.ts';
import type { HostCommand } from '../support/mcp-site.ts';
import { until } from '../support/until.ts';

/** How it ended, and all that it said. */
export interface BridgeEnd {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A bridge as a host starts it: the command of its configuration, with pipes to all three. */
export class BridgeProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly stdin: Writable;
  /** When nobody holds its pipes any more. */
  readonly ended: Promise<BridgeEnd>;
  stdout = '';
  stderr = '';

  /** `through` is a command that it is run through. */
  constructor({ command, args, env }: HostCommand, through: readonly string[] = []) {
    const [program = command, ...rest] = [...through, command, ...args];
    this.child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    const { stdin, stdout, stderr } = this.child;
    if (!stdin || !stdout || !stderr) throw new Error('it has no pipes');
    stdin.on('error', () => undefined);
    this.stdin = stdin;
    stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = once(this.child, 'close').then(([code]) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }

  /** For a client, instead of `say`; taken once, before anything was said. */
  transport(): LineTransport {
    const lines = new PassThrough();
    this.child.stdout?.pipe(lines);
    return new LineTransport({ from: lines, to: this.stdin });
  }

  say(...messages: object[]): this {
    for (const message of messages) this.stdin.write(`${JSON.stringify(message)}\n`);
    return this;
  }

  /** Standard input is closed; resolves when it has ended. */
  async close(): Promise<BridgeEnd> {
    this.stdin.end();
    return await this.ended;
  }

  /** Resolves when its log has this message. */
  async logs(message: string): Promise<void> {
    await until(() => this.stderr.includes(`"msg":"${message}"`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
