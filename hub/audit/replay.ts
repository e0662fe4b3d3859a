import { hash } from 'node:crypto';
import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { AbsentReason } from '../../shared/reading.ts';
import type { Action, AuditDetail, AuditEvent, Principal } from '../access/access.ts';
import type { CallContext, Door } from '../access/door.ts';
import { shapesOf, viewOfShape } from '../access/view-shapes.ts';
import {
  type Beside,
  type LimitsInForce,
  NO_SURROUNDINGS,
  nameOfLimits,
  type ShownBeside,
  type ShownPlace,
  type Surroundings,
} from '../clinical/surroundings.ts';
import { canonicalJson } from '../ingest/canonical.ts';
import type { PatientPlace, Registry } from '../registry/registry.ts';
import type { StoredReading } from '../store/store.ts';
import type { EvidenceRecord } from './evidence.ts';

/** An observation that was shown; with what it says, where it is still kept and whoever replays may know it. */
export interface ShownAgain {
  observation: string;
  /** Its version, UTC ms. */
  storedAt: Instant;
  kept?: { vital: string; value: number | null; unit: string; absent: AbsentReason | null; sortTime: Instant };
}

/**
 * What became of making the view again that was shown: `same` has the recorded hash, so it is proven what was shown. `none`: nothing was shown. `brief`: the
 * policy did not keep which observations. `kind`: lists, trends, histories and exports are not made again. `erased`: the patient was. `masked`: it was shown under pseudonyms,
 * which are not made again. `withheld`: whoever replays may not read the values. `gone`: not all of it is kept. `differs`: what is kept makes another
 * view, for instance since an age was set to unknown. `limits`: it does, and the site's limits are others than those that were in force, which it was shown by. `newer`: a version of the software showed it whose views are not known here; those of earlier ones are
 * made again as these made them.
 */
export type Rebuilt = 'same' | 'none' | 'brief' | 'kind' | 'erased' | 'masked' | 'withheld' | 'gone' | 'newer' | 'limits' | 'differs';

/** One thing that a principal asked, and what it was shown. */
export interface ReplayStep {
  seq: number;
  at: Instant;
  action: Action;
  patient: string | null;
  channel: string;
  outcome: AuditEvent['outcome'];
  reason: string;
  count: number;
  args: AuditDetail['args'] | null;
  shown: readonly ShownAgain[];
  /** Hash of what was shown, as it was recorded. */
  response: string | null;
  rebuilt: Rebuilt;
}

export interface ReplaySource {
  /** Values are read through the one door: decided, and recorded, as any export. */
  door: Pick<Door, 'export'>;
  registry: Pick<Registry, 'patient'>;
  /** IANA zone in which views are shown. */
  zone: string;
  /** The limits in force; those of the table unless given. */
  surroundings?: Pick<Surroundings, 'limits'>;
}

/** Who replays. */
export interface ReplayCaller {
  principal: Principal;
  context: CallContext;
}

/** Before evidence said what was known beside the rows. */
const NOTHING_BESIDE: Beside = { sources: [], demo: [], sandbox: false };
/** Steps whose values are read together. */
const PAGE = 100;
/** The hub's clock may have been set back between two rows, which then are not in order of their times. */
const CLOCK_SLACK_MS = 86_400_000;
/** The view has the hub's time to the millisecond, which lies within how long the call took; of longer calls the beginning is tried. */
const MOST_INSTANTS = 250;

/** What was asked and shown in the order of the entries, with the values as they are kept now. Throws STORAGE-*. */
export async function* replayed(
  records: AsyncIterable<EvidenceRecord>,
  source: ReplaySource,
  caller: ReplayCaller,
): AsyncGenerator<ReplayStep> {
  let page: EvidenceRecord[] = [];
  for await (const record of records) {
    page.push(record);
    if (page.length < PAGE) continue;
    yield* replayedPage(page, source, caller);
    page = [];
  }
  yield* replayedPage(page, source, caller);
}

async function* replayedPage(page: readonly EvidenceRecord[], source: ReplaySource, caller: ReplayCaller): AsyncGenerator<ReplayStep> {
  const wanted = new Map<string, Map<string, Instant>>();
  for (const { event } of page) {
    if (event.patient === null) continue;
    for (const [observation, storedAt] of event.detail?.shown ?? []) {
      const ofPatient = wanted.get(event.patient) ?? new Map<string, Instant>();
      wanted.set(event.patient, ofPatient.set(versionOf(observation, storedAt), storedAt));
    }
  }
  const kept = new Map<string, ReadonlyMap<string, StoredReading> | undefined>();
  for (const [patient, versions] of wanted) kept.set(patient, await readAgain(patient, versions, source, caller));
  for (const record of page) {
    const { patient } = record.event;
    const rows = patient === null ? undefined : kept.get(patient);
    const { limits } = source.surroundings ?? NO_SURROUNDINGS;
    const then = placeThen(record.event, source.registry);
    const { panels: _, possible: __, patient: ___, ...place } = then;
    const zone = record.event.detail?.beside?.zone ?? source.zone;
    yield stepOf(record, rows, { ...place, zone, limits: limits(then) });
  }
}

/** Where the patient of an entry was, as it was shown; where the entry does not say, as the registry in force does. On which panels they are, that one alone says. */
function placeThen({ tenant, patient, detail }: AuditEvent, registry: ReplaySource['registry']): PatientPlace {
  if (patient === null) return { patient: '', bed: null };
  const { panels, bed = null, ward } = registry.patient(tenant, patient) ?? {};
  const { place, possible } = detail?.beside ?? {};
  const where = place ?? { bed, ...(ward !== undefined && { ward }) };
  return { ...where, patient, ...(panels && { panels }), ...(possible && { possible }) };
}

/** The versions of a patient that are still kept; undefined where whoever replays may not read them. */
async function readAgain(
  patient: string,
  wanted: ReadonlyMap<string, Instant>,
  { door }: ReplaySource,
  { principal, context }: ReplayCaller,
): Promise<ReadonlyMap<string, StoredReading> | undefined> {
  const times = [...wanted.values()];
  const since = times.reduce((a, b) => Math.min(a, b));
  const last = times.reduce((a, b) => Math.max(a, b)) + CLOCK_SLACK_MS;
  const found = new Map<string, StoredReading>();
  try {
    for await (const row of await door.export(principal, { patient, since }, context)) {
      const version = versionOf(row.id, row.storedAt);
      if (wanted.has(version)) found.set(version, row);
      if (found.size === wanted.size || row.storedAt > last) break;
    }
  } catch (error) {
    if (error instanceof VitalmeshError && (error.code.startsWith('ACCESS-') || error.code === 'NOT-FOUND')) return undefined;
    throw error;
  }
  return found;
}

function versionOf(observation: string, storedAt: Instant): string {
  return `${storedAt} ${observation}`;
}

/** Where the patient was, and what else a view is made by. */
interface Place extends ShownPlace {
  zone: string;
  limits: LimitsInForce;
}

/** One entry as a step; `rows`: what is kept of its patient by version, undefined where that may not be read. Pure. */
export function stepOf(record: EvidenceRecord, rows: ReadonlyMap<string, StoredReading> | undefined, place: Place): ReplayStep {
  const { seq, event } = record;
  const { at, action, patient, channel, outcome, reason, count, detail = {} } = event;
  const { args = null, shown = [], response = null } = detail;
  const again = shown.map(([observation, storedAt]): ShownAgain => {
    const row = rows?.get(versionOf(observation, storedAt));
    if (row === undefined) return { observation, storedAt };
    const { vital, value, unit, absent, sortTime } = row;
    return { observation, storedAt, kept: { vital, value, unit, absent, sortTime } };
  });
  const rebuilt = rebuiltOf(record, rows, place);
  return { seq, at, action, patient, channel, outcome, reason, count, args, shown: again, response, rebuilt };
}

function rebuiltOf({ event, erased }: EvidenceRecord, rows: ReadonlyMap<string, StoredReading> | undefined, place: Place): Rebuilt {
  const { action, patient, at, detail = {} } = event;
  const { response, args, shown, mask, withheld = [], beside, latencyMs = 0 } = detail;
  if (erased) return 'erased';
  if (response === undefined) return 'none';
  if (action !== 'vitals.read' || args !== undefined || patient === null) return 'kind';
  if (shown === undefined) return 'brief';
  if (mask !== 'none') return 'masked';
  if (rows === undefined && shown.length > 0) return 'withheld';
  const readings = shown.flatMap(([observation, storedAt]) => rows?.get(versionOf(observation, storedAt)) ?? []);
  if (readings.length < shown.length) return 'gone';
  const then = readings.map((row) => byHandAs(beside?.byHand ?? [], doubtedAs(beside?.doubtful ?? [], row)));
  const shapes = shapesOf(beside);
  if (shapes.length === 0) return 'newer';
  const frame = { patient, ...place, withheld, beside: beside ?? NOTHING_BESIDE };
  const instants = Math.min(Math.ceil(latencyMs) + 2, MOST_INSTANTS);
  for (let i = 0; i < instants; i += 1) {
    for (const shape of shapes)
      if (hash('sha256', canonicalJson(viewOfShape(shape, then, { ...frame, now: at + i }))) === response) return 'same';
  }
  const isByOthers = beside?.limits !== undefined && beside.limits !== nameOfLimits(place.limits);
  return isByOthers ? 'limits' : 'differs';
}

/** A row with the doubt about whose it is that was shown, whatever it is now. */
function doubtedAs(doubtful: readonly string[], row: StoredReading): StoredReading {
  const others = row.flags.filter((flag) => flag !== 'identity-doubtful');
  return { ...row, flags: doubtful.includes(row.id) ? [...others, 'identity-doubtful'] : others };
}

/** A row with what a person had said of whose it is when it was shown, whatever is said now. */
function byHandAs(then: NonNullable<ShownBeside['byHand']>, { byHand: _, ...row }: StoredReading): StoredReading {
  const said = then.find(({ observation }) => observation === row.id);
  return said ? { ...row, byHand: { kind: said.kind, at: said.at } } : row;
}
