import { z } from 'zod';
import { VitalmeshError } from '../../shared/errors.ts';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import type { CallContext } from '../access/door.ts';
import { operatorWithin, uidOf } from '../access/operator-caller.ts';
import type { PatientRights } from './rights.ts';

export interface PrivacySurroundings {
  rights: PatientRights;
  tenants(): readonly string[];
}

export type PatientCommand =
  | 'patient-export'
  | 'patient-erase'
  | 'patient-hold'
  | 'patient-holds'
  | 'patient-release'
  | 'patient-tombstones';

const CONTEXT: CallContext = { channel: 'operator' };

const text = z.string().min(1).max(256);
const also = z.array(z.string().max(512)).max(64).optional();
const exportArgs = z.strictObject({ tenant: text.optional(), patient: text, also });
const eraseArgs = z.strictObject({
  tenant: text.optional(),
  patient: text,
  confirm: text,
  reason: text,
  also,
});
const holdsArgs = z.strictObject({ tenant: text.optional() });
const tombstonesArgs = z.strictObject({ tenant: text.optional(), reason: text });
const holdArgs = z.strictObject({ tenant: text.optional(), patient: text, reason: text });

/** What an operator may do in the name of one person, with a hub that runs or with a store alone; recorded as `local:<uid>`. */
export function rightsOperatorCommands({ rights, tenants }: PrivacySurroundings): Record<PatientCommand, OperatorCommand> {
  return {
    'patient-export': async function* (args, principal) {
      const { tenant, ...asked } = checked(exportArgs, args, 'PATIENT is text, and --also-from names 64 numbers at most');
      yield* rights.export(operatorWithin(tenants(), uidOf(principal), tenant), asked, CONTEXT);
    },
    'patient-erase': async function* (args, principal) {
      const { tenant, ...asked } = checked(
        eraseArgs,
        args,
        'PATIENT, --confirm and --reason are text, and --also-from names 64 numbers at most',
      );
      yield await rights.erase(operatorWithin(tenants(), uidOf(principal), tenant), asked, CONTEXT);
    },
    'patient-hold': async function* (args, principal) {
      const { tenant, ...asked } = checked(holdArgs, args, 'PATIENT and --reason are text');
      await rights.hold(operatorWithin(tenants(), uidOf(principal), tenant), asked, CONTEXT);
      yield { held: true };
    },
    'patient-holds': async function* (args, principal) {
      const { tenant } = checked(holdsArgs, args, '--tenant is text');
      yield { holds: await rights.holds(operatorWithin(tenants(), uidOf(principal), tenant), CONTEXT) };
    },
    'patient-tombstones': async function* (args, principal) {
      const { tenant, reason } = checked(tombstonesArgs, args, '--reason is text');
      yield await rights.acceptTombstones(operatorWithin(tenants(), uidOf(principal), tenant), reason, CONTEXT);
    },
    'patient-release': async function* (args, principal) {
      const { tenant, ...asked } = checked(holdArgs, args, 'PATIENT and --reason are text');
      await rights.release(operatorWithin(tenants(), uidOf(principal), tenant), asked, CONTEXT);
      yield { held: false };
    },
  };
}

/** What arrived may be a patient's id in the wrong place, so only what is allowed is named. Throws USAGE. */
function checked<T>(schema: z.ZodType<T>, args: unknown, allowed: string): T {
  const { success, data } = schema.safeParse(args);
  if (!success) throw new VitalmeshError('USAGE', { detail: allowed });
  return data;
}
