import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CACHE } from './cache.ts';
import { type Errand, type ForeignClient, LIMIT_MS, type Seen } from './visit.ts';

/** Its program. */
export const MCPDO = join(CACHE, 'node_modules', '@modelcontextprotocol', 'inspector', 'clients', 'mcpdo', 'build', 'mcp-bin.js');

/**
 * `mcpdo` of MCP Inspector 2.12.0: one command at a time over a connection that a daemon of its own keeps. Everything that it writes lies in a folder that is gone afterwards. A disposed one has
 * stopped its daemon.
 */
export class Inspector implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vm-mcpdo-'));

  /** Connects to the entry `name` of a file with `mcpServers`, as hosts have it. */
  async connect(name: string, config: string, ...more: string[]): Promise<void> {
    await this.json('connect', name, '--config', config, ...more);
  }

  /** A file with `mcpServers` of this content. */
  configFile(content: object): string {
    const path = join(this.#folder, 'mcp.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  }

  /** What a command prints. */
  async json(...args: string[]): Promise<Record<string, unknown>> {
    const { child, said } = this.#start(args);
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`mcpdo ${args[0]} ended with ${code}: ${said.stdout}${said.stderr}`);
    return JSON.parse(said.stdout) as Record<string, unknown>;
  }

  /** The resources that updates name, in order of arrival, until there are so many. */
  async updates(connection: string, uri: string, count: number): Promise<string[]> {
    const { child, said } = this.#start([connection, 'resources/subscribe', uri]);
    const told = (): string[] => {
      const events = said.stdout.matchAll(/\{\s*"type": "resources\/updated",\s*"uri": "([^"]+)"\s*\}/g);
      return [...events].map(([, updated = '']) => updated);
    };
    child.stdout?.on('data', () => told().length >= count && child.kill('SIGINT'));
    await once(child, 'close');
    if (told().length < count) throw new Error(`mcpdo was told of no ${count} updates: ${said.stdout}${said.stderr}`);
    return told().slice(0, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { child } = this.#start(['daemon', 'stop']);
    await once(child, 'close');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(args: readonly string[]): { child: ChildProcess; said: { stdout: string; stderr: string } } {
    const env = {
      ...process.env,
      HOME: this.#folder,
      MCP_STORAGE_DIR: join(this.#folder, 'store'),
      MCP_INSPECTOR_DAEMON_DIR: join(this.#folder, 'daemon'),
      MCP_INSPECTOR_SECRET_STORE: 'file',
    };
    const child = spawn(process.execPath, [MCPDO, ...args, '--format', 'json'], {
      ...{ env, stdio: ['ignore', 'pipe', 'pipe'] },
      ...{ timeout: LIMIT_MS, killSignal: 'SIGKILL' as const },
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
      });
    return { child, said };
  }
}

export const inspector: ForeignClient = async ({ place, era, patient, uri, updates }: Errand): Promise<Seen> => {
  await using mcpdo = new Inspector();
  const server = 'url' in place ? { type: 'streamable-http', url: place.url, headers: { Authorization: `Bearer ${place.bearer}` } } : place;
  await mcpdo.connect('vitals', mcpdo.configFile({ mcpServers: { vitals: server } }), '--era', era, '--connect-timeout', String(LIMIT_MS));
  const { protocolVersion } = await mcpdo.json('@vitals', 'connections/show');
  const { tools } = (await mcpdo.json('@vitals', 'tools/list')) as { tools: { name: string }[] };
  const { resources } = (await mcpdo.json('@vitals', 'resources/list')) as { resources: { uri: string }[] };
  const { contents } = (await mcpdo.json('@vitals', 'resources/read', uri)) as { contents: { text: string }[] };
  const called = await mcpdo.json('@vitals', 'tools/call', 'get_latest_vitals', `patient:=${patient}`);
  return {
    revision: String(protocolVersion),
    tools: tools.map(({ name }) => name),
    resources: resources.map((resource) => resource.uri),
    read: JSON.parse(contents[0]?.text ?? 'null') as Record<string, unknown>,
    called: called.structuredContent as Record<string, unknown>,
    updates: await mcpdo.updates('@vitals', uri, updates),
  };
};
