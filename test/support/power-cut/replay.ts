import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { random } from '../../../agent/simulate/physiology.ts';
import { Disk, WAYS, type Way, writeImage } from './disk.ts';
import { MAX_TRACED_BYTES, MODELLED, type Step, stepsOf, UNMODELLED } from './trace.ts';

/** Nothing that must outlive a cut: the reserve is only room (and written large), the lock file is never read. */
const IGNORED = /\.reserve$|\.lock(-journal)?$/;

/** In memory where there is such a place: the images are opened by the thousand, and their own durability is not in question. */
const IMAGES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Runs a program of this folder, with the folder it may write to as its first argument, and gives what it did to files there. */
export async function record(program: string, ...args: string[]): Promise<Step[]> {
  const work = realpathSync(mkdtempSync(join(tmpdir(), 'vitalmesh-power-')));
  const [root, trace] = [join(work, 'disk'), join(work, 'trace')];
  try {
    mkdirSync(root);
    const traced = `trace=${[...MODELLED, ...UNMODELLED].join()}`;
    const options = ['-f', '-y', '-xx', '-s', `${MAX_TRACED_BYTES}`, '-e', 'signal=none', '-e', traced, '-o', trace];
    const child = spawn('strace', [...options, process.execPath, join(import.meta.dirname, program), root, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.resume();
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${program} ended with ${code}`);
    return stepsOf(readFileSync(trace, 'latin1'), root, IGNORED);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Opens what a cut left in `folder` with the real code, and throws unless it keeps what was said before the cut. */
export type Judge = (folder: string, said: readonly string[]) => Promise<void>;

export interface ReplayOptions {
  judge: Judge;
  seed: number;
  /** Each so many steps are a cut; 1 unless told. Cuts right behind something that was said are never left out. */
  every?: number;
  /** Images of each cut that are drawn by lot, a way; 1 unless told. */
  draws?: number;
}

export interface Replayed {
  cuts: number;
  images: number;
  said: number;
}

/** Cuts the power at the boundaries between steps and judges what is left, in every way. An error names cut, way and seed. */
export async function replay(steps: readonly Step[], { judge, seed, every = 1, draws = 1 }: ReplayOptions): Promise<Replayed> {
  const disk = new Disk();
  const said: string[] = [];
  const uniform = random(seed);
  const counts = { cuts: 0, images: 0, said: 0 };
  for (const [i, step] of steps.entries()) {
    disk.apply(step);
    if (step.kind === 'said') said.push(...step.lines);
    else if (i % every !== 0 && steps[i - 1]?.kind !== 'said') continue;
    counts.cuts += 1;
    for (const way of disk.settled ? (['nothing'] as const) : WAYS) {
      // What is synced, and what was promised, is as it was one step before.
      if (way === 'nothing' && every === 1 && step.kind !== 'sync' && step.kind !== 'said') continue;
      for (let n = 0; n < (way === 'nothing' || way === 'everything' ? 1 : draws); n += 1) {
        counts.images += 1;
        await judged(disk, { way, uniform, judge, said, name: `cut ${i} of ${steps.length} (${step.kind}), ${way}, seed ${seed}` });
      }
    }
  }
  return { ...counts, said: said.length };
}

interface Cut {
  way: Way;
  uniform: () => number;
  judge: Judge;
  said: readonly string[];
  name: string;
}

async function judged(disk: Disk, { way, uniform, judge, said, name }: Cut): Promise<void> {
  const folder = mkdtempSync(join(IMAGES, 'vitalmesh-image-'));
  try {
    writeImage(disk.image(way, uniform), folder);
    await judge(folder, said);
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
