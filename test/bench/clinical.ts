import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Observation } from '../../shared/fhir.ts';
import { batchEntry } from '../../shared/uplink/kinds.ts';
import { HOSPITAL, movementBundle, tell } from '../support/following.ts';
import { sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../support/hub.ts';
import { benchSilence } from './clinical-silence.ts';
import { type Figure, median } from './figure.ts';

const BEDS = 1000;
const DEVICES_A_BED = 10;
const BATCH = 100;
const BATCHES_A_ROUND = 20;
const ROUNDS = 11;
/** How many beds a movement is told late of, each of a whole day. */
const LATE = 5;
const MINUTES = 24 * 60;
const MIN_MS = 60_000;

/** What it costs that whose a reading is follows from movements, and that silence is watched over: 1,000 beds, 10,000 devices, 2,500 homes. */
export async function benchClinical(): Promise<Figure[]> {
  return [await benchPlacing(), await benchLateMovement(), await benchSilence()];
}

/** Ingest into followed beds beside ingest into the same beds with the patient named by the registry, in turns. */
async function benchPlacing(): Promise<Figure> {
  await using plain = await hub((bed) => `pat-${bed}`);
  await using placed = await hub(() => 'followed');
  await admitAll(placed.hub);
  const ratios: number[] = [];
  const seconds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const made = Array.from({ length: BATCHES_A_ROUND }, (_, i) => () => bundleOf(observationsOf(round * BATCHES_A_ROUND + i)));
    const turns = [plain, placed].map(({ hub: of }) => ({ of, bundles: made.map((make) => make()) }));
    const times = new Map<TestHub, number>();
    // Whoever is first of a round finds the caches of the other.
    for (const { of, bundles } of round % 2 === 0 ? turns : turns.reverse()) times.set(of, await timed(of, bundles));
    const [alone = Number.NaN, followed = Number.NaN] = [times.get(plain.hub), times.get(placed.hub)];
    if (round === 0) continue;
    ratios.push(followed / alone);
    seconds.push(followed / 1000);
  }
  return {
    name: 'ingest into followed beds, batches of 100',
    value: Math.round((BATCH * BATCHES_A_ROUND) / median(seconds)),
    unit: 'obs/s',
    ratio: { to: 'the time of the same with patients bound', value: median(ratios) },
    bar: { most: 1.15 },
  };
}

/** From a movement that is told a day late until everything that was measured in its bed since is whose it is, on disk. */
async function benchLateMovement(): Promise<Figure> {
  await using site = await hub(() => 'followed');
  const { hub: h } = site;
  await admitAll(h);
  let seq = 0;
  const times: number[] = [];
  for (let bed = 0; bed < LATE; bed += 1) {
    for (let minute = 0; minute < MINUTES; minute += BATCH / DEVICES_A_BED) {
      const rows = Array.from({ length: BATCH }, (_, i) => {
        seq += 1;
        const at = TEST_NOW - (MINUTES - minute - Math.floor(i / DEVICES_A_BED)) * MIN_MS;
        return observationOf(seq, bed, i % DEVICES_A_BED, at);
      });
      await h.ingest.batch('gw-icu', bundleOf(rows));
    }
    const startMs = performance.now();
    await tell(h, BEDS + 1 + bed, -MINUTES + 1, 'A02', { who: `P${bed}`, bed: `ICU-${bed + LATE}`, priorBed: `ICU-${bed}` });
    times.push(performance.now() - startMs);
  }
  return { name: 'late movement over 24 h of one bed, 14,400 readings', value: median(times), unit: 'ms', bar: { most: 200 } };
}

interface Site extends AsyncDisposable {
  hub: TestHub;
}

async function hub(whoIn: (bed: string) => string): Promise<Site> {
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
  const beds = Array.from({ length: BEDS }, (_, i) => `ICU-${i}`);
  const registry = [
    'gateways:',
    `  - { identity: gw-icu, tenant: clinic, beds: { ${beds.map((bed) => `${bed}: ${whoIn(bed.toLowerCase())}`).join(', ')} } }`,
    '  - { identity: gw-adt, tenant: clinic, movements: true }',
    'clients: []',
  ].join('\n');
  const of = testHub({ dir, key: randomBytes(32), registry, clock: new TestClock() });
  return {
    hub: of,
    async [Symbol.asyncDispose]() {
      await of.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function admitAll(h: TestHub): Promise<void> {
  for (let i = 0; i < BEDS; i += 1) {
    const party = { who: `P${i}`, bed: `ICU-${i}`, visit: `v${i}` };
    await h.ingest.batch('gw-adt', movementBundle(i + 1, TEST_NOW - 2 * MINUTES * MIN_MS, 'A01', [party]));
  }
  await h.corrections.settled();
}

/** Of a hundred devices in turn, one second apart; each names the patient, as a monitor does. */
function observationsOf(number: number): Observation[] {
  return Array.from({ length: BATCH }, (_, i) => {
    const row = number * BATCH + i;
    const device = row % (BEDS * DEVICES_A_BED);
    return observationOf(row + 1, device % BEDS, Math.floor(device / BEDS), TEST_NOW - MINUTES * MIN_MS + number * 1000);
  });
}

function observationOf(seq: number, bed: number, device: number, at: number): Observation {
  const patient = { value: `P${bed}`, authority: HOSPITAL };
  const where = { bed: `ICU-${bed}`, device: `device-${bed}-${device}` };
  return sampleObservation({ seq, ...where, patient, value: 40 + (seq % 50), effective: at, receivedAt: at });
}

function bundleOf(observations: readonly Observation[]): unknown {
  return JSON.parse(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: observations.map((one) => batchEntry(one)) }));
}

async function timed(h: TestHub, bundles: readonly unknown[]): Promise<number> {
  const startMs = performance.now();
  for (const bundle of bundles) await h.ingest.batch('gw-icu', bundle);
  return performance.now() - startMs;
}
