import { z } from 'zod';
import type { Clock, Instant } from '../../shared/clock.ts';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import type { CallContext, Door } from '../access/door.ts';
import { operatorWithin, uidOf } from '../access/operator-caller.ts';
import { parsed } from '../inspection/arguments.ts';
import type { Registry } from '../registry/registry.ts';
import { type BedAt, bedsAt, readMovements } from './where.ts';

export interface PatientsSurroundings {
  door: Pick<Door, 'exportEvents'>;
  registry: Pick<Registry, 'isSandbox'>;
  tenants(): readonly string[];
  clock: Clock;
}

/** The answer to `patients where`. */
export interface Whereabouts {
  /** UTC ms. */
  at: Instant;
  beds: readonly BedAt[];
  /** Movements that it follows from, and tests that were left out. */
  movements: number;
  tests: number;
}

const CONTEXT: CallContext = { channel: 'operator' };

const whereArgs = z.strictObject({
  tenant: z.string().min(1).max(256).optional(),
  bed: z.string().min(1).max(256).optional(),
  at: z.int().optional(),
});

/** What an operator may ask of who lay where; decided and recorded as the reading of movements that it is. */
export function patientsOperatorCommands({
  door,
  registry,
  tenants,
  clock,
}: PatientsSurroundings): Record<'patients-where', OperatorCommand> {
  return {
    'patients-where': async function* (args, principal) {
      const { tenant, bed, at = clock.now() } = parsed(whereArgs, args, 'patients-where takes tenant and bed (text) and at (UTC ms)');
      const caller = operatorWithin(tenants(), uidOf(principal), tenant);
      const { known, counted, tests } = await readMovements(
        await door.exportEvents(caller, { kind: 'movement' }, CONTEXT, { bed, at }),
        registry.isSandbox(caller.tenant),
      );
      yield { at, beds: bedsAt(known, at, bed), movements: counted, tests } satisfies Whereabouts;
    },
  };
}
