import type { AgentStatus } from '../../agent/status.ts';
import type { EvidenceVerdict } from '../../hub/audit/notes.ts';
import type { HubStatus } from '../../hub/status.ts';
import { type CallersTold, callerFaults, formatCallers } from './callers.ts';
import type { ClientTotals } from './client.ts';
import type { Note } from './notes.ts';
import { wrapped } from './table.ts';

/** What `--json` prints: one object on standard output. */
export interface DemoSummary {
  patients: number;
  /** Stored observations of patients by the protocol they came by. */
  sources: { hl7: number; serial: number; mqtt: number };
  /** `ofNobody`: stored, and shown to no reader, because it is not sure whose they are. */
  observations: { decoded: number; stored: number; ofNobody: number; duplicates: number; quarantined: number };
  notifications: number;
  /** From the device's own time of a measurement to the arrival of the notification at the AI client. */
  latencyMs: { p50: number | null; p99: number | null };
  /** Sockets in state LISTEN among the hub's own descriptors, the most ever seen. */
  hubListeningSockets: number;
  /** What there is to be seen of the clinical core, in a sentence each; without what the run was too short for. */
  seen: Seen;
  callers: CallersTold;
  /** Whether the hub's evidence is as it was written, and how many notes of gateways it was held against. */
  evidence: { entries: number; intact: boolean; witnesses: number };
}

export interface DemoFindings {
  client: ClientTotals;
  agents: readonly AgentStatus[];
  hub: HubStatus;
  sources: DemoSummary['sources'];
  hubListeningSockets: number;
  seen: Seen;
  callers: CallersTold;
  evidence: EvidenceVerdict;
}

export type Seen = Partial<Record<Note['kind'], string>>;

/** What each is, in the order in which it is told. */
const SEEN: Record<Note['kind'], string> = { transfer: 'A transfer', stale: 'A stale probe', doubtful: 'A doubtful weight' };

export function summarize({ client, agents, hub, sources, hubListeningSockets, seen, callers, evidence }: DemoFindings): DemoSummary {
  const total = (of: (agent: AgentStatus) => number): number => agents.reduce((sum, agent) => sum + of(agent), 0);
  return {
    patients: client.patients,
    sources,
    observations: {
      decoded: total((agent) => agent.observations),
      stored: hub.counts.observations,
      ofNobody: hub.counts.observations - sources.hl7 - sources.serial - sources.mqtt,
      duplicates: hub.counts.duplicates,
      quarantined: hub.counts.quarantined + total((agent) => agent.outbox.quarantined),
    },
    notifications: client.notifications,
    latencyMs: client.latencyMs,
    hubListeningSockets,
    seen,
    callers,
    evidence: { entries: evidence.entries, intact: evidence.intact, witnesses: evidence.witnesses },
  };
}

/** What is wrong with a run, in words; empty when every decoded observation is stored, each protocol delivered, nothing listens, each caller was shown what it may see, and the evidence holds. */
export function faults({ observations, sources, hubListeningSockets, callers, evidence }: DemoSummary): string[] {
  const found: string[] = [];
  if (observations.decoded === 0) found.push('nothing was decoded');
  if (observations.stored !== observations.decoded)
    found.push(`${observations.decoded} observations were decoded, ${observations.stored} are stored`);
  for (const [protocol, count] of Object.entries(sources)) if (count === 0) found.push(`nothing arrived by ${protocol}`);
  if (hubListeningSockets !== 0) found.push(`the hub has ${hubListeningSockets} listening sockets`);
  found.push(...callerFaults(callers));
  if (evidence.entries === 0) found.push('there is no evidence');
  if (!evidence.intact) found.push('the evidence is not as it was written');
  return found;
}

/** The summary for people. */
export function formatSummary(summary: DemoSummary): string {
  const { patients, sources, observations, notifications, latencyMs, hubListeningSockets, seen, callers, evidence } = summary;
  const rows: [string, string][] = [
    ['Patients', String(patients)],
    [
      'Observations stored',
      `${observations.stored} of ${observations.decoded} decoded (HL7 ${sources.hl7}, serial ${sources.serial}, MQTT ${sources.mqtt})`,
    ],
    ['Of nobody for sure', String(observations.ofNobody)],
    ['Duplicates, quarantined', `${observations.duplicates}, ${observations.quarantined}`],
    ['Notifications', String(notifications)],
    ['Device to notification', `p50 ${latencyMs.p50 ?? '—'} ms, p99 ${latencyMs.p99 ?? '—'} ms`],
    ['Hub listening sockets', String(hubListeningSockets)],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(24)} ${value}`);
  const chain = `evidence: ${evidence.entries} entries, ${evidence.intact ? 'chain intact' : 'the chain does not hold'}`;
  const told = Object.entries(SEEN).flatMap(([kind, what]) => [
    `${what}:`,
    ...wrapped(`  ${seen[kind as Note['kind']] ?? 'the run was too short for it'}`),
  ]);
  return [...told, '', formatCallers(callers), '', ...lines, chain].join('\n');
}
