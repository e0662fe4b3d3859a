import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SyslogSink } from '../../hub/audit/feed/syslog-sink.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import { fedEntry } from '../contract/feed-sink.ts';
import { verifies } from '../requirements.ts';
import { TestAuthority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { RECEIVER_HOST } from '../support/syslog-receiver.ts';

const NEVER = new AbortController().signal;
const HOSTILE = ['a\nb\u0000\u001b[2J', '"] [evil@1 who="root"]', 'Zoë 李明 \u{1f600}', 'back\\slash "quoted" ]', '12 <110>1 - - - - - -'];

/** What a line of its file says. */
interface Kept {
  sd: string;
  msg: string;
  host: string;
  app: string;
  msgid: string;
  pri: string;
}

/** Debian's rsyslog with one of its two TLS drivers; wants a certificate of the sender. */
class Rsyslog implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-rsyslog-'));
  readonly authority: TestAuthority;
  readonly port: number;
  #process: ChildProcess | undefined;

  private constructor(authority: TestAuthority, port: number) {
    this.authority = authority;
    this.port = port;
  }

  static async start(driver: 'gtls' | 'ossl'): Promise<Rsyslog> {
    const port = await freePort();
    const made = new Rsyslog(await TestAuthority.make(), port);
    const { cert, key } = await made.authority.issue(RECEIVER_HOST);
    const at = (name: string): string => join(made.folder, name);
    writeFileSync(at('ca.pem'), made.authority.pem);
    writeFileSync(at('cert.pem'), cert);
    writeFileSync(at('key.pem'), key, { mode: 0o600 });
    const fields = ['sd', 'msg', 'host', 'app', 'msgid', 'pri'].map(
      (name, i) =>
        `property(outname="${name}" name="${['structured-data', 'msg', 'hostname', 'app-name', 'msgid', 'pri'][i]}" format="jsonf")`,
    );
    writeFileSync(
      at('rsyslog.conf'),
      `global(workDirectory="${made.folder}" defaultNetstreamDriver="${driver}" defaultNetstreamDriverCAFile="${at('ca.pem')}"
  defaultNetstreamDriverCertFile="${at('cert.pem')}" defaultNetstreamDriverKeyFile="${at('key.pem')}")
module(load="imtcp" streamDriver.name="${driver}" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["hub-1.test"])
template(name="json" type="list" option.jsonf="on") { ${fields.join(' ')} }
input(type="imtcp" port="${port}" address="127.0.0.1")
action(type="omfile" file="${at('kept.jsonl')}" template="json")
`,
    );
    await made.run();
    return made;
  }

  async run(): Promise<void> {
    this.#process = spawn('/usr/sbin/rsyslogd', ['-n', '-f', join(this.folder, 'rsyslog.conf'), '-i', join(this.folder, 'pid')], {
      stdio: 'ignore',
    });
    while (!(await this.#answers())) await pause(20);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill(signal);
    await once(running, 'close');
    rmSync(join(this.folder, 'pid'), { force: true });
  }

  kept(): Kept[] {
    const path = join(this.folder, 'kept.jsonl');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Kept);
  }

  seqs(): number[] {
    return this.kept().map(({ sd }) => Number(/ seq="(\d+)"/.exec(sd)?.[1]));
  }

  /** Its file is written behind what it reads. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await pause(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ port: this.port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  }
}

/** A sink of a hub that shows this certificate, where it has one. */
function sinkTo({ port, authority }: Rsyslog, own: { cert?: string; key?: string }, settleMs: number): SyslogSink {
  return new SyslogSink({
    host: RECEIVER_HOST,
    to: 'rsyslog',
    dial: async () => connect({ port, host: '127.0.0.1' }),
    credentials: () => ({ ca: authority.pem, ...own }),
    sender: { host: 'hub-1', pid: 4711 },
    round: { entries: 1000, ms: 1000 },
    settleMs,
  });
}

for (const driver of ['gtls', 'ossl'] as const) {
  test(`rsyslog (${driver}) takes what the hub sends, and answers its end; nothing is missing there after it was away`, {
    timeout: 120_000,
  }, async () => {
    verifies('FEED-TLS', 'FEED-CLEAN', 'FEED-GOES-ON');
    await using daemon = await Rsyslog.start(driver);
    const own = await daemon.authority.issue('hub-1.test');
    await using sink = sinkTo(daemon, own, 100);
    await sink.send(
      HOSTILE.map((who, i) => fedEntry(i + 1, who)),
      NEVER,
    );
    await sink.confirm(NEVER);
    await daemon.until(() => daemon.seqs().length === HOSTILE.length);
    for (const [i, { sd, host, app, msgid, pri }] of daemon.kept().entries()) {
      assert.deepEqual([host, app, msgid, pri], ['hub-1', 'vitalmesh-hub', 'vitals.read', '110']);
      const who = new Map(fedEntry(i + 1, HOSTILE[i]).fields).get('who');
      assert.ok(sd.includes(` who="${String(who).replaceAll(/["\\\]]/g, '\\$&')}" `), sd);
    }
    const page = Array.from({ length: 900 }, (_, i) => fedEntry(HOSTILE.length + i + 1));
    await sink.send(page, NEVER);
    await sink.confirm(NEVER);
    await daemon.until(() => daemon.seqs().length === HOSTILE.length + page.length);
    // Killed with what was sent and not confirmed: all of that is sent again.
    await sink.send([fedEntry(2001)], NEVER);
    await daemon.stop('SIGTERM');
    await assert.rejects(sink.confirm(NEVER), { code: 'AUDIT-FEED-UNREACHABLE' });
    await assert.rejects(sink.send([fedEntry(2001)], NEVER), { code: 'AUDIT-FEED-UNREACHABLE' });
    await daemon.run();
    await sink.send([fedEntry(2001), fedEntry(2002)], NEVER);
    await sink.confirm(NEVER);
    await daemon.until(() => daemon.seqs().includes(2002));
    assert.deepEqual([...new Set(daemon.seqs())], [...Array.from({ length: HOSTILE.length + page.length }, (_, i) => i + 1), 2001, 2002]);
  });

  test(`rsyslog (${driver}) that does not permit the hub confirms nothing`, { timeout: 120_000 }, async () => {
    verifies('FEED-TLS');
    await using daemon = await Rsyslog.start(driver);
    const stranger = await daemon.authority.issue('somebody.test');
    // Its driver of OpenSSL takes whatever certificate its authority issued.
    for (const own of driver === 'gtls' ? [{}, stranger] : [{}]) {
      await using sink = sinkTo(daemon, own, 500);
      await assert.rejects(
        async () => {
          await sink.send([fedEntry(1)], NEVER);
          await sink.confirm(NEVER);
        },
        (error) => error instanceof VitalmeshError && error.code.startsWith('AUDIT-FEED-'),
      );
    }
    assert.deepEqual(daemon.seqs(), []);
  });
}
