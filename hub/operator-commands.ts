import { z } from 'zod';
import { asVitalmeshError, VitalmeshError } from '../shared/errors.ts';
import { EVENT_KINDS } from '../shared/event.ts';
import type { OperatorCommand, OperatorPrincipal } from '../shared/operator/server.ts';
import type { Principal } from './access/access.ts';
import type { CallContext, Door } from './access/door.ts';
import { uidOf } from './access/operator-caller.ts';
import { operatorPrincipal } from './access/principals.ts';
import type { ExportFilter } from './cli.ts';
import { type HubStatus, type StorelessStatus, totalOf } from './status.ts';
import type { StoreCounts } from './store/store.ts';

export interface OperatorCommandsOptions {
  door: Door;
  tenants(): readonly string[];
  /** Everything of the status that is not behind the door. */
  vitalSigns(): Omit<HubStatus, 'counts' | 'tenants' | 'storeCode'>;
}

// Strict: a filter that was misspelt and left out would hand out everybody's data.
const statusArgs = z.strictObject({});
const exportArgs = z.strictObject({
  patient: z.string().min(1).optional(),
  since: z.int().optional(),
  kind: z.enum(EVENT_KINDS).optional(),
});

const CONTEXT: CallContext = { channel: 'operator' };

/** What an operator may ask of a running hub; each is decided and recorded in each tenant it touches, as `local:<uid>`. */
export function hubOperatorCommands({ door, tenants, vitalSigns }: OperatorCommandsOptions): Record<'status' | 'export', OperatorCommand> {
  return {
    status: async function* (args, principal): AsyncGenerator<HubStatus | StorelessStatus> {
      checked(statusArgs, args, 'status takes no arguments');
      const counts: Record<string, StoreCounts> = {};
      try {
        for (const tenant of tenants()) counts[tenant] = await door.counts(actAs(principal, tenant), CONTEXT);
      } catch (thrown) {
        // What else is to be known of the hub is needed most while its store is away.
        const { code } = asVitalmeshError(thrown);
        if (!code.startsWith('STORAGE-')) throw thrown;
        yield { ...vitalSigns(), counts: null, tenants: null, storeCode: code };
        return;
      }
      const signs = vitalSigns();
      yield { ...signs, counts: totalOf(counts), tenants: counts, storeCode: signs.storeRefusal?.code ?? null };
    },
    export: (args, principal) => {
      const { patient, since, kind } = checked(
        exportArgs,
        args,
        'export takes patient (text), since (UTC ms) and kind (alert, wave, movement, device, gap)',
      );
      const filter = { ...(patient !== undefined && { patient }), ...(since !== undefined && { since }), ...(kind && { kind }) };
      return exportAll(door, tenants(), filter, principal);
    },
  };
}

/**
 * The stored vital signs of every tenant, or the events of one kind, tenant by tenant, in order of storing. Throws NOT-FOUND at the end when nothing
 * of the patient asked for matched, and no tenant has a patient of that id whom the caller may see.
 */
export async function* exportAll(
  door: Door,
  tenants: readonly string[],
  filter: ExportFilter,
  principal: OperatorPrincipal,
): AsyncGenerator<unknown> {
  let found = false;
  for (const tenant of tenants) {
    const caller = actAs(principal, tenant);
    const stored = filter.kind ? await door.exportEvents(caller, filter, CONTEXT) : await door.export(caller, filter, CONTEXT);
    for await (const { resource } of stored) {
      found = true;
      yield resource;
    }
  }
  if (found || filter.patient === undefined) return;
  for (const tenant of tenants) {
    const visible = await door.listPatients(actAs(principal, tenant), CONTEXT);
    if (visible.some(({ patient }) => patient === filter.patient)) return;
  }
  throw new VitalmeshError('NOT-FOUND', { detail: 'nothing that is stored matches, and registry.yaml lists no patient of this id' });
}

function actAs(principal: OperatorPrincipal, tenant: string): Principal {
  return operatorPrincipal(uidOf(principal), tenant);
}

/** What arrived may be a patient's id in the wrong place, so only what is allowed is named. Throws USAGE. */
function checked<T>(schema: z.ZodType<T>, args: Record<string, unknown>, allowed: string): T {
  const result = schema.safeParse(args);
  if (!result.success) throw new VitalmeshError('USAGE', { detail: allowed });
  return result.data;
}
