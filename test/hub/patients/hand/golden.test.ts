import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ShownStay } from '../../../../hub/patients/hand/shown.ts';
import { verifies } from '../../../requirements.ts';
import { minute } from '../../../support/following.ts';
import { type HandSite, handSite } from './site.ts';

const at = (minutes: number): string => new Date(minute(minutes)).toISOString();

/** A command of `patients` and when it happened, by the numbers that the hospital gave. */
type Said = [minutes: number, command: string, ...numbers: string[]];

/** What `show --at` says of each bed, written by hand: who lies there, with ? where that is not sure. */
type Shown = [minutes: number, beds: string];

const DAYS: { name: string; said: Said[]; shown: Shown[] }[] = [
  {
    name: 'swapped three times',
    said: [
      [-90, 'admit --bed ICU-01', 'ann'],
      [-90, 'admit --bed ICU-02', 'bob'],
      [-60, 'swap', 'ann', 'bob'],
      [-50, 'swap', 'ann', 'bob'],
      [-40, 'swap', 'bob', 'ann'],
    ],
    shown: [
      [-91, ''],
      [-70, 'ICU-01 ann, ICU-02 bob'],
      [-55, 'ICU-01 bob, ICU-02 ann'],
      [-45, 'ICU-01 ann, ICU-02 bob'],
      [-10, 'ICU-01 bob, ICU-02 ann'],
    ],
  },
  {
    name: 'a duplicate that had left is merged into who lies in a bed, moved on, and parted again',
    said: [
      [-90, 'admit --bed ICU-01', 'dup'],
      [-80, 'discharge', 'dup'],
      [-70, 'admit --bed ICU-02', 'ann'],
      [-60, 'merge', 'dup', 'ann'],
      [-50, 'move --bed ICU-03', 'ann'],
      [-40, 'move --bed ICU-01', 'dup'],
      [-30, 'unmerge', 'dup', 'ann'],
    ],
    shown: [
      [-85, 'ICU-01 dup'],
      [-75, ''],
      [-65, 'ICU-02 ann'],
      [-45, 'ICU-03 ann'],
      // Parted, each has what was said by its number: ann never left ICU-03, and dup was moved to ICU-01.
      [-35, 'ICU-01 dup, ICU-03 ann'],
      [-10, 'ICU-01 dup, ICU-03 ann'],
    ],
  },
  {
    name: 'the same without the parting',
    said: [
      [-90, 'admit --bed ICU-01', 'dup'],
      [-80, 'discharge', 'dup'],
      [-70, 'admit --bed ICU-02', 'ann'],
      [-60, 'merge', 'dup', 'ann'],
      [-50, 'move --bed ICU-03', 'ann'],
      [-40, 'move --bed ICU-01', 'dup'],
    ],
    shown: [
      [-85, 'ICU-01 ann'],
      [-65, 'ICU-02 ann'],
      [-45, 'ICU-03 ann'],
      [-10, 'ICU-01 ann'],
    ],
  },
  {
    name: 'merged while both lie in a bed, until it is said where they are',
    said: [
      [-90, 'admit --bed ICU-01', 'ann'],
      [-80, 'admit --bed ICU-02', 'bea'],
      [-70, 'merge', 'bea', 'ann'],
      [-60, 'move --bed ICU-02', 'ann'],
    ],
    shown: [
      [-85, 'ICU-01 ann'],
      [-75, 'ICU-01 ann?, ICU-02 ann?'],
      [-65, 'ICU-01 ann?, ICU-02 ann?'],
      [-10, 'ICU-02 ann'],
    ],
  },
  {
    name: 'merged in a circle: the last word says who stays',
    said: [
      [-90, 'admit --bed ICU-01', 'ann'],
      [-85, 'discharge', 'ann'],
      [-80, 'admit --bed ICU-02', 'bea'],
      [-75, 'discharge', 'bea'],
      [-70, 'admit --bed ICU-03', 'cay'],
      [-60, 'merge', 'ann', 'bea'],
      [-50, 'merge', 'bea', 'cay'],
      [-40, 'merge', 'cay', 'ann'],
    ],
    shown: [
      [-88, 'ICU-01 ann'],
      [-78, 'ICU-02 ann'],
      [-10, 'ICU-03 ann'],
    ],
  },
];

async function say({ patients, clock }: HandSite, [minutes, command, ...numbers]: Said): Promise<void> {
  clock.advance(1);
  const stdin = numbers.map((value) => `HOSP|${value}`).join('\n');
  const { stdout, stderr } = await patients([...command.split(' '), '--from', '-', '--at', at(minutes)], stdin);
  // What contradicts is kept all the same.
  assert.match(stdout, /^Said as of /, `${command} ${numbers}: ${stderr}`);
}

async function showAt({ json }: HandSite, minutes: number): Promise<string> {
  const shown = await json<ShownStay[]>(['show', '--numbers', '--at', at(minutes)]);
  const stays = shown.filter(({ state }) => state !== 'nobody');
  const lines = stays.map(({ bed, state, patients }) => {
    const who = patients.map(({ number }) => number).join('+');
    return `${bed} ${who}${state === 'unconfirmed' ? '?' : ''}`;
  });
  return lines.join(', ');
}

for (const { name, said, shown } of DAYS)
  test(`patients show --at: ${name}`, () =>
    handSite(async (site) => {
      verifies('PLACED-BY-HAND', 'MERGED-STAYS-OWN', 'STAYS-FROM-MOVEMENTS');
      for (const one of said) await say(site, one);
      for (const [minutes, beds] of shown) assert.equal(await showAt(site, minutes), beds, `minute ${minutes}`);
    }));
