import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Check, formatTallies, type Requirements, tallied } from '../../../conformance/tally.ts';
import { verifies } from '../../../requirements.ts';

const REQUIRED: Requirements = {
  server: ['ping', 'tools-list'],
  not_scored: [
    { scenario: 'tasks-lifecycle', leg: 'server', reason: 'extension' },
    { scenario: 'json-schema', leg: 'server', reason: 'pending' },
    { scenario: 'auth/dpop', leg: 'client', reason: 'extension' },
  ],
};

const good: Check = { id: 'good', status: 'SUCCESS' };
const info: Check = { id: 'said', status: 'INFO' };

function tally(results: Record<string, readonly Check[]>) {
  return tallied('2025-11-25', REQUIRED, new Map(Object.entries({ ping: [good], 'tools-list': [good, good, info], ...results })));
}

test('scenarios and checks are counted of what is required, and the last line says so of each revision', () => {
  verifies('MCP-CONFORMANT');
  const all = tally({ 'tasks-lifecycle': [good] });
  assert.deepEqual([all.scenarios, all.checks, all.faults], [{ passed: 2, failed: 0 }, { passed: 3, failed: 0 }, []]);
  assert.deepEqual(all.beside, ['tasks-lifecycle (extension): passed', 'json-schema (pending): passed']);
  assert.equal(
    formatTallies([all, { ...all, revision: '2026-07-28' }]),
    '2025-11-25: 2 scenarios passed, 0 failed, 3 checks passed, 0 failed; 2026-07-28: 2 scenarios passed, 0 failed, 3 checks passed, 0 failed',
  );
});

test('a failed check, a warning and a scenario that was not run fail it; of the rest only extensions may fail', () => {
  verifies('MCP-CONFORMANT');
  const bad = (status: Check['status']): Check => ({ id: 'bad', status, errorMessage: 'why' });
  for (const status of ['FAILURE', 'WARNING'] as const) {
    const { scenarios, checks, faults } = tally({ ping: [good, bad(status)] });
    assert.deepEqual([scenarios, checks, faults], [{ passed: 1, failed: 1 }, { passed: 3, failed: 1 }, [`ping: bad: ${status} why`]]);
  }
  for (const nothing of [[], [info], [{ id: 'left-out', status: 'SKIPPED' } as const]])
    assert.deepEqual(tally({ ping: nothing }).faults, ['ping: nothing was checked']);
  assert.deepEqual(tallied('2025-11-25', REQUIRED, new Map()).scenarios, { passed: 0, failed: 2 });
  assert.deepEqual(tally({ 'tasks-lifecycle': [bad('FAILURE')] }).faults, []);
  assert.deepEqual(tally({ 'tasks-lifecycle': [bad('FAILURE')] }).beside[0], 'tasks-lifecycle (extension): 1 failed');
  assert.deepEqual(tally({ 'json-schema': [bad('FAILURE')] }).faults, ['json-schema: bad: FAILURE why']);
});
