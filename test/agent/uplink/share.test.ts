import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchShare, type LaneName, laneOrder, mayDepart } from '../../../agent/uplink/share.ts';
import { verifies } from '../../requirements.ts';

test('each lane has at least one place of the window while there is a backlog, and live has all of it afterwards', () => {
  verifies('LIVE-FIRST');
  const table: [LaneName, window: number, live: number, backlog: number, hasBacklog: boolean, may: boolean][] = [
    ['live', 4, 0, 3, true, true],
    ['backlog', 4, 0, 2, true, true],
    ['backlog', 4, 0, 3, true, false],
    ['backlog', 4, 1, 1, true, true],
    ['backlog', 4, 1, 2, true, false],
    ['backlog', 3, 1, 0, true, true],
    ['backlog', 3, 1, 1, true, false],
    ['live', 4, 2, 1, true, true],
    ['live', 4, 3, 0, true, false],
    ['backlog', 4, 3, 0, true, true],
    ['live', 4, 3, 1, true, false],
    ['live', 4, 3, 0, false, true],
    ['live', 4, 4, 0, false, false],
    ['live', 2, 0, 1, true, true],
    ['live', 2, 1, 0, true, false],
    ['backlog', 2, 1, 0, true, true],
    ['backlog', 2, 0, 1, true, false],
    ['live', 1, 0, 0, true, true],
    ['backlog', 1, 0, 0, true, true],
    ['live', 1, 0, 1, true, false],
    ['backlog', 1, 1, 0, true, false],
  ];
  for (const [lane, window, live, backlog, hasBacklog, may] of table)
    assert.equal(mayDepart(lane, window, { live, backlog }, hasBacklog), may, `${lane} ${window} ${live} ${backlog} ${hasBacklog}`);
});

test('a batch of the backlog is half as large while live data are on their way, and never empty', () => {
  verifies('LIVE-FIRST');
  assert.equal(batchShare('backlog', 200, { live: 0, backlog: 2 }), 200);
  assert.equal(batchShare('backlog', 200, { live: 1, backlog: 0 }), 100);
  assert.equal(batchShare('backlog', 1, { live: 1, backlog: 0 }), 1);
  assert.equal(batchShare('live', 200, { live: 3, backlog: 1 }), 200);
});

test('live is asked first; with one place they go by turns', () => {
  verifies('LIVE-FIRST');
  assert.deepEqual(laneOrder(4, 'live'), ['live', 'backlog']);
  assert.deepEqual(laneOrder(1, undefined), ['live', 'backlog']);
  assert.deepEqual(laneOrder(1, 'live'), ['backlog', 'live']);
  assert.deepEqual(laneOrder(1, 'backlog'), ['live', 'backlog']);
});
