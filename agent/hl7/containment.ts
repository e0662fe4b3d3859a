import type { DeviceLevel, DevicePart, DeviceTree } from '../../shared/device-tree.ts';
import { MAX_PARTS } from '../../shared/device-tree.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { Vital } from '../../shared/vitals.ts';
import type { DecodeContext } from '../decoding.ts';
import { mdcOf } from './codes.ts';
import { firstRepetition, type Segment } from './segment.ts';

const PATH = /^\d{1,9}(?:\.\d{1,9}){0,3}$/;
const STRUCTURE_LEVELS: readonly (DeviceLevel | 'mds')[] = ['mds', 'vmd', 'channel'];

interface Tree {
  mdc: number | undefined;
  parts: Map<string, DevicePart>;
}

/** What the devices of a message are made of, by the first number of OBX-4. */
export class Containment {
  readonly #trees = new Map<string, Tree>();

  /** A row without a value: of a device, or of a part that has others in it. */
  structure(obx: Segment, path: string): void {
    const own = path.replace(/(?:\.0)+$/, '');
    const depth = own.split('.').length;
    const level = STRUCTURE_LEVELS[depth - 1];
    if (level === undefined || !PATH.test(own)) return;
    const tree = this.#tree(own);
    const mdc = mdcOf(firstRepetition(obx.field(3), obx.separators), 1, obx.separators);
    if (level === 'mds') tree.mdc = mdc;
    else this.#put(tree, { path: own, level, ...(mdc !== undefined && { mdc }) });
  }

  /** A row with a value, or without one at this time. */
  metric(path: string, row: Vital, sent: number | undefined): void {
    if (!PATH.test(path) || !path.includes('.')) return;
    const mdc = sent ?? row.mdc?.code;
    const level = row.class === 'setting' ? 'setting' : 'metric';
    this.#put(this.#tree(path), { path, level, vital: row.key, ...(mdc !== undefined && { mdc }) });
  }

  /** Every device with its parts in the order in which they came. */
  *trees(): Iterable<[mds: string, tree: DeviceTree]> {
    for (const [mds, { mdc, parts }] of this.#trees) yield [mds, { ...(mdc !== undefined && { mdc }), parts: [...parts.values()] }];
    this.#trees.clear();
  }

  #tree(path: string): Tree {
    const end = path.indexOf('.');
    const mds = end < 0 ? path : path.slice(0, end);
    let tree = this.#trees.get(mds);
    if (!tree) {
      tree = { mdc: undefined, parts: new Map() };
      this.#trees.set(mds, tree);
    }
    return tree;
  }

  #put({ parts }: Tree, part: DevicePart): void {
    if (parts.has(part.path) || parts.size < MAX_PARTS) parts.set(part.path, part);
  }
}

const MAX_KNOWN = 1024;
/** Told again after so long, so that one that was lost on the way comes once more. */
const TOLD_AGAIN_MS = 3_600_000;

interface Told {
  mdc: number | undefined;
  parts: Map<string, DevicePart>;
  at: number;
}

/** What was told of each device of a source; it ends with the source. */
const told = new WeakMap<DecodeContext, Map<string, Told>>();

/**
 * Without the descriptions of devices that hold nothing new. One message names what it has values of and the next one something else (a cuff
 * measures now and then): what is told is everything that was named until now.
 */
export function onlyNews(records: readonly ReadingRecord[], context: DecodeContext): ReadingRecord[] {
  const devices = told.get(context) ?? new Map<string, Told>();
  told.set(context, devices);
  return records.flatMap((record) => {
    const { tree, device, test, receivedAt } = record;
    if (!tree) return [record];
    const key = `${test ? 'test' : 'real'} ${device.id}`;
    const before = devices.get(key);
    if (!before && devices.size >= MAX_KNOWN) devices.clear();
    const known = before ?? { mdc: undefined, parts: new Map<string, DevicePart>(), at: receivedAt };
    devices.set(key, known);
    const isNews = learn(known, tree);
    const since = receivedAt - known.at;
    if (before && !isNews && since >= 0 && since < TOLD_AGAIN_MS) return [];
    known.at = receivedAt;
    return [{ ...record, tree: { ...(known.mdc !== undefined && { mdc: known.mdc }), parts: [...known.parts.values()] } }];
  });
}

/** Takes in what a message names; true where any of it is new or another than before. */
function learn(known: Told, { mdc, parts }: DeviceTree): boolean {
  let isNews = mdc !== undefined && mdc !== known.mdc;
  known.mdc = mdc ?? known.mdc;
  for (const part of parts) {
    const before = known.parts.get(part.path);
    if (before ? before.level === part.level && before.mdc === part.mdc && before.vital === part.vital : known.parts.size >= MAX_PARTS)
      continue;
    known.parts.set(part.path, part);
    isNews = true;
  }
  return isNews;
}
