import type { Presence } from '../../hub/patients/presence.ts';
import type { PatientPlace } from '../../hub/registry/registry.ts';

/** Presence as somebody says it is, of one tenant: what a test needs in the place of movements. */
export class SaidPresence implements Presence {
  readonly #tenant: string;
  readonly #places = new Map<string, PatientPlace>();
  readonly #listeners = new Set<(tenant: string, patients: readonly string[]) => void>();

  constructor(tenant = 'clinic') {
    this.#tenant = tenant;
  }

  /** Each in a bed, or in none (null: nobody knows where). */
  put(beds: Readonly<Record<string, string | null>>): this {
    return this.#say(Object.entries(beds).map(([patient, bed]) => [patient, { patient, bed }]));
  }

  discharge(patient: string, at: number): this {
    return this.#say([[patient, { patient, bed: null, discharged: at }]]);
  }

  /** Moved to where nobody follows. */
  leave(patient: string, at: number): this {
    return this.#say([[patient, { patient, bed: null, leftBed: at }]]);
  }

  /** In one of these beds, nobody knows which. */
  doubt(patient: string, beds: readonly string[]): this {
    return this.#say([[patient, { patient, bed: null, possible: beds.map((bed) => ({ bed })) }]]);
  }

  merge(from: string, into: string): this {
    const { bed = null } = this.#places.get(into) ?? {};
    return this.#say([
      [from, { patient: into, bed, mergedFrom: from }],
      [into, { patient: into, bed }],
    ]);
  }

  #say(said: readonly (readonly [string, PatientPlace])[]): this {
    for (const [id, place] of said) this.#places.set(id, place);
    for (const listener of this.#listeners)
      listener(
        this.#tenant,
        said.map(([id]) => id),
      );
    return this;
  }

  patients(tenant: string): readonly PatientPlace[] {
    if (tenant !== this.#tenant) return [];
    const here = [...this.#places].filter(([id, { patient, bed }]) => id === patient && bed !== null);
    return here.map(([, place]) => place).sort((a, b) => (a.patient < b.patient ? -1 : 1));
  }

  patient(tenant: string, id: string): PatientPlace | undefined {
    return tenant === this.#tenant ? this.#places.get(id) : undefined;
  }

  isPatient(id: string): boolean {
    return this.#places.has(id);
  }

  inBed(tenant: string, bed: string): string | null | undefined {
    return this.patients(tenant).find((place) => place.bed === bed)?.patient ?? null;
  }

  onChange(listener: (tenant: string, patients: readonly string[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}
