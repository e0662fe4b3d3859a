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

/**
 * What it costs of a core to watch over the silence of 10,000 devices and 2,500 homes: each device sends a value a second, one in a hundred falls silent in a minute and comes back, and
 * one home in a hundred loses its line. Simulated seconds, so that the figure is processor time alone.
 */
export async function benchSilence(): Promise<Figure> {
  const clock = new WallClock();
  const timer = new TestTimer(clock);
  const gateways = Array.from({ length: HOMES }, (_, i) => `  - { identity: gw-${i}, tenant: clinic, patient: pat-home-${i} }`);
  const registry = boundSinceEver(parseRegistry(['gateways:', ...gateways].join('\n')));
  const feed = new Feed();
  const store = { currencies: () => [] as Currency[], distrust: async () => undefined };
  const site = { store, registry, feed, clock, timer, log: silentLogger, record: async () => undefined };
  const { staleness, sources } = openClinical({}, { ...site, isBound: () => true, isAlone: true, overdueSince: () => undefined });
  await staleness.start(new AbortController().signal);
  for (let i = 0; i < HOMES; i += 1) sources.presence(`gw-${i}`, true, clock.now());
  const rows = Array.from(
    { length: DEVICES },
    (_, i): Currency => ({
      ...{ tenant: 'clinic', patient: `pat-home-${i % HOMES}`, vital: 'hr', device: `device-${i}`, place: 'bed' },
      ...{ freshAt: TEST_NOW, storedAt: TEST_NOW },
    }),
  );
  const shares: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let second = 0; second < SECONDS; second += 1) runSecond(round * SECONDS + second);
    const { user, system } = process.cpuUsage(before);
    if (round > 0) shares.push((user + system) / 1000 / (SECONDS * 1000));
  }
  await staleness[Symbol.asyncDispose]();
  return { name: `watch over ${DEVICES} devices and ${HOMES} homes`, value: 100 * median(shares), unit: '% of a core', bar: { most: 2 } };

  function runSecond(second: number): void {
    const now = clock.now();
    const silent = Math.floor(second / 60) % 2 === 1;
    const spoken = rows.filter((_, i) => !(silent && i % 100 === 0));
    staleness.changed(spoken.map((row) => Object.assign(row, { freshAt: now, storedAt: now })));
    for (let i = second % 100; i < HOMES; i += 100) sources.presence(`gw-${i}`, second % 200 < 100, now);
    timer.pass(1000);
  }
}
