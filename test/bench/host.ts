import { hash } from 'node:crypto';
import { type Figure, median } from './figure.ts';

/** What the machine on which the bars were set does of each in a second: a figure beside an absolute bar says little on a slower one. */
export const REFERENCE = { hashes: 453_000, medplumAcks: 4100 } as const;

const ROUNDS = 5;
const ROUND_MS = 200;
const STEPS = 1000;

/** How fast this machine is: steps of a chain of SHA-256, each one hash over the last one and a byte, beside the machine on which the bars were set. */
export function benchHost(): Figure {
  const link = Buffer.alloc(33);
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    let done = 0;
    for (; performance.now() - startMs < ROUND_MS; done += STEPS)
      for (let i = 0; i < STEPS; i += 1) hash('sha256', link, 'buffer').copy(link);
    rates.push((done * 1000) / (performance.now() - startMs));
  }
  const value = median(rates);
  const ratio = { to: 'the machine on which the bars were set', value: value / REFERENCE.hashes };
  return { name: 'this host: a chain of SHA-256', value, unit: 'hashes/s', ratio };
}
