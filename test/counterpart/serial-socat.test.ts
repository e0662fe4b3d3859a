import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { noninDf8 } from '../../agent/devices/nonin-df8.ts';
import { createSerial, SERIAL_DEFAULTS, type SerialOptions } from '../../agent/sources/serial.ts';
import { lineDecoder, started, type TestEnvironment, testEnvironment } from '../agent/sources/support.ts';
import { verifies } from '../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-socat-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A serial line of the kernel, with the device's end in our hands. Fails when socat is not installed. */
class PseudoLine {
  readonly path: string;
  readonly #socat: ChildProcessWithoutNullStreams;
  received = '';
  #changed = Promise.withResolvers<void>();

  private constructor(path: string, socat: ChildProcessWithoutNullStreams) {
    this.path = path;
    this.#socat = socat;
    socat.stdin.on('error', () => undefined);
    socat.stdout.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#changed.resolve();
      this.#changed = Promise.withResolvers<void>();
    });
  }

  static async plug(name: string): Promise<PseudoLine> {
    const path = join(folder, name);
    const socat = spawn('socat', ['-d', '-d', `pty,raw,echo=0,link=${path}`, 'stdio']);
    const failed = once(socat, 'error').then(([error]) => Promise.reject(error));
    const ready = (async () => {
      for await (const chunk of socat.stderr) if (String(chunk).includes('starting data transfer loop')) return;
      assert.fail('socat ended before the line was ready');
    })();
    await Promise.race([ready, failed]);
    return new PseudoLine(path, socat);
  }

  send(bytes: string | Uint8Array): void {
    this.#socat.stdin.write(bytes);
  }

  async until(condition: (received: string) => boolean): Promise<void> {
    while (!condition(this.received)) await this.#changed.promise;
  }

  async unplug(): Promise<void> {
    const gone = once(this.#socat, 'exit');
    this.#socat.kill('SIGKILL');
    await gone;
    rmSync(this.path, { force: true });
  }
}

function serial(environment: TestEnvironment, path: string, options: Partial<SerialOptions> = {}) {
  return createSerial(
    {
      ...SERIAL_DEFAULTS,
      name: 'oximeter',
      endpoint: path,
      address: { path },
      line: noninDf8.line,
      decoder: () => lineDecoder(),
      reopenMinMs: 10,
      reopenMaxMs: 50,
      ...options,
    },
    environment,
  );
}

test('a device on a real terminal line is read, and answered after its reading is stored', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  const { intake } = environment;
  const line = await PseudoLine.plug('line-1');
  await using _source = await started(serial(environment, line.path));
  await environment.trap.until('serial line is open');
  intake.hold();
  line.send('one\n');
  await intake.until(({ offered }) => offered === 1);
  assert.equal(line.received, '');
  intake.release();
  await line.until((text) => text === 'ack:one\n');
  await line.unplug();
});

test('a Nonin oximeter is read with the settings of its table, from the middle of a packet on', async () => {
  const environment = testEnvironment();
  const line = await PseudoLine.plug('line-2');
  const context = { source: 'oximeter', zone: 'UTC', test: true, deviceId: 'NONIN-0001', maxFrameBytes: 1024 };
  await using source = await started(serial(environment, line.path, { decoder: () => noninDf8.decoder(context) }));
  await environment.trap.until('serial line is open');
  // Data format 8: status with bit 7 set, heart rate, SpO2, second status. The last two bytes of a packet come first.
  line.send(Buffer.from([97, 0, 0x80, 72, 97, 0, 0x80, 73, 96, 0, 0x80, 74, 96, 0]));
  await environment.intake.until(({ stored }) => stored.length >= 2);
  assert.ok(environment.intake.stored.every((device) => device === 'NONIN-0001'));
  await line.unplug();
  await source[Symbol.asyncDispose]();
});

test('an unplugged line is lost, and read again once it is plugged in', async () => {
  const environment = testEnvironment();
  const { intake, trap } = environment;
  const line = await PseudoLine.plug('line-3');
  await using source = await started(serial(environment, line.path));
  await trap.until('serial line is open');
  line.send('one\n');
  await intake.until(({ stored }) => stored.length === 1);
  await line.unplug();
  await trap.until('source is not running; it is tried again');
  assert.equal(source.status().state, 'waiting');
  const again = await PseudoLine.plug('line-3');
  await trap.until('serial line is open', 2);
  again.send('two\n');
  await intake.until(({ stored }) => stored.length === 2);
  assert.equal(source.status().state, 'running');
  assert.equal(trap.of('source is not running; it is tried again'), 1);
  await again.unplug();
});

test('a line has one owner', async () => {
  const first = testEnvironment();
  const second = testEnvironment();
  const line = await PseudoLine.plug('line-4');
  await using _owner = await started(serial(first, line.path));
  await first.trap.until('serial line is open');
  await using other = await started(serial(second, line.path));
  await second.trap.until('source is not running; it is tried again');
  assert.match(JSON.stringify(second.trap.lines), /SOURCE-OPEN.*lock/i);
  assert.equal(other.status().state, 'waiting');
  await line.unplug();
});
