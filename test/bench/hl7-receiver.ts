import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createIntake } from '../../agent/intake.ts';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { openOutboxInThread } from '../../agent/outbox/thread/thread-outbox.ts';
import { hl7Stream } from '../../agent/sources/hl7-stream.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS } from '../../agent/sources/mllp-server.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { hl7Pcd01 } from '../support/hl7.ts';
import { benchMessage } from './hl7-message.ts';
import { serveTasks } from './overlay-child.ts';

/** What is used of @medplum/hl7. */
interface MedplumHl7 {
  Hl7Server: new (
    handler: (connection: MedplumConnection) => void,
  ) => { start(port: number): Promise<unknown>; server?: { address(): unknown } };
}
interface MedplumMessage {
  toString(): string;
  buildAck(): MedplumMessage;
}
interface MedplumConnection {
  addEventListener(type: 'message', listener: (event: { message: MedplumMessage }) => void): void;
  send(message: MedplumMessage): void;
}

const KNOWN_MESSAGES = 100_000;
const AT_ONCE = 250;

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** An agent's listener with its encrypted outbox: acknowledged when it is on disk. */
async function ours(): Promise<number> {
  const metrics = new Metrics();
  const outbox = await openOutboxInThread({
    path: join(folder, 'outbox.db'),
    keyFile: join(folder, 'key'),
    clock: systemClock,
    log: silentLogger,
    metrics,
  });
  const context = { source: 'bench', zone: 'UTC', test: false, maxFrameBytes: 1024 * 1024 };
  await fill(outbox, hl7Pcd01.read(benchMessage(), Date.now(), context).records);
  const source = createMllpServer(
    {
      ...MLLP_SERVER_DEFAULTS,
      name: 'bench',
      host: '127.0.0.1',
      port: 0,
      decoder: () => hl7Stream(hl7Pcd01, context),
    },
    { intake: createIntake({ outbox, metrics, clock: systemClock }), clock: systemClock, log: silentLogger, metrics },
  );
  await source.start(new AbortController().signal);
  return Number(source.status().endpoint.split(':').at(-1));
}

/** So many messages as an outbox knows at most: the state in which it is for all but the first hours of its life. */
async function fill(outbox: Outbox, records: readonly ReadingRecord[]): Promise<void> {
  const digest = (number: number): string => `known${number}`.padEnd(16);
  for (let known = 0; known < KNOWN_MESSAGES; known += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, i) => known + i);
    await Promise.all(numbers.map((i) => outbox.appendMessage(records, { name: digest(i), content: digest(i) })));
  }
}

/** @medplum/hl7 with a queue of one row a message in an unencrypted SQLite, as durable as ours: acknowledged when the row is committed. */
async function medplum(): Promise<number> {
  const { Hl7Server } = (await import(import.meta.resolve('./node_modules/@medplum/hl7/dist/esm/index.mjs'))) as MedplumHl7;
  const database = new DatabaseSync(join(folder, 'queue.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE queue (id INTEGER PRIMARY KEY, at INTEGER, body TEXT)');
  const insert = database.prepare('INSERT INTO queue (at, body) VALUES (?, ?)');
  const server = new Hl7Server((connection) =>
    connection.addEventListener('message', ({ message }) => {
      insert.run(Date.now(), message.toString());
      connection.send(message.buildAck());
    }),
  );
  const port = await freePort();
  await server.start(port);
  return port;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

serveTasks({
  start: (kind: 'ours' | 'medplum') => (kind === 'ours' ? ours() : medplum()),
  /** CPU of this process so far, milliseconds. */
  cpu: async () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
});
