import { parentPort, workerData } from 'node:worker_threads';
import type { Clock } from '../../../shared/clock.ts';
import { openOutbox } from '../sqlite.ts';
import type { SqliteOutbox } from '../sqlite-outbox.ts';
import { BatchReader } from './batch.ts';
import { packRows } from './packed-rows.ts';
import { type CallName, type Calls, packError, type Request, type Requests, type ThreadData } from './protocol.ts';
import { Reporting } from './reporting.ts';

// The program of the thread that `openOutboxInThread` begins: the outbox in its file, and what it is asked for, in the order in which it is asked.

if (parentPort) {
  const port = parentPort;
  const { options, ...begun } = workerData as ThreadData;
  let { aheadMs } = begun;
  const clock: Clock = { now: () => Date.now() + aheadMs, monotonicMs: () => performance.now() };
  const reporting = new Reporting(port);
  const { log, metrics } = reporting;
  try {
    const outbox = await openOutbox({ ...options, clock, log, metrics });
    reporting.of(outbox);
    const serve = serverOf(outbox, reporting);
    port.on('message', ({ aheadMs: ahead, requests }: Requests) => {
      aheadMs = ahead;
      reporting.taken();
      for (const request of requests) {
        if (request.is === 'close') void close(outbox);
        else serve(request);
      }
    });
    reporting.now({ opened: await outbox.status() });
  } catch (thrown) {
    reporting.now({ ended: { error: packError(thrown) } });
    port.close();
  }

  /** All that came before is committed and answered. */
  async function close(outbox: SqliteOutbox): Promise<void> {
    await outbox[Symbol.asyncDispose]();
    setImmediate(() => {
      reporting.now({ ended: {} });
      port.close();
    });
  }
}

function serverOf(outbox: SqliteOutbox, reporting: Reporting): (request: Exclude<Request, { is: 'close' }>) => void {
  const reader = new BatchReader();
  const calls = callsOf(outbox);
  return (request) => {
    if (request.is === 'call') {
      const { number, name, args } = request;
      // What may be asked for is a closed list, and its arguments were checked where it was asked.
      (calls[name] as (...given: unknown[]) => Promise<unknown>)(...args).then(
        (result) => reporting.replied(number, result),
        (thrown: unknown) => reporting.failed(number, thrown),
      );
      return;
    }
    for (const { number, rows, message, run } of reader.read(request.batch)) {
      outbox.bring(rows, message, run, {
        settle: (keys, isNameUsed) => reporting.appended(number, keys, isNameUsed),
        fail: (thrown) => reporting.failed(number, thrown),
      });
    }
  };
}

function callsOf(outbox: SqliteOutbox): Calls {
  const names: Exclude<CallName, 'pending' | 'waiting'>[] = [
    'find',
    'complete',
    'setStoreId',
    'toldOf',
    'redeliver',
    'quarantine',
    'quarantineBytes',
    'rekey',
    'quarantined',
    'content',
    'release',
    'drop',
    'census',
    'status',
    'timeKnown',
  ];
  return {
    ...(Object.fromEntries(names.map((name) => [name, outbox[name].bind(outbox)])) as Omit<Calls, 'pending' | 'waiting'>),
    pending: async (after, limit) => packRows(await outbox.pending(after, limit)),
    waiting: async (after, limit) => packRows(await outbox.waiting(after, limit)),
  };
}
