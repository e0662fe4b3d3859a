import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AgentStatus, formatAgentStatus } from '../agent/status.ts';
import type { Instant } from '../shared/clock.ts';
import { ERRORS } from '../shared/errors.ts';
import { verifies } from './requirements.ts';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'OPERATIONS.md'), 'utf8');
const AREAS = /^(?:OVERLAY|ENROLL|IDENTITY|RENEW|FABRIC)-/;

/** The cells of every row of a table whose head begins with this cell; the head and the line below it left out. */
function rowsUnder(head: string): string[][] {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.notEqual(from, -1, head);
  const rows: string[][] = [];
  for (const line of lines.slice(from + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

const unquoted = (cell = ''): string => cell.replace(/^`(.*)`$/, '$1');

test('each code of the network has one row that says what to do, and no row names a code that does not exist', () => {
  verifies('OPERATIONS-COMPLETE');
  const rows = rowsUnder('code');
  assert.deepEqual(
    rows.map(([code]) => unquoted(code)).sort(),
    Object.keys(ERRORS)
      .filter((code) => AREAS.test(code))
      .sort(),
  );
  for (const cells of rows) {
    assert.equal(cells.length, 4, cells[0]);
    assert.ok(
      cells.every((cell) => cell.length > 0),
      cells[0],
    );
  }
});

test('every code that is named anywhere in it exists', () => {
  const named = [...text.matchAll(/`([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)`/g)].map(([, code = '']) => code);
  assert.ok(named.length > 0);
  for (const code of named) assert.ok(Object.hasOwn(ERRORS, code), code);
});

test('every log line that it explains is one that the programs write', () => {
  const sources = globSync('{agent,hub,shared}/**/*.ts', { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8'));
  const rows = rowsUnder('log line');
  assert.ok(rows.length > 0);
  for (const [line] of rows) {
    assert.ok(
      sources.some((source) => source.includes(`'${unquoted(line)}'`)),
      line,
    );
  }
});

test('the outage that it shows is what the status prints', () => {
  const now = 1_800_000_000_000 as Instant;
  const status: AgentStatus = {
    version: '0',
    pid: 1,
    identity: { id: 'gw', notAfter: now, renewal: null },
    startedAt: now,
    now,
    clock: null,
    overlay: 'lost',
    controller: null,
    signIn: null,
    routers: [],
    uplink: {
      state: 'waiting',
      since: now,
      code: 'OVERLAY-UNREACHABLE',
      hub: null,
      lastConnectedAt: null,
      inFlight: 0,
      lastAnswerAt: (now - 95_000) as Instant,
    },
    outbox: {
      epoch: 'e',
      storeId: null,
      pending: 1200,
      delivered: 52_000,
      quarantined: 0,
      oldestPendingAt: (now - 93_000) as Instant,
      untimed: 0,
      fileBytes: 0,
      usedBytes: 0,
      limitBytes: 1,
      setAside: [],
      writtenBytes: { today: 0, yesterday: 0 },
      code: null,
    },
    sources: [],
    observations: 0,
    metrics: {},
  };
  const shown = /^```text\n([\s\S]*?)^```$/m.exec(text)?.[1]?.trimEnd().split('\n') ?? [];
  const printed = formatAgentStatus(status).split('\n');
  assert.equal(shown.length, 3);
  for (const line of shown) assert.ok(printed.includes(line), line);
});
