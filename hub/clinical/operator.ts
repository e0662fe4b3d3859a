import { z } from 'zod';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import type { CallContext, Door } from '../access/door.ts';
import { operatorWithin, uidOf } from '../access/operator-caller.ts';
import { parsed } from '../inspection/arguments.ts';
import type { Support } from './support/support.ts';

export interface ClinicalCommandSurroundings {
  door: Pick<Door, 'alerts'>;
  support: Pick<Support, 'of'>;
  tenants(): readonly string[];
}

const CONTEXT: CallContext = { channel: 'operator' };
const text = z.string().min(1).max(256);
const patientArgs = z.strictObject({ tenant: text.optional(), patient: text });

/** What an operator may ask of what is current; decided and recorded like any other read. */
export function clinicalOperatorCommands({
  door,
  support,
  tenants,
}: ClinicalCommandSurroundings): Record<'clinical-alerts' | 'clinical-support', OperatorCommand> {
  return {
    'clinical-alerts': async function* (args, principal) {
      const { tenant, patient } = parsed(patientArgs, args, 'clinical-alerts takes tenant and patient (text)');
      yield await door.alerts(operatorWithin(tenants(), uidOf(principal), tenant), patient, CONTEXT);
    },
    'clinical-support': async function* (args, principal) {
      const { tenant, patient } = parsed(patientArgs, args, 'clinical-support takes tenant and patient (text)');
      yield await support.of(operatorWithin(tenants(), uidOf(principal), tenant), patient, CONTEXT);
    },
  };
}
