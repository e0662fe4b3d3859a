import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { agentProgram } from '../../../agent/cli.ts';
import type { DecodeContext, Hl7Profile } from '../../../agent/decoding.ts';
import { codedVital } from '../../../agent/hl7/codes.ts';
import { MDC_ROWS } from '../../../agent/hl7/dialect.ts';
import { pcd01 } from '../../../agent/hl7/dialects/pcd01.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { createIntake } from '../../../agent/intake.ts';
import { programs } from '../../../agent/main.ts';
import { outboxCommands } from '../../../agent/outbox/operator.ts';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { runProgram } from '../../../shared/command-line.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import type { Gap } from '../../../shared/gap.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { encodeRecord, type ReadingRecord } from '../../../shared/reading.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';
import { AgentSite } from '../../support/agent-site.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';

const RECEIVED = Date.UTC(2026, 10, 21, 10);
const DAY = 86_400_000;
const SOURCES = [{ name: 'monitors', type: 'mllp-server', profile: 'hl7-pcd01', host: '127.0.0.1', port: 2575 }];

/** A message of the devices named: each its MDS, with a saturation. */
const oru = (id: string, devices: readonly string[], spo2 = 97, code = '150456^MDC_PULS_OXIM_SAT_O2^MDC'): string =>
  `MSH|^~\\&|SIM||||20261121100000+0000||ORU^R01^ORU_R01|${id}|P|2.6\rPID|||P-0001^^^HOSP||Doe^Jane\r` +
  'OBR|1|||182777000^monitoring^SCT|||20261121100000+0000\r' +
  devices
    .map(
      (device, i) =>
        `OBX|${i + 1}|NM|${code}|${i + 1}.1.1.1|${spo2}|262688^MDC_DIM_PERCENT^MDC|||||R|||20261121100000+0000||||${device}^^${device}^EUI-64\r`,
    )
    .join('');

const CONTEXT: DecodeContext = { source: 'monitors', zone: 'UTC', test: false, bed: 'ICU-4', maxFrameBytes: 65_536 };

/** An outbox with its intake and the operator's socket, as a running agent has them. */
class Running implements AsyncDisposable {
  readonly outbox: Outbox;
  readonly logged: Record<string, unknown>[] = [];
  readonly site: AgentSite;
  readonly #server: ReturnType<typeof createOperatorServer>;
  readonly #folder: string;
  readonly #intake: ReturnType<typeof createIntake>;
  /** What the gateway's clock says. */
  readonly time: { now: number };
  context: DecodeContext = CONTEXT;
  profile: Hl7Profile = hl7Pcd01;
  /** Id of the store that answers. */
  answering: string | null = null;

  private constructor(folder: string, outbox: Outbox, site: AgentSite, time: { now: number }) {
    this.#folder = folder;
    this.outbox = outbox;
    this.site = site;
    this.time = time;
    const note = (fields: Record<string, unknown>, message: string): void => void this.logged.push({ ...fields, message });
    const log = { ...silentLogger, warn: note, info: note } as typeof silentLogger;
    const clock = { now: () => time.now, monotonicMs: () => 0 };
    const source = (): { name: string; profile: Hl7Profile; context: DecodeContext } => ({
      name: 'monitors',
      profile: this.profile,
      context: this.context,
    });
    const origins = new Map([['monitors', { profile: 'hl7-pcd01', kind: 'hl7' as const, context: CONTEXT }]]);
    this.#intake = createIntake({ outbox, metrics: new Metrics(), clock, origins });
    const commands = Object.fromEntries(
      Object.keys(outboxCommands({ outbox, sources: [], clock, log })).map((name) => [
        name,
        (args: Record<string, unknown>, principal: `local:${number}`) =>
          outboxCommands({ outbox, sources: [source()], clock, log, answeringStore: () => this.answering })[name]?.(args, principal) ?? [],
      ]),
    );
    this.#server = createOperatorServer({ socketPath: site.operator, commands, log: silentLogger });
  }

  static async start(): Promise<Running> {
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-operator-'));
    const time = { now: RECEIVED };
    const outbox = await openOutbox({
      path: join(folder, 'outbox.db'),
      keyFile: join(folder, 'outbox.key'),
      clock: { now: () => time.now, monotonicMs: () => 0 },
      log: silentLogger,
      metrics: new Metrics(),
    });
    const running = new Running(folder, outbox, await AgentSite.make(SOURCES), time);
    await running.#server.start(new AbortController().signal);
    return running;
  }

  /** Puts a message into quarantine under a code, as the intake does it. */
  async reject(message: string, code: ErrorCode = 'HL7-TYPE', part = 'message'): Promise<void> {
    const raw = Buffer.from(message);
    await this.#intake.reject('monitors', [{ code, part, bytes: raw.length, raw }]);
  }

  /** What a source does with a message. */
  async receive(message: string): Promise<void> {
    const { records, rejected } = this.profile.read(Buffer.from(message), RECEIVED, this.context);
    await this.#intake.store(records);
    await this.#intake.reject('monitors', rejected);
  }

  async refuse(record: ReadingRecord, code: ErrorCode, held?: number): Promise<void> {
    const keys = await this.outbox.append([record]);
    await this.outbox.quarantine(
      keys.map((key) => ({ ...key, ...(held === undefined ? {} : { held }) })),
      code,
    );
  }

  async pending(): Promise<ReadingRecord[]> {
    return (await this.outbox.pending(0, 1000)).map(({ record }) => record);
  }

  async call(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const [command = '', ...rest] = args;
    return await call(this.site, [command, '--config', this.site.config, ...rest]);
  }

  /** The rows that a command prints with --json. */
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed
  async json(...args: string[]): Promise<any[]> {
    const { stdout } = await this.call(...args, '--json');
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.outbox[Symbol.asyncDispose]();
    this.site[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function call(_site: AgentSite, argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  const code = await runProgram(agentProgram(programs), ['outbox', ...argv], { stdin: Readable.from([]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, stdout: await out, stderr: await err };
}

describe('outbox replay', () => {
  test('a row that the hub refused waits again with its own time, and once', async () => {
    verifies('QUARANTINE-REPLAYED-ONCE');
    await using agent = await Running.start();
    await agent.refuse(markedRecord(1), 'INGEST-NOT-BOUND');
    await agent.refuse(markedRecord(2), 'INGEST-INVALID');
    agent.time.now += 30 * DAY;
    const first = await agent.call('replay', '--code', 'INGEST-NOT-BOUND');
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(await agent.pending(), [markedRecord(1)]);
    const again = await agent.call('replay', 'q1');
    assert.equal(again.code, 1);
    assert.match(
      again.stdout,
      /^q1 {2}there is no such entry\n0 on their way, 0 were there already, 0 stay in quarantine, 1 are not there$/m,
    );
    assert.deepEqual(
      (await agent.json('list')).map(({ id, code }) => [id, code]),
      [['q2', 'INGEST-INVALID']],
    );
    assert.ok(
      agent.logged.some(({ id, outcome, principal }) => id === 'q1' && outcome === 'pending' && /^local:\d+$/.test(String(principal))),
    );
  });

  test('a row of which the hub has a part stays, and so does one of which nobody knows', async () => {
    verifies('QUARANTINE-REPLAYED-ONCE');
    await using agent = await Running.start();
    const two: ReadingRecord = {
      ...markedRecord(1),
      readings: [
        { vital: 'spo2', value: 97 },
        { vital: 'hr', value: 60 },
      ],
    };
    await agent.refuse(two, 'INGEST-BEFORE-BINDING', 1);
    await agent.refuse(two, 'INGEST-BEFORE-BINDING');
    await agent.refuse(two, 'INGEST-BEFORE-BINDING', 0);
    const rows = await agent.json('replay', 'q1', 'q2', 'q3', 'q3');
    assert.deepEqual(
      rows.map(({ id, outcome, why }) => [id, outcome, why]),
      [
        ['q1', 'stays', 'OUTBOX-PARTLY-SENT'],
        ['q2', 'stays', 'OUTBOX-PARTLY-SENT'],
        ['q3', 'pending', null],
      ],
    );
    assert.deepEqual(await agent.pending(), [two]);
  });

  test('a message is read with what its source is now, and stays of whom and of when it was', async () => {
    verifies('QUARANTINE-REPLAYED-ONCE');
    await using agent = await Running.start();
    await agent.reject(oru('M-1', ['A']));
    await agent.reject(oru('M-1', ['A']));
    await agent.reject('no message', 'HL7-NO-MSH');
    agent.time.now += 30 * DAY;
    agent.context = { ...CONTEXT, bed: 'ICU-9', patient: { value: 'P-9', authority: '' } };
    const rows = await agent.json('replay', 'q1', 'q2', 'q3');
    assert.deepEqual(
      rows.map(({ outcome, why }) => [outcome, why]),
      [
        ['pending', null],
        ['held', null],
        ['stays', 'HL7-NO-MSH'],
      ],
    );
    const [record, ...others] = await agent.pending();
    assert.deepEqual(others, []);
    assert.equal(record?.receivedAt, RECEIVED);
    assert.equal(record?.subject.patient?.value, 'P-0001');
    assert.notEqual(record?.subject.bed, 'ICU-9');
    assert.deepEqual(
      record?.readings.map(({ vital, value, effective }) => [vital, value, effective]),
      [['spo2', 97, RECEIVED]],
    );
  });

  test('what names nobody is of the bed that its source had then, and never of the patient it has now', async () => {
    verifies('QUARANTINE-REPLAYED-ONCE');
    await using agent = await Running.start();
    await agent.reject(oru('M-1', ['A']).replace(/PID[^\r]*\r/, ''));
    agent.context = { ...CONTEXT, bed: 'ICU-9', patient: { value: 'P-9', authority: '' }, test: true };
    assert.deepEqual(
      (await agent.json('replay', 'q1')).map(({ outcome }) => outcome),
      ['pending'],
    );
    assert.deepEqual(
      (await agent.pending()).map(({ subject, test }) => [subject, test]),
      [[{ bed: 'ICU-4' }, true]],
    );
  });

  test('a part of a message, and one of which a part was stored, are not read again', async () => {
    verifies('QUARANTINE-REPLAYED-ONCE');
    await using agent = await Running.start();
    await agent.reject(
      'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||R\r',
      'DECODE-UNKNOWN-CODE',
      'OBX[1]',
    );
    await agent.reject(oru('M-2', ['A', 'B']), 'DECODE-DEVICE-UNKNOWN');
    await agent.reject(oru('M-3', ['A']), 'DECODE-DEVICE-UNKNOWN');
    await agent.outbox.quarantineBytes('bench', 'UPLINK-KEY-REUSED', 'row 0123456789abc.1', encodeRecord(markedRecord(1)));
    await agent.outbox.quarantineBytes('monitors', 'HL7-TYPE', 'message', Buffer.from(oru('M-4', ['A'])));
    const rows = await agent.json('replay', 'q1', 'q2', 'q3', 'q4', 'q5');
    assert.deepEqual(
      rows.map(({ outcome, why }) => [outcome, why]),
      [
        ['stays', 'OUTBOX-NOT-WHOLE'],
        ['stays', 'OUTBOX-PARTLY-SENT'],
        ['pending', null],
        ['stays', 'OUTBOX-NOT-WHOLE'],
        ['stays', 'OUTBOX-NOT-WHOLE'],
      ],
    );
    assert.equal((await agent.pending()).length, 1);
  });

  test('a row that its profile did not know is read once that was mended: alone, once, of whom and of when it was', async () => {
    verifies('ROW-AGAIN', 'QUARANTINE-REPLAYED-ONCE', 'QUARANTINE-BLANKED');
    await using agent = await Running.start();
    const own = '7^SAT^99SITE';
    const vital: (typeof MDC_ROWS)['vital'] = (field, separators) =>
      codedVital(field === own ? '150456^MDC_PULS_OXIM_SAT_O2^MDC' : field, separators);
    await agent.receive(oru('M-1', ['A'], 97) + oru('M-1', ['A'], 93, own).replace(/^.*OBX\|1/s, 'OBX|2'));
    // A message that names nobody is of the bed that its source had then.
    await agent.receive(oru('M-2', ['B'], 92, own).replace(/PID[^\r]*\r/, ''));
    assert.equal((await agent.pending()).length, 1);
    assert.deepEqual(
      (await agent.json('replay', '--code', 'DECODE-UNKNOWN-CODE')).map(({ outcome, why }) => [outcome, why]),
      [
        ['stays', 'DECODE-UNKNOWN-CODE'],
        ['stays', 'DECODE-UNKNOWN-CODE'],
      ],
    );
    const shown = await agent.call('show', 'q1');
    assert.match(shown.stdout, /7\^SAT\^99SITE/);
    assert.doesNotMatch(shown.stdout, /Doe|Jane|P-0001/);
    agent.profile = hl7Profile({ ...pcd01, obx: { ...MDC_ROWS, vital } });
    agent.context = { ...CONTEXT, bed: 'ICU-9' };
    agent.time.now += 30 * DAY;
    const replayed = await agent.json('replay', '--code', 'DECODE-UNKNOWN-CODE');
    assert.deepEqual(
      replayed.map(({ outcome, rows, rest }) => [outcome, rows, rest]),
      [
        ['pending', 1, 0],
        ['pending', 1, 0],
      ],
    );
    assert.deepEqual(
      (await agent.pending()).map(({ subject, device, receivedAt, readings: [reading] }) => [
        subject.patient?.value ?? subject.bed,
        [device.id, receivedAt, reading?.value, reading?.effective],
      ]),
      [
        ['P-0001', ['A', RECEIVED, 97, RECEIVED]],
        ['ICU-4', ['B', RECEIVED, 92, RECEIVED]],
        ['P-0001', ['A', RECEIVED, 93, RECEIVED]],
      ],
    );
    assert.deepEqual(await agent.json('list'), []);
  });

  test('of a message that is longer than what is kept, nothing is read: its last value may be cut', async () => {
    verifies('QUARANTINE-REPLAYED-ONCE', 'NOTHING-INVENTED');
    await using agent = await Running.start();
    const long = oru(
      'M-1',
      Array.from({ length: 700 }, (_, i) => `A${i}`),
    );
    assert.ok(long.length > 65_536);
    await agent.reject(long);
    assert.deepEqual(
      (await agent.json('replay', 'q1')).map(({ outcome, why }) => [outcome, why]),
      [['stays', 'OUTBOX-NOT-WHOLE']],
    );
    assert.deepEqual(await agent.pending(), []);
  });

  test('a time of receipt that lies ahead makes nothing current', async () => {
    verifies('QUARANTINE-REPLAYED-ONCE', 'THREE-INSTANTS');
    await using agent = await Running.start();
    agent.time.now += 365 * DAY;
    await agent.reject(oru('M-1', ['A']));
    agent.time.now -= 365 * DAY;
    await agent.call('replay', 'q1');
    assert.deepEqual((await agent.pending())[0]?.readings[0]?.flags?.includes('clock'), true);
  });

  test('what cannot be read of a message stays in quarantine by itself', async () => {
    verifies('GOOD-PARTS-SURVIVE');
    await using agent = await Running.start();
    const unknown = 'OBX|9|NM|999999^NOBODY^MDC|1.1.1.9|1|262688^MDC_DIM_PERCENT^MDC|||||R|||20261121100000+0000\r';
    await agent.reject(oru('M-1', ['A']) + unknown);
    assert.deepEqual(
      (await agent.json('replay', 'q1')).map(({ outcome, rows, rest }) => [outcome, rows, rest]),
      [['pending', 1, 1]],
    );
    assert.deepEqual(
      (await agent.json('list')).map(({ id, code, part, at }) => [id, code, part, at]),
      [['q2', 'DECODE-UNKNOWN-CODE', 'OBX[2]', RECEIVED]],
    );
    // By itself as well, once its code is known.
    const vital: (typeof MDC_ROWS)['vital'] = (_, separators) => codedVital('150456^MDC_PULS_OXIM_SAT_O2^MDC', separators);
    agent.profile = hl7Profile({ ...pcd01, obx: { ...MDC_ROWS, vital } });
    assert.equal((await agent.json('replay', 'q2'))[0].outcome, 'pending');
    assert.deepEqual(
      (await agent.pending()).map(({ subject, readings }) => [subject.patient?.value, readings.map(({ value }) => value)]),
      [
        ['P-0001', [97]],
        ['P-0001', [1]],
      ],
    );
  });
});

describe('outbox list, show, export, drop, status', () => {
  test('nothing of what an entry holds is listed, and nobody is named unless asked for', async () => {
    verifies('QUARANTINE-BLANKED');
    await using agent = await Running.start();
    await agent.reject(oru('M-1', ['A']));
    await agent.refuse(markedRecord(1), 'INGEST-INVALID');
    await agent.outbox.quarantineBytes('monitors', 'HL7-TYPE', 'message', Buffer.from(oru('M-2', ['A'])));
    await agent.reject(Buffer.from(encodeRecord(markedRecord(2))).toString('latin1'), 'DECODE-FIELD', 'record');
    await agent.outbox.append([markedRecord(3)]);
    const names = /Doe|Jane|P-0001|501234567/;
    for (const args of [
      ['list'],
      ['list', '--pending'],
      ['export'],
      ['export', '--pending'],
      ['show', 'q1'],
      ['show', 'q4'],
      ['show', 'r2'],
    ]) {
      const { code, stdout, stderr } = await agent.call(...args);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stdout, names, args.join(' '));
    }
    assert.doesNotMatch((await agent.call('list')).stdout, /97|SAT_O2/);
    assert.match((await agent.call('show', 'q1')).stdout, /PID\|\|\|XX9999\^\^\^XXXX\|\|XXX\^XXXX/);
    assert.match((await agent.call('show', 'q3')).stdout, /not shown.*CAPTURE-SOURCE/);
    const named = await agent.call('show', 'q1', '--with-identifiers');
    assert.match(named.stdout, /Doe\^Jane/);
    assert.match(named.stderr, /WARNING/);
    assert.match((await agent.call('show', 'r2', '--with-identifiers')).stdout, /P-0001/);
    const exported = await agent.json('export', '--with-identifiers');
    assert.deepEqual(
      exported.map(({ id }) => id),
      ['q4', 'q3', 'q2', 'q1'],
    );
    const shown = agent.logged.filter(({ message }) => message === 'an entry of the outbox was shown');
    assert.deepEqual(shown.at(-1), {
      id: 'r2',
      identifiers: 'kept',
      principal: `local:${process.getuid?.()}`,
      message: shown.at(-1)?.message,
    });
    assert.doesNotMatch(JSON.stringify(agent.logged), names);
  });

  test('a gap is told from rows of data, with why, what and which period is missing, and without whose it is', async () => {
    verifies('OUTBOX-GAP-SHOWN', 'QUARANTINE-BLANKED');
    await using agent = await Running.start();
    const gap: Gap = {
      reason: 'space',
      lost: 'continuous',
      from: RECEIVED - 60_000,
      to: RECEIVED,
      rows: 3,
      values: 6,
      vitals: ['hr', 'spo2'],
    };
    const { readings: _, ...record } = markedRecord(1);
    await agent.outbox.append([markedRecord(1), { ...record, class: 'gap', readings: [], gap }]);
    assert.deepEqual(
      (await agent.json('list', '--pending')).map((entry) => [entry.class, entry.gap]),
      [
        ['spot', null],
        ['gap', gap],
      ],
    );
    const list = (await agent.call('list', '--pending')).stdout.split('\n');
    assert.match(list[1] ?? '', /spot .*, row$/);
    assert.match(list[2] ?? '', /gap .*, gap \(space\)$/);
    const [shown] = await agent.json('show', 'r2');
    assert.deepEqual([shown.gap, shown.content.record.gap], [gap, gap]);
    const { stdout } = await agent.call('show', 'r2');
    assert.match(
      stdout,
      /Missing continuous from 2026-11-21T09:59:00Z to 2026-11-21T10:00:00Z: hr, spo2\n {2}space: The gateway had no room/,
    );
    assert.match(stdout, /3 rows, 6 values/);
    assert.doesNotMatch(stdout, /P-0001/);
    // In quarantine as well.
    await agent.outbox.quarantine(await agent.outbox.pending(1, 1), 'INGEST-INVALID');
    assert.deepEqual((await agent.json('show', 'q1'))[0].gap, gap);
  });

  test('a list is chosen by source and code, and as long as told', async () => {
    await using agent = await Running.start();
    for (let i = 1; i <= 300; i += 1) await agent.refuse(markedRecord(i), i % 2 === 0 ? 'INGEST-INVALID' : 'INGEST-NOT-BOUND');
    await agent.reject('x');
    const ids = async (...args: string[]): Promise<string[]> => (await agent.json('list', ...args)).map(({ id }) => id);
    assert.equal((await ids()).length, 100);
    assert.deepEqual(await ids('--source', 'monitors'), ['q301']);
    assert.deepEqual(await ids('--code', 'INGEST-NOT-BOUND', '--limit', '2'), ['q299', 'q297']);
    assert.equal((await ids('--code', 'INGEST-NOT-BOUND', '--limit', '1000')).length, 150);
    assert.equal((await agent.call('list', '--pending')).stdout, 'Nothing waits.\n');
    const [report] = await agent.json('status');
    assert.deepEqual(report.quarantined, { total: 301, byClass: { bytes: 1, spot: 300 } });
    assert.deepEqual((await agent.json('replay', '--code', 'INGEST-NOT-BOUND')).length, 150);
    const [after] = await agent.json('status');
    assert.deepEqual([after.pending, after.quarantined.total], [{ total: 150, byClass: { spot: 150 } }, 151]);
    assert.equal((await ids('--pending', '--source', 'bench', '--limit', '3')).length, 3);
  });

  test('what is dropped is gone, with its reason in the log, and never without one', async () => {
    verifies('QUARANTINE-BLANKED');
    await using agent = await Running.start();
    await agent.refuse(markedRecord(1), 'INGEST-INVALID');
    assert.deepEqual((await agent.call('drop', 'q1')).code, 2);
    assert.deepEqual((await agent.call('drop', 'q1', '--reason', ' ')).code, 2);
    assert.equal((await agent.outbox.status()).quarantined, 1);
    assert.deepEqual((await agent.call('drop', 'q1', 'q7', '--reason', 'sent by hand')).code, 1);
    assert.equal((await agent.outbox.status()).quarantined, 0);
    const dropped = agent.logged.filter(({ message }) => message === 'an entry of quarantine was dropped');
    assert.deepEqual(
      dropped.map(({ id, code, reason }) => [id, code, reason]),
      [['q1', 'INGEST-INVALID', 'sent by hand']],
    );
  });

  test('a store of the hub that is new on purpose is named, and logged with who named it', async () => {
    verifies('STORE-KNOWN');
    await using agent = await Running.start();
    const [old, fresh, other] = ['a', 'b', 'c'].map((digit) => digit.repeat(32)) as [string, string, string];
    await agent.outbox.setStoreId(old);
    assert.equal((await agent.call('accept-store')).code, 2);
    for (const id of ['no id', 'anything', fresh.slice(1), fresh.toUpperCase()])
      assert.equal((await agent.call('accept-store', id)).code, 2);
    agent.answering = fresh;
    const refused = await agent.call('accept-store', other);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, new RegExp(`the hub that answers has the store ${fresh}`));
    assert.equal(agent.outbox.storeId, old);
    assert.match((await agent.call('accept-store', fresh)).stdout, new RegExp(`the data go to store ${fresh}`));
    assert.deepEqual(await agent.json('accept-store', fresh), [{ storeId: fresh, before: fresh }]);
    assert.equal(agent.outbox.storeId, fresh);
    assert.match((await agent.call('status')).stdout, new RegExp(`Goes to the store +${fresh}`));
    const [said] = agent.logged.filter(({ message }) => message === 'from now on the data go to this store of the hub');
    assert.deepEqual([said?.storeId, said?.before, said?.principal], [fresh, old, `local:${process.getuid?.()}`]);
  });

  test('what is asked wrongly is refused, and does nothing', async () => {
    await using agent = await Running.start();
    await agent.refuse(markedRecord(1), 'INGEST-INVALID');
    const wrong = [
      ['replay'],
      ['replay', 'q1', '--code', 'INGEST-INVALID'],
      ['replay', '1'],
      ['replay', 'r1'],
      ['replay', '--code', 'NONSENSE'],
      ['drop', 'r1', '--reason', 'x'],
      ['drop', '--reason', 'x'],
      ['show'],
      ['show', 'q0'],
      ['show', 'q1', 'q2'],
      ['list', '--quarantine', '--pending'],
      ['list', '--pending', '--code', 'INGEST-INVALID'],
      ['list', '--limit', '0'],
      ['list', '--limit', 'all'],
      ['export', '--limit', '3'],
    ];
    for (const args of wrong) assert.equal((await agent.call(...args)).code, 2, args.join(' '));
    assert.match((await agent.call('show', 'q2')).stderr, /^OUTBOX-NO-ENTRY/);
    assert.equal((await agent.call('show', 'r1')).code, 1);
    assert.deepEqual([(await agent.outbox.status()).quarantined, await agent.pending()], [1, []]);
  });

  test('without a running agent it is said that it must be started', async () => {
    using site = await AgentSite.make(SOURCES);
    for (const argv of [['status'], ['list'], ['replay', 'q1'], ['export']]) {
      const [name = '', ...rest] = argv;
      const { code, stderr } = await call(site, [name, '--config', site.config, ...rest]);
      assert.equal(code, 3);
      assert.match(stderr, /^OPERATOR-NOT-RUNNING[^\n]*\n {2}Start it/);
    }
  });
});
