import type { Instant } from '../../../shared/clock.ts';
import { DueHeap } from '../due-heap.ts';
import type { Fleet } from './fleet.ts';
import { type Loss, SINCE_EVER, withLoss } from './losses.ts';
import { type DeviceRow, deviceSource, silentFrom } from './source.ts';

/** A device of a patient, with its current rows. */
export interface WatchedDevice {
  readonly tenant: string;
  readonly patient: string;
  readonly device: string;
  readonly rows: Set<DeviceRow>;
  /** When it is next to be looked at; undefined while it is silent. */
  due: Instant | undefined;
  /** While it is silent: when it was last heard. */
  silentSince: Instant;
  /** Silences that are over. One that was never heard of this patient before was silent until then. */
  losses: readonly Loss[];
}

/** Told of whom something changed, and of which device of theirs; without one, of all that comes of them. */
export type Concern = (tenant: string, patient: string, device?: string) => void;

/** Tells when a device falls silent and when it speaks again, once each. Rows are those of the watch over staleness; a row that is renewed costs one comparison. */
export class DeviceSilence {
  readonly #devices = new Map<string, WatchedDevice>();
  /** The same by tenant and patient. */
  readonly #ofPatient = new Map<string, Set<WatchedDevice>>();
  /** The same by tenant and device. */
  readonly #ofDevice = new Map<string, Set<WatchedDevice>>();
  /** When a device was heard last of nobody, by tenant and device; only of those that are also some patient's. */
  readonly #ofNobody = new Map<string, Instant>();
  readonly #concern: Concern;
  #heap = new DueHeap<WatchedDevice>();

  constructor(concern: Concern) {
    this.#concern = concern;
  }

  /** Of a new row. */
  enlist({ tenant, patient, device }: { tenant: string; patient: string; device: string }, row: DeviceRow): WatchedDevice {
    const key = JSON.stringify([tenant, patient, device]);
    const fresh: WatchedDevice = { tenant, patient, device, rows: new Set(), due: undefined, silentSince: SINCE_EVER, losses: [] };
    const known = this.#devices.get(key) ?? fresh;
    if (known === fresh) this.#add(key, fresh);
    known.rows.add(row);
    return known;
  }

  /** `isFirst`: at the start, when nothing comes back. */
  heard(device: WatchedDevice, row: DeviceRow, now: Instant, isFirst: boolean): void {
    if (device.due !== undefined) {
      const due = row.freshAt + row.limitMs;
      if (due < device.due) this.#push(device, due);
      return;
    }
    const { heardAt, dueAt } = heardOf(device, now);
    // What arrives late does not make it speak again.
    if (dueAt <= now) {
      device.silentSince = heardAt;
      return;
    }
    this.#push(device, dueAt);
    if (isFirst) return;
    isBack(device, now);
    this.#concern(device.tenant, device.patient, device.device);
  }

  /** Its silences that are over; of one that was silent when the hub began, from then on. */
  lossesOf({ tenant, patient, device }: { tenant: string; patient: string; device: string }): readonly Loss[] {
    return this.#devices.get(JSON.stringify([tenant, patient, device]))?.losses ?? [];
  }

  forget({ tenant, patient, device }: { tenant: string; patient: string; device: string }, row: DeviceRow): void {
    const key = JSON.stringify([tenant, patient, device]);
    const known = this.#devices.get(key);
    known?.rows.delete(row);
    if (known === undefined || known.rows.size > 0) return;
    known.due = undefined;
    this.#devices.delete(key);
    const ofPatient = this.#ofPatient.get(patientKey(known));
    ofPatient?.delete(known);
    if (ofPatient?.size === 0) this.#ofPatient.delete(patientKey(known));
    const ofDevice = this.#ofDevice.get(deviceKey(known));
    ofDevice?.delete(known);
    if (ofDevice?.size !== 0) return;
    this.#ofDevice.delete(deviceKey(known));
    this.#ofNobody.delete(deviceKey(known));
  }

  /** Of a reading that is nobody's for sure; `at`: when it was measured, UTC ms. */
  heardOfNobody(tenant: string, device: string, at: Instant): void {
    const key = deviceKey({ tenant, device });
    if (this.#ofDevice.has(key)) this.#ofNobody.set(key, Math.max(at, this.#ofNobody.get(key) ?? at));
  }

  /** Whether what a device sent last is another's than this patient's, or nobody's. */
  isElsewhere(tenant: string, patient: string, device: string): boolean {
    const key = deviceKey({ tenant, device });
    let here = Number.NEGATIVE_INFINITY;
    let elsewhere = this.#ofNobody.get(key) ?? Number.NEGATIVE_INFINITY;
    for (const watched of this.#ofDevice.get(key) ?? []) {
      const heardAt = silentFrom([...watched.rows])?.heardAt ?? Number.NEGATIVE_INFINITY;
      if (watched.patient === patient) here = heardAt;
      else elsewhere = Math.max(elsewhere, heardAt);
    }
    return elsewhere > here;
  }

  /** The devices of which a patient has a current row. */
  namesOf(tenant: string, patient: string): string[] {
    return [...(this.#ofPatient.get(patientKey({ tenant, patient })) ?? [])].map(({ device }) => device);
  }

  /** Every device of a tenant that has a current row, each with its patient; one that is heard of nobody lives as well. */
  of(tenant: string, now: Instant): Fleet['devices'] {
    return [...this.#devices.values()]
      .filter((watched) => watched.tenant === tenant)
      .map(({ device, patient, rows }) => {
        const nobodysAt = this.#ofNobody.get(deviceKey({ tenant, device }));
        const limitMs = Math.min(...[...rows].map((row) => row.limitMs));
        const all = nobodysAt === undefined ? [...rows] : [...rows, { freshAt: nobodysAt, limitMs }];
        return { ...deviceSource(device, all, now), id: device, patient };
      });
  }

  look(now: Instant): void {
    for (let device = this.#heap.popUntil(now); device !== undefined; device = this.#heap.popUntil(now)) {
      const { heardAt, dueAt } = heardOf(device, now);
      if (dueAt > now) {
        this.#push(device, dueAt);
        continue;
      }
      device.silentSince = heardAt;
      this.#concern(device.tenant, device.patient, device.device);
    }
  }

  /** Looks at every device anew: a clock was set, or limits are others. */
  again(now: Instant): void {
    this.#heap = new DueHeap();
    for (const device of this.#devices.values()) {
      const wasLive = device.due !== undefined;
      device.due = undefined;
      const { heardAt, dueAt } = heardOf(device, now);
      if (dueAt > now) this.#heap.push(device, dueAt);
      else device.silentSince = heardAt;
      if (wasLive === (device.due !== undefined)) continue;
      if (!wasLive) isBack(device, now);
      this.#concern(device.tenant, device.patient, device.device);
    }
  }

  nextDue(): Instant | undefined {
    return this.#heap.nextDue();
  }

  #add(key: string, device: WatchedDevice): void {
    this.#devices.set(key, device);
    const ofPatient = this.#ofPatient.get(patientKey(device)) ?? new Set<WatchedDevice>();
    this.#ofPatient.set(patientKey(device), ofPatient.add(device));
    const ofDevice = this.#ofDevice.get(deviceKey(device)) ?? new Set<WatchedDevice>();
    this.#ofDevice.set(deviceKey(device), ofDevice.add(device));
  }

  #push(device: WatchedDevice, due: Instant): void {
    this.#heap.push(device, due);
    if (!this.#heap.isCrowded(this.#devices.size)) return;
    this.#heap = new DueHeap();
    for (const other of this.#devices.values()) if (other.due !== undefined) this.#heap.push(other, other.due);
  }
}

function patientKey({ tenant, patient }: { tenant: string; patient: string }): string {
  return JSON.stringify([tenant, patient]);
}

function deviceKey({ tenant, device }: { tenant: string; device: string }): string {
  return JSON.stringify([tenant, device]);
}

/** When it was last heard, and when it is silent; without rows it is. */
function heardOf({ rows }: WatchedDevice, now: Instant): { heardAt: Instant; dueAt: Instant } {
  return silentFrom([...rows]) ?? { heardAt: SINCE_EVER, dueAt: now };
}

function isBack(device: WatchedDevice, now: Instant): void {
  device.losses = withLoss(device.losses, { from: device.silentSince, backAt: now });
}
