import { type CommandGroup, type CommandValues, EXIT, required } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { FabricAdmin, NewPolicy } from '../admin.ts';
import type { FabricPolicy } from '../contract.ts';
import type { RoleBearer } from '../policies.ts';
import { homeOf, withAdmin } from './reach.ts';
import { byName, columns, listOf } from './text.ts';

const home = { home: { type: 'string' } } as const;

/** `vitalmesh fabric policy …` */
export const policyCommands: CommandGroup = {
  summary: 'Policies: which identities may dial or bind which services. Without one, nobody may do anything.',
  commands: {
    create: {
      usage: "NAME --dial|--bind --identities '@gw1,#gateways' --services '@vitals-ingest' [--semantic AnyOf|AllOf] --home DIR [--json]",
      summary: 'Creates a policy. A role is @name, #attribute or #all; AnyOf (the default) needs one of the roles, AllOf every one.',
      options: {
        dial: { type: 'boolean' },
        bind: { type: 'boolean' },
        identities: { type: 'string' },
        services: { type: 'string' },
        semantic: { type: 'string' },
        ...home,
        json: { type: 'boolean' },
      },
      positionals: ['NAME'],
      run: async (values, io) => {
        const policy = policyOf(values);
        const { created, bearers } = await withAdmin(homeOf(values), async (admin) => {
          return { created: await admin.createPolicy(policy), bearers: await bearersOf(admin) };
        });
        const text = `${policy.type} policy ${policy.name} was created and counts from now on. Its id: ${created.id}\n`;
        io.stdout.write(values.json ? `${JSON.stringify(withNames(created, bearers))}\n` : text);
        io.stderr.write(hints(created, bearers));
        return EXIT.ok;
      },
    },
    list: {
      usage: '--home DIR [--json]',
      summary: 'Lists the policies.',
      options: { ...home, json: { type: 'boolean' } },
      run: async (values, io) => {
        const policies = await withAdmin(homeOf(values), async (admin) => {
          const bearers = await bearersOf(admin);
          return byName(await admin.listPolicies()).map((policy) => withNames(policy, bearers));
        });
        io.stdout.write(values.json ? `${JSON.stringify(policies)}\n` : table(policies));
        return EXIT.ok;
      },
    },
    delete: {
      usage: 'NAME --home DIR',
      summary: 'Deletes a policy; binds and circuits that it alone allowed end at once.',
      options: home,
      positionals: ['NAME'],
      run: async (values, io) => {
        const which = required(values, 'NAME');
        await withAdmin(homeOf(values), (admin) => admin.deletePolicy(which));
        io.stdout.write(`Policy ${which} is deleted.\n`);
        return EXIT.ok;
      },
    },
  },
};

function policyOf(values: CommandValues): NewPolicy {
  const { dial, bind, semantic = 'AnyOf' } = values;
  if ((dial === true) === (bind === true)) throw new VitalmeshError('USAGE', { detail: 'give --dial or --bind' });
  if (semantic !== 'AnyOf' && semantic !== 'AllOf') throw new VitalmeshError('USAGE', { detail: '--semantic is AnyOf or AllOf' });
  return {
    name: required(values, 'NAME'),
    type: dial === true ? 'Dial' : 'Bind',
    semantic,
    identityRoles: listOf(required(values, 'identities')),
    serviceRoles: listOf(required(values, 'services')),
  };
}

/** Whom roles may name. */
interface Bearers {
  identities: readonly (RoleBearer & { name: string })[];
  services: readonly (RoleBearer & { name: string })[];
}

async function bearersOf(admin: FabricAdmin): Promise<Bearers> {
  return { identities: await admin.listIdentities(), services: await admin.listServices() };
}

/** A policy with its roles as people write them beside those that hold ids: `@gw1` for `@2Xh…`. */
interface NamedPolicy extends FabricPolicy {
  identityRoleNames: readonly string[];
  serviceRoleNames: readonly string[];
}

function withNames(policy: FabricPolicy, { identities, services }: Bearers): NamedPolicy {
  const names = new Map([...identities, ...services].map(({ id, name }) => [`@${id}`, `@${name}`]));
  const named = (roles: readonly string[]): string[] => roles.map((role) => names.get(role) ?? role);
  return { ...policy, identityRoleNames: named(policy.identityRoles), serviceRoleNames: named(policy.serviceRoles) };
}

/** A line for each attribute that nobody bears: no error, for it may be given later, but often a slip of the pen. */
function hints({ identityRoles, serviceRoles }: FabricPolicy, { identities, services }: Bearers): string {
  const unborne = (roles: readonly string[], kind: string, bearers: readonly RoleBearer[]): string[] =>
    roles
      .filter((role) => role.startsWith('#') && role !== '#all')
      .filter((role) => !bearers.some(({ attributes }) => attributes.includes(role.slice(1))))
      .map((role) => `Hint: no ${kind} has ${role} yet.\n`);
  return [...unborne(identityRoles, 'identity', identities), ...unborne(serviceRoles, 'service', services)].join('');
}

function table(policies: readonly NamedPolicy[]): string {
  if (policies.length === 0)
    return "No policies yet: vitalmesh fabric policy create NAME --dial --identities '#gateways' --services '@vitals-ingest'\n";
  return columns(
    ['name', 'type', 'semantic', 'identities', 'services'],
    policies.map(({ name, type, semantic, identityRoleNames, serviceRoleNames }) => [
      name,
      type,
      semantic,
      identityRoleNames.join(','),
      serviceRoleNames.join(','),
    ]),
  );
}
