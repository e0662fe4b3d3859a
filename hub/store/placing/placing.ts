import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import type { AuditEvent } from '../../access/access.ts';
import type { DeviceIdType } from '../../registry/adopted.ts';
import type { AmendDone } from '../amend/amend.ts';
import type { ArrivalResult, CurrencyChange } from '../store.ts';

/**
 * Rows whose patient follows from movements. A row keeps the bed by which it is somebody's and whom its message named, so that a movement that comes late can move it. What is
 * nobody's for sure is stored under its bed (`nobodyIn`), of which no reader of patients ever hears, and becomes somebody's by the same step.
 */
export interface Placed {
  bed: string;
  /** Public id of whom the message named, where that can be compared with whom movements name; else null. */
  stated: string | null;
}

const NOBODY = '@bed ';

/** Under what the rows of a bed stand that are nobody's for sure. No patient id begins like this. */
export function nobodyIn(bed: string): string {
  return `${NOBODY}${bed}`;
}

/** Whether a row stands under a bed and not under a patient. */
export function isNobody(patient: string): boolean {
  return patient.startsWith(NOBODY);
}

/** A person as a hospital numbers it, with the public id that it got when it was first heard of. */
export interface Person extends AssignedId {
  tenant: string;
  /** Public id. */
  patient: string;
}

/** A device as its gateway names it: two gateways may have one of the same id each. */
export interface DeviceKey {
  gateway: string;
  device: string;
  /** What kind of id that is, for a serial number 1 is another device than an address 1; any, where it is not said. */
  idType?: DeviceIdType | null | undefined;
}

/** That a device was moved by hand, from `at` on: to a bed, or nowhere. */
export interface DeviceMove extends Omit<DeviceKey, 'gateway'> {
  tenant: string;
  /** Null in what was kept before devices were told apart by gateway. */
  gateway: string | null;
  bed: string | null;
  at: Instant;
}

/** Rows that become another's: those of one bed, measured (`sortTime`) from `from` up to and without `to`, that stand under `was`. */
export interface Reassignment {
  bed: string;
  /**
   * Public id of a number that is another person's from now on, by a merge or its end: instead of rows of a bed (which is empty) those that people gave to this number, with what was
   * decided of them since; and what was decided of the number is of whom it goes by now.
   */
  number?: string;
  /** Of this device of this gateway alone, where it was the device that moved. */
  device?: string;
  gateway?: string;
  from: Instant;
  /** Null for all that is later. */
  to: Instant | null;
  /** Patient, or `nobodyIn` a bed. */
  was: string;
  is: string;
  /** The bed by which they are somebody's from now on, where that is another. */
  toBed?: string;
  /** Which rows go, by whom their message named: those that named nobody, and those that named one of these. */
  unnamed: boolean;
  stating: readonly string[];
  /** Whom else, without listing everybody who has a number. */
  others?: NamedOthers;
}

/**
 * Rows that named anybody else than one of `but`: those by a number of one of the authorities `whole`, and with the unnamed ones those by a number of an authority that is none of `compared`; a number of nobody's system is neither.
 */
export interface NamedOthers {
  compared: readonly string[];
  whole: readonly string[];
  /** Public ids. */
  but: readonly string[];
}

/** What goes along with a batch whose rows were placed by movements, or that tells of movements. */
export interface BatchPlacing {
  /** `placingVersion` by which all of it was decided. Where the store has another one by now, nothing is stored and INGEST-PLACES-CHANGED is thrown. */
  version: number;
  /** What its movements change of rows that are there; asked within the commit, which keeps it as due and raises the version where it is not undefined. */
  changes?: (results: readonly ArrivalResult[]) => readonly Reassignment[] | undefined;
}

/** What one step of moving rows did; `moved` 0 and no `more` when nothing was due. */
export interface ReassignStep {
  moved: number;
  /** Rows of `latest` that changed, of both sides. */
  currencies: CurrencyChange[];
  /** Whose rows changed, for the feed. */
  changed: readonly { tenant: string; patient: string; vitals: readonly string[] }[];
  /**
   * The orders that are whole with this step. `rolledUp`: readings of the window that the retention had rolled up; they stay where they are. `dropped`: it goes no
   * further, because one of both was erased.
   */
  done: readonly (Reassignment & { tenant: string; moved: number; rolledUp: number; dropped?: true })[];
  /** What people decided of readings, and the undoing of it, that is whole with this step. */
  amended: readonly AmendDone[];
  more: boolean;
}

/** The part of the store by which rows follow their patients. Errors: STORAGE-*. */
export interface PlacingStore {
  /** How often what is known of who lies where has changed, of a tenant; 0 at first. Shared by hubs that share the store. */
  placingVersion(tenant: string): Promise<number>;
  /** Public ids of these, in their order; one that was never heard of gets one, in one commit for all. */
  personsOf(tenant: string, records: readonly AssignedId[]): Promise<readonly string[]>;
  /** Everybody who was ever heard of. */
  persons(): AsyncIterable<Person>;
  /** Keeps that a device was moved, and what that changes, in one commit; as a batch does with movements. */
  moveDevice(move: DeviceMove, placing: Required<BatchPlacing>, evidence: readonly AuditEvent[]): Promise<void>;
  /** In order of keeping. */
  deviceMoves(): AsyncIterable<DeviceMove>;
  /**
   * Gateways of which anything of a device of this id is kept, whoever's it is, in order: of each vital sign of which a value is current rows are looked at that lie twice as far back each
   * time, so that one is found that writes a row of some hundred, or wrote for about as long as it is ago.
   */
  gatewaysOf(tenant: string, device: string): Promise<readonly string[]>;
  /**
   * Moves some rows that are due to be moved, in one short commit, with the evidence of it for whom they leave and whom they come to; what is current of both follows.
   * To be called again while it says `more`, after each batch with movements and at the start of the hub.
   */
  reassign(at: Instant, evidence: (step: Pick<ReassignStep, 'done' | 'amended'>) => readonly AuditEvent[]): Promise<ReassignStep>;
}
