import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceStatus } from '../../agent/sources/source.ts';
import { type AgentStatus, formatAgentStatus } from '../../agent/status.ts';
import { verifies } from '../requirements.ts';

const SOURCE: SourceStatus = {
  ...{ name: 'icu', type: 'mllp-server', state: 'running' as const, code: null, endpoint: '127.0.0.1:1' },
  ...{ records: 3, readings: 3, rejected: 0, lastRecordAt: null },
};

const STATUS: AgentStatus = {
  ...{
    version: '0',
    pid: 1,
    startedAt: 0,
    now: 0,
    clock: null,
    identity: null,
    overlay: null,
    controller: null,
    signIn: null,
    routers: [],
  },
  uplink: { state: 'waiting', since: 0, code: null, hub: null, lastConnectedAt: null, inFlight: 0, lastAnswerAt: null },
  outbox: {
    ...{
      epoch: 'e',
      storeId: null,
      pending: 0,
      delivered: 0,
      quarantined: 0,
      oldestPendingAt: null,
      untimed: 0,
      fileBytes: 0,
      usedBytes: 0,
      limitBytes: 1,
    },
    ...{ writtenBytes: { today: 0, yesterday: 0 }, setAside: [], code: null },
  },
  ...{ sources: [SOURCE], observations: 0, metrics: {} },
};

test('a message that came under the name of an earlier one is told as stored, and not as rejected', () => {
  verifies('NO-SILENT-DROP');
  const text = formatAgentStatus({ ...STATUS, sources: [{ ...SOURCE, storedAgain: 2 }] });
  assert.match(text, /3 readings, 0 rejected, last never\n +2 messages came under the name of an earlier one; all were stored/);
  assert.doesNotMatch(formatAgentStatus(STATUS), /name of an earlier/);
});

test('a hub that is not the configured one is named', () => {
  const uplink = { ...STATUS.uplink, code: 'UPLINK-PEER' as const, detail: 'identity hub-2' };
  assert.match(formatAgentStatus({ ...STATUS, uplink }), /^Uplink +waiting, UPLINK-PEER \(.*\): identity hub-2, last answer never$/m);
});

test('which store of the hub the data go to is told, and which one was refused', () => {
  verifies('STORE-KNOWN');
  const outbox = { ...STATUS.outbox, storeId: 'aa' };
  assert.match(formatAgentStatus({ ...STATUS, outbox }), /\n +for store aa of the hub\n/);
  const refused = formatAgentStatus({ ...STATUS, outbox, uplink: { ...STATUS.uplink, refusedStore: 'bb' } });
  assert.match(refused, /for store aa of the hub; the store that answers is bb, which is refused/);
});

test('a time that is not known is told, and how many rows wait for it', () => {
  verifies('NO-CLOCK-TOLD');
  const clock = { trust: 'floor', machine: Date.UTC(2000, 0, 1), exceptions: 0 } as const;
  const lineOf = (untimed: number): string | undefined =>
    formatAgentStatus({ ...STATUS, clock, outbox: { ...STATUS.outbox, untimed } })
      .split('\n')
      .find((line) => line.startsWith('Clock'));
  assert.match(lineOf(0) ?? '', /NOT KNOWN, .*\(2000-01-01T00:00:00.000Z\)$/);
  assert.match(lineOf(3) ?? '', /; 3 rows wait for the time$/);
  const known = formatAgentStatus({ ...STATUS, outbox: { ...STATUS.outbox, pending: 5, untimed: 3 } });
  assert.match(known, /^Outbox +5 rows pending; 3 rows wait for the time, 0 delivered/m, 'as long as they are being put right');
});

test('an outbox that can store nothing says that devices are refused, and why', () => {
  verifies('OUTBOX-ALARM');
  const lineOf = (code: AgentStatus['outbox']['code']): string => formatAgentStatus({ ...STATUS, outbox: { ...STATUS.outbox, code } });
  for (const code of ['STORAGE-FULL', 'OUTBOX-FULL'] as const)
    assert.match(lineOf(code), new RegExp(`^Outbox .*${code} \\(.*; devices are being refused, and nothing of theirs is stored$`, 'm'));
  for (const code of [null, 'OUTBOX-NEARLY-FULL'] as const) assert.doesNotMatch(lineOf(code), /refused/);
});
