import { type CommandGroup, type CommandValues, EXIT, required } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { NewPolicy } from '../admin.ts';
import type { FabricPolicy } from '../contract.ts';
import { homeOf, withAdmin } from './reach.ts';
import { columns, listOf } from './text.ts';

const home = { home: { type: 'string' } } as const;

/** `vitalmesh fabric policy …` */
export const policyCommands: CommandGroup = {
  summary: 'Policies: which identities may dial or bind which services. Without one, nobody may do anything.',
  commands: {
    create: {
      usage: "NAME --dial|--bind --identities '@gw1,#gateways' --services '@vitals-ingest' [--semantic AnyOf|AllOf] --home DIR",
      summary: 'Creates a policy. A role is @name, #attribute or #all; AnyOf (the default) needs one of the roles, AllOf every one.',
      options: {
        dial: { type: 'boolean' },
        bind: { type: 'boolean' },
        identities: { type: 'string' },
        services: { type: 'string' },
        semantic: { type: 'string' },
        ...home,
      },
      positionals: ['NAME'],
      run: async (values, io) => {
        const policy = policyOf(values);
        const { id } = await withAdmin(homeOf(values), (admin) => admin.createPolicy(policy));
        io.stdout.write(`${policy.type} policy ${policy.name} was created and counts from now on. Its id: ${id}\n`);
        return EXIT.ok;
      },
    },
    list: {
      usage: '--home DIR [--json]',
      summary: 'Lists the policies.',
      options: { ...home, json: { type: 'boolean' } },
      run: async (values, io) => {
        const { policies, names } = await withAdmin(homeOf(values), async (admin) => {
          const named = [...(await admin.listIdentities()), ...(await admin.listServices())];
          return { policies: await admin.listPolicies(), names: new Map(named.map(({ id, name }) => [`@${id}`, `@${name}`])) };
        });
        io.stdout.write(values.json ? `${JSON.stringify(policies)}\n` : table(policies, names));
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

/** @param names What stands for a role with an id. */
function table(policies: readonly FabricPolicy[], names: ReadonlyMap<string, string>): string {
  if (policies.length === 0)
    return "No policies yet: vitalmesh fabric policy create NAME --dial --identities '#gateways' --services '@vitals-ingest'\n";
  const shown = (roles: readonly string[]): string => roles.map((role) => names.get(role) ?? role).join(',');
  return columns(
    ['name', 'type', 'semantic', 'identities', 'services'],
    policies.map(({ name, type, semantic, identityRoles, serviceRoles }) => [
      name,
      type,
      semantic,
      shown(identityRoles),
      shown(serviceRoles),
    ]),
  );
}
