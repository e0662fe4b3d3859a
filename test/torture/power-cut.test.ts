import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeOutbox } from '../support/power-cut/outbox-judge.ts';
import { type Judge, record, replay } from '../support/power-cut/replay.ts';
import { judgeRetention } from '../support/power-cut/retention-judge.ts';
import { judgeStore } from '../support/power-cut/store-judge.ts';
import { seedOf } from '../support/seed.ts';

interface Workload {
  name: string;
  judge: Judge;
  child: string;
  turns: number;
  /** Of the log between two checkpoints; 1000 is what SQLite does by itself. */
  pages: number;
  every: number;
  draws: number;
}

const WORKLOADS: readonly Workload[] = [
  { name: 'the outbox, every cut', judge: judgeOutbox, child: 'outbox-child.ts', turns: 40, pages: 20, every: 1, draws: 3 },
  { name: 'the outbox with its real log', judge: judgeOutbox, child: 'outbox-child.ts', turns: 120, pages: 1000, every: 23, draws: 2 },
  { name: 'the store, every cut', judge: judgeStore, child: 'store-child.ts', turns: 12, pages: 20, every: 1, draws: 3 },
  { name: 'the store with its real log', judge: judgeStore, child: 'store-child.ts', turns: 80, pages: 1000, every: 23, draws: 2 },
  {
    name: 'the store while its retention runs, every cut',
    judge: judgeRetention,
    child: 'retention-child.ts',
    turns: 24,
    pages: 20,
    every: 1,
    draws: 2,
  },
];

for (const { name, judge, child, turns, pages, every, draws } of WORKLOADS) {
  test(`power cuts: ${name}`, async (context) => {
    const seed = seedOf(context);
    const counts = await replay(await record(child, `${turns}`, `${pages}`), { judge, seed, every, draws });
    assert.ok(counts.said > turns);
    context.diagnostic(`${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
  });
}
