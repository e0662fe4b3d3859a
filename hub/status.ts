import { formatInstant, type Instant } from '../shared/clock.ts';
import { counted } from '../shared/counted.ts';
import { type ErrorCode, isErrorCode, meaningOf } from '../shared/errors.ts';
import { formatIdentity, type IdentityStatus } from '../shared/identity/identity-status.ts';
import { formatController, type SignInKind } from '../shared/overlay/controller-status.ts';
import type { OverlayState } from '../shared/overlay/overlay.ts';
import { formatRouters, type RouterStatus } from '../shared/overlay/router-status.ts';
import { type ClockStatus, formatClock } from '../shared/time/clock-status.ts';
import { type AccessStatus, formatAccess } from './access/access-status.ts';
import { formatNotInForce, type NotInForce } from './access/rules/reloads.ts';
import type { EvidenceStatus } from './audit/checkpoints.ts';
import { type FeedStatus, feedRows } from './audit/feed/behind.ts';
import { formatKept } from './audit/format-kept.ts';
import type { EvidenceRetentionStatus } from './audit/retention-run.ts';
import { type LostDecisions, lostDecisionsRows } from './clinical/amend/lost-decisions.ts';
import { type Adoption, adoptionRows } from './ingest/adopted/adoption-status.ts';
import type { UplinkServerStatus, UplinkSession } from './ingest/session.ts';
import type { StoreRefusal } from './ingest/storing.ts';
import type { UnboundPlace } from './ingest/unbound.ts';
import type { ConformanceStatus } from './mcp/conformance/conformance.ts';
import type { McpLinesStatus } from './mcp/line/line-service.ts';
import type { McpStatus } from './mcp/server.ts';
import { type PlacesStatus, placesRows } from './patients/places-status.ts';
import type { PeopleStatus } from './privacy/contract.ts';
import type { StoreCounts } from './store/store.ts';

/** What `vitalmesh-hub status --json` prints while the store answers. */
export interface HubStatus extends Adoption, PlacesStatus {
  lostDecisions: readonly LostDecisions[];
  version: string;
  /** The hub's process; the one that SIGHUP must go to, which a launcher is not. */
  pid: number;
  identity: IdentityStatus;
  startedAt: Instant;
  now: Instant;
  /** Null while the machine's own clock is good. */
  clock: ClockStatus | null;
  overlay: OverlayState;
  /** `host:port` of the controller that served last; null before one has. */
  controller: string | null;
  /** How this identity is signed in; null while it is not, and in a network without controllers. */
  signIn: SignInKind | null;
  /** Edge routers to which a channel is kept or tried. */
  routers: readonly RouterStatus[];
  storeId: string;
  engine: 'sqlite' | 'postgres';
  /** First 12 hexadecimal digits of the SHA-256 of registry.yaml. */
  registry: string;
  /** Files on disk that were refused at a reload, so that others are in force. */
  notInForce: readonly NotInForce[];
  /** `Policy.version` of the policy in force. */
  policy: string;
  /** Over all tenants. */
  counts: StoreCounts;
  tenants: Record<string, StoreCounts>;
  /** Why the store takes no batches, as in `storeRefusal`; null while it does. */
  storeCode: ErrorCode | null;
  /** Null while the store takes what gateways send, whatever else it can do. */
  storeRefusal: StoreRefusal | null;
  /** Gateways that are connected. */
  gateways: readonly UplinkSession[];
  /** Places of gateways of which something was refused since the start, because they are bound to nobody; the last refused first. */
  unbound: readonly UnboundPlace[];
  /** How many registry.yaml lists, of all tenants. */
  knownGateways: number;
  uplink: UplinkServerStatus;
  access: AccessStatus;
  mcp: McpStatus;
  /** The same by lines; null where it is not served. */
  mcpLine: McpLinesStatus | null;
  /** Null unless it runs with `--conformance`. */
  conformance: ConformanceStatus | null;
  evidence: EvidenceStatus;
  /** Who was erased at their request, or may not be. */
  people: PeopleStatus;
  /** How far back the evidence of each class goes. */
  evidenceKept: EvidenceRetentionStatus;
  /** The live feed of the evidence; null where none is configured. */
  evidenceFeed: FeedStatus | null;
  metrics: Record<string, number>;
}

/** The same while it does not: what is stored is not known, all else is. */
export interface StorelessStatus extends Omit<HubStatus, 'counts' | 'tenants' | 'storeCode'> {
  counts: null;
  tenants: null;
  /** Why it cannot be asked. */
  storeCode: ErrorCode;
}

/** Adds up the counts of all tenants. */
export function totalOf(tenants: Readonly<Record<string, StoreCounts>>): StoreCounts {
  const total: StoreCounts = { observations: 0, events: 0, duplicates: 0, quarantined: 0, patients: 0, unplaced: 0 };
  for (const counts of Object.values(tenants)) {
    total.observations += counts.observations;
    total.events += counts.events;
    total.duplicates += counts.duplicates;
    total.quarantined += counts.quarantined;
    total.patients += counts.patients;
    total.unplaced += counts.unplaced;
  }
  return total;
}

/** The same for people. */
export function formatHubStatus(status: HubStatus | StorelessStatus): string {
  const { version, pid, identity, now, startedAt, overlay, gateways, uplink, mcp, mcpLine } = status;
  const seconds = (since: Instant): string => `${Math.round((now - since) / 1000)} s`;
  const rows: [string, string][] = [
    ['Hub', `${version}, process ${pid}, running for ${seconds(startedAt)}`],
    ...(status.clock ? [['Clock', formatClock(status.clock, now)] satisfies [string, string]] : []),
    ['Identity', formatIdentity(identity, now)],
    ['Overlay', overlay],
    ...formatController(status.controller, status.signIn),
    ...formatRouters(status.routers),
    ['Gateways', `${uplink.bound ? '' : `not reachable: ${why(uplink.code)}; `}${howManyOf(status)}`],
    ...gateways.map(({ gateway, since, lastBatchAt, code }): [string, string] => [
      `  ${gateway}`,
      `since ${formatInstant(since)}, last data ${lastBatchAt === null ? 'never' : `${seconds(lastBatchAt)} ago`}${code === null ? '' : `; ${meaningOf(code)}`}`,
    ]),
    ...formatNotInForce(status.notInForce),
    ...formatAccess(status.access),
    [
      'AI clients',
      mcp.bound
        ? `${counted(mcp.connections, 'connection')}, ${counted(mcp.subscriptions, 'subscription')}`
        : `not reachable: ${why(mcp.code)}`,
    ],
    ['AI tools', `SHA-256 ${mcp.tools}`],
    ...lineRows(mcpLine),
    ...conformanceRows(status.conformance),
    ...storeRows(status),
    ...status.evidence.alarms.map((code): [string, string] => ['Evidence', meaningOf(code)]),
    ...formatKept(status.evidenceKept),
    ...feedRows(status.evidenceFeed),
    ...peopleRows(status.people),
    ...reasonsOf(status.metrics),
    ...unboundRows(status),
    ...adoptionRows(status),
    ...placesRows(status),
    ...lostDecisionsRows(status.lostDecisions),
  ];
  return rows.map(([name, value]) => `${name.padEnd(14)} ${value}`).join('\n');
}

function lineRows(line: McpLinesStatus | null): [string, string][] {
  if (line === null) return [];
  return [['  by line', line.bound ? counted(line.connections, 'connection') : `not reachable: ${why(line.code)}`]];
}

function conformanceRows(conformance: ConformanceStatus | null): [string, string][] {
  if (conformance === null) return [];
  const { url = 'nowhere yet', caller } = conformance;
  return [['CONFORMANCE', `fixtures at ${url}, where everybody on this machine is ${caller}, without proof`]];
}

function storeRows(status: HubStatus | StorelessStatus): [string, string][] {
  const { counts, storeCode, storeId, engine, metrics } = status;
  const which = `store ${storeId}${engine === 'postgres' ? ' in PostgreSQL' : ''}`;
  if (counts === null) return [['Store', `not reachable: ${meaningOf(storeCode)} (${which})`], ...notStored(status)];
  const observations = counted(counts.observations, 'observation');
  const patients = counted(counts.patients, 'patient');
  const unplaced = counts.unplaced === 0 ? '' : `, ${counts.unplaced} of them nobody's for sure`;
  return [
    ['Store', `${observations} of ${patients}${unplaced} (${which})`],
    ...notStored(status),
    ...(metrics.numbers_unkept
      ? [
          [
            'Numbers',
            `${metrics.numbers_unkept} new ones were not kept: a gateway names too many different people (its rows are nobody’s)`,
          ] as [string, string],
        ]
      : []),
    ['Refused', `${counts.quarantined} in quarantine${givenUp(metrics)}, ${counts.duplicates} sent twice`],
  ];
}

/** What waits at the gateways, because the store does not take it. */
function notStored({ storeRefusal, now }: Pick<HubStatus, 'storeRefusal' | 'now'>): [string, string][] {
  if (storeRefusal === null) return [];
  const { code, since, lastAt, batches } = storeRefusal;
  const last = `${batches} batches since ${formatInstant(since)}, last ${Math.round((now - lastAt) / 1000)} s ago`;
  return [['Not stored', `what gateways send: ${meaningOf(code)} (${last})`]];
}

function peopleRows({ erased, underWay, held, list, listed = [] }: PeopleStatus): [string, string][] {
  const said = [
    ...(erased > 0 ? [`${erased} erased${underWay > 0 ? `, of whom ${underWay} not to the end` : ''}`] : []),
    ...(held > 0 ? [`${held} under legal hold`] : []),
  ];
  return [
    ...(said.length === 0 ? [] : [['People', said.join('; ')] satisfies [string, string]]),
    ...(list === undefined ? [] : [['People', meaningOf(list)] satisfies [string, string]]),
    ...listed.map((row): [string, string] => ['People', `registry.yaml names somebody who was erased: ${row}`]),
  ];
}

/** Places that the text shows; all of them stand in `--json`. */
const MOST_PLACES = 20;

/** Beds in the words of their sources: those that the registry binds to nobody, and those whose values are of before it bound them. */
function unboundRows({ unbound, now }: Pick<HubStatus, 'unbound' | 'now'>): [string, string][] {
  const of = (why: UnboundPlace['why']): UnboundPlace[] => unbound.filter((place) => place.why === why);
  return [
    ...placeRows(of('unknown'), now, ['Not bound', 'compare with registry.yaml, as it is written here:']),
    ...placeRows(of('earlier'), now, [
      'Of before',
      'bound, and not known to have been so when this was measured; new values come in (OPERATIONS, INGEST-BEFORE-BINDING):',
    ]),
  ];
}

function placeRows(places: readonly UnboundPlace[], now: Instant, head: [string, string]): [string, string][] {
  const rows = places.slice(0, MOST_PLACES).map(({ gateway, place, rule, count, lastAt }): [string, string] => {
    const named = place === null ? 'no bed' : `bed ${JSON.stringify(place)}`;
    return [`  ${gateway}`, `${named}: ${rule} (${count} times, last ${Math.round((now - lastAt) / 1000)} s ago)`];
  });
  const more = places.length - rows.length;
  if (more > 0) rows.push(['', `and ${more} more, see --json`]);
  return rows.length === 0 ? [] : [head, ...rows];
}

/** Where none is connected, nobody may read calm out of it: since when, and when the last values came. */
function howManyOf({ gateways, knownGateways, uplink }: Pick<HubStatus, 'gateways' | 'knownGateways' | 'uplink'>): string {
  const { lastConnectedAt, lastBatchAt } = uplink;
  const count = `${gateways.length} of ${knownGateways} known connected`;
  if (gateways.length > 0) return count;
  if (lastConnectedAt === null) return `${count}, none since the start`;
  const data = lastBatchAt === null ? 'no data since the start' : `last data ${formatInstant(lastBatchAt)}`;
  return `${count}, last at ${formatInstant(lastConnectedAt)}, ${data}`;
}

function why(code: ErrorCode | null): string {
  return code === null ? 'binding' : meaningOf(code);
}

/** What left quarantine for want of room since the start. */
function givenUp(metrics: Readonly<Record<string, number>>): string {
  const dropped = metrics.ingest_quarantine_dropped ?? 0;
  return dropped === 0 ? '' : `, ${dropped} given up for want of room`;
}

/** Why parts and whole batches were refused since the start, with their codes. */
function reasonsOf(metrics: Readonly<Record<string, number>>): [string, string][] {
  return Object.entries(metrics).flatMap(([name, count]): [string, string][] => {
    const [, code] = /^ingest_(?:quarantined|refused_batches)\{(.+)\}$/.exec(name) ?? [];
    return code === undefined ? [] : [[`  ${count} times`, isErrorCode(code) ? meaningOf(code) : code]];
  });
}
