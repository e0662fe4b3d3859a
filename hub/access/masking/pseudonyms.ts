import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Instant } from '../../../shared/clock.ts';

/** Begins every pseudonym. registry.yaml takes no patient id that begins like it, so nobody is ever known by one. */
export const PSEUDONYM_PREFIX = 'masked-';

/** RFC 4648 base32, in small letters: what `PATIENT_ID` and a FHIR id may hold. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
/** 100 bits of a patient or an observation, which are told apart within a tenant; 60 of a device, which is told apart within a patient. */
const CHARS = { patient: 20, observation: 20, device: 12 } as const;
/** How many names of one kind are remembered of one principal before all are forgotten, and made again. */
const MOST_REMEMBERED = 50_000;
/** Of how many observations, of which there are far more, it is remembered what their names stand for. */
const MOST_OBSERVATIONS = 2_000;

const DAY_MS = 86_400_000;
/**
 * Of a real date only the year may stay (45 CFR 164.514(b)(2)(i)(C)); a shifted one has nothing of it. They lie from 2101 to 2183 for whatever was measured from
 * 2015 to 2026, so that nobody takes one for real.
 */
const LEAST_SHIFT_DAYS = 31_412;
const SHIFTS_DAYS = 26_000;

/** Whether a name has the form of a pseudonym, whoever it was given to. */
export function isPseudonym(name: string): boolean {
  return name.startsWith(PSEUDONYM_PREFIX);
}

/**
 * The names and the time under which one principal knows patients, devices and observations. All are made of a secret by HMAC-SHA-256 and kept nowhere: the same every time, and
 * nothing of what they stand for can be told from them (45 CFR 164.514(c): not derived from information about the individual by anybody who lacks the secret).
 */
export class Pseudonyms {
  readonly #key: KeyObject;
  readonly #byPatient = new Map<string, string>();
  readonly #byName = new Map<string, string>();
  readonly #devices = new Map<string, string>();
  #observations = new Map<string, string>();
  /** Those before. */
  #earlier: ReadonlyMap<string, string> = new Map();
  readonly #shifts = new Map<string, number>();

  /** `secret`: 32 bytes. `whose`: what they differ by (tenant, principal, profile). */
  constructor(secret: Uint8Array, whose: readonly string[]) {
    const of = JSON.stringify(['vitalmesh-masking-1', ...whose]);
    this.#key = createSecretKey(createHmac('sha256', secret).update(of).digest());
  }

  patient(patient: string): string {
    return remembered(this.#byPatient, patient, () => {
      if (this.#byName.size >= MOST_REMEMBERED) this.#byName.clear();
      const name = this.#name('patient', [patient]);
      this.#byName.set(name, patient);
      return name;
    });
  }

  /** Whom a pseudonym of this principal stands for, if it is one of `among`. */
  patientOf(name: string, among: Iterable<string>): string | undefined {
    if (!isPseudonym(name)) return undefined;
    const known = this.#byName.get(name);
    for (const patient of among) if (patient === known || (known === undefined && this.patient(patient) === name)) return patient;
    return undefined;
  }

  /** Of a device within one patient: one that goes from bed to bed is another one there. */
  device(patient: string, device: string): string {
    return remembered(this.#devices, JSON.stringify([patient, device]), () => this.#name('device', [patient, device]));
  }

  /** Of an observation or event; its id names the gateway. */
  observation(id: string): string {
    const name = this.#name('observation', [id]);
    if (this.#observations.size >= MOST_OBSERVATIONS) {
      this.#earlier = this.#observations;
      this.#observations = new Map();
    }
    this.#observations.set(name, id);
    return name;
  }

  /** The observation that a pseudonym stands for, where it was given out lately. */
  observationNamed(name: string): string | undefined {
    return this.#observations.get(name) ?? this.#earlier.get(name);
  }

  /** How far a patient's times are shifted for this principal: whole days, so that time of day (UTC) and differences stay. Milliseconds. */
  shiftMs(patient: string): number {
    return remembered(this.#shifts, patient, () => {
      const days = LEAST_SHIFT_DAYS + (this.#bits('shift', [patient]).readUIntBE(0, 6) % SHIFTS_DAYS);
      return days * DAY_MS;
    });
  }

  #name(kind: keyof typeof CHARS, of: readonly string[]): string {
    const bits = this.#bits(kind, of);
    let name = PSEUDONYM_PREFIX;
    for (let i = 0; i < CHARS[kind]; i += 1) name += ALPHABET[(bits[i] ?? 0) & 31];
    return name;
  }

  #bits(kind: string, of: readonly string[]): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([kind, ...of]))
      .digest();
  }
}

function remembered<T>(made: Map<string, T>, key: string, make: () => T): T {
  const known = made.get(key);
  if (known !== undefined) return known;
  if (made.size >= MOST_REMEMBERED) made.clear();
  const value = make();
  made.set(key, value);
  return value;
}

/** A time moved by whole days; one that says that it is unknown (0, `AGE_UNKNOWN`) still does. */
export function shifted(at: Instant, byMs: number): Instant {
  return at === 0 ? 0 : at + byMs;
}
