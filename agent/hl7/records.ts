import type { DeviceAlert } from '../../shared/alert.ts';
import type { Instant } from '../../shared/clock.ts';
import type { DeviceTree } from '../../shared/device-tree.ts';
import type { Reading, ReadingRecord, SubjectHints } from '../../shared/reading.ts';
import type { Wave } from '../../shared/wave.ts';
import type { DecodeContext } from '../decoding.ts';
import { type Device, senderOf } from './device.ts';
import type { Segment } from './segment.ts';
import type { Hint } from './subject.ts';

/** A record holds at most so many readings (see `checkRecord`); a longer message makes several. */
const MAX_ITEMS = 500;
/** A wave has up to 30,000 samples: each is a record of its own, so that none is too large to be sent. */
const MAX_WAVES = 1;
/** Readings and alerts join one of the last groups of their MDS: a message made of thousands must not be searched each time. */
const RECENT_GROUPS = 16;

/** What becomes one record: of one class, one patient, one device, all real or all test. */
interface Group {
  subject: SubjectHints;
  own: Device | undefined;
  test: boolean;
  class: Item['class'];
  readings: Reading[];
  alerts: DeviceAlert[] | undefined;
  waves: Wave[] | undefined;
  tree: DeviceTree | undefined;
}

/** What the records of a message have in common. */
interface Common {
  header: Segment;
  receivedAt: Instant;
  context: DecodeContext;
  profile: string;
  /** The whole message is of a test. */
  test: boolean;
}

/** What a record is made of. */
export type Item =
  | { class: 'spot' | 'continuous'; reading: Reading }
  | { class: 'alert'; alert: DeviceAlert }
  | { class: 'waveform'; wave: Wave }
  | { class: 'device'; tree: DeviceTree };

/** A reading or alert with what decides which record it comes into. */
export interface Placed {
  item: Item;
  subject: SubjectHints;
  /** The first number of OBX-4, or ''. */
  mds: string;
  /** OBX-18 of its own row. */
  device: Hint<Device>;
  /** Its own row is of a test. */
  test: boolean;
}

/** Gathers the readings and alerts of a message into records, each of one patient and one device. */
export class Records {
  readonly #common: Common;
  /** Told once that a device is not one that the source takes. */
  readonly #refuseDevice: () => void;
  readonly #records: ReadingRecord[] = [];
  readonly #groups = new Map<string, Group[]>();
  /** Device of each MDS, as its own row in OBX-18 says. */
  readonly #devices = new Map<string, Device | 'unreadable'>();
  #deviceRefused = false;

  constructor(common: Common, refuseDevice: () => void) {
    this.#common = common;
    this.#refuseDevice = refuseDevice;
  }

  /** All records, once everything was added. */
  finish(): ReadingRecord[] {
    this.nextPatient();
    return this.#records;
  }

  /** No device of one patient is that of the next, whatever their numbers. */
  nextPatient(): void {
    if (this.#groups.size > 0) for (const mds of this.#groups.keys()) this.#close(mds);
    this.#devices.clear();
  }

  /** The row of an MDS. What was measured under its number until now is of the device that it was. */
  setDevice(mds: string, device: Device | 'unreadable'): void {
    const before = this.#devices.get(mds);
    const isOther = device === 'unreadable' || (before !== undefined && !isSame(before, device));
    if (isOther) this.#close(mds);
    this.#devices.set(mds, device);
  }

  /** False for something whose device was named and cannot be read: no other may take its place. */
  add({ item, subject, mds, device, test: testRow }: Placed): boolean {
    const test = testRow || this.#common.test;
    const ofMds = this.#devices.get(mds);
    if (device === 'unreadable' || (device === 'none' && ofMds === 'unreadable')) return false;
    const own = device === 'none' ? undefined : device;
    const groups = this.#groups.get(mds) ?? [];
    if (groups.length === 0) this.#groups.set(mds, groups);
    let group: Group | undefined;
    for (let i = groups.length - 1; i >= 0 && i >= groups.length - RECENT_GROUPS; i -= 1) {
      const g = groups[i];
      if (g?.subject === subject && isSame(g.own, own) && g.test === test && g.class === item.class) {
        const isOpen = g.readings.length + (g.alerts?.length ?? 0) < MAX_ITEMS && (g.waves?.length ?? 0) < MAX_WAVES;
        group = isOpen ? g : undefined;
        break;
      }
    }
    if (!group) {
      group = { subject, own, test, class: item.class, readings: [], alerts: undefined, waves: undefined, tree: undefined };
      if (item.class === 'alert') group.alerts = [];
      if (item.class === 'waveform') group.waves = [];
      groups.push(group);
    }
    if (item.class === 'alert') group.alerts?.push(item.alert);
    else if (item.class === 'waveform') group.waves?.push(item.wave);
    else if (item.class === 'device') group.tree = item.tree;
    else group.readings.push(item.reading);
    return true;
  }

  #close(mds: string): void {
    const ofMds = this.#devices.get(mds);
    for (const group of this.#groups.get(mds) ?? []) this.#record(group, ofMds === 'unreadable' ? undefined : ofMds);
    this.#groups.delete(mds);
  }

  #record(group: Group, ofMds: Device | undefined): void {
    const { receivedAt, context, profile } = this.#common;
    const device = this.#asSender(ofMds ?? group.own ?? this.#configuredDevice());
    if (context.devices && !this.#isListed(device.id, context.devices)) {
      if (!this.#deviceRefused) this.#refuseDevice();
      this.#deviceRefused = true;
      return;
    }
    const { subject, test, readings, alerts, waves, tree } = group;
    const record: ReadingRecord = { source: context.source, profile, device, receivedAt, subject, test, class: group.class, readings };
    if (alerts) record.alerts = alerts;
    if (waves) record.waves = waves;
    if (tree) record.tree = tree;
    this.#records.push(record);
  }

  /** A device that OBX-18 names without saying what kind of number that is, and MSH-3 by the same one. */
  #asSender(device: Device): Device {
    if (device.idType === 'eui64') return device;
    const sender = senderOf(this.#common.header);
    return sender?.id === device.id ? sender : device;
  }

  /** The name of the configuration, else the sender of MSH-3, else the source. */
  #configuredDevice(): Device {
    const { deviceId, source } = this.#common.context;
    if (deviceId !== undefined) return { id: deviceId, idType: 'config' };
    return senderOf(this.#common.header) ?? { id: source, idType: 'config' };
  }

  #isListed(id: string, listed: readonly string[]): boolean {
    const { header } = this.#common;
    return [id, header.component(3, 1), header.component(3, 2)].some((name) => name !== '' && listed.includes(name));
  }
}

/** A number that is said to be an EUI-64 is not the same that may be anything: a row alone is read again as the whole message was. */
function isSame(a: Device | 'unreadable' | undefined, b: Device | undefined): boolean {
  if (a === undefined || a === 'unreadable' || b === undefined) return a === b;
  return a.id === b.id && a.idType === b.idType;
}
