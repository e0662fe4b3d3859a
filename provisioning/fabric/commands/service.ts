import { type CommandGroup, EXIT, required } from '../../../shared/command-line.ts';
import type { FabricService } from '../contract.ts';
import { homeOf, withAdmin } from './reach.ts';
import { byName, columns, listOf } from './text.ts';

const home = { home: { type: 'string' } } as const;

/** `vitalmesh fabric service …` */
export const serviceCommands: CommandGroup = {
  summary: 'Services: what is dialled and hosted.',
  commands: {
    create: {
      usage: 'NAME [--plain] [--attributes a,b] --home DIR [--json]',
      summary: 'Creates a service, encrypted end to end; --plain leaves that out, for comparisons.',
      options: { plain: { type: 'boolean' }, attributes: { type: 'string' }, ...home, json: { type: 'boolean' } },
      positionals: ['NAME'],
      run: async (values, io) => {
        const name = required(values, 'NAME');
        const encryptionRequired = values.plain !== true;
        const service = await withAdmin(homeOf(values), (admin) =>
          admin.createService({ name, encryptionRequired, attributes: listOf(values.attributes) }),
        );
        const encrypted = `${encryptionRequired ? '' : 'not '}encrypted end to end`;
        io.stdout.write(
          values.json ? `${JSON.stringify(service)}\n` : `Service ${name} was created, ${encrypted}. Its id: ${service.id}\n`,
        );
        return EXIT.ok;
      },
    },
    list: {
      usage: '--home DIR [--json]',
      summary: 'Lists the services.',
      options: { ...home, json: { type: 'boolean' } },
      run: async (values, io) => {
        const services = byName(await withAdmin(homeOf(values), (admin) => admin.listServices()));
        io.stdout.write(values.json ? `${JSON.stringify(services)}\n` : table(services));
        return EXIT.ok;
      },
    },
    delete: {
      usage: 'NAME --home DIR',
      summary: 'Deletes a service; its binds and circuits end at once.',
      options: home,
      positionals: ['NAME'],
      run: async (values, io) => {
        const which = required(values, 'NAME');
        await withAdmin(homeOf(values), (admin) => admin.deleteService(which));
        io.stdout.write(`Service ${which} is deleted.\n`);
        return EXIT.ok;
      },
    },
  },
};

function table(services: readonly FabricService[]): string {
  if (services.length === 0) return 'No services yet: vitalmesh fabric service create NAME\n';
  return columns(
    ['name', 'id', 'attributes', 'encryption'],
    services.map(({ name, id, attributes, encryptionRequired }) => [
      name,
      id,
      attributes.join(','),
      encryptionRequired ? 'end to end' : 'none',
    ]),
  );
}
