import { createHmac, createSecretKey } from 'node:crypto';
import { type Instant, parseInstant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import { identifierOf } from '../../../shared/observation-code.ts';
import type { AuditEvent } from '../../access/access.ts';

/** What remains of a person who was erased: nothing that tells who it was to anybody who does not know already. */
export interface Tombstone {
  tenant: string;
  /** 32 bytes, by which the marks are made; those of one store share it. */
  secret: Uint8Array;
  /** Mark of the patient's id. */
  mark: Uint8Array;
  /** UTC ms. */
  at: Instant;
  /** A code or a ticket, as the operator gave it. */
  reason: string;
  /** Who did it. */
  principal: string;
  /** Marks (hex) of the gateways that spoke for the person, and of the identifiers by which others' records named them. */
  others: readonly string[];
}

/** What a mark is of: the hub's id of a patient, a gateway's identity, or an identifier (`system|value`) of a message. */
export type Marked = 'patient' | 'gateway' | 'name';

/** HMAC-SHA-256 of a value; of different kinds and tenants never the same. */
export function markOf(secret: Uint8Array, kind: Marked, tenant: string, value: string): Buffer {
  // As a KeyObject: Node takes four times as long for a key in bytes, and this is asked of what arrives.
  return createHmac('sha256', createSecretKey(secret))
    .update(JSON.stringify(['vitalmesh-erased-1', kind, tenant, value]))
    .digest();
}

/** A hold and a tombstone of one person contradict each other, and whoever can write the list must not get round a hold: an operator decides. */
export function heldTombstone(): VitalmeshError {
  return new VitalmeshError('PATIENT-TOMBSTONES', { detail: 'it names somebody who is under legal hold in this store' });
}

/** Whether a tombstone names one of these numbers: of whoever has it, it is said that they are the person who was erased. Pure. */
export function namesAny(
  { tenant, secret, others }: Pick<Tombstone, 'tenant' | 'secret' | 'others'>,
  numbers: readonly AssignedId[],
): boolean {
  const marks = new Set(others);
  return numbers.some((number) => {
    const { system = '', value = '' } = identifierOf(number);
    return marks.has(hex(markOf(secret, 'name', tenant, `${system}|${value}`)));
  });
}

/** Without saying who: whoever may erase need not be told of others. */
export function heldKin(): VitalmeshError {
  return new VitalmeshError('PATIENT-HELD', { detail: 'under another of their numbers, or it is who had before what is theirs now' });
}

interface Group {
  secret: Uint8Array;
  patients: Set<string>;
  others: Map<string, Instant>;
}

/** The people of one tenant who were erased, to be asked about what arrives. */
export class ErasedPeople {
  readonly #tenant: string;
  readonly #groups: readonly Group[];

  constructor(tenant: string, tombstones: readonly Pick<Tombstone, 'secret' | 'mark' | 'at' | 'others'>[]) {
    this.#tenant = tenant;
    const groups = new Map<string, Group>();
    for (const { secret, mark, at, others } of tombstones) {
      const name = hex(secret);
      const group = groups.get(name) ?? { secret, patients: new Set(), others: new Map() };
      groups.set(name, group);
      group.patients.add(hex(mark));
      for (const other of others) group.others.set(other, Math.max(at, group.others.get(other) ?? at));
    }
    this.#groups = [...groups.values()];
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0;
  }

  isPatient(id: string): boolean {
    return this.#groups.some(({ secret, patients }) => patients.has(hex(markOf(secret, 'patient', this.#tenant, id))));
  }

  /** Until when what names this identifier (`system|value`) may be of somebody who was erased; undefined where it names nobody of them. */
  namedUpTo(name: string): Instant | undefined {
    return this.#upTo('name', name);
  }

  /**
   * The same for what a gateway sends and the hub can give to nobody: it spoke for somebody who was erased then, so that what was measured up to
   * then may be theirs.
   */
  spokeUpTo(gateway: string): Instant | undefined {
    return this.#upTo('gateway', gateway);
  }

  #upTo(kind: Marked, value: string): Instant | undefined {
    const found = this.#groups.flatMap(({ secret, others }) => others.get(hex(markOf(secret, kind, this.#tenant, value))) ?? []);
    return found.length === 0 ? undefined : Math.max(...found);
  }
}

/** Whether a patient of a tenant was erased. */
export type IsErased = (tenant: string, patient: string) => boolean;

/** By the marks of these tombstones. */
export function whoWasErased(tombstones: readonly Tombstone[]): IsErased {
  const byTenant = new Map(
    [...Map.groupBy(tombstones, ({ tenant }) => tenant)].map(([tenant, own]) => [tenant, new ErasedPeople(tenant, own)]),
  );
  return (tenant, patient) => byTenant.get(tenant)?.isPatient(patient) ?? false;
}

const TIME = /"(?:effectiveDateTime|effectiveInstant|issued|start|valueDateTime)"\s*:\s*"([^"]{10,40})"/g;

/** The earliest time that a refused part states, whatever it is; undefined where it states none. */
export function earliestTimeIn(received: string): Instant | undefined {
  const times = [...received.matchAll(TIME)].flatMap(([, text = '']) => parseInstant(text)?.at ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/**
 * An event as it is recorded once somebody was erased and has no key any more: that it was done, by whom and why, and nothing of whose it was. `isForgotten`
 * says of whom that holds; nobody gets a new key.
 */
export function withoutErased(event: AuditEvent, isForgotten: ((patient: string) => boolean) | undefined): AuditEvent {
  if (isForgotten === undefined) return event;
  const { patients } = event;
  if (patients?.some(isForgotten)) return { ...event, patients: patients.filter((patient) => !isForgotten(patient)) };
  if (event.patient === null || !isForgotten(event.patient)) return event;
  const { response: _, args: __, shown: ___, ...open } = event.detail ?? {};
  return { ...event, patient: null, detail: open };
}
