import { z } from 'zod';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import type { CallContext, Door } from '../access/door.ts';
import { operatorWithin, uidOf } from '../access/operator-caller.ts';
import { parsed } from '../inspection/arguments.ts';
import { shownOf } from './due/worklist.ts';
import type { ClinicalReads } from './reads.ts';

export interface ClinicalCommandSurroundings {
  door: Pick<Door, 'alerts'>;
  reads: ClinicalReads;
  tenants(): readonly string[];
}

const CONTEXT: CallContext = { channel: 'operator' };
const text = z.string().min(1).max(256);
const patientArgs = z.strictObject({ tenant: text.optional(), patient: text });
const groupArgs = z.union([
  z.strictObject({ tenant: text.optional(), panel: text }),
  z.strictObject({ tenant: text.optional(), ward: text }),
]);

export type ClinicalCommand = 'clinical-alerts' | 'clinical-support' | 'clinical-due' | 'clinical-worklist';

/** What an operator may ask of what is current; decided and recorded like any other read. */
export function clinicalOperatorCommands({ door, reads, tenants }: ClinicalCommandSurroundings): Record<ClinicalCommand, OperatorCommand> {
  return {
    'clinical-alerts': async function* (args, principal) {
      const { tenant, patient } = parsed(patientArgs, args, 'clinical-alerts takes tenant and patient (text)');
      yield await door.alerts(operatorWithin(tenants(), uidOf(principal), tenant), patient, CONTEXT);
    },
    'clinical-support': async function* (args, principal) {
      const { tenant, patient } = parsed(patientArgs, args, 'clinical-support takes tenant and patient (text)');
      yield await reads.support(operatorWithin(tenants(), uidOf(principal), tenant), patient, CONTEXT);
    },
    'clinical-due': async function* (args, principal) {
      const { tenant, patient } = parsed(patientArgs, args, 'clinical-due takes tenant and patient (text)');
      yield await reads.due(operatorWithin(tenants(), uidOf(principal), tenant), patient, CONTEXT);
    },
    'clinical-worklist': async function* (args, principal) {
      const { tenant, ...group } = parsed(groupArgs, args, 'clinical-worklist takes tenant, and panel or ward (text)');
      yield shownOf(await reads.worklist(operatorWithin(tenants(), uidOf(principal), tenant), group, CONTEXT));
    },
  };
}
