import { readAlert } from '../../../shared/alert-observation.ts';
import type { Clock, Instant } from '../../../shared/clock.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { EXTENSIONS } from '../../../shared/observation-code.ts';
import { type AlertRun, foldAlerts, type Told } from '../../clinical/alerts/fold.ts';
import { type Reporting, reportingOf } from '../../clinical/alerts/reporting.ts';
import { type Losses, SINCE_EVER } from '../../clinical/sources/losses.ts';
import type { Source } from '../../clinical/sources/source.ts';
import type { LimitsInForce, Surroundings } from '../../clinical/surroundings.ts';
import type { PatientPlace, Registry } from '../../registry/registry.ts';
import type { Store, StoredEvent, StoredReading } from '../../store/store.ts';
import type { Principal, Withheld } from '../access.ts';
import { type AlertsView, alertsView, type DeviceLimits } from '../alert-views.ts';
import { inScope, withheldFrom } from '../decide.ts';
import type { CallContext } from '../door.ts';
import { type Call, granted } from '../evidence-of-call.ts';
import { sourcesOf } from '../views.ts';
import type { Calls } from './calls.ts';

export interface AlertReadsOptions {
  calls: Calls;
  store: Store;
  registry: Registry;
  clock: Clock;
  zone: string;
  surroundings: Surroundings;
}

/** How far back alerts are looked for: one that has stood longer without a word is nobody's news. */
const LOOK_BACK_MS = 14 * 86_400_000;
/** Devices send all they measure within this time of each other; what is older is looked up by itself. */
const ROUND_MS = 10_000;
/** Most devices of which it is looked up how they are read. */
const MOST_DEVICES = 16;

/** What a caller may see of one patient. */
interface Known {
  rows: readonly StoredReading[];
  told: readonly Told[];
}

/** What a device says of itself in its current observations. */
interface SaysOfItself {
  profile: string | undefined;
  limits: DeviceLimits[];
}

/** The alerts that devices of a patient told of, and what can be known by them. */
export class AlertReads {
  readonly #options: AlertReadsOptions;

  constructor(options: AlertReadsOptions) {
    this.#options = options;
  }

  async alerts(principal: Principal, name: string, context: CallContext): Promise<AlertsView> {
    const { calls, registry, surroundings, clock } = this.#options;
    const call = calls.begin(principal, 'vitals.read', context);
    const { patient, place, masking } = await calls.about(call, name);
    const counted = await calls.spend(call, [patient]);
    const now = clock.now();
    const whole = registry.patient(principal.tenant, patient) ?? { patient, ...place };
    const zone = surroundings.zone?.(whole) ?? this.#options.zone;
    const rows = await this.#rows(call, patient);
    const told = await this.#told(call, patient, now);
    const seen = told.filter(({ alert }) => inScope(principal, call.action, alert.source?.vital ?? ''));
    const limits = surroundings.limits(whole);
    const withheld = withheldFrom(principal, call.action);
    const devices = await this.#devices(call, patient, rows);
    const { sandbox, sources } = this.#standing(principal.tenant, whole, { rows, told: seen, limits, withheld, now });
    const runs = foldAlerts(seen);
    const losses = this.#losses(principal.tenant, patient, runs, withheld);
    const view = masking.alerts(
      alertsView(runs, {
        ...{ patient, ...place, now, zone, lookedBackTo: now - LOOK_BACK_MS, sources, losses, sandbox },
        reporting: reportingOfAll(sources, devices, seen),
        deviceLimits: [...devices.values()].flatMap((one) => one.limits),
        siteRanges: surroundings.ranges(whole).filter(({ vital }) => inScope(principal, call.action, vital)),
        siteVersion: limits.version,
        withheld,
      }),
    );
    const args = { what: 'alerts' };
    await this.#options.store.record([{ ...granted(call, patient, view.alerts.length, { view, args }), ...counted(patient) }]);
    return view;
  }

  /** Devices that have a current row or told of an alert, and what stands behind them. */
  #standing(
    tenant: string,
    place: PatientPlace,
    { rows, told, limits, withheld, now }: Known & { limits: LimitsInForce; withheld: readonly Withheld[]; now: Instant },
  ): { sources: Source[]; sandbox: boolean } {
    const came = [...rows, ...told];
    const { sources: behind, elsewhere, sandbox } = this.#options.surroundings.beside(tenant, place, came, now);
    const devices = sourcesOf(rows, { now, limits: limits.of, behind: [], elsewhere, withheld });
    const known = new Set(devices.map(({ id }) => id));
    // Of a device that sends alerts alone it is not known how often it would speak.
    const others = [...new Set(told.map(({ device }) => device))].filter((device) => !known.has(device)).sort();
    const silent = others.map((id): Source => ({ kind: 'device', id, state: 'unknown', since: null }));
    return { sources: [...devices, ...silent, ...behind], sandbox };
  }

  /** Of the sources of open alerts. Where a token keeps values back, it is not told when a device was last heard by them. */
  #losses(tenant: string, patient: string, runs: readonly AlertRun[], withheld: readonly Withheld[]): Losses[] {
    const open = runs.filter(({ endedAt }) => endedAt === null);
    const origins = new Map(open.map(({ device, gateway }) => [JSON.stringify([device, gateway]), { device, gateway }]));
    const known = [...origins.values()].flatMap((origin) => this.#options.surroundings.losses(tenant, patient, origin));
    if (withheld.length === 0) return known;
    const blurred = ({ losses }: Losses) => losses.map(({ backAt }) => ({ from: SINCE_EVER, backAt }));
    return known.map((one): Losses => (one.kind === 'device' ? { ...one, losses: blurred(one) } : one));
  }

  async #rows(call: Call, patient: string): Promise<StoredReading[]> {
    const rows = await this.#options.store.latest(call.principal.tenant, patient, () => granted(call, patient, 0));
    return rows.filter((row) => inScope(call.principal, call.action, row.vital));
  }

  async #told(call: Call, patient: string, now: Instant): Promise<Told[]> {
    const filter = { patient, kind: 'alert', since: now - LOOK_BACK_MS } as const;
    const events = await this.#options.store.events(call.principal.tenant, filter, () => granted(call, patient, 0));
    const told: Told[] = [];
    for await (const event of events) {
      const one = toldOf(event);
      if (one) told.push(one);
    }
    return told;
  }

  /** How the devices with current rows are read, and the limits that they say they have. */
  async #devices(call: Call, patient: string, rows: readonly StoredReading[]): Promise<ReadonlyMap<string, SaysOfItself>> {
    const found = new Map<string, SaysOfItself>();
    const newest = newestByDevice(rows);
    const last = newest.values().reduce((at, { storedAt }) => Math.max(at, storedAt), 0);
    if (last === 0) return found;
    const current = new Map(rows.map((row) => [`${row.storedAt} ${row.id}`, row]));
    const recent = await this.#options.store.observations(call.principal.tenant, { patient, since: last - ROUND_MS }, () =>
      granted(call, patient, 0),
    );
    for await (const { id, storedAt, resource } of recent) {
      const row = current.get(`${storedAt} ${id}`);
      if (row) noteResource(found, row, resource);
    }
    for (const row of [...newest.values()].filter(({ device }) => !found.has(device)).slice(0, MOST_DEVICES)) {
      const { vital, device, effective } = row;
      const versions = await this.#options.store.history(call.principal.tenant, { patient, vital, device, effective }, () =>
        granted(call, patient, 0),
      );
      const resource = versions.at(-1)?.resource;
      if (resource) noteResource(found, row, resource);
    }
    return found;
  }
}

function newestByDevice(rows: readonly StoredReading[]): Map<string, StoredReading> {
  const newest = new Map<string, StoredReading>();
  for (const row of rows) if ((newest.get(row.device)?.storedAt ?? 0) < row.storedAt) newest.set(row.device, row);
  return newest;
}

function noteResource(found: Map<string, SaysOfItself>, { vital, device }: StoredReading, resource: Observation): void {
  const limits = [
    ...limitsIn(resource.referenceRange, { vital, device, ...(isConverted(resource) && { isConverted: true }) }),
    ...(resource.component ?? []).flatMap((part) => limitsIn(part.referenceRange, { vital, device, isOfPart: true })),
  ];
  found.set(device, { profile: profileOf(resource), limits: [...(found.get(device)?.limits ?? []), ...limits] });
}

function toldOf({ id, device, gateway, sortTime, receivedAt, storedAt, test, resource }: StoredEvent): Told | undefined {
  const alert = readAlert(resource);
  return alert && { ...{ id, device, gateway, sortTime, receivedAt, storedAt, test }, alert };
}

function reportingOfAll(
  sources: readonly Source[],
  devices: ReadonlyMap<string, SaysOfItself>,
  told: readonly Told[],
): ReadonlyMap<string, Reporting> {
  const telling = new Set(told.map(({ device }) => device));
  return new Map(
    sources.flatMap(({ kind, id }) =>
      kind === 'device' && id !== null ? [[id, reportingOf(devices.get(id)?.profile, telling.has(id))] as const] : [],
    ),
  );
}

function profileOf({ extension = [] }: Observation): string | undefined {
  return extension.find(({ url }) => url === EXTENSIONS.profile)?.valueCode;
}

/** What the device wrote beside a value is in the unit of the device. */
function isConverted({ extension = [] }: Observation): boolean {
  return extension.some(({ url }) => url === EXTENSIONS.original);
}

function limitsIn(ranges: Observation['referenceRange'], of: Omit<DeviceLimits, 'untrusted'>): DeviceLimits[] {
  return (ranges ?? []).map(({ text }) => ({ ...of, untrusted: { limits: text } }));
}
