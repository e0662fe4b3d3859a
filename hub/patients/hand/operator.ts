import { z } from 'zod';
import type { OperatorCommand } from '../../../shared/operator/server.ts';
import type { CallContext } from '../../access/door.ts';
import { operatorWithin, uidOf } from '../../access/operator-caller.ts';
import { parsed } from '../../inspection/arguments.ts';
import type { ByHand } from './by-hand.ts';
import type { Corrected } from './corrected.ts';
import type { Named } from './named.ts';
import type { Shown } from './shown.ts';

export interface HandSurroundings {
  byHand: Pick<ByHand, 'say' | 'undo' | 'import' | 'assignDevice'>;
  shown: Shown;
  corrected: Corrected;
  tenants(): readonly string[];
}

export type HandCommand =
  | 'patients-place'
  | 'patients-undo'
  | 'patients-import'
  | 'patients-device'
  | 'patients-show'
  | 'patients-corrections';

const CONTEXT: CallContext = { channel: 'operator' };

/** Lines of a census that one call takes: with the longest of everything they stay below what the operator's socket takes. */
export const LINES_A_CALL = 50;

const text = z.string().min(1).max(128);
const authority = z.string().max(128);
const instant = z.int().optional();
const common = { tenant: z.string().min(1).max(256).optional(), at: instant };
const number = z.strictObject({ authority, value: text });
const who: z.ZodType<Named> = z.union([
  z.strictObject({ patient: text }),
  z
    .strictObject({ patient: number, visit: text.optional() })
    .transform(({ patient, visit }) => ({ patient, ...(visit !== undefined && { visit }) })),
]);
const placeArgs = z.discriminatedUnion('act', [
  z.strictObject({ ...common, act: z.enum(['admit', 'move']), who, bed: text }),
  z.strictObject({ ...common, act: z.literal('discharge'), who }),
  z.strictObject({ ...common, act: z.enum(['swap', 'unmerge', 'merge']), who, other: who }),
]);
const undoArgs = z.strictObject({ tenant: common.tenant, statement: text });
const row = z
  .strictObject({ line: z.int().min(1), bed: text, authority, value: text, visit: text.optional(), since: instant })
  .transform(({ visit, since, ...rest }) => ({ ...rest, ...(visit !== undefined && { visit }), ...(since !== undefined && { since }) }));
const importArgs = z.strictObject({ ...common, trial: z.boolean(), rows: z.array(row).max(LINES_A_CALL) });
const deviceArgs = z.strictObject({
  ...common,
  device: text,
  gateway: text.optional(),
  bed: text.nullable(),
  unheard: z.boolean().optional(),
});
const showArgs = z
  .strictObject({ ...common, patient: text.optional(), bed: text.optional(), numbers: z.boolean() })
  .refine(({ patient, bed }) => patient === undefined || bed === undefined);
const correctionsArgs = z.strictObject({ tenant: common.tenant, since: instant });

/** What an operator says of who lies where, and asks of it; decided and recorded as theirs. */
export function handOperatorCommands({ byHand, shown, corrected, tenants }: HandSurroundings): Record<HandCommand, OperatorCommand> {
  const caller = (principal: string, tenant: string | undefined) => operatorWithin(tenants(), uidOf(principal), tenant);
  return {
    'patients-place': async function* (args, principal) {
      const { tenant, ...asked } = parsed(placeArgs, args, 'patients-place takes an act, whom it is about, a bed and at (UTC ms)');
      yield await byHand.say(caller(principal, tenant), asked, CONTEXT);
    },
    'patients-undo': async function* (args, principal) {
      const { tenant, statement } = parsed(undoArgs, args, 'the id of a statement is text');
      yield await byHand.undo(caller(principal, tenant), statement, CONTEXT);
    },
    'patients-import': async function* (args, principal) {
      const { tenant, ...asked } = parsed(importArgs, args, `patients-import takes ${LINES_A_CALL} lines at most`);
      yield await byHand.import(caller(principal, tenant), asked, CONTEXT);
    },
    'patients-device': async function* (args, principal) {
      const { tenant, ...asked } = parsed(
        deviceArgs,
        args,
        'patients-device takes a device, its gateway, its bed or null, and at (UTC ms)',
      );
      yield await byHand.assignDevice(caller(principal, tenant), asked, CONTEXT);
    },
    'patients-show': async function* (args, principal) {
      const { tenant, ...asked } = parsed(showArgs, args, 'patients-show takes a patient or a bed, and at (UTC ms)');
      yield* await shown(caller(principal, tenant), asked, CONTEXT);
    },
    'patients-corrections': async function* (args, principal) {
      const { tenant, since } = parsed(correctionsArgs, args, 'patients-corrections takes since (UTC ms)');
      yield* corrected(caller(principal, tenant), since, CONTEXT);
    },
  };
}
