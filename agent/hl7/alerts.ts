import type { AlertInactivation, AlertPhase, AlertPriority, AlertState, AlertType, DeviceAlert } from '../../shared/alert.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { TEXT_LIMITS } from '../../shared/observation-code.ts';
import { cleanText, identifier, MAX_IDENTIFIER } from '../decoding.ts';
import { codedVital, mdcOf } from './codes.ts';
import { type Device, deviceOf } from './device.ts';
import { unescapeText } from './escapes.ts';
import { isTestRow } from './obx.ts';
import { componentOf, firstRepetition, type Segment } from './segment.ts';
import type { Hint } from './subject.ts';

/** Partition 3 of IEEE 11073-10101, events and alerts. */
const EVENTS = { from: 196_608, to: 262_144 } as const;
/** MDC_EVT_ALARM: some alert; which one stands in OBX-5. */
const SOME_ALARM = 196_616;
const HEARTBEAT = { code: 196_614, refid: 'MDC_EVT_ACTIVE' } as const;

/** Facets of an alert by the last number of OBX-4 (IHE PCD TF-2, PCD-04, OBX-4). */
const EVENT_FACET = 1;
const SOURCE_FACET = 2;
const SOURCE_REFID = 'MDC_ATTR_ALERT_SOURCE';
const TEXT_REFID = 'MDC_ATTR_ALERT_TEXT';

/**
 * Facets 3 to 7: the names under which they were seen, and what each value means here. Their numeric codes differ between versions of the
 * nomenclature (68165 to 68168 in some senders, 68481 to 68485 in others), so that name and number of the facet count, and not the code.
 */
const PHASES: ReadonlyMap<string, AlertPhase> = new Map([
  ['present', 'present'],
  ['start', 'start'],
  ['continue', 'continue'],
  ['update', 'update'],
  ['escalate', 'escalate'],
  ['deescalate', 'deescalate'],
  ['de-escalate', 'deescalate'],
  ['reset', 'reset'],
  ['end', 'end'],
  ['tpoint', 'tpoint'],
]);
const STATES: ReadonlyMap<string, AlertState> = new Map([
  ['active', 'active'],
  ['latched', 'latched'],
  ['inactive', 'inactive'],
]);
const INACTIVATIONS: ReadonlyMap<string, AlertInactivation> = new Map([
  ['enabled', 'enabled'],
  ['audio-paused', 'audio-paused'],
  ['audio-off', 'audio-off'],
  ['alarm-paused', 'alarm-paused'],
  ['alarm-off', 'alarm-off'],
  ['alert-acknowledged', 'acknowledged'],
]);
const PRIORITIES: ReadonlyMap<string, AlertPriority> = new Map([
  ['pn', 'none'],
  ['pl', 'low'],
  ['pm', 'medium'],
  ['ph', 'high'],
  ['pu', 'unknown'],
]);
const TYPES: ReadonlyMap<string, AlertType> = new Map([
  ['sp', 'physiological'],
  ['st', 'technical'],
  ['sa', 'advisory'],
]);

interface Facet {
  number: number;
  name: 'phase' | 'state' | 'inactivation' | 'priority' | 'type';
  refids: readonly string[];
  values: ReadonlyMap<string, string>;
}

const FACETS: readonly Facet[] = [
  { number: 3, name: 'phase', refids: ['MDC_ATTR_EVENT_PHASE', 'EVENT_PHASE'], values: PHASES },
  { number: 4, name: 'state', refids: ['MDC_ATTR_ALARM_STATE', 'MDC_ATTR_ALERT_STATE', 'ALARM_STATE'], values: STATES },
  { number: 5, name: 'inactivation', refids: ['MDC_ATTR_ALARM_INACTIVATION_STATE', 'INACTIVATION_STATE'], values: INACTIVATIONS },
  { number: 6, name: 'priority', refids: ['MDC_ATTR_ALARM_PRIORITY'], values: PRIORITIES },
  { number: 7, name: 'type', refids: ['MDC_ATTR_ALERT_TYPE'], values: TYPES },
];
/** OBX-11: deleted, or posted by error. */
const TAKEN_BACK: ReadonlySet<string> = new Set(['D', 'W']);

const FACET_BY_REFID: ReadonlyMap<string, Facet> = new Map(FACETS.flatMap((facet) => facet.refids.map((refid) => [refid, facet])));

/** What a row of an alert was. */
export type AlertRow = 'event' | 'facet' | 'structure' | 'aside' | 'heartbeat' | { code: ErrorCode; field: number };

/**
 * One alert while its rows come, one OBX a facet (IHE PCD TF-2, PCD-04): what no row says stays `unknown`, what a row says that cannot be
 * read does so as well, and nothing follows from values. Rows of one alert come in ascending order of their facets.
 */
export class AlertRows {
  readonly alert: DeviceAlert = { phase: 'unknown', state: 'unknown', priority: 'unknown', type: 'unknown' };
  /** OBX-18 of the first of its rows that has one. */
  device: Hint<Device> = 'none';
  /** First number of OBX-4 of its event. */
  mds = '';
  test = false;
  /** The last facet that came; 0: not even the event did. */
  #facet = 0;
  #isHeartbeat = false;

  /** It says that the sender is there, and nothing more. */
  get isHeartbeat(): boolean {
    return this.#isHeartbeat;
  }

  get hasEvent(): boolean {
    return this.#facet > 0;
  }

  /** Undefined where no event came. */
  finish(): DeviceAlert | undefined {
    const { code, text } = this.alert;
    // That it is some alert says nothing beside a text, and is said of every alert.
    if (text !== undefined && code?.system === 'MDC' && code.code === `${SOME_ALARM}`) delete this.alert.code;
    return this.#facet > 0 ? this.alert : undefined;
  }

  /** Whether a row begins another alert: an event, where this one has its own. */
  isNext(obx: Segment): boolean {
    return this.#facet > 0 && eventOf(obx) !== undefined;
  }

  /** Takes a row in, or says why not. */
  add(obx: Segment): AlertRow {
    const event = eventOf(obx);
    if (event) return this.#event(obx, event);
    if (isStructure(obx)) return 'structure';
    if (this.#isHeartbeat) return 'heartbeat';
    const number = facetNumber(obx);
    const refid = refidOf(obx);
    const facet = FACET_BY_REFID.get(refid);
    if (number === EVENT_FACET && !facet) return { code: 'DECODE-UNKNOWN-CODE', field: 3 };
    if (!facet && number !== SOURCE_FACET && refid !== TEXT_REFID) return 'aside';
    // Before its event nobody knows what it is of; out of order it may be of another alert.
    if (this.#facet === 0 || number <= this.#facet) return { code: 'DECODE-FIELD', field: 4 };
    if (facet && facet.number !== number) return { code: 'DECODE-FIELD', field: 4 };
    this.#facet = number;
    this.#about(obx);
    if (facet) return this.#say(facet, obx) ? 'facet' : { code: 'DECODE-FIELD', field: 5 };
    if (refid === TEXT_REFID) this.#text(textOf(obx));
    else this.#source(obx, refid);
    return 'facet';
  }

  #event(obx: Segment, event: Event): AlertRow {
    this.#facet = EVENT_FACET;
    this.#isHeartbeat = event === 'heartbeat';
    if (event === 'heartbeat') return 'heartbeat';
    // Taken back, or no event at this time.
    if (TAKEN_BACK.has(obx.field(11).trim())) {
      this.#facet = 0;
      return { code: 'DECODE-FIELD', field: 11 };
    }
    this.mds = componentOf(obx.field(4).trim(), 1, '.');
    this.#about(obx);
    const value = firstRepetition(obx.field(5), obx.separators);
    const stated = event.code === `${SOME_ALARM}` ? eventCode(value, obx) : undefined;
    this.alert.code = stated ?? event;
    const { component } = obx.separators;
    this.#text(stated ? cleanText(unescapeText(componentOf(value, 9, component), obx.separators), TEXT_LIMITS.display) : textOf(obx));
    this.#marks(obx);
    return 'event';
  }

  /** Priority and type in OBX-8: `H~PM~SP`; what is neither says something about a value. Two that differ say nothing. */
  #marks(obx: Segment): void {
    const marks = obx.repetitions(8).map((repetition) => componentOf(repetition, 1, obx.separators.component).trim().toLowerCase());
    const one = <T>(values: ReadonlyMap<string, T>): T | undefined => {
      const said = [...new Set(marks.flatMap((mark) => values.get(mark) ?? []))];
      return said.length === 1 ? said[0] : undefined;
    };
    this.alert.priority = one(PRIORITIES) ?? 'unknown';
    this.alert.type = one(TYPES) ?? 'unknown';
  }

  #about(obx: Segment): void {
    if (this.device === 'none') this.device = deviceOf(obx);
    this.test ||= isTestRow(obx);
  }

  /** False for a value that the facet does not have, or that OBX-8 of the event contradicts: then nothing is known of it. */
  #say(facet: Facet, obx: Segment): boolean {
    const text = obx.field(5).trim();
    if (text === '' || text === '""') return true;
    const value = facet.values.get(text.toLowerCase());
    const before = this.alert[facet.name];
    const isSaid = value !== undefined && (before === undefined || before === 'unknown' || before === value);
    if (isSaid) Object.assign(this.alert, { [facet.name]: value });
    else if (value !== undefined) Object.assign(this.alert, { [facet.name]: 'unknown' });
    return isSaid;
  }

  /** What the alert is about: a measurement by its own code, or the code of a device or measurement in OBX-5. */
  #source(obx: Segment, refid: string): void {
    const field = refid === SOURCE_REFID ? obx.field(5) : obx.field(3);
    const coded = firstRepetition(field, obx.separators);
    const mdc = mdcOf(coded, 1, obx.separators) ?? mdcOf(coded, 4, obx.separators);
    const [row, another] = codedVital(coded, obx.separators).rows;
    if (mdc === undefined || mdc === 0) return;
    this.alert.source = row && !another ? { vital: row.key, mdc } : { mdc };
  }

  #text(text: string | undefined): void {
    if (text !== undefined) this.alert.text ??= text;
  }
}

/**
 * Names one alert through its life: OBR-29, to which later messages of it point back, else OBR-3 of the first (entity identifier alone, since
 * senders write the rest in several ways).
 */
export function instanceOf(obr: Segment): string | 'unreadable' | undefined {
  const parent = obr.field(29);
  const { component, subcomponent } = obr.separators;
  const [placer = '', filler = ''] = [1, 2].map((n) => componentOf(componentOf(parent, n, component), 1, subcomponent).trim());
  const named = filler || placer || obr.component(3, 1).trim();
  if (named === '' || named === '""') return undefined;
  return identifier(unescapeText(named, obr.separators), MAX_IDENTIFIER) ?? 'unreadable';
}

/** Whether a row of an ORU^R40 is of a device or of a part of one, and says nothing of an alert. */
export function isDeviceRow(obx: Segment): boolean {
  return isStructure(obx) && eventOf(obx) === undefined;
}

/** Rows of a device, and others without type and value. */
function isStructure(obx: Segment): boolean {
  return obx.field(5) === '' && (obx.field(2).trim() === '' || obx.field(4).trim().endsWith('.0'));
}

/** The last number of OBX-4; 0 where there is none. */
function facetNumber(obx: Segment): number {
  const path = obx.field(4).trim();
  const last = path.slice(path.lastIndexOf('.') + 1);
  return /^\d{1,4}$/.test(last) ? Number(last) : 0;
}

/** The name in OBX-3; older senders have no number before it. */
function refidOf(obx: Segment): string {
  const name = obx.component(3, 2).trim();
  return name === '' ? obx.component(3, 1).trim() : name;
}

type Event = NonNullable<DeviceAlert['code']> | 'heartbeat';

/** The event that a row states, if it is the row of one. */
function eventOf(obx: Segment): Event | undefined {
  const refid = refidOf(obx);
  if (facetNumber(obx) !== EVENT_FACET || FACET_BY_REFID.has(refid)) return undefined;
  const field = firstRepetition(obx.field(3), obx.separators);
  if (refid === HEARTBEAT.refid || mdcOf(field, 1, obx.separators) === HEARTBEAT.code) return 'heartbeat';
  return eventCode(field, obx);
}

/** The code of an alert: an MDC event, its name where it has no number yet (MDCX), or the sender's own code with its system. */
function eventCode(field: string, { separators }: Segment): DeviceAlert['code'] | undefined {
  const [id = '', name = '', stated = ''] = [1, 2, 3].map((n) => componentOf(field, n, separators.component).trim());
  const isMdc = stated === '' || stated.toUpperCase() === 'MDC';
  const code = isMdc ? mdcOf(field, 1, separators) : undefined;
  if (code !== undefined && code >= EVENTS.from && code < EVENTS.to) return { system: 'MDC', code: `${code}` };
  if (isMdc) return /^MDCX?_EVT_\w+$/.test(name) ? { system: 'MDC-REFID', code: name.slice(0, MAX_IDENTIFIER) } : undefined;
  const own = identifier(unescapeText(id, separators), MAX_IDENTIFIER);
  const system = identifier(unescapeText(stated, separators), MAX_IDENTIFIER);
  return own === undefined || system === undefined ? undefined : { system, code: own };
}

function isCoded(value: string, { separators }: Segment): boolean {
  return componentOf(value, 3, separators.component) !== '';
}

/** OBX-5 as text; of a coded value the text that goes with the code. */
function textOf(obx: Segment): string | undefined {
  const value = firstRepetition(obx.field(5), obx.separators);
  const { component } = obx.separators;
  const text = isCoded(value, obx) ? componentOf(value, 9, component) || componentOf(value, 2, component) : value;
  return text === '""' ? undefined : cleanText(unescapeText(text, obx.separators), TEXT_LIMITS.display);
}
