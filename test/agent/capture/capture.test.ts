import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { type CaptureEnding, type CaptureHeader, CaptureWriter, readCapture } from '../../../agent/capture/format.ts';
import { CAPTURE_LIMITS, captureCommand } from '../../../agent/capture/operator.ts';
import { asTest } from '../../../agent/capture/replay.ts';
import { Taps } from '../../../agent/capture/taps.ts';
import { agentProgram } from '../../../agent/cli.ts';
import { mllpFrame } from '../../../agent/framing/mllp.ts';
import { programs } from '../../../agent/main.ts';
import { profile } from '../../../agent/profiles.ts';
import { hl7Stream } from '../../../agent/sources/hl7-stream.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS } from '../../../agent/sources/mllp-server.ts';
import { systemClock } from '../../../shared/clock.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { verifies } from '../../requirements.ts';
import { AgentSite } from '../../support/agent-site.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { dial, started, testEnvironment } from '../sources/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-capture-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const oru = (id: string, mode = 'P'): string =>
  `MSH|^~\\&|SIM||||20261121100000+0000||ORU^R01|${id}|${mode}|2.6\rPID|||P-0001^^^HOSP||Doe^Jane\r` +
  'OBR|1|||182777000^monitoring^SCT|||20261121100000+0000\r' +
  'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1|97|262688^MDC_DIM_PERCENT^MDC|||||R\r';
const frame = (message: string): Buffer => Buffer.from(mllpFrame(Buffer.from(message)));

const HEADER: CaptureHeader = {
  ...{ vitalmesh: 'capture', version: 1, replay: true, source: 'monitors', profile: 'hl7-pcd01', framing: 'mllp' },
  ...{ startedAt: Date.UTC(2026, 10, 21, 10), zone: 'UTC', identifiers: 'kept' },
};

/** The text of a capture of these reads. */
function capture(chunks: readonly Uint8Array[], header: CaptureHeader = HEADER, ending: CaptureEnding = 'time'): string {
  const writer = new CaptureWriter();
  const lines = [writer.line(header)];
  for (const [i, bytes] of chunks.entries()) lines.push(writer.line({ ms: i, link: 1, bytes: Buffer.from(bytes).toString('base64') }));
  return [...lines, writer.end(ending)].join('');
}

let files = 0;
function save(content: string): string {
  files += 1;
  const path = join(folder, `${files}.ndjson`);
  writeFileSync(path, content);
  return path;
}

async function call(argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  const code = await runProgram(agentProgram(programs), argv, { stdin: Readable.from([]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, stdout: await out, stderr: await err };
}

test('what is written is read, and every change and every cut is found', () => {
  verifies('REPLAY-MARKED');
  const content = capture([Buffer.from('one'), Buffer.of(0, 255), Buffer.alloc(0)]);
  const { header, chunks } = readCapture(content);
  assert.deepEqual(header, HEADER);
  assert.deepEqual(
    chunks.map(({ ms, link, bytes }) => [ms, link, Buffer.from(bytes).toString('latin1')]),
    [
      [0, 1, 'one'],
      [1, 1, '\u0000\u00ff'],
      [2, 1, ''],
    ],
  );
  for (let cut = 0; cut < content.length; cut += 1)
    assert.throws(() => readCapture(content.slice(0, cut)), { code: 'CAPTURE-DAMAGED' }, `cut at ${cut}`);
  fc.assert(
    fc.property(fc.nat(content.length - 1), fc.nat(127), (at, code) => {
      fc.pre(content.charCodeAt(at) !== code);
      assert.throws(() => readCapture(content.slice(0, at) + String.fromCharCode(code) + content.slice(at + 1)), {
        code: 'CAPTURE-DAMAGED',
      });
    }),
    { numRuns: 200 },
  );
});

test('a file without the mark of a replay is no capture', () => {
  verifies('REPLAY-MARKED');
  const lines = capture([frame(oru('M-1'))]).split('\n');
  for (const change of [{ replay: false }, { replay: undefined }, { version: 2 }, { vitalmesh: 'x' }]) {
    const first = JSON.stringify({ ...HEADER, ...change });
    const body = `${[first, ...lines.slice(1, -2)].join('\n')}\n`;
    const trailer = { ...JSON.parse(lines.at(-2) ?? ''), sha256: createHash('sha256').update(body).digest('hex') };
    assert.throws(() => readCapture(`${body}${JSON.stringify(trailer)}\n`), { code: 'CAPTURE-DAMAGED' });
  }
});

test('what is played back is test data, whatever the bytes say', async () => {
  verifies('REPLAY-MARKED');
  const bytes = Buffer.concat([frame(oru('M-1')), frame('no message'), frame(oru('M-2'))]);
  const { code, stdout, stderr } = await call(['replay', save(capture([bytes.subarray(0, 50), bytes.subarray(50)]))]);
  assert.equal(code, 0, stderr);
  const observations = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(observations.length, 2);
  for (const { meta } of observations) assert.match(JSON.stringify(meta), /"HTEST"/);
  assert.match(stderr, /HL7-NO-MSH/);
  const serial = save(capture([Buffer.from('x')], { ...HEADER, profile: 'nonin-df8', framing: undefined }));
  assert.equal((await call(['replay', serial, '--to', '127.0.0.1:9'])).stderr.split(':')[0], 'CAPTURE-SOURCE');
});

test('a damaged or missing file is refused with a code', async () => {
  assert.match((await call(['replay', save('{}\n')])).stderr, /^CAPTURE-DAMAGED: /);
  assert.match((await call(['replay', join(folder, 'missing')])).stderr, /^CAPTURE-FILE: .*ENOENT/);
  assert.match((await call(['replay', save(capture([])), '--profile', 'hl7-pcd'])).stderr, /^DECODE-PROFILE: .*hl7-pcd01/);
  assert.equal((await call(['replay', save(capture([])), '--to', 'nowhere'])).code, 2);
  assert.equal((await call(['replay'])).code, 2);
});

test('a capture is sent to a listener as test messages, each after the one before was answered', async () => {
  verifies('REPLAY-MARKED');
  const environment = testEnvironment();
  const context = { source: 'icu', zone: 'UTC', test: false, maxFrameBytes: 65_536 };
  const records: boolean[] = [];
  const intake = {
    store: async (stored: readonly { test: boolean }[]) => {
      records.push(...stored.map((record) => record.test));
      return 'stored' as const;
    },
    reject: async () => undefined,
  };
  await using source = await started(
    createMllpServer(
      { ...MLLP_SERVER_DEFAULTS, name: 'icu', host: '127.0.0.1', port: 0, decoder: () => hl7Stream(hl7Pcd01, context) },
      { ...environment, intake },
    ),
  );
  const messages = [oru('M-1'), oru('M-2', 'D'), 'no message', oru('M-3').replace('|P|2.6', '|P|9.9')];
  const sent = await call(['replay', save(capture(messages.map(frame))), '--to', source.status().endpoint]);
  assert.deepEqual(JSON.parse(sent.stdout), { sent: 3, accepted: 2, refused: 1, skipped: 1 });
  assert.equal(sent.code, 1);
  assert.deepEqual(records, [true, true]);
});

test('the mark of a test is put where it is read, or the message is not sent', () => {
  verifies('REPLAY-MARKED');
  const marked = (message: string): string | undefined => {
    const bytes = asTest(Buffer.from(message, 'latin1'));
    return bytes && Buffer.from(bytes).toString('latin1');
  };
  assert.equal(marked(oru('M')), oru('M', 'T'));
  assert.equal(marked('MSH|^~\\&|A\rPID|1\r'), 'MSH|^~\\&|A||||||||T\rPID|1\r');
  assert.equal(marked('\u00ef\u00bb\u00bfMSH#*~\\&#######A#1#P*I#2\nOBX#1'), '\u00ef\u00bb\u00bfMSH#*~\\&#######A#1#T#2\nOBX#1');
  assert.equal(marked(`${oru('A')}${oru('B')}`), `${oru('A', 'T')}${oru('B', 'T')}`);
  assert.equal(marked('PID|1\r'), undefined);
  // The reader finds no header behind a blank line and a byte order mark, so that no mark could be found either.
  assert.equal(marked('\n\u00ef\u00bb\u00bfMSH|^~\\&|A\r'), undefined);
  assert.equal(marked(''), undefined);
  // In a block, what is behind such a byte is another message.
  assert.equal(marked(`${oru('A')}NTE|\u000b${oru('B')}`), undefined);
  assert.equal(marked(`${oru('A')}\u001c\r\u000b${oru('B')}`), undefined);
});

/** The command of the operator with a source that it sees. */
function operator() {
  const taps = new Taps();
  const sources = [
    { name: 'monitors', profile: profile('hl7-pcd01'), framing: 'mllp' as const, zone: 'UTC' },
    { name: 'home', profile: profile('mqtt-home-hub'), zone: 'UTC' },
  ];
  return { taps, capture: captureCommand({ sources, taps, clock: systemClock, log: silentLogger }) };
}

type Row = { bytes?: string; end?: string; identifiers?: string };

/** Starts a capture and waits until it sees the source. */
async function begin(capture: ReturnType<typeof operator>['capture'], args: Record<string, unknown>) {
  const rows = (capture({ source: 'monitors', ...args }, 'local:0') as AsyncIterable<Row>)[Symbol.asyncIterator]();
  const { value: header } = await rows.next();
  return { rows, header };
}

test('a capture ends by size, and by a reader that is too slow, and holds nothing more then', async () => {
  const big = Buffer.alloc(1024 * 1024, 'x');
  const slow = operator();
  const { rows } = await begin(slow.capture, { seconds: 60 });
  for (let i = 0; i < 20; i += 1) slow.taps.offer('monitors', 1, big);
  let bytes = 0;
  let end: string | undefined;
  for (let next = await rows.next(); !next.done; next = await rows.next()) {
    bytes += Buffer.byteLength(next.value.bytes ?? '', 'base64');
    end = next.value.end;
  }
  assert.deepEqual([bytes, end], [CAPTURE_LIMITS.queuedBytes, 'slow']);

  const { taps, capture } = operator();
  const large = await begin(capture, { seconds: 60 });
  let last: Row | undefined;
  for (let i = 0; i <= CAPTURE_LIMITS.bytes / big.length; i += 1) {
    taps.offer('monitors', 1, big);
    last = (await large.rows.next()).value;
  }
  assert.equal(last?.end, 'size');
  await large.rows.return?.();
});

test('a capture of single bytes is bounded as well', async () => {
  const byte = Buffer.of(0x41);
  const { taps, capture } = operator();
  const { rows } = await begin(capture, { seconds: 60 });
  for (let i = 0; i <= CAPTURE_LIMITS.queuedReads; i += 1) taps.offer('monitors', i, byte);
  let reads = 0;
  let end: string | undefined;
  for (let next = await rows.next(); !next.done; next = await rows.next()) {
    if (next.value.bytes !== undefined) reads += 1;
    end = next.value.end;
  }
  assert.deepEqual([reads, end], [CAPTURE_LIMITS.queuedReads, 'slow']);
});

test('a capture whose caller is gone makes room for the next, also when the source says nothing', async () => {
  const { capture } = operator();
  const gone = new AbortController();
  for (let i = 0; i < CAPTURE_LIMITS.underWay; i += 1) {
    const rows = (capture({ source: 'monitors', seconds: 3600 }, 'local:0', gone.signal) as AsyncIterable<Row>)[Symbol.asyncIterator]();
    await rows.next();
    const waiting = rows.next();
    if (i === 0) gone.abort();
    assert.deepEqual(await waiting, { value: { end: 'stopped' }, done: false });
    assert.equal((await rows.next()).done, true);
  }
  const { rows } = await begin(capture, {});
  await rows.return?.();
});

test('what cannot be captured is refused at once, and only so many at a time', async () => {
  const { capture } = operator();
  const refused = async (args: Record<string, unknown>, code: string): Promise<void> => {
    await assert.rejects(begin(capture, args), { code });
  };
  await refused({ source: 'nobody' }, 'USAGE');
  for (const seconds of [0, 3601, 1.5, '60']) await refused({ seconds }, 'USAGE');
  await refused({ withIdentifiers: 'yes' }, 'USAGE');
  await refused({ source: 'home' }, 'CAPTURE-SOURCE');
  await refused({ source: 'home', withIdentifiers: true }, 'CAPTURE-SOURCE');
  const under = [await begin(capture, {}), await begin(capture, {})];
  await refused({}, 'CAPTURE-BUSY');
  await under[0]?.rows.return?.();
  const again = await begin(capture, {});
  for (const { rows } of [...under, again]) await rows.return?.();
});

/** A running listener with the operator's socket beside it, as the agent has them. */
async function agentWith(site: AgentSite) {
  const taps = new Taps();
  const environment = testEnvironment();
  const context = { source: 'monitors', zone: 'UTC', test: true, maxFrameBytes: 65_536 };
  const decoder = () => hl7Stream(hl7Pcd01, context);
  const source = createMllpServer(
    { ...MLLP_SERVER_DEFAULTS, name: 'monitors', host: '127.0.0.1', port: 0, decoder },
    { ...environment, taps },
  );
  const begun = Promise.withResolvers<void>();
  const open = taps.open.bind(taps);
  taps.open = (name, tap) => {
    begun.resolve();
    return open(name, tap);
  };
  const sources = [{ name: 'monitors', profile: profile('hl7-pcd01'), framing: 'mllp' as const, zone: 'UTC' }];
  const commands = { capture: captureCommand({ sources, taps, clock: systemClock, log: silentLogger }) };
  const door = createOperatorServer({ socketPath: site.operator, commands, log: silentLogger });
  await door.start(new AbortController().signal);
  await started(source);
  return { source, door, begun: begun.promise };
}

test('a running source is captured without names, and the capture is read as what it was', async () => {
  verifies('CAPTURE-BLANKED', 'REPLAY-MARKED', 'OPERATOR-SOCKET');
  using site = await AgentSite.make([{ type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 2575 }]);
  for (const [option, pattern] of [
    [[], /^(?!.*(?:Doe|Jane|P-0001))/s],
    [['--with-identifiers'], /Doe\^Jane/],
  ] as const) {
    const { source, door, begun } = await agentWith(site);
    await using _source = source;
    await using _door = door;
    const out = join(site.folder, `capture${option.length}.ndjson`);
    const capturing = call(['capture', '--config', site.config, '--source', 'monitors', '--out', out, '--seconds', '1', ...option]);
    await begun;
    const wire = await dial(source);
    wire.send(frame(oru('M-1')));
    await wire.until((received) => received.includes('MSA|AA|M-1'));
    const { code, stdout, stderr } = await capturing;
    assert.deepEqual([code, /^\d+ bytes of monitors are in /.test(stdout)], [0, true]);
    assert.equal(/^WARNING: /.test(stderr), option.length > 0);
    assert.equal(statSync(out).mode & 0o777, 0o600);
    const { header, chunks } = readCapture(readFileSync(out, 'utf8'));
    assert.equal(header.identifiers, option.length > 0 ? 'kept' : 'blanked');
    assert.match(Buffer.concat(chunks.map(({ bytes }) => bytes)).toString('latin1'), pattern);
    const { stdout: observations } = await call(['replay', out]);
    assert.match(observations, /"HTEST".*"value":97/);
    const again = await call(['capture', '--config', site.config, '--source', 'monitors', '--out', out]);
    assert.match(again.stderr, /CAPTURE-FILE: .*EEXIST/);
  }
});

test('a capture that cannot be made leaves no file', async () => {
  using site = await AgentSite.make([{ type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 2575 }]);
  const out = join(site.folder, 'capture.ndjson');
  const gone = await call(['capture', '--config', site.config, '--source', 'monitors', '--out', out]);
  assert.deepEqual([gone.code, gone.stderr.split(':')[0]], [3, 'OPERATOR-NOT-RUNNING']);
  assert.throws(() => statSync(out), { code: 'ENOENT' });
});
