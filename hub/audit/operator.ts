import { z } from 'zod';
import { VitalmeshError } from '../../shared/errors.ts';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import type { CallContext } from '../access/door.ts';
import { operatorWithin, uidOf } from '../access/operator-caller.ts';
import { operatorPrincipal } from '../access/principals.ts';
import type { AuditFilter, Auditor } from './auditor.ts';
import { ACKNOWLEDGEABLE } from './checkpoints.ts';
import type { Witness } from './witness.ts';

export interface AuditSurroundings {
  auditor: Auditor;
  tenants(): readonly string[];
}

export type AuditCommand = `audit-${'list' | 'export' | 'replay' | 'report' | 'verify' | 'acknowledge' | 'resend' | 'status'}`;

const CONTEXT: CallContext = { channel: 'operator' };

const text = z.string().min(1).max(256);
const listArgs = z
  .strictObject({
    tenant: text.optional(),
    patient: text.optional(),
    principal: text.optional(),
    saw: text.optional(),
    from: z.int().optional(),
    to: z.int().optional(),
    fromSeq: z.int().min(1).optional(),
    toSeq: z.int().min(1).optional(),
  })
  // What was shown is sealed and in no index, so each entry in question is opened: those of one patient, or of a time, and never all.
  .refine(({ saw, patient, from }) => saw === undefined || patient !== undefined || from !== undefined);
const exportArgs = z.strictObject({
  tenant: text.optional(),
  patient: text.optional(),
  principal: text.optional(),
  from: z.int().optional(),
  to: z.int().optional(),
  format: z.enum(['fhir', 'json']),
});
const replayArgs = z.strictObject({ tenant: text.optional(), principal: text, from: z.int().optional(), to: z.int().optional() });
const reportArgs = z.strictObject({ tenant: text.optional(), patient: text });
const verifyArgs = z.strictObject({
  /** Notes by gateway, origin and key: size, hash (base64), and when the gateway got it. */
  witnesses: z
    .array(
      z.strictObject({
        gateway: text,
        origin: text,
        key: text,
        notes: z.array(z.tuple([z.int().min(0), z.base64(), z.int().nullable()])).max(10_000),
      }),
    )
    .max(64)
    .default([]),
  keys: z.array(z.string().max(512)).min(1).max(64).optional(),
  knownRestores: z.array(z.int().min(1)).max(64).optional(),
  quick: z.boolean().default(false),
});
const resendArgs = z.strictObject({ from: z.int().min(1) });
const statusArgs = z.strictObject({});
const acknowledgeArgs = z.strictObject({ alarm: z.enum(ACKNOWLEDGEABLE) });

/** What an operator may ask of the evidence, of a hub that runs or of a store alone; recorded as `local:<uid>`. */
export function auditOperatorCommands({ auditor, tenants }: AuditSurroundings): Record<AuditCommand, OperatorCommand> {
  return {
    'audit-list': async function* (args, principal) {
      const { tenant, ...given } = checked(
        listArgs,
        args,
        '--patient, --as and --saw are text, --from and --to times; --saw needs --patient (the subject of the observation) or --from',
      );
      yield* auditor.list(operatorWithin(tenants(), uidOf(principal), tenant), filterOf(given), CONTEXT);
    },
    'audit-export': async function* (args, principal) {
      const allowed = '--patient and --as are text, --from and --to times, --format is fhir or json';
      const { tenant, format, ...given } = checked(exportArgs, args, allowed);
      yield* auditor.export(operatorWithin(tenants(), uidOf(principal), tenant), filterOf(given), format, CONTEXT);
    },
    'audit-replay': async function* (args, principal) {
      const { tenant, ...given } = checked(replayArgs, args, '--as is text, --from and --to are times');
      const filter = { ...filterOf(given), principal: given.principal };
      yield* auditor.replay(operatorWithin(tenants(), uidOf(principal), tenant), filter, CONTEXT);
    },
    'audit-report': async function* (args, principal) {
      const { tenant, patient } = checked(reportArgs, args, '--patient is text');
      yield await auditor.report(operatorWithin(tenants(), uidOf(principal), tenant), patient, CONTEXT);
    },
    'audit-verify': async function* (args, principal) {
      const { witnesses, keys, knownRestores, quick } = checked(
        verifyArgs,
        args,
        'witnesses are what a gateway exported, keys a list of keys',
      );
      const uid = uidOf(principal);
      const kept = witnesses.flatMap(({ gateway, origin, key, notes }) =>
        notes.map(
          ([size, hash, at]): Witness => ({
            ...{ gateway, key, checkpoint: { origin, size, hash: Buffer.from(hash, 'base64') } },
            ...(at !== null && { at }),
          }),
        ),
      );
      const callers = tenants().map((tenant) => operatorPrincipal(uid, tenant));
      const given = { witnesses: kept, quick, ...(keys && { keys }), ...(knownRestores && { knownRestores }) };
      yield await auditor.verify(callers, given, CONTEXT);
    },
    'audit-resend': async function* (args, principal) {
      const { from } = checked(resendArgs, args, '--from is the number of an entry');
      const uid = uidOf(principal);
      yield await auditor.resend(
        tenants().map((tenant) => operatorPrincipal(uid, tenant)),
        from,
        CONTEXT,
      );
    },
    'audit-status': async function* (args, principal) {
      checked(statusArgs, args, 'nothing more can be given');
      const uid = uidOf(principal);
      yield await auditor.standing(
        tenants().map((tenant) => operatorPrincipal(uid, tenant)),
        CONTEXT,
      );
    },
    'audit-acknowledge': async function* (args, principal) {
      const { alarm } = checked(acknowledgeArgs, args, `--alarm is ${ACKNOWLEDGEABLE.join(' or ')}`);
      const uid = uidOf(principal);
      yield await auditor.acknowledge(
        tenants().map((tenant) => operatorPrincipal(uid, tenant)),
        alarm,
        CONTEXT,
      );
    },
  };
}

/** What arrived may be a patient's id in the wrong place, so only what is allowed is named. Throws USAGE. */
function checked<T>(schema: z.ZodType<T>, args: unknown, allowed: string): T {
  const { success, data } = schema.safeParse(args);
  if (!success) throw new VitalmeshError('USAGE', { detail: allowed });
  return data;
}

/** Without what was not given. */
function filterOf(given: { readonly [K in keyof AuditFilter]?: AuditFilter[K] | undefined }): AuditFilter {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as AuditFilter;
}
