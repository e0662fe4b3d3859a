import type { OperatorCommand, OperatorPrincipal } from '../shared/operator/server.ts';
import type { Principal } from './access/access.ts';
import type { CallContext, Door } from './access/door.ts';
import { operatorPrincipal } from './access/principals.ts';
import type { ExportFilter } from './cli.ts';
import { type HubStatus, totalOf } from './status.ts';
import type { StoreCounts } from './store/store.ts';

export interface OperatorCommandsOptions {
  door: Door;
  tenants(): readonly string[];
  /** Everything of the status that is not behind the door. */
  vitalSigns(): Omit<HubStatus, 'counts' | 'tenants'>;
}

const CONTEXT: CallContext = { channel: 'operator' };

/** What an operator may ask of a running hub; each is decided and recorded in each tenant it touches, as `local:<uid>`. */
export function hubOperatorCommands({ door, tenants, vitalSigns }: OperatorCommandsOptions): Record<'status' | 'export', OperatorCommand> {
  return {
    status: async function* (_args, principal): AsyncGenerator<HubStatus> {
      const counts: Record<string, StoreCounts> = {};
      for (const tenant of tenants()) counts[tenant] = await door.counts(actAs(principal, tenant), CONTEXT);
      yield { ...vitalSigns(), counts: totalOf(counts), tenants: counts };
    },
    export: (args, principal) => exportAll(door, tenants(), filterOf(args), principal),
  };
}

/** The stored Observations of every tenant, one after the other, in order of storing. */
export async function* exportAll(
  door: Door,
  tenants: readonly string[],
  filter: ExportFilter,
  principal: OperatorPrincipal,
): AsyncGenerator<unknown> {
  for (const tenant of tenants) {
    for await (const { resource } of await door.export(actAs(principal, tenant), filter, CONTEXT)) yield resource;
  }
}

function actAs(principal: OperatorPrincipal, tenant: string): Principal {
  return operatorPrincipal(Number(principal.slice('local:'.length)), tenant);
}

function filterOf({ patient, since }: Record<string, unknown>): ExportFilter {
  return { ...(typeof patient === 'string' ? { patient } : {}), ...(typeof since === 'number' ? { since } : {}) };
}
