import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMqtt, MQTT_DEFAULTS, type MqttOptions } from '../../../agent/sources/mqtt.ts';
import { verifies } from '../../requirements.ts';
import { Broker } from './broker.ts';
import { decodeText, started, type TestEnvironment, testEnvironment } from './support.ts';

function mqtt(environment: TestEnvironment, port: number, options: Partial<MqttOptions> = {}) {
  return createMqtt(
    {
      ...MQTT_DEFAULTS,
      name: 'home',
      host: '127.0.0.1',
      port,
      clientId: 'vitalmesh-test',
      protocolVersion: 4,
      filters: ['home/+/measurement'],
      decode: (_topic, payload, receivedAt) => decodeText(Buffer.from(payload).toString('latin1'), receivedAt),
      maxFrameBytes: 1024,
      reopenMinMs: 5,
      reopenMaxMs: 20,
      ...options,
    },
    environment,
  );
}

test('a publication is acknowledged only after it is on disk', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  const { intake } = environment;
  await using broker = await Broker.listen();
  await using source = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is running');
  intake.hold();
  await broker.publish('home/a/measurement', 'one');
  await intake.until(({ offered }) => offered === 1);
  assert.equal(broker.pubacks, 0);
  intake.release();
  await broker.until(({ pubacks }) => pubacks === 1);
  assert.deepEqual(intake.stored, ['one']);
  assert.deepEqual(source.status().endpoint, `mqtt://127.0.0.1:${broker.port}`);
});

test('what cannot be stored is not acknowledged, and comes again', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  const { intake } = environment;
  await using broker = await Broker.listen();
  await using _source = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is running');
  intake.fail();
  await broker.publish('home/a/measurement', 'one');
  await intake.until(({ offered }) => offered >= 3);
  assert.equal(broker.pubacks, 0);
  intake.release();
  await broker.until(({ pubacks }) => pubacks === 1);
  assert.deepEqual(intake.stored, ['one']);
  assert.equal(environment.metrics.get('source_lost_records_total', 'home'), 0);
});

test('what was published while the agent was away arrives after it is back', async () => {
  const environment = testEnvironment();
  await using broker = await Broker.listen();
  const first = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is running');
  await first[Symbol.asyncDispose]();
  await broker.publish('home/a/measurement', 'meanwhile');
  await using _second = await started(mqtt(environment, broker.port));
  await environment.intake.until(({ stored }) => stored.includes('meanwhile'));
  await broker.until(({ pubacks }) => pubacks === 1);
});

test('of payloads without a time, nothing that was published meanwhile comes as current', async () => {
  verifies('NOTHING-INVENTED');
  const environment = testEnvironment();
  await using broker = await Broker.listen();
  // The session of an agent whose mapping still had a time is there, too.
  const first = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is running');
  await first[Symbol.asyncDispose]();
  await broker.publish('home/a/measurement', 'meanwhile');
  await using _second = await started(mqtt(environment, broker.port, { keepSession: false }));
  await broker.until(({ subscriptions }) => subscriptions === 2);
  await broker.publish('home/a/measurement', 'now');
  await environment.intake.until(({ stored }) => stored.includes('now'));
  assert.deepEqual(environment.intake.stored, ['now']);
});

test('a poison payload goes to quarantine and is acknowledged, whatever is wrong with it', async () => {
  verifies('NO-SILENT-DROP', 'GOOD-PARTS-SURVIVE');
  const environment = testEnvironment();
  const { intake } = environment;
  await using broker = await Broker.listen();
  await using _source = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is running');
  await broker.publish('home/a/measurement', 'bad');
  await broker.publish('home/a/measurement', 'defect');
  await broker.publish('home/a/measurement', 'x'.repeat(1025));
  await broker.publish('home/a/measurement', '');
  await broker.publish('home/a/measurement', 'good');
  await broker.until(({ pubacks }) => pubacks === 5);
  assert.deepEqual(
    intake.rejections.map(({ code, bytes }) => [code, bytes]),
    [
      ['DECODE-FIELD', 3],
      ['INTERNAL', 6],
      ['DECODE-OVERSIZED', 1025],
    ],
  );
  assert.deepEqual(intake.stored, ['', 'good']);
});

test('a payload far above the limit is never collected, is acknowledged, and costs nothing else', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const environment = testEnvironment();
  const { intake } = environment;
  await using broker = await Broker.listen();
  await using source = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is running');
  await broker.publish('home/a/measurement', Buffer.alloc(5_000_000, 'x'));
  await broker.publish('home/a/measurement', Buffer.alloc(4_000_000, 'y'), { qos: 0 });
  await broker.publish('home/a/measurement', 'good');
  await broker.until(({ pubacks }) => pubacks === 2);
  assert.deepEqual(intake.stored, ['good']);
  assert.deepEqual(
    intake.rejections.map(({ code }) => code),
    ['DECODE-OVERSIZED', 'DECODE-OVERSIZED'],
  );
  assert.equal(source.status().rejected, 2);
});

test('retained values are old, and are dropped with their reason', async () => {
  verifies('NO-SILENT-DROP');
  const environment = testEnvironment();
  const { intake } = environment;
  await using broker = await Broker.listen();
  await broker.publish('home/a/measurement', 'old', { retain: true });
  await using _source = await started(mqtt(environment, broker.port));
  await intake.until(({ rejections }) => rejections.length === 1);
  assert.equal(intake.rejections[0]?.code, 'SOURCE-RETAINED');
  await broker.publish('home/a/measurement', 'new', { retain: true });
  await intake.until(({ stored }) => stored.length === 1);
  assert.deepEqual(intake.stored, ['new']);
});

test('a broker that is not there is waited for, and one that goes away is found again', async () => {
  const environment = testEnvironment();
  const { trap, intake, metrics } = environment;
  await using broker = await Broker.listen();
  await broker.close();
  await using source = await started(mqtt(environment, broker.port));
  await trap.until('source is not running; it is tried again');
  assert.equal(source.status().state, 'waiting');
  while (metrics.get('source_reopened_total', 'home') < 3) await new Promise((resolve) => setImmediate(resolve));
  await broker.open();
  await trap.until('source is running');
  await broker.close();
  await trap.until('source is not running; it is tried again', 2);
  await broker.open();
  await trap.until('source is running', 2);
  await broker.publish('home/a/measurement', 'one');
  await intake.until(({ stored }) => stored.length === 1);
  assert.equal(trap.of('source is not running; it is tried again'), 2);
});

test('a broker that refuses the password is waited for, and the log says why', async () => {
  verifies('LOG-CLEAN');
  const environment = testEnvironment();
  await using broker = await Broker.listen();
  broker.aedes.authenticate = (_client, username, password, done) =>
    done(null, username === 'agent' && password?.toString() === 'right-password');
  await using _wrong = await started(mqtt(environment, broker.port, { credentials: { username: 'agent', password: 'wrong-password' } }));
  await environment.trap.until('source is not running; it is tried again');
  const text = JSON.stringify(environment.trap.lines);
  assert.match(text, /SOURCE-OPEN.*refused the connection \(5\)/);
  assert.doesNotMatch(text, /wrong-password/);
  const other = testEnvironment();
  await using _right = await started(
    mqtt(other, broker.port, { clientId: 'other', credentials: { username: 'agent', password: 'right-password' } }),
  );
  await other.trap.until('source is running');
});

test('a subscription that the broker refuses is no running source', async () => {
  const environment = testEnvironment();
  await using broker = await Broker.listen();
  broker.aedes.authorizeSubscribe = (_client, _subscription, done) => done(null, null);
  await using source = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is not running; it is tried again');
  assert.match(JSON.stringify(environment.trap.lines), /refused the subscription/);
  assert.equal(source.status().state, 'waiting');
});

test('stopping stores and acknowledges what was taken, and takes leave of the broker', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  await using broker = await Broker.listen();
  const source = await started(mqtt(environment, broker.port));
  await environment.trap.until('source is running');
  intake.hold();
  await broker.publish('home/a/measurement', 'taken');
  await broker.publish('home/a/measurement', 'left');
  await intake.until(({ offered }) => offered === 1);
  const stopped = source[Symbol.asyncDispose]();
  intake.release();
  await stopped;
  await broker.until(({ pubacks, aedes }) => pubacks === 1 && aedes.connectedClients === 0);
  assert.deepEqual(intake.stored, ['taken']);
  assert.equal(source.status().state, 'stopped');
});
