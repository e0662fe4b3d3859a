import { z } from 'zod';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { OperatorCommand } from '../../../shared/operator/server.ts';
import { ACTIONS } from '../access.ts';
import type { CallContext } from '../door.ts';
import { operatorWithin, uidOf } from '../operator-caller.ts';
import type { Explainer } from './audited.ts';
import type { Explanation, Rights } from './explain.ts';

export interface ExplainSurroundings {
  explainer: Explainer;
  tenants(): readonly string[];
}

const CONTEXT: CallContext = { channel: 'operator' };

const text = z.string().min(1).max(256);
const explainArgs = z.strictObject({
  tenant: text.optional(),
  as: text,
  action: z.enum(ACTIONS),
  patient: text.optional(),
  bed: text.optional(),
  device: text.optional(),
  scopes: z.array(text).max(64).optional(),
});
const listArgs = z.strictObject({ tenant: text.optional() });

/** What an operator may ask about who may do what; recorded as `local:<uid>`. */
export function explainOperatorCommands(surroundings: ExplainSurroundings): Record<'access-explain' | 'access-list', OperatorCommand> {
  return {
    'access-explain': async function* (args, principal): AsyncGenerator<Explanation> {
      yield* explainedTo(surroundings, uidOf(principal), args);
    },
    'access-list': async function* (args, principal): AsyncGenerator<Rights> {
      yield* listedTo(surroundings, uidOf(principal), args);
    },
  };
}

/** For the user of this id, running hub or not. Throws USAGE, which repeats nothing of what was given. */
export async function* explainedTo({ explainer, tenants }: ExplainSurroundings, uid: number, args: unknown): AsyncGenerator<Explanation> {
  const { success, data } = explainArgs.safeParse(args);
  if (!success)
    throw new VitalmeshError('USAGE', {
      detail: `--as, --patient, --bed, --device and --scopes are text; --action is one of ${ACTIONS.join(', ')}`,
    });
  const { tenant, ...given } = data;
  const asked = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given;
  yield await explainer.explain(operatorWithin(tenants(), uid, tenant), asked as Parameters<Explainer['explain']>[1], CONTEXT);
}

/** As `explainedTo`: a row for everybody who is listed. */
export async function* listedTo({ explainer, tenants }: ExplainSurroundings, uid: number, args: unknown): AsyncGenerator<Rights> {
  const { success, data } = listArgs.safeParse(args);
  if (!success) throw new VitalmeshError('USAGE', { detail: '--tenant is text' });
  yield* await explainer.list(operatorWithin(tenants(), uid, data.tenant), CONTEXT);
}
