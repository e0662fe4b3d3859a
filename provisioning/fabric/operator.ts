import { z } from 'zod';
import { VitalmeshError } from '../../shared/errors.ts';
import { askOperator, callOperator } from '../../shared/operator/client.ts';
import type { OperatorCommand } from '../../shared/operator/server.ts';
import type { Enrolment, FabricAdmin, ListedIdentity } from './admin.ts';
import type { FabricPolicy, FabricService } from './contract.ts';

const which = z.strictObject({ which: z.string() });
const nothing = z.strictObject({});
const list = z.array(z.string());
const identity = z.strictObject({ name: z.string(), attributes: list.optional() });
const service = z.strictObject({ name: z.string(), encryptionRequired: z.boolean().optional(), attributes: list.optional() });
const policy = z.strictObject({
  name: z.string(),
  type: z.enum(['Dial', 'Bind']),
  semantic: z.enum(['AnyOf', 'AllOf']).optional(),
  identityRoles: list,
  serviceRoles: list,
});

/** The operator's commands of a running network: one for each part of FabricAdmin. */
export function adminCommands(admin: FabricAdmin): Readonly<Record<string, OperatorCommand>> {
  return {
    'identity-create': one(identity, (given) => admin.createIdentity(given)),
    'identity-list': many(nothing, () => admin.listIdentities()),
    'identity-disable': one(which, (given) => admin.disableIdentity(given.which)),
    'identity-enable': one(which, (given) => admin.enableIdentity(given.which)),
    'identity-delete': one(which, (given) => admin.deleteIdentity(given.which)),
    'identity-token': one(which, (given) => admin.reissueToken(given.which)),
    'service-create': one(service, (given) => admin.createService(given)),
    'service-list': many(nothing, () => admin.listServices()),
    'service-delete': one(which, (given) => admin.deleteService(given.which)),
    'policy-create': one(policy, (given) => admin.createPolicy(given)),
    'policy-list': many(nothing, () => admin.listPolicies()),
    'policy-delete': one(which, (given) => admin.deletePolicy(given.which)),
  };
}

/** The same network's operator part, in another process, over the operator's socket. Every call throws what `askOperator` throws. */
export function remoteAdmin(socketPath: string): FabricAdmin {
  const ask = (command: string, args: object): Promise<unknown> => askOperator(socketPath, command, { ...args });
  const rows = async <T>(command: string): Promise<T[]> => {
    const all: unknown[] = [];
    for await (const row of callOperator(socketPath, command)) all.push(row);
    return all as T[];
  };
  const forOne = (command: string) => async (which: string) => void (await ask(command, { which }));
  return {
    createIdentity: async (given) => (await ask('identity-create', given)) as Enrolment,
    listIdentities: () => rows<ListedIdentity>('identity-list'),
    disableIdentity: forOne('identity-disable'),
    enableIdentity: forOne('identity-enable'),
    deleteIdentity: forOne('identity-delete'),
    reissueToken: async (which) => (await ask('identity-token', { which })) as Enrolment,
    createService: async (given) => (await ask('service-create', given)) as FabricService,
    listServices: () => rows<FabricService>('service-list'),
    deleteService: forOne('service-delete'),
    createPolicy: async (given) => (await ask('policy-create', given)) as FabricPolicy,
    listPolicies: () => rows<FabricPolicy>('policy-list'),
    deletePolicy: forOne('policy-delete'),
  };
}

function one<T>(schema: z.ZodType<T>, run: (given: T) => Promise<unknown>): OperatorCommand {
  return async function* (args) {
    yield (await run(checked(schema, args))) ?? {};
  };
}

function many<T>(schema: z.ZodType<T>, run: (given: T) => Promise<unknown[]>): OperatorCommand {
  return async function* (args) {
    yield* await run(checked(schema, args));
  };
}

function checked<T>(schema: z.ZodType<T>, args: unknown): T {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  throw new VitalmeshError('USAGE', { detail: `argument ${parsed.error.issues[0]?.path.join('.') || '(all)'}` });
}
