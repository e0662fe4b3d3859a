import { type CommandGroup, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { callOperator } from '../../shared/operator/client.ts';
import type { AlertsView } from '../access/alert-views.ts';
import { loadHubConfig } from '../config.ts';
import { formatAlerts } from './alerts/format.ts';
import type { DueView } from './due/due.ts';
import { formatDue, formatWorklist } from './due/format.ts';
import type { WorklistShown } from './due/worklist.ts';
import type { ClinicalCommand } from './operator.ts';
import { formatSupport } from './support/format.ts';
import type { SupportView } from './support/support.ts';

const text = { type: 'string' } as const;

/** `vitalmesh-hub clinical …`: what the running hub knows of patients beside their values. */
export function clinicalCliCommands(): { clinical: CommandGroup } {
  return {
    clinical: {
      summary: 'What the running hub knows of patients beside their values.',
      commands: {
        alerts: {
          usage: '--config hub.yaml --patient ID [--tenant NAME] [--json]',
          summary:
            'Shows the alerts that devices of a patient told of, and which of its sources can tell of any. Alerts are relayed, never raised.',
          options: { config: text, tenant: text, patient: text, json: { type: 'boolean' } },
          run: async (values, io) => {
            const view = (await askedOf(values, 'clinical-alerts')) as AlertsView;
            io.stdout.write(`${values.json ? JSON.stringify(view) : formatAlerts(view)}\n`);
            return EXIT.ok;
          },
        },
        support: {
          usage: '--config hub.yaml --patient ID [--tenant NAME] [--json]',
          summary:
            'Shows what is reckoned of a patient by the site’s file (clinical.support), with its inputs. No diagnosis; off unless the site names the patient.',
          options: { config: text, tenant: text, patient: text, json: { type: 'boolean' } },
          run: async (values, io) => {
            const view = (await askedOf(values, 'clinical-support')) as SupportView;
            io.stdout.write(`${values.json ? JSON.stringify(view) : formatSupport(view)}\n`);
            return EXIT.ok;
          },
        },
        due: {
          usage: '--config hub.yaml --patient ID [--tenant NAME] [--json]',
          summary: 'Shows which readings are expected of a patient by the site’s file (clinical.expected), and which of them did not come.',
          options: { config: text, tenant: text, patient: text, json: { type: 'boolean' } },
          run: async (values, io) => {
            const view = (await askedOf(values, 'clinical-due')) as DueView;
            io.stdout.write(`${values.json ? JSON.stringify(view) : formatDue(view)}\n`);
            return EXIT.ok;
          },
        },
        worklist: {
          usage: '--config hub.yaml --panel NAME|--ward NAME [--tenant NAME] [--json]',
          summary: 'Shows which expected readings of everybody on a panel or in a ward did not come, worst first.',
          options: { config: text, tenant: text, panel: text, ward: text, json: { type: 'boolean' } },
          run: async (values, io) => {
            const view = (await asked(values, 'clinical-worklist', groupOf(values))) as WorklistShown;
            io.stdout.write(`${values.json ? JSON.stringify(view) : formatWorklist(view)}\n`);
            return EXIT.ok;
          },
        },
      },
    },
  };
}

/** What is to be asked of a group, and what is wrong with it where it is none. */
function groupOf({ panel, ward }: CommandValues): Question {
  if (typeof panel === 'string' && ward === undefined)
    return { args: { panel }, unknown: '--panel names none with a patient of this tenant' };
  if (typeof ward === 'string' && panel === undefined)
    return { args: { ward }, unknown: '--ward names none with a patient of this tenant' };
  throw new VitalmeshError('USAGE', { detail: 'one of --panel and --ward' });
}

interface Question {
  args: Record<string, string>;
  unknown: string;
}

/** What the running hub says of the patient whom a command names. */
function askedOf(values: CommandValues, command: ClinicalCommand): Promise<unknown> {
  return asked(values, command, { args: { patient: required(values, 'patient') }, unknown: '--patient names nobody of this tenant' });
}

async function asked(values: CommandValues, command: ClinicalCommand, { args, unknown }: Question): Promise<unknown> {
  const { operator } = loadHubConfig(required(values, 'config'));
  const named = { ...args, ...(typeof values.tenant === 'string' && { tenant: values.tenant }) };
  try {
    for await (const view of callOperator(operator.socket, command, named)) return view;
  } catch (cause) {
    if (!(cause instanceof VitalmeshError && cause.code === 'NOT-FOUND')) throw cause;
    throw new VitalmeshError('ACCESS-NOT-LISTED', { detail: unknown, cause });
  }
  throw new VitalmeshError('INTERNAL', { detail: 'a command without an answer' });
}
