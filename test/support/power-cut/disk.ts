import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Step } from './trace.ts';

/**
 * How a cut left what was not synced. `nothing`: none of it is there. `everything`: all of it. `whole`: each write wholly or not at all, in any
 * order. A number: torn at sectors of so many bytes, each of which holds what it held after any of the writes to it.
 */
export const WAYS = ['nothing', 'everything', 'whole', 512, 4096] as const;
export type Way = (typeof WAYS)[number];

type Change = { at: number; data: Buffer } | { bytes: number };
interface File {
  synced: Buffer;
  /** Since its last sync. */
  changes: Change[];
}
type Entry = File | 'folder' | 'gone';
interface Renaming {
  folder: string;
  names: [path: string, entry: Entry][];
}

/**
 * A disk with a volatile cache under a POSIX file system that promises no more than it must. Content: what was fsynced is there; since then a
 * sector holds what it held after any of the writes to it, independently of all others, and so does the length of the file; a sector itself is
 * whole. Names: what happened in a folder is there once the folder was fsynced; before that as far as any point of its order (the metadata of
 * a journalled file system), independently of other folders and of the content. An fsync of a file makes no name durable.
 */
export class Disk {
  readonly #names = new Map<string, Entry>([['', 'folder']]);
  readonly #synced = new Map<string, Entry>([['', 'folder']]);
  #pending: Renaming[] = [];

  apply(step: Step): void {
    if (step.kind === 'said') return;
    const { path } = step;
    if (step.kind === 'file') this.#rename(dirname(path), [[path, { synced: Buffer.alloc(0), changes: [] }]]);
    else if (step.kind === 'folder') this.#rename(dirname(path), [[path, 'folder']]);
    else if (step.kind === 'remove') this.#rename(dirname(path), [[path, 'gone']]);
    else if (step.kind === 'rename' || step.kind === 'link') this.#move(path, step.to, step.kind === 'rename');
    else if (step.kind === 'resize') this.#file(path).changes.push({ bytes: step.bytes });
    else if (step.kind === 'write') this.#file(path).changes.push({ at: step.at, data: step.data });
    else this.#sync(path);
  }

  /** What is there after a cut, by path. */
  image(way: Way, random: () => number): Map<string, Buffer | 'folder'> {
    const names = new Map(this.#synced);
    const until = new Map<string, number>();
    for (const { folder } of this.#pending) until.set(folder, (until.get(folder) ?? 0) + 1);
    for (const [folder, all] of until) until.set(folder, way === 'nothing' ? 0 : way === 'everything' ? all : drawn(all + 1, random));
    for (const { folder, names: changed } of this.#pending) {
      const left = until.get(folder) ?? 0;
      until.set(folder, left - 1);
      if (left > 0) for (const [path, entry] of changed) names.set(path, entry);
    }
    const found = new Map<string, Buffer | 'folder'>();
    for (const path of [...names.keys()].sort()) {
      const entry = names.get(path) ?? 'gone';
      if (entry === 'gone' || (path !== '' && found.get(below(dirname(path))) !== 'folder')) continue;
      found.set(path, entry === 'folder' ? entry : contentOf(entry, way, random));
    }
    return found;
  }

  /** Whether a cut now could leave more than one image. */
  get settled(): boolean {
    return this.#pending.length === 0 && ![...this.#names.values()].some((entry) => typeof entry === 'object' && entry.changes.length > 0);
  }

  #file(path: string): File {
    const entry = this.#names.get(path);
    if (typeof entry !== 'object') throw new Error(`the trace knows no file ${path}`);
    return entry;
  }

  #rename(folder: string, names: Renaming['names']): void {
    for (const [path, entry] of names) this.#names.set(path, entry);
    this.#pending.push({ folder: below(folder), names });
  }

  #move(path: string, to: string, away: boolean): void {
    if (dirname(path) !== dirname(to)) throw new Error('a new name in another folder is not modelled');
    const names: Renaming['names'] = [[to, this.#file(path)]];
    this.#rename(dirname(path), away ? [...names, [path, 'gone']] : names);
  }

  #sync(path: string): void {
    const entry = this.#names.get(path);
    if (typeof entry === 'object') {
      const content = contentOf(entry, 'everything', Math.random);
      Object.assign(entry, { synced: content, changes: [] } satisfies File);
      return;
    }
    for (const { folder, names } of this.#pending) if (folder === path) for (const [name, kept] of names) this.#synced.set(name, kept);
    this.#pending = this.#pending.filter(({ folder }) => folder !== path);
  }
}

/** Writes an image into an empty folder. */
export function writeImage(image: ReadonlyMap<string, Buffer | 'folder'>, folder: string): void {
  for (const [path, content] of image) {
    if (content === 'folder') mkdirSync(join(folder, path), { recursive: true, mode: 0o700 });
    else writeFileSync(join(folder, path), content, { mode: 0o600 });
  }
}

function contentOf({ synced, changes }: File, way: Way, random: () => number): Buffer {
  if (way === 'nothing' || changes.length === 0) return synced;
  if (way === 'everything') return applied(synced, changes);
  if (way === 'whole')
    return applied(
      synced,
      changes.filter(() => random() < 0.5),
    );
  return torn(synced, changes, way, random);
}

function applied(content: Buffer, changes: readonly Change[]): Buffer {
  let length = content.length;
  const out = Buffer.alloc(Math.max(length, ...changes.map(endOf)));
  content.copy(out);
  for (const change of changes) {
    if ('bytes' in change) out.fill(0, change.bytes, length);
    else change.data.copy(out, change.at);
    length = lengthAfter(length, change);
  }
  return out.subarray(0, length);
}

function torn(synced: Buffer, changes: readonly Change[], sector: number, random: () => number): Buffer {
  const lengths = [synced.length];
  for (const change of changes) lengths.push(lengthAfter(lengths.at(-1) ?? 0, change));
  const longest = Math.max(...lengths);
  const out = Buffer.alloc(longest);
  synced.copy(out);
  for (const [at, touching] of touched(changes, sector, longest)) {
    const last = drawn(touching.length + 1, random);
    for (const change of touching.slice(0, last)) {
      const end = Math.min(at + sector, longest);
      if ('bytes' in change) out.fill(0, Math.max(at, Math.min(change.bytes, end)), end);
      else {
        const [from, to] = [Math.max(at, change.at), Math.min(end, change.at + change.data.length)];
        change.data.copy(out, from, from - change.at, to - change.at);
      }
    }
  }
  return out.subarray(0, lengths[drawn(lengths.length, random)]);
}

/** The changes to each sector, in order, by where it begins. */
function touched(changes: readonly Change[], sector: number, longest: number): Map<number, Change[]> {
  const found = new Map<number, Change[]>();
  for (const change of changes) {
    const [from, to] = 'bytes' in change ? [change.bytes, longest] : [change.at, endOf(change)];
    for (let at = from - (from % sector); at < to; at += sector) found.set(at, [...(found.get(at) ?? []), change]);
  }
  return found;
}

function endOf(change: Change): number {
  return 'bytes' in change ? change.bytes : change.at + change.data.length;
}

function lengthAfter(length: number, change: Change): number {
  return 'bytes' in change ? change.bytes : Math.max(length, endOf(change));
}

function drawn(count: number, random: () => number): number {
  return Math.floor(random() * count);
}

/** The folder of a name at the root is `.` to `dirname`. */
function below(folder: string): string {
  return folder === '.' ? '' : folder;
}
