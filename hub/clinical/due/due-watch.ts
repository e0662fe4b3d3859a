import type { Clock, Instant } from '../../../shared/clock.ts';
import type { Change, Feed } from '../../feed.ts';
import type { Registry } from '../../registry/registry.ts';
import type { CurrencyChange } from '../../store/store.ts';
import { DueHeap } from '../due-heap.ts';
import type { SiteFile } from '../site-file.ts';
import { MAX_AHEAD_MS } from '../sort-time.ts';
import { Calendar } from './calendar.ts';
import { type Expected, expectedOf, keyOf } from './expected.ts';
import { type Heard, heard, isIndifferent, type Known, nothingOf } from './heard.ts';
import type { Occurrence } from './schedule.ts';
import type { ExpectedFile } from './schema.ts';
import { accepted, type Judged, stateOf } from './state.ts';

export interface DueWatchOptions {
  registry: Pick<Registry, 'tenants' | 'patients' | 'patient' | 'isSandbox'>;
  rules: Pick<SiteFile<ExpectedFile>, 'current'>;
  feed: Pick<Feed, 'publish' | 'subscribe'>;
  clock: Pick<Clock, 'now'>;
  /** IANA; of whoever has no other. */
  zone: string;
}

interface Whose {
  tenant: string;
  patient: string;
}

/** The same expectation of some patients, whose state changes at the same moments. */
interface Plan {
  readonly expected: Expected;
  readonly members: Set<Member>;
  current: Occurrence | null;
  byClock: Judged['byClock'] | null;
  due: Instant | undefined;
}

/** One of the patients of a plan. */
interface Member extends Whose {
  readonly plan: Plan;
  /** Of the occurrence that was current when it was last asked. */
  known: Known | undefined;
}

const MINUTE_MS = 60_000;

/**
 * Tells the feed (kind `due`) when an expected reading stands otherwise: a window opens or ends, its tolerance is over, the reading is stored or taken back, or a source changes while
 * one is overdue; one change a patient for all that happens at once. It stands below the door and knows no values but those that pass by: of what was stored before this hub began,
 * or by another hub, it does not know that it is done, and then may tell of a moment at which nothing changed. It never keeps one back. It has no timer: whoever has one calls `look`
 * when `nextDue` is reached.
 */
export class DueWatch {
  readonly #options: DueWatchOptions;
  readonly #calendar = new Calendar();
  /** By what is expected. */
  readonly #plans = new Map<string, Plan>();
  /** By tenant and patient. */
  readonly #members = new Map<string, Map<string, readonly Member[]>>();
  readonly #concerned = new Map<string, Whose & { vitals: Set<string> }>();
  #heap = new DueHeap<Plan>();
  #isPlanned = false;

  constructor(options: DueWatchOptions) {
    this.#options = options;
    // For as long as the process runs.
    options.feed.subscribe((change) => this.#onChange(change));
  }

  /** Tells what changed by time alone. */
  look(now: Instant): void {
    if (!this.#isPlanned) this.#planAll(now);
    for (let plan = this.#heap.popUntil(now); plan !== undefined; plan = this.#heap.popUntil(now)) this.#refresh(plan, now);
    this.#tell(now);
  }

  /** The wall clock was set: looks at everything anew. */
  again(now: Instant): void {
    this.#heap = new DueHeap();
    for (const plan of this.#plans.values()) this.#refresh(plan, now);
    this.#tell(now);
  }

  /** Undefined where nothing is expected of anybody. */
  nextDue(): Instant | undefined {
    return this.#heap.nextDue();
  }

  /** Another file is in force: tells of whom other readings are expected. */
  reload(): void {
    const now = this.#options.clock.now();
    for (const { whose, vitals } of this.#planAll(now)) for (const vital of vitals) this.#concern(whose, vital);
    this.#tell(now);
  }

  /** What this hub stored of a tenant, in whatever order it was measured. */
  measured(tenant: string, arrivals: readonly Heard[]): void {
    const now = this.#options.clock.now();
    this.look(now);
    const isSandbox = this.#options.registry.isSandbox(tenant);
    const members = this.#members.get(tenant);
    for (const arrival of arrivals) {
      const own = members?.get(arrival.patient);
      if (own) this.#hear(own, arrival, isSandbox);
    }
    this.#tell(now);
  }

  /** Of each stored observation: a monitor tells one a second of each vital sign. */
  #hear(members: readonly Member[], arrival: Heard, isSandbox: boolean): void {
    for (const member of members) {
      const { plan } = member;
      const { current, expected } = plan;
      if (expected.vital !== arrival.vital || current === null) continue;
      const before = knownOf(member, current);
      if (isIndifferent(before, arrival)) continue;
      const { known, isChanged } = heard(before, arrival, spanOf(plan, current), isSandbox);
      member.known = known;
      if (isChanged) this.#concern(member, expected.vital);
    }
  }

  /** Vital signs of which a reading became doubtful, or is not any more: what was heard of them says nothing now. */
  doubted(tenant: string, doubts: readonly { patient: string; vital: string }[]): void {
    if (doubts.length === 0) return;
    for (const { patient, vital } of doubts)
      for (const { plan, member } of this.#open({ tenant, patient }, [vital])) {
        member.known = undefined;
        this.#concern(member, plan.expected.vital);
      }
    this.#tell(this.#options.clock.now());
  }

  /** What another hub stored on the same database: by what became current it may be done, and by what came late. */
  elsewhere(changes: readonly Omit<Change, 'version'>[], currencies: readonly CurrencyChange[]): void {
    const now = this.#options.clock.now();
    for (const { tenant, patient, kind, vitals } of changes) {
      if (kind !== 'stored' && kind !== 'late') continue;
      const rows = currencies.filter((row) => row.tenant === tenant && row.patient === patient);
      for (const { plan, member, current } of this.#open({ tenant, patient }, vitals)) {
        const { vital } = plan.expected;
        const span = spanOf(plan, current);
        if (kind === 'late' || rows.some((row) => row.vital === vital && mayLieIn(row, span))) this.#concern(member, vital);
      }
    }
    this.#tell(now);
  }

  #onChange({ kind, tenant, patient, vitals }: Change): void {
    if (!this.#isPlanned) return;
    const whose = { tenant, patient };
    const now = this.#options.clock.now();
    if (kind === 'patients') this.#plan(whose, now);
    else if (kind === 'erased' || kind === 'corrected')
      for (const { plan, member } of this.#open(whose, kind === 'erased' ? undefined : vitals)) {
        member.known = undefined;
        this.#concern(member, plan.expected.vital);
      }
    else if (kind === 'sources')
      for (const { plan, member, current } of this.#open(whose))
        if (isLate(plan) && mayChange(member, current)) this.#concern(member, plan.expected.vital);
    this.#tell(now);
  }

  /** What is expected of a patient and has begun, of these vital signs; of all unless given. */
  #open(whose: Whose, vitals?: readonly string[]): { plan: Plan; member: Member; current: Occurrence }[] {
    return this.#membersOf(whose).flatMap((member) => {
      const { plan } = member;
      const { current, expected } = plan;
      return current === null || (vitals !== undefined && !vitals.includes(expected.vital)) ? [] : [{ plan, member, current }];
    });
  }

  #membersOf({ tenant, patient }: Whose): readonly Member[] {
    return this.#members.get(tenant)?.get(patient) ?? [];
  }

  #refresh(plan: Plan, now: Instant): void {
    const { expected, members } = plan;
    const toleranceMs = expected.toleranceMin * MINUTE_MS;
    const { current, next } = this.#calendar.around(expected, now);
    const byClock = current && stateOf(current, { toleranceMs, now, done: null, silence: null }).byClock;
    const isOther = current?.from !== plan.current?.from;
    const isChanged = isOther || byClock !== plan.byClock;
    Object.assign(plan, { current, byClock });
    const moments = [
      ...(current ? [current.from, current.until, current.until + toleranceMs] : []),
      ...(next ? [next.from - toleranceMs] : []),
    ];
    const due = Math.min(...moments.filter((at) => at > now));
    if (Number.isFinite(due)) this.#heap.push(plan, due);
    if (!isChanged) return;
    for (const member of members) if (isOther || current === null || mayChange(member, current)) this.#concern(member, expected.vital);
  }

  /** Of everybody, with the vital signs of which other readings are expected than before. */
  #planAll(now: Instant): { whose: Whose; vitals: readonly string[] }[] {
    this.#isPlanned = true;
    const { registry } = this.#options;
    const listed = registry.tenants().flatMap((tenant) => registry.patients(tenant).map(({ patient }) => ({ tenant, patient })));
    const known = [...this.#members].flatMap(([tenant, of]) => [...of.keys()].map((patient) => ({ tenant, patient })));
    const all = new Map([...listed, ...known].map((whose) => [patientKey(whose), whose]));
    return [...all.values()].map((whose) => ({ whose, vitals: this.#plan(whose, now) }));
  }

  /** Of one patient; gives the vital signs of which other readings are expected than before. */
  #plan(whose: Whose, now: Instant): readonly string[] {
    const { tenant, patient } = whose;
    const before = this.#membersOf(whose);
    const plans = new Set(this.#expectedOf(whose).map((expected) => this.#planOf(expected, now)));
    const gone = before.filter(({ plan }) => !plans.has(plan));
    const kept = before.filter(({ plan }) => plans.delete(plan));
    const added = [...plans].map((plan): Member => ({ tenant, patient, plan, known: undefined }));
    for (const member of gone) this.#drop(member);
    for (const member of added) member.plan.members.add(member);
    const of = this.#members.get(tenant) ?? new Map<string, readonly Member[]>();
    this.#members.set(tenant, of);
    if (kept.length + added.length > 0) of.set(patient, [...kept, ...added]);
    else of.delete(patient);
    return [...gone, ...added].map(({ plan }) => plan.expected.vital);
  }

  /** Nothing of whoever was discharged or moved to where nobody follows, or goes by another number: nobody's list has them. */
  #expectedOf({ tenant, patient }: Whose): Expected[] {
    const { registry, rules, zone } = this.#options;
    const place = registry.patient(tenant, patient);
    if (place === undefined || place.mergedFrom !== undefined || place.discharged !== undefined || place.elsewhere) return [];
    return expectedOf(rules.current.rules, place, zone);
  }

  #planOf(expected: Expected, now: Instant): Plan {
    const key = keyOf(expected);
    const known = this.#plans.get(key);
    if (known) return known;
    const plan: Plan = { expected, members: new Set(), current: null, byClock: null, due: undefined };
    this.#plans.set(key, plan);
    this.#refresh(plan, now);
    return plan;
  }

  #drop(member: Member): void {
    const { plan } = member;
    plan.members.delete(member);
    if (plan.members.size > 0) return;
    plan.due = undefined;
    this.#plans.delete(keyOf(plan.expected));
  }

  #concern({ tenant, patient }: Whose, vital: string): void {
    const key = patientKey({ tenant, patient });
    const told = this.#concerned.get(key) ?? { tenant, patient, vitals: new Set() };
    this.#concerned.set(key, told);
    told.vitals.add(vital);
  }

  #tell(at: Instant): void {
    const concerned = [...this.#concerned.values()];
    this.#concerned.clear();
    for (const { tenant, patient, vitals } of concerned)
      this.#options.feed.publish({ tenant, patient, kind: 'due', vitals: [...vitals].sort(), at });
  }
}

/** A tenant's name holds no blank. */
function patientKey({ tenant, patient }: Whose): string {
  return `${tenant} ${patient}`;
}

function spanOf({ expected }: Plan, current: Occurrence): Occurrence {
  return accepted(current, expected.toleranceMin * MINUTE_MS);
}

/** What is known of this occurrence; of another one it says nothing. */
function knownOf({ known }: Member, current: Occurrence): Known {
  return known?.from === current.from ? known : nothingOf(current);
}

/** Whether time, or a source, may change how it stands: what is done stays so. */
function mayChange(member: Member, current: Occurrence): boolean {
  const { done, isDoubted } = knownOf(member, current);
  return done === 'no' || isDoubted;
}

function isLate({ byClock }: Plan): boolean {
  return byClock === 'overdue' || byClock === 'missed';
}

/** Its age counts from when it was measured, or from somewhat before that where its sender's clock runs ahead. */
function mayLieIn(row: CurrencyChange, { from, until }: Occurrence): boolean {
  return !('gone' in row) && row.freshAt >= from - MAX_AHEAD_MS && row.freshAt < until;
}
