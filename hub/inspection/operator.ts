import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import { panel, vital } from '../../shared/vitals.ts';
import type { Principal } from '../access/access.ts';
import type { CallContext, Door } from '../access/door.ts';
import { recordMaintenance } from '../access/maintenance.ts';
import { operatorWithin, uidOf } from '../access/operator-caller.ts';
import type { Policy } from '../access/policy.ts';
import type { Store } from '../store/store.ts';
import { historyArgs, parsed, trendArgs } from './arguments.ts';
import { type VerifyNews, verifying } from './verifying.ts';

export interface InspectionSurroundings {
  door: Door;
  store: Pick<Store, 'verify' | 'record'>;
  tenants(): readonly string[];
  policy(): Policy;
  clock: Clock;
}

const CONTEXT: CallContext = { channel: 'operator' };

/** What an operator may ask of what is stored, beside its export; decided and recorded like any other read. */
export function inspectionCommands(surroundings: InspectionSurroundings): Record<'trend' | 'history' | 'verify', OperatorCommand> {
  const { door } = surroundings;
  const callerOf = (principal: string, tenant: string | undefined): Principal =>
    operatorWithin(surroundings.tenants(), uidOf(principal), tenant);
  return {
    trend: async function* (args, principal) {
      const allowed = 'trend takes tenant, patient, vital and device (text), from and to (UTC ms, from before to) and points (1 to 2000)';
      const { tenant, patient, ...query } = parsed(trendArgs, args, allowed);
      const caller = callerOf(principal, tenant);
      await known(door, caller, patient, query.vital);
      yield await door.trend(caller, patient, query, CONTEXT);
    },
    history: async function* (args, principal) {
      const { tenant, patient, ...query } = parsed(
        historyArgs,
        args,
        'history takes tenant, patient, vital and device (text) and effective (UTC ms)',
      );
      const caller = callerOf(principal, tenant);
      await known(door, caller, patient, query.vital);
      yield* await door.history(caller, patient, query, CONTEXT);
    },
    verify: async function* (args, principal) {
      if (Object.keys(args).length > 0) throw new VitalmeshError('USAGE', { detail: 'verify takes no arguments' });
      yield* verifyAs(surroundings, uidOf(principal));
    },
  };
}

/** Decides and records a verification by the user of this id, and does it. */
export async function* verifyAs(
  { store, tenants, policy, clock }: Omit<InspectionSurroundings, 'door'>,
  uid: number,
): AsyncGenerator<VerifyNews> {
  await recordMaintenance(store, { tenants: tenants(), uid, action: 'store.verify', at: clock.now(), policy: policy() });
  yield* verifying(store);
}

/**
 * Returns where `key` is a vital sign: of the parameter table, or any that the patient has. Throws USAGE, which names those that the patient has;
 * NOT-FOUND where the caller may not see the patient, or there is none, without a difference between the two.
 */
async function known(door: Door, caller: Principal, patient: string, key: string): Promise<void> {
  if (vital(key) ?? panel(key)) return;
  const { vitals } = await door.latest(caller, patient, CONTEXT);
  const keys = [...new Set(vitals.map((shown) => shown.vital))].sort();
  if (keys.includes(key)) return;
  const has = keys.length === 0 ? 'this patient has none yet' : `this patient has ${keys.join(', ')}`;
  throw new VitalmeshError('USAGE', { detail: `--vital is no vital sign that is known; ${has}` });
}
