import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { asVitalmeshError } from '../../shared/errors.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import type { Caller, Overlay } from '../../shared/overlay/overlay.ts';
import type { CircuitLimits } from '../../shared/overlay/ziti/circuit/contract.ts';
import { openZitiOverlayOf } from '../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../shared/overlay/ziti/ziti.ts';
import { type PlannedFabric, plannedFabric } from '../support/ziti/network.ts';

// Implementations that are not ours, as programs of a few lines in python/ and java/ with the same commands:
//   enrol TOKEN_FILE IDENTITY_FILE       spends the token; the identity file is of mode 0600                      prints enrolled
//   dial IDENTITY_FILE BYTES SERVICE...  one exchange with each service                                           prints exchanged
//   host IDENTITY_FILE SERVICE...        serves exchanges until its standard input ends                           prints hosting, served
// An exchange: the dialer sends single bytes and waits for each to come back, then sends BYTES while it reads as many back, and
// ends. The host sends back what comes, and behind the dialer's end how many bytes that were (u64, big-endian); then it ends.

const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'foreign-sdks');
/** A process on a machine with too much to do may leave its socket unread for longer than a neighbour would be asked to wait. */
const PATIENT: Partial<CircuitLimits> = { holdMs: 30_000 };
/** So many times the dialer waits for one byte to come back. */
const ROUND_TRIPS = 100;
const COUNT_BYTES = 8;
const HEARD_MS = 5000;
/** One that hangs is killed, and the test says what it had said. */
const LIMIT_MS = 120_000;
const BULK_BYTES = 10_000_000;
const CHUNK_BYTES = 64 * 1024;
/**
 * Of the bulk that we send. When more comes than the C SDK has messages for ("can't alloc message"), its channel may stop with what it has
 * half read until another frame comes by it.
 */
const UNDER_WAY_BYTES = 4 * CHUNK_BYTES;

interface Exchanged {
  service: string;
  intact: boolean;
  /** What the host counted. */
  counted: number;
  /** How the dialer saw it end: `cleanly`, or with which error. */
  ended: string;
  /** Median of one byte there and back, in microseconds. */
  roundTripUs: number;
  /** Of the bulk, both directions at once. */
  megabytesPerSecond: number;
}

/** How to start one: a command and its first arguments. */
interface ForeignSdk {
  command: string;
  args: readonly string[];
}

export const PYTHON: ForeignSdk = {
  command: join(CACHE, 'python', 'bin', 'python'),
  args: [join(import.meta.dirname, 'python', 'sdk.py')],
};

// Without these it throws at enrolment, after the token is spent.
const OPENED = ['java.net', 'sun.nio.ch', 'sun.security.ssl'].flatMap((name) => ['--add-opens', `java.base/${name}=ALL-UNNAMED`]);

export const JAVA: ForeignSdk = {
  command: 'java',
  args: [...OPENED, '-cp', join(CACHE, 'java', '*'), join(import.meta.dirname, 'java', 'Sdk.java')],
};

/** A foreign program at work. What it says on standard error stands in the errors of what waits for it. */
class ForeignProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #said: Record<string, unknown>[] = [];
  readonly #ended: Promise<unknown>;
  #stderr = '';
  #over = false;
  #heard = Promise.withResolvers<void>();

  constructor({ command, args }: ForeignSdk, ...own: string[]) {
    assert.ok(existsSync(join(CACHE, 'stamp')), 'the foreign SDKs are not installed: run test/counterpart/foreign-sdks.sh');
    const child = spawn(command, [...args, ...own], { stdio: ['pipe', 'pipe', 'pipe'], timeout: LIMIT_MS, killSignal: 'SIGKILL' });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr += chunk;
    });
    createInterface(child.stdout).on('line', (line) => {
      this.#said.push(JSON.parse(line) as Record<string, unknown>);
      this.#wake();
    });
    this.#ended = once(child, 'close').then(() => {
      this.#over = true;
      this.#wake();
    });
  }

  /** The next thing of this kind that it says; each is given once. */
  async says(event: string): Promise<Record<string, unknown>> {
    for (;;) {
      const at = this.#said.findIndex((line) => line.event === event);
      const [found] = at < 0 ? [] : this.#said.splice(at, 1);
      if (found) return found;
      if (this.#over) assert.fail(`it ended without having ${event}: ${this.#stderr}`);
      await this.#heard.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #wake(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }
}

/** A network with two services of ours and two of theirs, one encrypted and one plain each; everybody in it may dial and host them all. */
class ForeignSite implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly planned: PlannedFabric;
  /** Whoever called our services so far. */
  readonly callers: Caller[] = [];

  private constructor(planned: PlannedFabric) {
    this.planned = this.#stack.use(planned);
  }

  static async start(): Promise<ForeignSite> {
    const nobody = { dial: [], bind: [] };
    const site = new ForeignSite(await plannedFabric({ services: [], identities: { us: nobody, lent: nobody } }, true));
    const { admin } = site.planned.fabric;
    for (const name of [...OURS, ...THEIRS]) await admin.createService({ name, encryptionRequired: name.endsWith('encrypted') });
    for (const type of ['Dial', 'Bind'] as const)
      await admin.createPolicy({ name: type, type, identityRoles: ['#all'], serviceRoles: ['#all'] });
    return site;
  }

  /** The path of an identity file that the foreign program makes with a token of ours. */
  async enrol(sdk: ForeignSdk, name: string): Promise<{ id: string; path: string }> {
    const { id, jwt } = await this.planned.fabric.admin.createIdentity({ name });
    const folder = dirname(this.planned.identityPath('us'));
    const token = join(folder, `${name}.jwt`);
    writeFileSync(token, jwt, { mode: 0o600 });
    const path = join(folder, `${name}.json`);
    await using program = new ForeignProcess(sdk, 'enrol', token, path);
    await program.says('enrolled');
    return { id, path };
  }

  /** The place of an identity file in it, made as the programs make it but for its waits. */
  async open(identityPath: string, limits: Partial<CircuitLimits> = {}): Promise<Overlay> {
    const parts = zitiParts({ identity: loadIdentity(identityPath), log: silentLogger });
    const overlay = await openZitiOverlayOf(
      {
        ...parts,
        dialCircuit: (request) => parts.dialCircuit({ ...request, limits }),
        hostService: (request) => parts.hostService({ ...request, limits }),
      },
      silentLogger,
    );
    return this.#stack.use(overlay);
  }

  /** Hosts our services. */
  async serve(): Promise<void> {
    const us = await this.open(this.planned.identityPath('us'), PATIENT);
    for (const service of OURS)
      await us.bind(service, (connection, caller) => {
        this.callers.push(caller);
        void serveExchange(connection);
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const OURS = ['ours encrypted', 'ours plain'];
const THEIRS = ['theirs encrypted', 'theirs plain'];

async function serveExchange(connection: Duplex): Promise<void> {
  let count = 0;
  connection.on('error', () => connection.destroy());
  for await (const chunk of connection as AsyncIterable<Buffer>) {
    count += chunk.length;
    if (!connection.write(chunk)) await once(connection, 'drain');
  }
  const counted = Buffer.alloc(COUNT_BYTES);
  counted.writeBigUInt64BE(BigInt(count));
  connection.end(counted);
}

/** The dialer's part. Resolves when the connection has ended; rejects when that is before its own end. */
async function exchange(connection: Duplex, service: string, bytes: number): Promise<Exchanged> {
  connection.on('error', () => connection.destroy());
  const reader = connection[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const roundTripUs = await medianRoundTrip(connection, reader);
  const content = randomBytes(bytes);
  const began = performance.now();
  const echoed = await exchangeBulk(connection, reader, content);
  const tookMs = performance.now() - began;
  connection.end();
  return {
    service,
    intact: echoed === createHash('sha256').update(content).digest('hex'),
    ...(await readCount(reader)),
    roundTripUs,
    megabytesPerSecond: Math.round(bytes / tookMs / 1000),
  };
}

async function medianRoundTrip(connection: Duplex, reader: AsyncIterator<Buffer>): Promise<number> {
  const trips: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const began = performance.now();
    connection.write('!');
    const { value } = await (i === 0 ? heard(reader) : reader.next());
    assert.equal(value?.length, 1);
    trips.push(1000 * (performance.now() - began));
  }
  return Math.round(trips.sort((a, b) => a - b)[ROUND_TRIPS / 2] ?? 0);
}

/** The host has missed the first that was sent. */
class Unheard extends Error {}

async function heard(reader: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
  const silence = AbortSignal.timeout(HEARD_MS);
  const unheard = once(silence, 'abort').then(() => Promise.reject(new Unheard('the first byte did not come back')));
  const first = reader
    .next()
    .catch((error: unknown) => Promise.reject(new Unheard('cut before the first byte came back', { cause: error })));
  return await Promise.race([first, unheard]);
}

/** The SHA-256 of what came back. */
async function exchangeBulk(connection: Duplex, reader: AsyncIterator<Buffer>, content: Buffer): Promise<string> {
  const hash = createHash('sha256');
  let sent = 0;
  for (let echoed = 0; echoed < content.length; ) {
    while (sent < content.length && sent - echoed < UNDER_WAY_BYTES) {
      const chunk = content.subarray(sent, sent + CHUNK_BYTES);
      connection.write(chunk);
      sent += chunk.length;
    }
    const { value, done } = await reader.next();
    if (done) assert.fail(`ended after ${echoed} bytes`);
    hash.update(value);
    echoed += value.length;
  }
  return hash.digest('hex');
}

async function readCount(reader: AsyncIterator<Buffer>): Promise<{ counted: number; ended: string }> {
  const rest: Buffer[] = [];
  const counted = (): number =>
    Number(Buffer.concat([Buffer.alloc(COUNT_BYTES), ...rest]).readBigUInt64BE(rest.length > 0 ? COUNT_BYTES : 0));
  try {
    for (let next = await reader.next(); !next.done; next = await reader.next()) rest.push(next.value);
    return { counted: counted(), ended: 'cleanly' };
  } catch (error) {
    return { counted: counted(), ended: asVitalmeshError(error).toString() };
  }
}

interface Expected {
  /** How what it hosts ends behind our end. */
  hostedEnds: string;
  /** So many dials to it until one is heard. */
  dials: number;
}

/** A foreign SDK as dialer and as host, on encrypted and plain services, with an identity file that it made and one that we made. */
export function testForeignSdk(sdk: ForeignSdk, expected: Expected): void {
  let site: ForeignSite;
  let own: { id: string; path: string };
  before(async () => {
    site = await ForeignSite.start();
    await site.serve();
    own = await site.enrol(sdk, 'foreign');
  });
  after(() => site[Symbol.asyncDispose]());

  test('enrols with our token, dials us, sends bulk both ways and half-closes; we know who it is', async (t) => {
    await using dialer = new ForeignProcess(sdk, 'dial', own.path, String(BULK_BYTES), ...OURS);
    for (const service of OURS) {
      const { event, roundTripUs, megabytesPerSecond, ...outcome } = await dialer.says('exchanged');
      assert.deepEqual(outcome, { service, intact: true, counted: ROUND_TRIPS + BULK_BYTES, ended: 'cleanly' });
      assert.deepEqual(site.callers.pop(), { identityId: own.id, name: 'foreign', verified: true });
      t.diagnostic(`dials ${service}: ${roundTripUs} us there and back, ${megabytesPerSecond} MB/s`);
    }
  });

  test('hosts for us with an identity file that we enrolled: bulk both ways, and what it says behind our end', async (t) => {
    const us = await site.open(site.planned.identityPath('us'), { ...PATIENT, lingerMs: 2000 });
    await using host = new ForeignProcess(sdk, 'host', site.planned.identityPath('lent'), ...THEIRS);
    for (const service of THEIRS) assert.equal((await host.says('hosting')).service, service);
    for (const service of THEIRS) {
      const { roundTripUs, megabytesPerSecond, ...outcome } = await exchangeHeard(us, service, expected.dials);
      assert.deepEqual(outcome, { service, intact: true, counted: ROUND_TRIPS + BULK_BYTES, ended: expected.hostedEnds });
      // What it takes for the caller's name is what the caller says.
      assert.equal(await callerOf(host, service), 'us');
      t.diagnostic(`hosts ${service}: ${roundTripUs} us there and back, ${megabytesPerSecond} MB/s`);
    }
  });

  test('its identity file is ours to use; our own client beside it', async (t) => {
    const overlay = await site.open(own.path);
    for (const service of OURS) {
      const { roundTripUs, megabytesPerSecond, ...outcome } = await exchange(await overlay.dial(service), service, BULK_BYTES);
      assert.deepEqual(outcome, { service, intact: true, counted: ROUND_TRIPS + BULK_BYTES, ended: 'cleanly' });
      assert.deepEqual(site.callers.pop(), { identityId: own.id, name: 'foreign', verified: true });
      t.diagnostic(`our client dials ${service}: ${roundTripUs} us there and back, ${megabytesPerSecond} MB/s`);
    }
  });
}

/** Exchanges with a host that may have missed the beginning of a connection. */
async function exchangeHeard(overlay: Overlay, service: string, dials: number): Promise<Exchanged> {
  const connection = await dialWhenHosted(overlay, service);
  try {
    return await exchange(connection, service, BULK_BYTES);
  } catch (error) {
    connection.destroy();
    if (dials === 1 || !(error instanceof Unheard)) throw error;
    return await exchangeHeard(overlay, service, dials - 1);
  }
}

/** Whom it takes for the caller of the exchange that came to its end. */
async function callerOf(host: ForeignProcess, service: string): Promise<unknown> {
  const { caller, ...served } = await host.says('served');
  if (served.bytes !== ROUND_TRIPS + BULK_BYTES) return await callerOf(host, service);
  assert.equal(served.service, service);
  return caller;
}

/** A program may say that it hosts before its router knows. */
async function dialWhenHosted(overlay: Overlay, service: string, attempts = 100): Promise<Duplex> {
  try {
    return await overlay.dial(service);
  } catch (error) {
    if (attempts === 1 || asVitalmeshError(error).code !== 'OVERLAY-NO-TERMINATOR') throw error;
    await pause(100);
    return await dialWhenHosted(overlay, service, attempts - 1);
  }
}
