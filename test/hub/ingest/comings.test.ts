import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Comings } from '../../../hub/ingest/comings.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';

interface Told {
  comings: Comings;
  lines: string[];
  pass(ms: number): void;
}

/** What it tells, as `<gateway> <message> <left out> <code>`. */
function told(t: TestContext): Told {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const lines: string[] = [];
  const info = ({ gateway, leftOut, err }: { gateway: string; leftOut?: number; err?: VitalmeshError }, message: string): void => {
    lines.push([gateway, message, leftOut, err?.code].filter((part) => part !== undefined).join(' '));
  };
  const comings = new Comings({ ...silentLogger, info } as unknown as Logger, { monotonicMs: () => nowMs });
  const pass = (ms: number): void => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
  return { comings, lines, pass };
}

test('a gateway that comes and goes now and then is told each time', (t) => {
  const { comings, lines, pass } = told(t);
  for (let i = 0; i < 3; i += 1) {
    comings.connected('gw-1');
    pass(1000);
    comings.disconnected('gw-1', new VitalmeshError('UPLINK-SILENT'));
    pass(59_000);
  }
  assert.deepEqual(lines, Array(3).fill(['gw-1 uplink connected', 'gw-1 uplink disconnected UPLINK-SILENT']).flat());
});

test('one whose line flaps gets a few lines a minute, a count of the rest, and a last line that is true; others are not concerned', (t) => {
  verifies('LOG-BOUNDED');
  const { comings, lines, pass } = told(t);
  for (let i = 0; i < 500; i += 1) {
    comings.connected('gw-1');
    comings.disconnected('gw-1', undefined);
    pass(100);
  }
  comings.connected('gw-1');
  comings.connected('gw-2');
  assert.deepEqual(lines.splice(0), [
    ...['gw-1 uplink connected', 'gw-1 uplink disconnected', 'gw-1 uplink connected', 'gw-1 uplink disconnected'],
    'gw-2 uplink connected',
  ]);
  pass(10_000);
  assert.deepEqual(lines.splice(0), ['gw-1 uplink connected 996']);
  pass(600_000);
  assert.deepEqual(lines, []);
  comings.disconnected('gw-1', undefined);
  assert.deepEqual(lines, ['gw-1 uplink disconnected']);
});

test('what was to be told later is told at the end, and nothing behind it', (t) => {
  const { comings, lines, pass } = told(t);
  for (let i = 0; i < 3; i += 1) {
    comings.connected('gw-1');
    comings.disconnected('gw-1', undefined);
  }
  comings[Symbol.dispose]();
  assert.equal(lines.at(-1), 'gw-1 uplink disconnected 1');
  pass(600_000);
  assert.equal(lines.length, 5);
});

test('thousands of gateways are each told', (t) => {
  const { comings, lines, pass } = told(t);
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < 3000; i += 1) comings.connected(`gw-${i}`);
    pass(60_000);
  }
  assert.equal(lines.length, 6000);
});
