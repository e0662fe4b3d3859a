import { stringify } from 'yaml';
import { formatInstant } from '../../../shared/clock.ts';
import { type CommandGroup, type CommandIo, type CommandValues, EXIT, required } from '../../../shared/command-line.ts';
import { counted } from '../../../shared/counted.ts';
import { callOperator, nobodyRuns } from '../../../shared/operator/client.ts';
import { type HubConfig, loadHubConfig } from '../../config.ts';
import { barredInWords } from '../barred.ts';
import type { AccessMode } from '../credentials.ts';
import { DEFAULT_POLICY } from '../default-policy.ts';
import type { Explanation, Rights } from './explain.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface ExplainPrograms {
  explain(config: HubConfig, args: Record<string, unknown>): AsyncIterable<Explanation>;
  list(config: HubConfig, args: Record<string, unknown>): AsyncIterable<Rights>;
}

const text = { type: 'string' } as const;
const common = { config: text, tenant: text, json: { type: 'boolean' } } as const;

/** `vitalmesh-hub access …`: who may do what, and why. */
export function explainCliCommands(programs: ExplainPrograms): { access: CommandGroup } {
  return {
    access: {
      summary: 'Who may do what, and why.',
      commands: {
        explain: {
          usage:
            '--config hub.yaml --as ID --action ACTION [--patient ID] [--bed BED] [--device DEVICE] [--scopes "SCOPE …"] [--tenant NAME] [--json]',
          summary: 'Says whether somebody may do something, by registry and policy in force, and why; exit code 1 where not.',
          explained: [
            '--as      an overlay identity, oauth:ISSUER:SUBJECT, or local:UID',
            '--action  such as vitals.read, patients.list, vitals.subscribe, observations.write, audit.read',
            '--scopes  what its access token is for; unless given, nothing is narrowed',
          ],
          options: { ...common, as: text, action: text, patient: text, bed: text, device: text, scopes: text },
          run: async (values, io) => {
            const args = {
              ...named(values, ['tenant', 'patient', 'bed', 'device']),
              as: required(values, 'as'),
              action: required(values, 'action'),
              ...(typeof values.scopes === 'string' && { scopes: values.scopes.split(' ').filter((scope) => scope !== '') }),
            };
            let allowed = true;
            for await (const explanation of asked(values, 'access-explain', args, programs.explain)) {
              print(io, values.json ? JSON.stringify(explanation) : formatExplanation(explanation));
              allowed &&= explanation.allow;
            }
            return allowed ? EXIT.ok : EXIT.failed;
          },
        },
        list: {
          usage: '--config hub.yaml [--tenant NAME] [--json]',
          summary: 'Lists everybody of the registry, a row each: whose data they reach and what they may do with it.',
          options: common,
          run: async (values, io) => {
            const rows = asked(values, 'access-list', named(values, ['tenant']), programs.list);
            for await (const rights of rows) print(io, values.json ? JSON.stringify(rights) : formatRights(rights));
            return EXIT.ok;
          },
        },
        policy: {
          usage: '',
          summary: 'Prints the policy that is built in, as a policy.yaml to begin from.',
          options: {},
          run: async (_, io) => {
            const { version, ...file } = DEFAULT_POLICY;
            print(io, `# policy.yaml, as it is built in (${version})\n${stringify(file, { lineWidth: 120 }).trimEnd()}`);
            return EXIT.ok;
          },
        },
      },
    },
  };
}

async function* asked<T>(
  values: CommandValues,
  command: string,
  args: Record<string, unknown>,
  offline: (config: HubConfig, args: Record<string, unknown>) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const config = loadHubConfig(required(values, 'config'));
  try {
    yield* callOperator(config.operator.socket, command, args) as AsyncGenerator<T>;
  } catch (error) {
    if (!nobodyRuns(error, config.operator.socket)) throw error;
    yield* offline(config, args);
  }
}

function formatExplanation({ as, kind, role, purpose, action, patient, allow, says, policy, registry }: Explanation): string {
  const whose = patient === null ? '' : ` for ${patient}`;
  return [
    `${allow ? 'Allowed' : 'Denied'}: ${action}${whose} by ${as} (${kind}, role ${role}, purpose ${purpose}).`,
    says,
    `Policy ${policy}, registry ${registry}.`,
  ].join('\n');
}

const SHOWN: Readonly<Record<AccessMode, string>> = {
  overlay: 'its overlay identity',
  oauth: 'an access token',
  both: 'its overlay identity and an access token',
};

function formatRights({ as, kind, role, purpose, notAfter, needs, barred, patients, wards, panels, may }: Rights): string {
  const until = notAfter === null ? '' : `, until ${formatInstant(notAfter)}`;
  const reach = [
    patients === 'all' ? 'all patients' : `${counted(patients, 'patient')} by name`,
    ...(wards.length > 0 ? [`wards ${wards.join(', ')}`] : []),
    ...(panels.length > 0 ? [`panels ${panels.join(', ')}`] : []),
  ];
  const can = may.map(({ action, mask }) => (mask === 'none' ? action : `${action} (${mask})`));
  return [
    `${as}  ${kind}, role ${role}, purpose ${purpose}${until}`,
    ...(barred === null ? [] : [`  CANNOT GET IN: ${barredInWords(barred)}`]),
    ...(needs === null ? [] : [`  must show: ${SHOWN[needs]}`]),
    `  of: ${reach.join('; ')}`,
    `  may: ${can.length === 0 ? 'nothing' : can.join(', ')}`,
  ].join('\n');
}

function named(values: CommandValues, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])));
}

function print(io: CommandIo, line: string): void {
  io.stdout.write(`${line}\n`);
}
