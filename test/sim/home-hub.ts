import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';
import { atEvery } from '../../agent/simulate/beat.ts';
import { simulatedPatient } from '../../agent/simulate/physiology.ts';
import type { SimulationEvent } from '../../agent/simulate/simulator.ts';

/** Somebody with a cuff `BP-n`, a scale `WS-n` and a finger oximeter `OX-n`. */
export interface Resident {
  number: string;
  seed: number;
  /** After so long the oximeter says nothing any more. */
  silentAfterMs?: number;
  /** Of this one the scale tells what it weighed yesterday, out of its memory, and then what somebody else weighs. */
  visited?: boolean;
}

export interface HomeHubOptions {
  residents: readonly Resident[];
  port: number;
  intervalMs: number;
}

const CUFF_EVERY = 8;
const SCALE_EVERY = 12;
const YESTERDAY = { kg: 82, agoMs: 24 * 3_600_000 };
const VISITOR = { kg: 64, beat: 4 };

/**
 * A home hub with its own MQTT broker: it publishes what the cuff, the scale and the oximeter of each resident measure (format:
 * agent/mappings/home-hub.yaml), QoS 1, and begins once somebody subscribed.
 */
export async function runHomeHub(options: HomeHubOptions, signal: AbortSignal): Promise<void> {
  const broker = await Aedes.createBroker();
  const server = createServer({ noDelay: true }, broker.handle);
  const counts = { sent: 0, acknowledged: 0, lost: 0 };
  broker.on('ack', () => {
    counts.acknowledged += 1;
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  tell({ event: 'ready', profile: 'mqtt-home-hub', endpoint: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` });
  await Promise.race([once(broker, 'subscribe'), once(signal, 'abort')]);

  const began = Date.now();
  const patients = options.residents.map(({ number, seed, silentAfterMs = Number.POSITIVE_INFINITY, visited = false }) => ({
    ...{ number, silentAfterMs, visited },
    patient: simulatedPatient({ seed, probeOffEveryS: 40 }),
  }));
  let beat = 0;
  await atEvery(options.intervalMs, 600, signal, async (at) => {
    beat += 1;
    for (const [i, { number, patient, silentAfterMs, visited }] of patients.entries()) {
      const v = patient.next(options.intervalMs / 1000);
      const measure = (serial: string, content: object, measuredAt = at): Promise<void> => {
        counts.sent += 1;
        return publish(broker, `home/hub-01/${serial}/measurement`, { ts: new Date(measuredAt).toISOString(), serial, ...content });
      };
      const weigh = (weight: number, measuredAt?: number): Promise<void> =>
        measure(`WS-${number}`, { type: 'weight', weight, unit: 'kg', ...(measuredAt !== undefined && { memory: true }) }, measuredAt);
      const off = v.spo2 === null ? { status: 'probe-off' } : {};
      if (at - began < silentAfterMs)
        await measure(`OX-${number}`, { type: 'spo2', spo2: v.spo2, pulse: v.pulse, pi: v.perfusion, ...off });
      if (beat % CUFF_EVERY === (i + 2) % CUFF_EVERY)
        await measure(`BP-${number}`, {
          type: 'bp',
          systolic: v.systolic,
          diastolic: v.diastolic,
          mean: v.mean,
          pulse: v.pulse,
          unit: 'mmHg',
        });
      if (!visited && beat % SCALE_EVERY === (i + 4) % SCALE_EVERY) await weigh(v.weightKg);
      if (visited && beat === 1) await weigh(YESTERDAY.kg, at - YESTERDAY.agoMs);
      if (visited && beat === VISITOR.beat) await weigh(VISITOR.kg);
    }
    return true;
  });
  // The subscriber takes what is on its way before the broker goes.
  while (counts.acknowledged < counts.sent && broker.connectedClients > 0) {
    await Promise.race([
      once(broker, 'ack'),
      once(broker, 'clientDisconnect'),
      once(AbortSignal.timeout(3000), 'abort').then(() => broker.close()),
    ]);
  }
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  server.close();
  tell({ event: 'done', ...counts, refused: 0, lost: counts.sent - counts.acknowledged, again: 0 });
}

function tell(event: SimulationEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function publish(broker: Aedes, topic: string, content: object): Promise<void> {
  return new Promise((resolve, reject) => {
    broker.publish({ cmd: 'publish', topic, payload: Buffer.from(JSON.stringify(content)), qos: 1, retain: false, dup: false }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}
