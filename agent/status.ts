import { formatInstant, type Instant } from '../shared/clock.ts';
import { counted } from '../shared/counted.ts';
import { type ErrorCode, meaningOf } from '../shared/errors.ts';
import { formatIdentity, type IdentityStatus } from '../shared/identity/identity-status.ts';
import { formatController, type SignInKind } from '../shared/overlay/controller-status.ts';
import type { OverlayState } from '../shared/overlay/overlay.ts';
import { formatRouters, type RouterStatus } from '../shared/overlay/router-status.ts';
import { type ClockStatus, formatClock } from '../shared/time/clock-status.ts';
import type { OutboxStatus } from './outbox/outbox.ts';
import type { SourceStatus } from './sources/source.ts';
import type { UnknownCode } from './unknown-codes.ts';
import type { UplinkStatus } from './uplink/contract.ts';

/** What `vitalmesh-agent status --json` prints. */
export interface AgentStatus {
  version: string;
  /** The agent's process; the one that a signal must go to, which a launcher is not. */
  pid: number;
  /** This gateway's own; null where its data goes to a FHIR server, without a network. */
  identity: IdentityStatus | null;
  startedAt: Instant;
  now: Instant;
  /** Null while the machine's own clock is good. */
  clock: ClockStatus | null;
  /** Null where there is no network. */
  overlay: OverlayState | null;
  /** `host:port` of the controller that served last; null before one has. */
  controller: string | null;
  /** How this identity is signed in; null while it is not, and in a network without controllers. */
  signIn: SignInKind | null;
  /** Edge routers to which a channel is kept or tried. */
  routers: readonly RouterStatus[];
  /** Base of the FHIR server that takes the data, in the place of a hub. */
  fhirServer?: string;
  uplink: UplinkStatus;
  outbox: OutboxStatus;
  sources: readonly SourceStatus[];
  /** Observations that were put on disk since the start. */
  observations: number;
  metrics: Record<string, number>;
}

/** The same for people. */
export function formatAgentStatus(status: AgentStatus): string {
  const { version, pid, identity, now, startedAt, overlay, fhirServer, uplink, outbox, sources, observations } = status;
  const ago = (at: Instant | null): string => (at === null ? 'never' : `${Math.round((now - at) / 1000)} s ago`);
  const oldest = outbox.oldestPendingAt === null ? '' : `, the oldest from ${ago(outbox.oldestPendingAt)}`;
  const rows: [string, string][] = [
    ['Agent', `${version}, process ${pid}, running for ${Math.round((now - startedAt) / 1000)} s`],
    ...(status.clock ? [['Clock', `${formatClock(status.clock, now)}${untimed(outbox)}`] satisfies [string, string]] : []),
    ...(identity ? [['Identity', formatIdentity(identity, now)] satisfies [string, string]] : []),
    ...(overlay ? [['Overlay', overlay] satisfies [string, string]] : []),
    ...formatController(status.controller, status.signIn),
    ...formatRouters(status.routers),
    ...(fhirServer ? [['FHIR server', fhirServer] satisfies [string, string]] : []),
    [
      'Uplink',
      `${uplink.state}${trouble(uplink.code)}${uplink.detail === undefined ? '' : `: ${uplink.detail}`}${endOf(uplink, fhirServer)}, last answer ${ago(uplink.lastAnswerAt)}`,
    ],
    [
      'Outbox',
      `${outbox.pending} rows pending${oldest}${status.clock ? '' : untimed(outbox)}, ${outbox.delivered} delivered, ${outbox.quarantined} in quarantine${trouble(outbox.code)}${refusing(outbox.code)}`,
    ],
    ...storesOf(outbox, uplink),
    ['', `${mebibytes(outbox.fileBytes)} MiB on disk, ${filledTo(outbox)}, ${counted(observations, 'observation')} since the start`],
    ...sources.flatMap(
      ({ name, type, state, code, endpoint, readings, rejected, storedAgain, lastRecordAt, unknownCodes }): [string, string][] => [
        [
          name,
          `${type} ${state} at ${endpoint}${waitsFor(state, code)}: ${counted(readings, 'reading')}, ${rejected} rejected, last ${ago(lastRecordAt)}`,
        ],
        ...(storedAgain
          ? [['', `${storedAgain} messages came under the name of an earlier one; all were stored`] as [string, string]]
          : []),
        ...(unknownCodes ? [['', `not in the table: ${mostFrequent(unknownCodes)}`] as [string, string]] : []),
      ],
    ),
  ];
  const width = Math.max(10, ...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)} ${text}`).join('\n');
}

/** What was received while the time is not known goes out when it is. */
function untimed({ untimed: rows }: OutboxStatus): string {
  return rows === 0 ? '' : `; ${rows} rows wait for the time`;
}

/** What cannot store or has no room takes nothing from devices. */
function refusing(code: ErrorCode | null): string {
  return code === 'OUTBOX-FULL' || code?.startsWith('STORAGE-') ? '; devices are being refused, and nothing of theirs is stored' : '';
}

/** Which store of the hub the data go to; and which one answers while that is another. */
function storesOf({ storeId }: OutboxStatus, { refusedStore }: UplinkStatus): [string, string][] {
  if (!storeId) return [];
  return [['', `for store ${storeId} of the hub${refusedStore ? `; the store that answers is ${refusedStore}, which is refused` : ''}`]];
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function filledTo({ usedBytes, limitBytes }: OutboxStatus): string {
  return `filled to ${limitBytes > 0 ? Math.floor((100 * usedBytes) / limitBytes) : 0} % of ${mebibytes(limitBytes)} MiB`;
}

function trouble(code: ErrorCode | null): string {
  return code === null ? '' : `, ${meaningOf(code)}`;
}

/** A line that is open is no sign of a device. */
function waitsFor(state: SourceStatus['state'], code: ErrorCode | null): string {
  return state === 'waiting' && code === null ? ', open but nothing came yet' : trouble(code);
}

/** An end that is not connected now is told as what was: a clock that is right says that somebody is there. */
function endOf({ state, hub, lastConnectedAt }: UplinkStatus, fhirServer: string | undefined): string {
  if (hub === null) return '';
  const clock = hub.clockOffsetMs === null ? '' : `, its clock ${signed(hub.clockOffsetMs)} ms`;
  if (state === 'connected') return fhirServer ? clock : `, hub ${hub.identity}${clock}`;
  return lastConnectedAt === null ? '' : `, last connected${fhirServer ? '' : ` to ${hub.identity}`} at ${formatInstant(lastConnectedAt)}`;
}

/** As many as stand on a line; --json has them all. */
function mostFrequent(codes: readonly UnknownCode[]): string {
  const shown = codes.slice(0, 8).map(({ code, count }) => `${code} (${count})`);
  return codes.length > 8 ? `${shown.join(', ')} and ${codes.length - 8} more` : shown.join(', ');
}

function signed(ms: number): string {
  return ms < 0 ? String(ms) : `+${ms}`;
}
