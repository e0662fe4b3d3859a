import { z } from 'zod';
import { ACTIONS, PURPOSES } from './access.ts';
import type { LimitName } from './budgets/limits.ts';
import { MASK_PROFILES } from './masking/contract.ts';

/** Roles that the hub itself gives: to gateways, and to whoever is at its machine. No row of registry.yaml may have them. */
export const OWN_ROLES: readonly string[] = ['gateway', 'operator'];

const name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'expected a name: a letter, then up to 39 of a-z, 0-9 and -');

const rule = z.strictObject({
  id: name.describe('Stands in the evidence and in what `vitalmesh-hub access explain` says.'),
  effect: z.enum(['permit', 'forbid']).describe('A forbid that applies outweighs every permit; what no permit names is denied.'),
  roles: z.array(name).min(1).max(100),
  actions: z.array(z.enum(ACTIONS)).min(1),
  purposes: z.array(z.enum(PURPOSES)).min(1).optional().describe('Only for these (HL7 v3 PurposeOfUse); for any unless given.'),
  mask: z
    .enum(MASK_PROFILES)
    .optional()
    .describe('Of a permit: how much is shown; everything unless given. Of several permits that apply, the one that shows most counts.'),
  approve: z.boolean().optional().describe('Of a permit: whether somebody else must approve first.'),
  audit: z
    .enum(['full', 'brief'])
    .optional()
    .describe('Of a permit: whether the evidence keeps what was shown as well; full unless given.'),
});

const perMinute = z.int().min(1).max(1_000_000);
const limits = z
  .strictObject({
    callsPerMinute: perMinute.describe('Calls of tools.'),
    readsPerMinute: perMinute.describe('Everything else, but reads of what it has subscribed to.'),
    callsPerDay: z.int().min(1).describe('Calls and reads that show data, those aside, in a day of UTC.'),
    callsPerMonth: z.int().min(1).describe('The same in a month of UTC.'),
    othersPerHour: z
      .int()
      .min(0)
      .describe('Different patients, in any hour, who are in none of its wards, on none of its panels and not listed by name.'),
    othersPerDay: z.int().min(0).describe('The same in any 24 hours; never a tenth of all patients, but for the first eight.'),
    resultBytes: z.int().min(4096).describe('Bytes of one answer; of what is larger, less is shown, and it says so.'),
    tokensPerCall: z.int().min(1024).describe('Tokens of one answer of a tool, at four bytes each; the same.'),
  } satisfies Record<LimitName, z.ZodType>)
  .partial();

const policyLimits = z
  .strictObject({ person: limits, software: limits, roles: z.record(name, limits) })
  .partial()
  .describe('How much one caller may ask, by kind and by role, which counts more; the usual limits where nothing is said.');

/** One complaint, with the path it is shown at. */
type Complain = (path: (string | number)[], message: string) => void;

/** The schema of `policy.yaml`, with the rules that hold between its parts. */
export const policySchema = z
  // What is decided on is read through for every patient of a list: a policy is for people to read, and bounded like that.
  .strictObject({ roles: z.array(name).min(1).max(100), rules: z.array(rule).min(1).max(500), limits: policyLimits.optional() })
  .superRefine(({ roles, rules, limits: { roles: limited = {} } = {} }, context) => {
    const complain: Complain = (path, message) => context.addIssue({ code: 'custom', path, message });
    onceEach(roles, (i) => complain(['roles', i], 'expected every role once'));
    onceEach(
      rules.map(({ id }) => id),
      (i) => complain(['rules', i, 'id'], 'expected every id once'),
    );
    for (const own of OWN_ROLES)
      if (!roles.includes(own)) complain(['roles'], `expected the role ${own} among them: the hub gives it itself`);
    for (const [i, { roles: named, effect, mask, approve, audit }] of rules.entries()) {
      for (const [k, role] of named.entries())
        if (!roles.includes(role)) complain(['rules', i, 'roles', k], 'expected one of the roles above');
      if (effect === 'forbid' && (mask ?? approve ?? audit) !== undefined)
        complain(['rules', i], 'expected no mask, approve or audit: a forbid shows nothing');
    }
    for (const role of Object.keys(limited))
      if (!roles.includes(role)) complain(['limits', 'roles', role], 'expected one of the roles above');
    const isWriting = rules.some(
      ({ effect, roles: who, actions }) => effect === 'permit' && who.includes('gateway') && actions.includes('observations.write'),
    );
    if (!isWriting) complain(['rules'], 'expected a permit for gateways to observations.write: nothing could be stored');
  });

export type PolicyFile = z.output<typeof policySchema>;

function onceEach(names: readonly string[], again: (index: number) => void): void {
  for (const [i, one] of names.entries()) if (names.indexOf(one) !== i) again(i);
}
