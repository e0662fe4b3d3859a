import { getEnvironmentData } from 'node:worker_threads';
import SQLite from 'better-sqlite3-multiple-ciphers';
import { GATE, GATES, type Gate, REACHED } from './gate.ts';

// The thread of an outbox whose commits a test holds up, or which ends in the middle of one.

const gate = new Int32Array(getEnvironmentData(GATE) as SharedArrayBuffer);

const ends: Readonly<Record<Exclude<Gate, 'open' | 'closed'>, () => void>> = {
  exits: () => process.exit(3),
  // Before whatever the commit settles.
  throws: () =>
    queueMicrotask(() => {
      throw new RangeError('a defect');
    }),
  fills: () => {
    const all: number[][] = [];
    for (;;) all.push(new Array<number>(100_000).fill(all.length));
  },
};

const { prepare } = SQLite.prototype;
SQLite.prototype.prepare = function (source: string) {
  const statement = prepare.call(this, source);
  if (source !== 'COMMIT') return statement as never;
  const { run } = statement;
  statement.run = function (...values: unknown[]) {
    Atomics.add(gate, REACHED, 1);
    Atomics.notify(gate, REACHED);
    Atomics.wait(gate, 0, GATES.indexOf('closed'));
    const name = GATES[Atomics.load(gate, 0)] ?? 'open';
    if (name !== 'open' && name !== 'closed') ends[name]();
    return run.apply(this as never, values as never);
  };
  return statement as never;
};
await import('../../../../agent/outbox/thread/thread.ts');
