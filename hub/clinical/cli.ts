import { type CommandGroup, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { callOperator } from '../../shared/operator/client.ts';
import type { AlertsView } from '../access/alert-views.ts';
import { loadHubConfig } from '../config.ts';
import { formatAlerts } from './alerts/format.ts';
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
            const view = (await asked(values, 'clinical-alerts')) as AlertsView;
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
            const view = (await asked(values, 'clinical-support')) as SupportView;
            io.stdout.write(`${values.json ? JSON.stringify(view) : formatSupport(view)}\n`);
            return EXIT.ok;
          },
        },
      },
    },
  };
}

/** What the running hub says of the patient whom a command names. */
async function asked(values: CommandValues, command: 'clinical-alerts' | 'clinical-support'): Promise<unknown> {
  const { operator } = loadHubConfig(required(values, 'config'));
  const args = { patient: required(values, 'patient'), ...(typeof values.tenant === 'string' && { tenant: values.tenant }) };
  try {
    for await (const view of callOperator(operator.socket, command, args)) return view;
  } catch (cause) {
    if (!(cause instanceof VitalmeshError && cause.code === 'NOT-FOUND')) throw cause;
    throw new VitalmeshError('ACCESS-NOT-LISTED', { detail: '--patient names nobody of this tenant', cause });
  }
  throw new VitalmeshError('INTERNAL', { detail: 'a command without an answer' });
}
