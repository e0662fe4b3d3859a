import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import mqttPackage from 'mqtt';
import { createMqtt, MQTT_DEFAULTS, type MqttOptions } from '../../agent/sources/mqtt.ts';
import { decodeText, started, type TestEnvironment, testEnvironment } from '../agent/sources/support.ts';
import { verifies } from '../requirements.ts';
import { freePort } from '../support/free-port.ts';

// Debian puts it where an ordinary user's PATH does not look.
const MOSQUITTO = existsSync('/usr/sbin/mosquitto') ? '/usr/sbin/mosquitto' : 'mosquitto';

/** A mosquitto of its own, with a password and a store that survives a restart. Fails when mosquitto is not installed. */
class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  static async start(): Promise<Mosquitto> {
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-mosquitto-'));
    const broker = new Mosquitto(folder, await freePort());
    const passwords = join(folder, 'passwords');
    const made = spawnSync('mosquitto_passwd', ['-b', '-c', passwords, 'agent', 'right-password'], { encoding: 'utf8' });
    assert.equal(made.status, 0, `mosquitto_passwd: ${made.error?.message ?? made.stderr}`);
    writeFileSync(
      join(folder, 'mosquitto.conf'),
      [
        `listener ${broker.port} 127.0.0.1`,
        'allow_anonymous false',
        `password_file ${passwords}`,
        'persistence true',
        `persistence_location ${folder}/`,
        'autosave_on_changes true',
        'autosave_interval 1',
        // As root it would change to a user who may not read this folder.
        ...(process.getuid?.() === 0 ? ['user root'] : []),
      ].join('\n'),
    );
    await broker.run();
    return broker;
  }

  async run(): Promise<void> {
    const child = spawn(MOSQUITTO, ['-c', join(this.#folder, 'mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    const failed = once(child, 'error').then(([error]) => Promise.reject(error));
    const { stderr } = child;
    const ready = (async () => {
      let text = '';
      for await (const chunk of stderr) {
        text += chunk;
        if (/version [\d.]+ running/.test(text)) return;
      }
      assert.fail(`mosquitto ended: ${text}`);
    })();
    await Promise.race([ready, failed]);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }

  /** Publishes with QoS 1 as a device of the home would. */
  async publish(payload: string | Buffer, options: { retain?: boolean } = {}): Promise<void> {
    const client = await mqttPackage.connectAsync(`mqtt://127.0.0.1:${this.port}`, {
      username: 'agent',
      password: 'right-password',
      protocolVersion: 5,
    });
    await client.publishAsync('home/a/measurement', payload, { qos: 1, ...options });
    await client.endAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function mqtt(environment: TestEnvironment, port: number, options: Partial<MqttOptions> = {}) {
  return createMqtt(
    {
      ...MQTT_DEFAULTS,
      name: 'home',
      host: '127.0.0.1',
      port,
      clientId: 'vitalmesh-test',
      protocolVersion: 5,
      credentials: { username: 'agent', password: 'right-password' },
      filters: ['home/+/measurement'],
      decode: (_topic, payload, receivedAt) => decodeText(Buffer.from(payload).toString('latin1'), receivedAt),
      maxFrameBytes: 1024,
      reopenMinMs: 10,
      reopenMaxMs: 50,
      ...options,
    },
    environment,
  );
}

for (const protocolVersion of [4, 5] as const) {
  test(`MQTT ${protocolVersion === 5 ? '5' : '3.1.1'}: what is not stored is not acknowledged, and comes again`, async () => {
    verifies('ACK-AFTER-COMMIT');
    const environment = testEnvironment();
    const { intake, trap } = environment;
    await using broker = await Mosquitto.start();
    await using _source = await started(mqtt(environment, broker.port, { protocolVersion }));
    await trap.until('source is running');
    intake.fail();
    await broker.publish('one');
    await intake.until(({ offered }) => offered >= 3);
    intake.release();
    await intake.until(({ stored }) => stored.length === 1);
    await broker.publish('two');
    await intake.until(({ stored }) => stored.includes('two'));
    assert.deepEqual(intake.stored, ['one', 'two'], 'acknowledged, so not sent again');
  });

  test(`MQTT ${protocolVersion === 5 ? '5' : '3.1.1'}: poison of every kind is acknowledged, and comes only once`, async () => {
    verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
    const environment = testEnvironment();
    const { intake, trap } = environment;
    await using broker = await Mosquitto.start();
    const source = await started(mqtt(environment, broker.port, { protocolVersion }));
    await trap.until('source is running');
    await broker.publish('bad');
    await broker.publish('defect');
    await broker.publish('x'.repeat(2000));
    await broker.publish(Buffer.alloc(3_000_000, 'y'));
    await broker.publish('good');
    await intake.until(({ stored }) => stored.length === 1);
    const codes = ['DECODE-FIELD', 'INTERNAL', 'DECODE-OVERSIZED', 'DECODE-OVERSIZED'];
    assert.deepEqual(
      intake.rejections.map(({ code }) => code),
      codes,
    );
    await source[Symbol.asyncDispose]();
    const second = testEnvironment();
    await using _again = await started(mqtt(second, broker.port, { protocolVersion }));
    await second.trap.until('source is running');
    await broker.publish('after');
    await second.intake.until(({ stored }) => stored.length === 1);
    assert.deepEqual(second.intake.stored, ['after']);
    assert.deepEqual(second.intake.rejections, []);
  });

  test(`MQTT ${protocolVersion === 5 ? '5' : '3.1.1'}: a restarted broker is found again, with what it kept meanwhile`, async () => {
    const environment = testEnvironment();
    const { intake, trap } = environment;
    await using broker = await Mosquitto.start();
    const first = await started(mqtt(environment, broker.port, { protocolVersion }));
    await trap.until('source is running');
    await first[Symbol.asyncDispose]();
    await broker.publish('meanwhile');
    await broker.stop();
    const other = testEnvironment();
    await using _second = await started(mqtt(other, broker.port, { protocolVersion }));
    await other.trap.until('source is not running; it is tried again');
    await broker.run();
    await other.intake.until(({ stored }) => stored.length === 1);
    assert.deepEqual(other.intake.stored, ['meanwhile']);
    assert.deepEqual(intake.stored, []);
  });
}

test('retained values never arrive as new ones', async () => {
  const environment = testEnvironment();
  const { intake, trap } = environment;
  await using broker = await Mosquitto.start();
  await broker.publish('old', { retain: true });
  await using _source = await started(mqtt(environment, broker.port, { protocolVersion: 4 }));
  await intake.until(({ rejections }) => rejections.length === 1);
  assert.equal(intake.rejections[0]?.code, 'SOURCE-RETAINED');
  await trap.until('source is running');
  await broker.publish('new');
  await intake.until(({ stored }) => stored.length === 1);
  assert.deepEqual(intake.stored, ['new']);
});

test('a wrong password is a coded state, tried again', async () => {
  const environment = testEnvironment();
  await using broker = await Mosquitto.start();
  await using source = await started(mqtt(environment, broker.port, { credentials: { username: 'agent', password: 'wrong-password' } }));
  await environment.trap.until('source is not running; it is tried again');
  assert.equal(source.status().state, 'waiting');
  assert.match(JSON.stringify(environment.trap.lines), /SOURCE-OPEN.*refused the connection/);
});
