import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { modern } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { legacyOver, modernOver } from '../support/mcp-line-clients.ts';
import { LATEST, McpSite, PATIENT } from '../support/mcp-site.ts';
import { until } from '../support/until.ts';
import { type BridgeEnd, BridgeProcess } from './bridge-process.ts';

interface Answer {
  id?: unknown;
  error?: { data?: { code?: string } };
}

/** Every line that it wrote for its host; fails where one is no message of JSON-RPC. */
function messagesOf({ stdout }: Pick<BridgeEnd, 'stdout'>): Answer[] {
  const lines = stdout.split('\n');
  assert.equal(lines.pop(), '', 'the last line has an end');
  return lines.map((line) => {
    const message = JSON.parse(line) as Answer & { jsonrpc: string };
    assert.equal(message.jsonrpc, '2.0');
    return message;
  });
}

/** The messages of its log; fails where a line is no entry of it. */
function logOf({ stderr }: Pick<BridgeEnd, 'stderr'>): string[] {
  return stderr
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
}

describe('vitalmesh bridge, as a host starts it', { timeout: 400_000 }, () => {
  let site: McpSite;

  before(async () => {
    verifies('MCP-BRIDGE');
    site = await McpSite.open();
  });

  after(() => site[Symbol.asyncDispose]());

  for (const [revision, connect] of Object.entries({ '2025-11-25': legacyOver, '2026-07-28': modernOver }))
    test(`${revision}: the hub is killed and comes back: what is asked meanwhile waits, what was followed is followed, and standard output carries messages alone`, async () => {
      await using bridge = new BridgeProcess(site.command('bridge'));
      const client = await connect(bridge.transport());
      const updates = await client.subscribe([LATEST]);
      await updates.count(LATEST, 3);

      await site.killHub();
      await bridge.logs('the connection to the hub is lost; it is made again');
      const before = updates.of(LATEST).length;
      const [again, read] = [site.startHub(), client.read(LATEST)];
      const asked = read.then(
        () => 'answered',
        (error: { data?: { code?: string } }) => error.data?.code ?? assert.fail(String(error)),
      );
      await again;
      // Who has waited for ten seconds is told so, and asks again.
      assert.match(await asked, /^(?:answered|OVERLAY-[A-Z-]+)$/);
      await updates.until(() => updates.of(LATEST).length >= before + 3);
      assert.equal((await client.read(LATEST)).patient, PATIENT);
      assert.equal((await client.call('get_latest_vitals', { patient: PATIENT })).isError ?? false, false);

      await client.close();
      const end = await bridge.ended;
      assert.equal(end.code, 0, end.stderr);
      assert.ok(messagesOf(end).length > 10);
      const log = logOf(end);
      assert.ok(log.length > 0 && log.length < 30, `${log.length} lines for one outage`);
      assert.doesNotMatch(end.stderr, /pat-home/);
    });

  test('what was asked before standard input ended is answered, and it ends without a word', async () => {
    await using bridge = new BridgeProcess(site.command('bridge'));
    const end = await bridge.say(modern('tools/list', {}, 'a'), modern('resources/read', { uri: LATEST }, 'b')).close();
    const messages = messagesOf(end);
    assert.deepEqual(messages.map(({ id }) => id).sort(), ['a', 'b']);
    assert.ok(messages.every(({ error }) => error === undefined));
    assert.deepEqual([end.code, end.stderr], [0, '']);
  });

  test('a host that was killed has closed nothing: its bridge ends all the same', async () => {
    // What holds its own input open hears of no end.
    const held = join(site.folder, 'held');
    execFileSync('mkfifo', [held]);
    await using bridge = new BridgeProcess(site.command('bridge'), ['sh', '-c', `"$0" "$@" <>'${held}' & wait`]);
    await writeFile(held, `${JSON.stringify(modern('tools/list', {}))}\n`);
    await until(() => bridge.stdout.includes('\n'));
    bridge.child.kill('SIGKILL');
    // Its pipes are closed when nobody is left that holds them.
    await bridge.ended;
  });

  test('SIGTERM ends it', async () => {
    await using bridge = new BridgeProcess(site.command('bridge'));
    bridge.say(modern('tools/list', {}));
    await until(() => bridge.stdout.includes('\n'));
    bridge.child.kill('SIGTERM');
    assert.equal((await bridge.ended).code, 0);
  });

  test('a host that closes at once is answered by code where the network refuses or no hub is, and it ends with that code', async () => {
    const ends = async (file: string): Promise<string | undefined> => {
      const command = site.command('bridge');
      await using bridge = new BridgeProcess({ ...command, args: ['bridge', '--identity', file, '--log', 'error'] });
      const end = await bridge.say(modern('tools/list', {}, 1)).close();
      const [answer, ...more] = messagesOf(end);
      assert.deepEqual([answer?.id, more, end.code], [1, [], 1]);
      const code = answer?.error?.data?.code;
      assert.match(end.stderr, new RegExp(`^${code}: .+\\n {2}.+\\n$`));
      return code;
    };
    const stranger = await site.enrol('stranger');
    assert.match((await ends(stranger.file)) ?? '', /^OVERLAY-(?:DENIED|NO-SERVICE)$/);
    await site.killHub();
    await until(async () => (await ends(site.client.file)) === 'OVERLAY-NO-TERMINATOR');

    // The same where nothing was asked.
    await using silent = new BridgeProcess(site.command('bridge'));
    const end = await silent.close();
    assert.deepEqual([end.code, end.stdout], [1, '']);
    assert.match(end.stderr, /^OVERLAY-NO-TERMINATOR: /m);
    await site.startHub();
  });
});
