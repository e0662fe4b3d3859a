import { resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

const MOST = 10;

/** A reporter beside another one: ends a run of many files with those that took longest, so that one that has grown slow is seen. */
export default async function* slowestFiles(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const tookMs = new Map<string, number>();
  // A file is the test that is named as it.
  for await (const { type, data } of source)
    if (type === 'test:complete' && data.file === resolve(data.name)) tookMs.set(data.name, data.details.duration_ms);
  if (tookMs.size <= MOST) return;
  const slowest = [...tookMs].sort(([, a], [, b]) => b - a).slice(0, MOST);
  yield `\nslowest of ${tookMs.size} files\n${slowest.map(([name, ms]) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${name}\n`).join('')}`;
}
