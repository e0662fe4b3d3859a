import { z } from 'zod';
import type { OperatorCommand } from '../../../shared/operator/server.ts';
import type { CallContext } from '../../access/door.ts';
import { operatorWithin, uidOf } from '../../access/operator-caller.ts';
import { parsed } from '../../inspection/arguments.ts';
import { AMEND_KINDS, AMEND_REASONS, type Selection } from '../../store/amend/amend.ts';
import type { Amending } from './amending.ts';

export type ReadingsCommand = 'readings-amend' | 'readings-undo' | 'readings-show' | 'readings-list' | 'readings-doubtful';

const CONTEXT: CallContext = { channel: 'operator' };

/** Most observations that one call names. */
export const MOST_OBSERVATIONS = 100;
/** Most doubtful readings that one call lists, but for those of one time. */
export const MOST_DOUBTFUL = 1_000;
/** Characters of a note. */
export const MOST_NOTE = 2_000;

const text = z.string().min(1).max(128);
const observation = z.string().min(1).max(200);
const tenant = z.string().min(1).max(256).optional();
const stretch = z
  .strictObject({ patient: text, from: z.int(), to: z.int(), device: text.optional(), vital: text.optional() })
  .transform(
    ({ device, vital, ...of }): Selection => ({ ...of, ...(device !== undefined && { device }), ...(vital !== undefined && { vital }) }),
  );
const amendArgs = z.strictObject({
  tenant,
  kind: z.enum(AMEND_KINDS),
  selection: z.union([z.strictObject({ observations: z.array(observation).min(1).max(MOST_OBSERVATIONS) }), stretch]),
  to: text.optional(),
  reason: z.enum(AMEND_REASONS),
  note: z.string().min(1).max(MOST_NOTE).optional(),
  trial: z.boolean(),
  toCome: z.boolean().optional(),
});
const undoArgs = z.strictObject({ tenant, amendment: text });
const showArgs = z.strictObject({ tenant, observation });
const listArgs = z.strictObject({ tenant, patient: text.optional() });
const doubtfulArgs = z.strictObject({
  tenant,
  patient: text.optional(),
  before: z.int().optional(),
  most: z.int().min(1).max(MOST_DOUBTFUL),
});

/** What an operator decides about readings, and asks of it; decided and recorded as theirs. */
export function readingsOperatorCommands({
  amending,
  tenants,
}: {
  amending: Pick<Amending, 'amend' | 'undo' | 'show' | 'list' | 'lost' | 'doubtful'>;
  tenants(): readonly string[];
}): Record<ReadingsCommand, OperatorCommand> {
  const caller = (principal: string, named: string | undefined) => operatorWithin(tenants(), uidOf(principal), named);
  return {
    'readings-amend': async function* (args, principal) {
      const allowed = 'readings-amend takes a kind, observations or a stretch of a patient, a reason of the list, and for reassign to whom';
      const { tenant: named, ...asked } = parsed(amendArgs, args, allowed);
      yield await amending.amend(caller(principal, named), asked, CONTEXT);
    },
    'readings-undo': async function* (args, principal) {
      const { tenant: named, amendment } = parsed(undoArgs, args, 'the id of an amendment is text');
      yield await amending.undo(caller(principal, named), amendment, CONTEXT);
    },
    'readings-show': async function* (args, principal) {
      const { tenant: named, observation: id } = parsed(showArgs, args, 'readings-show takes the id of an observation');
      yield await amending.show(caller(principal, named), id, CONTEXT);
    },
    'readings-list': async function* (args, principal) {
      const { tenant: named, patient } = parsed(listArgs, args, 'readings-list takes a patient');
      const who = caller(principal, named);
      yield* amending.list(who, patient, CONTEXT);
      // Behind the list, which says first whether this one may see it.
      for (const lost of amending.lost(who.tenant)) yield { lost };
    },
    'readings-doubtful': async function* (args, principal) {
      const allowed = `readings-doubtful takes a patient, a time, and how many: 1 to ${MOST_DOUBTFUL}`;
      const { tenant: named, ...asked } = parsed(doubtfulArgs, args, allowed);
      const { readings, before } = await amending.doubtful(caller(principal, named), asked, CONTEXT);
      for (const reading of readings) yield { reading };
      yield { before };
    },
  };
}
