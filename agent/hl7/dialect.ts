import type { DeviceAlert } from '../../shared/alert.ts';
import type { AbsentReason, SubjectHints } from '../../shared/reading.ts';
import type { CodedUnit, CodedVital } from './codes.ts';
import { codedUnit, codedVital } from './codes.ts';
import type { Hl7Message } from './message.ts';
import { componentOf, firstRepetition, type Segment, type Separators, trimmed } from './segment.ts';

/**
 * What a message is used for. `readings`: its OBX rows are vital signs, and alarms where the dialect says so; `alerts`: of the form of IHE
 * PCD-04; `movement`: an ADT event; `subject`: says whose everything behind it on this connection is; `heartbeat`: answered, and nothing
 * else; `aside`: answered and counted.
 */
export type MessageUse = 'readings' | 'alerts' | 'movement' | 'subject' | 'heartbeat' | 'aside';

/** One kind of message; the first rule that fits counts, and what fits none is refused (HL7-TYPE). */
export interface MessageRule {
  /** MSH-9.1. */
  type: string;
  /** MSH-9.2; any unless given. */
  event?: string;
  /** MSH-10, where a sender puts the kind of message there (Mindray PDS). */
  control?: string;
  use: MessageUse;
}

/** What monitors send; some leave the event out. */
export const ORU_R01: readonly MessageRule[] = [
  { type: 'ORU', event: 'R01', use: 'readings' },
  { type: 'ORU', event: '', use: 'readings' },
];

/**
 * What an OBX row is beside a value: left aside and counted (HL7-ASIDE: a duplicate, something about the device), a setting under the code of a
 * vital sign (HL7-SETTING, left aside as well), or an alarm.
 */
export type RowUse = 'value' | 'aside' | 'setting' | 'alarm';

/** What an OBX row stands in. */
export interface RowGroup {
  /** MSH, character = byte. */
  readonly header: Segment;
  /** The OBR before the row; undefined where there is none. */
  readonly obr: Segment | undefined;
}

/** How OBX rows are read. */
export interface ObxRules {
  /** Of OBX-3, its first repetition; the row is there for senders whose code holds under a condition only. */
  vital(field: string, separators: Separators, obx: Segment): CodedVital;
  /** Of OBX-6, its first repetition. */
  unit(field: string, separators: Separators, obx: Segment): CodedUnit;
  /** Numbers by which the device says that there is no value. */
  sentinels: ReadonlyMap<number, AbsentReason>;
  /** OBX-18 stands in the first row of a device alone, and holds for the rows behind it of the same MDS and OBR. */
  deviceOnce?: true;
  /**
   * What a row of a number (NM) means is said by itself alone, and by nothing in it that changes with the measurement: `use`, `vital` and `unit`
   * ask neither for its group nor for OBX-5 and OBX-14 then, and a row like one before is known by its text (`KnownRows`).
   */
  ofRowAlone?: boolean;
  /** Asked of every row before anything else of it is read. */
  use(obx: Segment, group: RowGroup): RowUse;
  /**
   * The alert of a row that `use` calls an alarm; undefined where it cannot be read, and the row is refused (DECODE-FIELD) and kept. Texts
   * through `cleanText`, identifiers through `identifier`. Without `effective`, its time is that of the row: OBX-14, OBR-7, MSH-7.
   */
  alarm?(obx: Segment, group: RowGroup): DeviceAlert | undefined;
}

/** What a source can say about alarms. Where it says nothing, silence is no calm. */
export interface AlarmAbility {
  /**
   * `vendor`: whoever sends readings tells of alarms, too, by the same connection. `IHE PCD-04`: an interface or a sender of its own does, so that of readings alone nothing is known about
   * alarms.
   */
  form: 'none' | 'IHE PCD-04' | 'vendor';
  /** What of an alarm it says; what is not here is `unknown` in every alert of it. */
  says: readonly ('phase' | 'state' | 'inactivation' | 'priority' | 'type' | 'source' | 'instance')[];
  /** In plain English, for the device page. */
  limits: string;
}

/** How one family of senders writes HL7 v2: everything about it, in one table. */
export interface Dialect {
  /** Profile name: `hl7-mindray-pds`. */
  name: string;
  vendor: string;
  models: readonly string[];
  protocol: string;
  /** Where it is written down. */
  source: string;
  /** Who opens the connection: the sender calls us, or we call it, at the port that it listens on unless told otherwise. */
  connects: { senderCalls: boolean; senderListensAt?: number };
  messages: readonly MessageRule[];
  /** Whether MSH-10 names one message of this sender, so that the same one again can be told from another one. */
  uniqueControlIds: boolean;
  /** Its codes are those that a site gives: usable only as the `base` of a dialect file. */
  dictionary?: 'site';
  obx: ObxRules;
  /**
   * Reads a message whose use is `subject`: patient and bed that it names, of everything behind it on the same connection, up to the next
   * such message. Undefined: it cannot be read, and nothing is taken any more before one that can be.
   */
  subject?(message: Hl7Message): Pick<SubjectHints, 'patient' | 'bed'> | undefined;
  alarms: AlarmAbility;
  /** What it cannot say, what is not read, and how the device must be set for it, in plain English, for the device page. */
  limits?: readonly string[];
}

/** A sender of PCD-04. */
export const PCD04_ALARMS: AlarmAbility = {
  form: 'IHE PCD-04',
  says: ['phase', 'state', 'inactivation', 'priority', 'type', 'source', 'instance'],
  limits:
    'Alerts come only from a sender whose alert interface (PCD-04) is switched on and points here; of a sender that never sent one, nothing ' +
    'is known. Each facet that the sender leaves out is unknown.',
};

export const NO_SENTINELS: ReadonlyMap<number, AbsentReason> = new Map();

/** OBX-17 of what was set by hand, from afar or by the device itself; AMEAS, MMEAS and the like are measured (IHE PCD TF-2, OBX-17). */
const SETTING_METHODS: ReadonlySet<string> = new Set(['MSET', 'RSET', 'ASET']);

/** A setting by its method, under a code that is none of a setting: never a measurement. */
export function mdcRowUse(obx: Segment): 'value' | 'setting' {
  if (obx.field(17) === '') return 'value';
  const isSet = obx
    .repetitions(17)
    .some((method) => SETTING_METHODS.has(componentOf(method, 1, obx.separators.component).trim().toUpperCase()));
  const isSettingRow = (): boolean =>
    codedVital(firstRepetition(obx.field(3), obx.separators), obx.separators).rows[0]?.class === 'setting';
  return isSet && !isSettingRow() ? 'setting' : 'value';
}

/** Codes of IEEE 11073-10101 (MDC), also as Philips writes them (MDIL); every row is a value, or a setting by its method. */
export const MDC_ROWS: ObxRules = { vital: codedVital, unit: codedUnit, sentinels: NO_SENTINELS, ofRowAlone: true, use: mdcRowUse };

/** What a dialect makes of a message, by its header; undefined: it does not know such. */
export function messageUse({ messages }: Dialect, header: Segment): MessageUse | undefined {
  const type = trimmed(header.component(9, 1));
  const event = trimmed(header.component(9, 2));
  for (const rule of messages) {
    if (rule.type !== type || (rule.event !== undefined && rule.event !== event)) continue;
    if (rule.control === undefined || rule.control === trimmed(header.field(10))) return rule.use;
  }
  return undefined;
}
