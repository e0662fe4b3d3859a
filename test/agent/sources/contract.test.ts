import { createMllpClient, MLLP_CLIENT_DEFAULTS } from '../../../agent/sources/mllp-client.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS } from '../../../agent/sources/mllp-server.ts';
import { createMqtt, MQTT_DEFAULTS } from '../../../agent/sources/mqtt.ts';
import { createSerial, SERIAL_DEFAULTS } from '../../../agent/sources/serial.ts';
import { type ContractDevice, type SourceUnderTest, sourceContract } from '../../contract/source.ts';
import { Broker } from './broker.ts';
import { DeviceServer } from './device-server.ts';
import { decodeText, dial, lineDecoder, type TestEnvironment, type Wire } from './support.ts';

/** A device that gets its answer in text. */
class WireDevice implements ContractDevice {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  get acknowledgements(): number {
    return this.#wire.received.split('ack:').length - 1;
  }

  send(text: string): void {
    this.#wire.send(`${text}\n`);
  }

  async acknowledged(count: number): Promise<void> {
    await this.#wire.until(() => this.acknowledgements >= count);
  }

  async refused(): Promise<void> {
    await this.#wire.until((text) => text.includes('nak:'));
  }
}

sourceContract('mllp-server', async (environment, link): Promise<SourceUnderTest> => {
  // Somebody else who has the address.
  let squatter = link === 'away' ? await DeviceServer.listen() : undefined;
  const source = createMllpServer(
    { ...MLLP_SERVER_DEFAULTS, name: 'icu', host: '127.0.0.1', port: squatter?.port ?? 0, decoder: () => lineDecoder() },
    environment,
  );
  const wires: Wire[] = [];
  const dropAll = (): void => {
    for (const wire of wires.splice(0)) wire.socket.resetAndDestroy();
  };
  return {
    source,
    async comeBack() {
      await squatter?.[Symbol.asyncDispose]();
      squatter = undefined;
      await environment.trap.until('source is running');
    },
    async connect() {
      const wire = await dial(source);
      wires.push(wire);
      return new WireDevice(wire);
    },
    async loseLink() {
      dropAll();
    },
    async [Symbol.asyncDispose]() {
      dropAll();
      environment.intake.release();
      await source[Symbol.asyncDispose]();
      await squatter?.[Symbol.asyncDispose]();
    },
  };
});

const REOPEN = { reopenMinMs: 5, reopenMaxMs: 20 } as const;

sourceContract('mllp-client', async (environment, link): Promise<SourceUnderTest> => {
  let device = await DeviceServer.listen();
  const { port } = device;
  if (link === 'away') await device[Symbol.asyncDispose]();
  const source = createMllpClient(
    { ...MLLP_CLIENT_DEFAULTS, ...REOPEN, name: 'monitor', host: '127.0.0.1', port, decoder: () => lineDecoder() },
    environment,
  );
  return {
    source,
    connect: async () => new WireDevice(await device.call()),
    async comeBack() {
      device = await DeviceServer.listen(port);
    },
    async loseLink() {
      await device[Symbol.asyncDispose]();
      device = await DeviceServer.listen(port);
    },
    async [Symbol.asyncDispose]() {
      environment.intake.release();
      await source[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
});

sourceContract('serial', async (environment, link): Promise<SourceUnderTest> => {
  let device = await DeviceServer.listen();
  const { port } = device;
  if (link === 'away') await device[Symbol.asyncDispose]();
  const source = createSerial(
    {
      ...SERIAL_DEFAULTS,
      ...REOPEN,
      name: 'oximeter',
      endpoint: `tcp://127.0.0.1:${port}`,
      address: { host: '127.0.0.1', port },
      line: { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 },
      decoder: () => lineDecoder(),
    },
    environment,
  );
  return {
    source,
    connect: async () => new WireDevice(await device.call()),
    async comeBack() {
      device = await DeviceServer.listen(port);
    },
    async loseLink() {
      await device[Symbol.asyncDispose]();
      device = await DeviceServer.listen(port);
    },
    async [Symbol.asyncDispose]() {
      environment.intake.release();
      await source[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
});

sourceContract('mqtt', async (environment: TestEnvironment, link): Promise<SourceUnderTest> => {
  const broker = await Broker.listen();
  if (link === 'away') await broker.close();
  const source = createMqtt(
    {
      ...MQTT_DEFAULTS,
      ...REOPEN,
      name: 'home',
      host: '127.0.0.1',
      port: broker.port,
      clientId: 'vitalmesh-contract',
      protocolVersion: 4,
      filters: ['home/+/measurement'],
      decode: (_topic, payload, receivedAt) => decodeText(Buffer.from(payload).toString('latin1'), receivedAt),
      maxFrameBytes: 1024,
    },
    environment,
  );
  let links = 0;
  const device: ContractDevice = {
    get acknowledgements() {
      return broker.pubacks;
    },
    send: (text) => broker.publish('home/a/measurement', text),
    acknowledged: (count) => broker.until(({ pubacks }) => pubacks >= count),
    // Not acknowledged, and offered again over a new connection.
    refused: () => environment.intake.until(({ offered }) => offered >= 2),
  };
  return {
    source,
    async connect() {
      links += 1;
      await environment.trap.until('source is running', links);
      return device;
    },
    comeBack: () => broker.open(),
    async loseLink() {
      await broker.close();
      await broker.open();
    },
    async [Symbol.asyncDispose]() {
      environment.intake.release();
      await source[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
});
