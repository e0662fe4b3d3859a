import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Heard } from '../../hub/clinical/due/heard.ts';
import { openClinical } from '../../hub/clinical/open-clinical.ts';
import { Feed } from '../../hub/feed.ts';
import { parseRegistry } from '../../hub/registry/load-registry.ts';
import type { Currency } from '../../hub/store/store.ts';
import { silentLogger } from '../../shared/log.ts';
import { TestTimer, WallClock } from '../hub/clinical/wall-clock.ts';
import { boundSinceEver, TEST_NOW } from '../support/hub.ts';
import { type Figure, median } from './figure.ts';

const DEVICES = 10_000;
const HOMES = 2500;
const SECONDS = 20;
const ROUNDS = 5;
const MEASURED = { status: 'final', value: 72, components: [], flags: [], test: false } as const;

/** Four readings that are expected of everybody, with windows that open and end while it is measured, by the clock of Berlin. */
const EXPECTED = `version: bench
panels:
  all:
    hr: [{ window: '11:00-11:01' }]
    spo2: [{ window: '11:01-11:02' }]
    nibp: [{ window: '10:00-11:01', tolerance: 1m }]
    weight: [{ window: '10:30-11:02' }]
`;

/**
 * What it costs of a core to watch over the silence of 10,000 devices and 2,500 homes, of each of which four readings are expected: each device sends a value a second, one in a hundred
 * falls silent in a minute and comes back, and one home in a hundred loses its line. Simulated seconds, so that the figure is processor time alone.
 */
export async function benchSilence(): Promise<Figure> {
  const clock = new WallClock();
  const timer = new TestTimer(clock);
  const gateways = Array.from({ length: HOMES }, (_, i) => `  - { identity: gw-${i}, tenant: clinic, patient: pat-home-${i} }`);
  const panel = `panels: { all: { tenant: clinic, patients: [${Array.from({ length: HOMES }, (_, i) => `pat-home-${i}`).join(', ')}] } }`;
  const registry = boundSinceEver(parseRegistry(['gateways:', ...gateways, panel].join('\n')));
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
  const expected = join(folder, 'expected.yaml');
  writeFileSync(expected, EXPECTED);
  const feed = new Feed();
  const store = { currencies: () => [] as Currency[], distrust: async () => undefined };
  const site = { store, registry, feed, clock, timer, zone: 'Europe/Berlin', log: silentLogger, record: async () => undefined };
  const { staleness, sources, due } = openClinical(
    { expected },
    { ...site, isBound: () => true, isAlone: true, overdueSince: () => undefined },
  );
  await staleness.start(new AbortController().signal);
  for (let i = 0; i < HOMES; i += 1) sources.presence(`gw-${i}`, true, clock.now());
  const rows = Array.from({ length: DEVICES }, (_, i): Currency & Heard => ({
    ...{ tenant: 'clinic', patient: `pat-home-${i % HOMES}`, vital: 'hr', device: `device-${i}`, place: 'bed' },
    ...{ freshAt: TEST_NOW, storedAt: TEST_NOW, sortTime: TEST_NOW, effective: TEST_NOW, ...MEASURED },
  }));
  const shares: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let second = 0; second < SECONDS; second += 1) runSecond(round * SECONDS + second);
    const { user, system } = process.cpuUsage(before);
    if (round > 0) shares.push((user + system) / 1000 / (SECONDS * 1000));
  }
  await staleness[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
  return {
    name: `watch over ${DEVICES} devices and ${HOMES} homes with four expected readings`,
    value: 100 * median(shares),
    unit: '% of a core',
    bar: { most: 2 },
  };

  function runSecond(second: number): void {
    const now = clock.now();
    const silent = Math.floor(second / 60) % 2 === 1;
    const spoken = rows.filter((_, i) => !(silent && i % 100 === 0));
    for (const row of spoken) Object.assign(row, { freshAt: now, storedAt: now, sortTime: now, effective: now });
    due?.measured('clinic', spoken);
    staleness.changed(spoken);
    for (let i = second % 100; i < HOMES; i += 100) sources.presence(`gw-${i}`, second % 200 < 100, now);
    timer.pass(1000);
  }
}
