import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ERRORS } from '../../shared/errors.ts';
import { verifies } from '../requirements.ts';
import { type Here, PAGE, pageBlocks, pageCommands, pageEntries } from '../support/connect-page.ts';
import { freePort } from '../support/free-port.ts';
import { LATEST, McpSite, PATIENT } from '../support/mcp-site.ts';
import { until } from '../support/until.ts';
import { assertInstalled, CACHE } from './mcp-clients/cache.ts';
import { MCPDO } from './mcp-clients/inspector.ts';
import { sdk1, sdk2 } from './mcp-clients/sdks.ts';
import { LIMIT_MS, type Place } from './mcp-clients/visit.ts';

/** A command of the page at work; its whole group is killed at the end. */
class Shell implements AsyncDisposable {
  readonly #child;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(line: string, folder: string) {
    const path = [join(folder, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
    const env = { ...process.env, PATH: path, HOME: folder, MCP_INSPECTOR_DAEMON_DIR: join(folder, 'daemon'), MCP_STORAGE_DIR: folder };
    this.#child = spawn('sh', ['-c', line], {
      ...{ cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
      ...{ timeout: LIMIT_MS, killSignal: 'SIGKILL' as const },
    });
    for (const name of ['stdout', 'stderr'] as const)
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
      });
    this.ended = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** Resolves when it has said this; fails when it ends without. */
  async says(what: RegExp): Promise<void> {
    let isOver = false;
    void this.ended.then(() => {
      isOver = true;
    });
    await until(() => isOver || what.test(this.stdout));
    assert.match(this.stdout, what, this.stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    await this.ended;
  }
}

describe('the page "Connect your AI client"', { timeout: 600_000 }, () => {
  const stack = new AsyncDisposableStack();
  let here: Here;
  /** Where the commands are given. */
  let folder = '';
  let commands: string[] = [];

  before(async () => {
    verifies('MCP-CONNECT-PAGE');
    assertInstalled();
    const site = stack.use(await McpSite.open());
    here = { home: join(site.folder, 'me'), port: await freePort() };
    folder = join(site.folder, 'work');
    mkdirSync(join(folder, 'bin'), { recursive: true });
    commands = pageCommands(here);
    const { id, jwt } = await site.admin.createIdentity({ name: 'me', attributes: ['clients'] });
    writeFileSync(join(folder, 'client.jwt'), jwt, { mode: 0o600 });
    for (const what of [/^mkdir /, / enroll /]) await run(commandOf(what));
    await site.admit(id);
    // Claude Code is not here: what it would be told is written down.
    writeFileSync(join(folder, 'bin', 'claude'), '#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n', { mode: 0o755 });
  });

  after(() => stack.disposeAsync());

  const run = async (line: string): Promise<string> => {
    await using shell = new Shell(line, folder);
    assert.equal(await shell.ended, 0, `${line}\n${shell.stdout}${shell.stderr}`);
    return shell.stdout;
  };

  const commandOf = (what: RegExp): string => {
    const found = commands.filter((line) => what.test(line));
    assert.equal(found.length, 1, String(what));
    return found[0] ?? '';
  };

  const visits = async (place: Place): Promise<void> => {
    const seen = await sdk1({ place, era: 'legacy', patient: PATIENT, uri: LATEST, updates: 1 });
    assert.equal(seen.read.patient, PATIENT);
    const modern = await sdk2({ place, era: 'modern', patient: PATIENT, uri: LATEST, updates: 1 });
    assert.equal(modern.called.patient, PATIENT);
  };

  test('holds no command of which nobody knows whether it works; its enrolment made the identity of all that follows', () => {
    const known = [
      /^mkdir /,
      /vitalmesh\.mjs enroll /,
      /^echo .* \| \S+vitalmesh\.mjs bridge /,
      /^claude mcp add /,
      /mcpdo /,
      /vitalmesh\.mjs connect /,
    ];
    for (const line of commands)
      assert.ok(
        known.some((what) => what.test(line)),
        `a command of another kind needs a test: ${line}`,
      );
  });

  test('every code that it explains is one of ours, and every link leads somewhere', () => {
    const page = readFileSync(PAGE, 'utf8');
    const codes = [...page.matchAll(/`([A-Z]+(?:-[A-Z]+)+)`/g)].map(([, code = '']) => code);
    assert.ok(codes.length > 10);
    for (const code of codes) assert.ok(Object.hasOwn(ERRORS, code), code);
    const links = [...page.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)];
    assert.ok(links.length > 0);
    for (const [, file = '', anchor] of links) {
      const text = readFileSync(join(dirname(PAGE), file), 'utf8');
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-'));
      if (anchor !== undefined) assert.ok(anchors.includes(anchor), anchor);
    }
  });

  test('its first trial prints one line with the tools', async () => {
    const said = await run(commandOf(/^echo /));
    assert.deepEqual(said.trim().split('\n').length, 1);
    const { result } = JSON.parse(said) as { result: { tools: { name: string }[] } };
    assert.ok(result.tools.some(({ name }) => name === 'wait_for_change'));
  });

  test('every host that starts a command starts one that works', async () => {
    const started = pageEntries(here).filter(({ command }) => command !== undefined);
    assert.deepEqual(
      started.map(({ file }) => file),
      ['mcpServers', 'mcpServers', 'mcpServers', 'servers'],
    );
    const told = (await run(commandOf(/^claude .* -- /))).trim().split('\n');
    assert.deepEqual(told.slice(0, 6), ['mcp', 'add', '--scope', 'user', 'vitals', '--']);
    const [command = '', ...args] = told.slice(6);
    const all = [{ command, args }, ...started.map((entry) => ({ command: entry.command ?? '', args: entry.args ?? [] }))];
    // Many hosts write the same: each that differs is started.
    const different = new Map(all.map((one) => [JSON.stringify(one), one]));
    for (const one of different.values()) await visits({ ...one, env: {} });
  });

  test('mcpdo reads the file of a host, lists, reads and shows changes', async () => {
    const [config = ''] = pageBlocks('json', here);
    writeFileSync(join(folder, 'mcp.json'), config);
    const lines = commands
      .filter((line) => line.includes(' mcpdo '))
      .map((line) => line.replace('npx -p @modelcontextprotocol/inspector@2.12.0 mcpdo', `'${process.execPath}' '${MCPDO}'`));
    assert.equal(lines.length, 5);
    try {
      const said: string[] = [];
      for (const line of lines) {
        if (!line.includes('resources/subscribe')) said.push(await run(line));
        else {
          await using shell = new Shell(line, folder);
          await shell.says(/vitals:\/\/patients[\s\S]*vitals:\/\/patients/);
        }
      }
      assert.match(said[1] ?? '', /get_latest_vitals/);
      assert.match(said[2] ?? '', new RegExp(PATIENT));
    } finally {
      await run(`'${process.execPath}' '${MCPDO}' daemon stop`);
    }
  });

  test('connect serves what hosts that speak HTTP are told, and the program in TypeScript', async () => {
    await using shell = new Shell(`exec ${commandOf(/mjs connect /)}`, folder);
    await shell.says(/^MCP at /m);
    const url = `http://127.0.0.1:${here.port}/mcp`;
    const bearer = readFileSync(join(here.home, 'bearer'), 'utf8').trim();
    const [entry, ...more] = pageEntries(here).filter((one) => one.url !== undefined);
    assert.deepEqual(more, []);
    assert.equal(entry?.url, url);
    assert.deepEqual(entry.headers, { Authorization: 'Bearer BEARER' });
    assert.deepEqual((await run(commandOf(/^claude .*--transport http/))).trim().split('\n'), [
      ...['mcp', 'add', '--scope', 'user', '--transport', 'http', 'vitals', url],
      ...['--header', `Authorization: Bearer ${bearer}`],
    ]);
    await visits({ url, bearer });

    const [program = '', ...others] = pageBlocks('ts', here);
    assert.deepEqual(others, []);
    // The package of this checkout, as if it were installed there.
    const installed = import.meta.resolve('@modelcontextprotocol/client');
    writeFileSync(join(folder, 'program.mts'), program.replace("'@modelcontextprotocol/client'", `'${installed}'`));
    await using running = new Shell(`exec '${process.execPath}' program.mts`, folder);
    await running.says(/^tools: .*get_latest_vitals[\s\S]*^changed: vitals:\/\/patients$/m);
  });

  test('the program in Python prints values as they change', async () => {
    const [program = '', ...others] = pageBlocks('python', here);
    assert.deepEqual(others, []);
    writeFileSync(join(folder, 'program.py'), program);
    await using shell = new Shell(`exec '${join(CACHE, 'python', 'bin', 'python')}' program.py`, folder);
    await shell.says(/"patient":"pat-home-1"[^\n]*\n.*"patient":"pat-home-1"/);
  });
});
