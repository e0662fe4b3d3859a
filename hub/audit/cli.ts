import { once } from 'node:events';
import { type Instant, parseInstant } from '../../shared/clock.ts';
import { type CommandGroup, type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { callOperator, nobodyRuns } from '../../shared/operator/client.ts';
import { type HubConfig, loadHubConfig } from '../config.ts';
import type { Resent } from './auditor.ts';
import type { EvidenceRecord, UnreadEntry } from './evidence.ts';
import { type FeedStanding, formatStanding } from './feed/standing.ts';
import { formatListed, formatReport, formatStep, formatUnread, formatWhole } from './format.ts';
import { formatVerdict } from './format-verdict.ts';
import type { EvidenceVerdict } from './notes.ts';
import type { AuditCommand } from './operator.ts';
import type { ReplayStep } from './replay.ts';
import type { AccessReport } from './report.ts';
import type { ListedRecord, NotStored, Unopened } from './saw.ts';
import { readVerifiers } from './signing-key.ts';
import { readWitnessFile, type Witness } from './witness.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface AuditPrograms {
  audit(config: HubConfig, command: AuditCommand, args: Record<string, unknown>): AsyncIterable<unknown>;
}

const text = { type: 'string' } as const;
const common = { config: text, tenant: text, json: { type: 'boolean' } } as const;

/** `vitalmesh-hub audit …`: the evidence, of a hub that runs or of a store alone. */
export function auditCliCommands(programs: AuditPrograms): { audit: CommandGroup } {
  async function* asked<T>(values: CommandValues, command: AuditCommand, args: Record<string, unknown>): AsyncGenerator<T> {
    const config = loadHubConfig(required(values, 'config'));
    try {
      yield* callOperator(config.operator.socket, command, args) as AsyncGenerator<T>;
    } catch (error) {
      if (!nobodyRuns(error, config.operator.socket)) throw error;
      yield* programs.audit(config, command, args) as AsyncIterable<T>;
    }
  }
  return {
    audit: {
      summary: 'Who did what with whose data: the evidence, which cannot be changed without being found.',
      commands: {
        list: {
          usage: '--config hub.yaml [--patient ID] [--as PRINCIPAL] [--saw OBSERVATION] [--from TIME] [--to TIME] [--tenant NAME] [--json]',
          summary: 'Lists entries of the evidence, a line each; of one patient in order of the chain, others by when it was done.',
          explained: [
            '--as    who did it: an overlay identity, oauth:ISSUER:SUBJECT, or local:UID',
            '--saw   only where this observation was shown, or may have been (exports), with --patient (its subject) or --from: each of these is opened',
          ],
          options: { ...common, patient: text, as: text, saw: text, from: text, to: text },
          run: async (values, io) => {
            for await (const record of asked<ListedRecord | UnreadEntry | Unopened | NotStored>(values, 'audit-list', filterOf(values)))
              await print(io, values.json ? JSON.stringify(record) : formatListed(record));
            return EXIT.ok;
          },
        },
        show: {
          usage: '--config hub.yaml SEQ [--tenant NAME] [--json]',
          summary: 'Shows one entry with everything that is known of it.',
          options: common,
          positionals: ['SEQ'],
          run: async (values, io) => {
            const seq = seqOf(values, 'SEQ', 'SEQ');
            for await (const record of asked<EvidenceRecord | UnreadEntry>(values, 'audit-list', {
              ...tenantOf(values),
              fromSeq: seq,
              toSeq: seq,
            })) {
              await print(io, values.json ? JSON.stringify(record) : formatWhole(record));
              return EXIT.ok;
            }
            throw new VitalmeshError('AUDIT-NO-ENTRY', { detail: 'none of that number is of this tenant' });
          },
        },
        export: {
          usage: '--config hub.yaml [--patient ID] [--as PRINCIPAL] [--from TIME] [--to TIME] [--tenant NAME] [--format fhir|json]',
          summary: 'Writes entries for other systems, a JSON object a line; what was given out is recorded with its SHA-256.',
          explained: [
            '--format  fhir: FHIR R4 AuditEvent, of the IHE BALP profiles where one fits; json: entries as `list --json` gives them',
          ],
          options: { config: text, tenant: text, patient: text, as: text, from: text, to: text, format: text },
          run: async (values, io) => {
            const { format = 'fhir' } = values;
            if (format !== 'fhir' && format !== 'json') throw new VitalmeshError('USAGE', { detail: '--format is fhir or json' });
            for await (const line of asked<object>(values, 'audit-export', { ...filterOf(values), format })) {
              // No line of the file, whose digest is in the evidence.
              if ('unread' in line) io.stderr.write(`${formatUnread(line as UnreadEntry)}\n`);
              else await print(io, JSON.stringify(line));
            }
            return EXIT.ok;
          },
        },
        replay: {
          usage: '--config hub.yaml --as PRINCIPAL [--from TIME] [--to TIME] [--tenant NAME] [--json]',
          summary: 'Shows everything that one principal asked and was shown, in order, with the values as they are kept now.',
          explained: [
            'A view that can be made again from what is kept is held against its recorded hash; where that does not go, it says why.',
            'Values are read as by `export`: who may not do that sees which observations were shown, and not what they say.',
          ],
          options: { ...common, as: text, from: text, to: text },
          run: async (values, io) => {
            const args = { ...filterOf(values), principal: required(values, 'as') };
            for await (const step of asked<ReplayStep>(values, 'audit-replay', args))
              await print(io, values.json ? JSON.stringify(step) : formatStep(step));
            return EXIT.ok;
          },
        },
        report: {
          usage: '--config hub.yaml --patient ID [--tenant NAME] [--json]',
          summary: 'Sums up who saw this person: by whom, what, how often, from when to when.',
          options: { ...common, patient: text },
          run: async (values, io) => {
            const args = { ...tenantOf(values), patient: required(values, 'patient') };
            for await (const report of asked<AccessReport>(values, 'audit-report', args))
              await print(io, values.json ? JSON.stringify(report) : formatReport(report));
            return EXIT.ok;
          },
        },
        status: {
          usage: '--config hub.yaml [--json]',
          summary: 'Shows to whom the evidence is fed (audit.feed), and how far each receiver is that it was ever fed to.',
          options: { config: text, json: { type: 'boolean' } },
          run: async (values, io) => {
            for await (const standing of asked<FeedStanding>(values, 'audit-status', {}))
              await print(io, values.json ? JSON.stringify(standing) : formatStanding(standing));
            return EXIT.ok;
          },
        },
        resend: {
          usage: '--config hub.yaml --from SEQ [--json]',
          summary: 'Sends everything from this entry on to the SIEM again (audit.feed), where its receiver misses some.',
          options: { config: text, from: text, json: { type: 'boolean' } },
          run: async (values, io) => {
            const wanted = seqOf(values, 'from');
            for await (const resent of asked<Resent>(values, 'audit-resend', { from: wanted })) {
              const { from, newest } = resent;
              const earlier =
                wanted !== undefined && from < wanted ? ` From ${from} on, because it has not confirmed what is before ${wanted}.` : '';
              const told = `Entries ${from} to ${newest} go to the SIEM again, and then on.${earlier}`;
              await print(io, values.json ? JSON.stringify(resent) : told);
            }
            return EXIT.ok;
          },
        },
        acknowledge: {
          usage: '--config hub.yaml --alarm CODE',
          summary: 'Answers for what stands against the evidence (status, alarms), once you know why: recorded, and signed from then on.',
          explained: ['--alarm  AUDIT-NOTE-LOST, or AUDIT-NOT-EXTENDED after a restore'],
          options: { config: text, alarm: text },
          run: async (values, io) => {
            for await (const { alarm } of asked<{ alarm: string }>(values, 'audit-acknowledge', { alarm: required(values, 'alarm') }))
              await print(io, `${alarm} is acknowledged: that you did stands in the evidence.`);
            return EXIT.ok;
          },
        },
        verify: {
          usage: '--config hub.yaml [--witness FILE] [--keys FILE] [--known-restore SEQ] [--quick] [--json]',
          summary: 'Recomputes the chain of evidence and holds it against what was signed of it; fails when it was changed in any way.',
          explained: [
            '--witness  what `vitalmesh-agent witness export` printed at a gateway: finds what even the hub could have rewritten',
            '--keys     your own copy of the list of keys (….audit-keys), which is trusted instead of the one at the hub',
            '--quick    the chain and what was signed of it alone, ten times as fast: neither the index of patients nor what is sealed is looked at',
            '--known-restore  the entry of a restore that you know of; notes of what it lost then count as accounted for',
          ],
          options: {
            config: text,
            witness: text,
            keys: text,
            'known-restore': text,
            quick: { type: 'boolean' },
            json: { type: 'boolean' },
          },
          run: async (values, io) => {
            const witnesses = typeof values.witness === 'string' ? packed(readWitnessFile(values.witness)) : [];
            const keys = typeof values.keys === 'string' ? { keys: keysIn(values.keys) } : {};
            const known = values['known-restore'] === undefined ? {} : { knownRestores: [seqOf(values, 'known-restore')] };
            for await (const verdict of asked<EvidenceVerdict>(values, 'audit-verify', {
              witnesses,
              quick: values.quick === true,
              ...keys,
              ...known,
            })) {
              await print(io, values.json ? JSON.stringify(verdict) : formatVerdict(verdict, String(values.witness ?? '')));
              return verdict.intact ? EXIT.ok : EXIT.failed;
            }
            throw new VitalmeshError('INTERNAL', { detail: 'a verification without a verdict' });
          },
        },
      },
    },
  };
}

/** The keys of a file that must be there. Throws AUDIT-KEY. */
function keysIn(path: string): string[] {
  const keys = readVerifiers(path);
  if (keys.length === 0) throw new VitalmeshError('AUDIT-KEY', { detail: `${path} lists no key` });
  return keys;
}

/** As the operator's socket takes them. */
function packed(witnesses: readonly Witness[]): unknown[] {
  const groups = new Map<string, { gateway: string; origin: string; key: string; notes: [number, string, Instant | null][] }>();
  for (const { gateway, key, checkpoint, at = null } of witnesses) {
    const { origin, size, hash } = checkpoint;
    const group = groups.get(`${origin} ${key}`) ?? { gateway, origin, key, notes: [] };
    groups.set(`${origin} ${key}`, group);
    group.notes.push([size, Buffer.from(hash).toString('base64'), at]);
  }
  return [...groups.values()];
}

function filterOf(values: CommandValues): Record<string, unknown> {
  const { patient, as, saw } = values;
  const bounds = Object.fromEntries(
    ['from', 'to'].flatMap((name) => (values[name] === undefined ? [] : [[name, instantOf(values, name)]])),
  );
  return { ...tenantOf(values), ...bounds, ...(patient && { patient }), ...(as && { principal: as }), ...(saw && { saw }) };
}

function seqOf(values: CommandValues, name: string, shown = `--${name}`): number {
  const seq = Number(/^\d{1,15}$/.exec(required(values, name, shown))?.[0] ?? 0);
  if (seq < 1) throw new VitalmeshError('USAGE', { detail: `${shown} is the number of an entry` });
  return seq;
}

function tenantOf({ tenant }: CommandValues): Record<string, unknown> {
  return tenant === undefined ? {} : { tenant };
}

function instantOf(values: CommandValues, name: string): Instant {
  const instant = parseInstant(required(values, name));
  if (!instant) throw new VitalmeshError('USAGE', { detail: `--${name} is a time with offset, as 2026-11-21T10:00:00+01:00` });
  return instant.at;
}

async function print(io: CommandIo, line: string): Promise<void> {
  if (!io.stdout.write(`${line}\n`)) await once(io.stdout, 'drain');
}
