import type { Instant } from '../../shared/clock.ts';
import type { CurrentRow, Demo } from './surroundings.ts';

/** Most devices that are remembered; the one that was heard longest ago is forgotten first. */
const MOST = 10_000;
/** A device of which nothing more came for so long is not known to be in demonstration mode any more. */
const KEPT_MS = 3_600_000;

/** Devices that said that they are in demonstration mode, of whose data nothing is kept: what they would have shown must not be taken for silence, nor what was before for current. */
export class DemoDevices {
  readonly #seen = new Map<string, Demo>();

  /** True where that is news. */
  note(tenant: string, patient: string, device: string, at: Instant): boolean {
    const key = keyOf(tenant, patient, device);
    const known = this.#seen.get(key);
    const isNews = known === undefined || at - known.lastAt >= KEPT_MS;
    const since = isNews ? at : known.since;
    // Put behind the others.
    this.#seen.delete(key);
    this.#seen.set(key, { device, since, lastAt: Math.max(at, known?.lastAt ?? at) });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MOST && oldest !== undefined) this.#seen.delete(oldest);
    return isNews;
  }

  /** Of one patient, in order of device; without those that measure again, as `rows` (what is current) tell. */
  of(tenant: string, patient: string, rows: readonly CurrentRow[], now: Instant): Demo[] {
    if (this.#seen.size === 0) return [];
    const prefix = keyOf(tenant, patient, '');
    const found: Demo[] = [];
    for (const [key, demo] of this.#seen) {
      if (!key.startsWith(prefix) || now - demo.lastAt >= KEPT_MS) continue;
      if (!rows.some(({ device, receivedAt }) => device === demo.device && receivedAt > demo.lastAt)) found.push({ ...demo });
    }
    return found.sort((a, b) => (a.device < b.device ? -1 : 1));
  }
}

/** Neither tenants nor patient ids hold a line break. */
function keyOf(tenant: string, patient: string, device: string): string {
  return `${tenant}\n${patient}\n${device}`;
}
