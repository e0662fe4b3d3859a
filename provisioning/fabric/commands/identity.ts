import { type Instant, systemClock } from '../../../shared/clock.ts';
import { type Command, type CommandGroup, type CommandIo, type CommandValues, EXIT, required } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Enrolment, FabricAdmin, ListedIdentity } from '../admin.ts';
import { homeOf, withAdmin } from './reach.ts';
import { byName, columns, listOf } from './text.ts';
import { writeTokenFile } from './token-file.ts';

const home = { home: { type: 'string' } } as const;
const json = { json: { type: 'boolean' } } as const;
const output = { output: { type: 'string', short: 'o' } } as const;

/** `vitalmesh fabric identity …` */
export const identityCommands: CommandGroup = {
  summary: 'Identities: who may be in the network.',
  commands: {
    create: {
      usage: 'NAME -o NAME.jwt [--attributes a,b] --home DIR [--json]',
      summary: 'Creates an identity and writes its one-time enrolment token, which vitalmesh enroll turns into an identity file.',
      options: { ...output, attributes: { type: 'string' }, ...home, ...json },
      positionals: ['NAME'],
      run: (values, io) => {
        const name = required(values, 'NAME');
        return token(values, io, `Identity ${name} was created`, (admin) =>
          admin.createIdentity({ name, attributes: listOf(values.attributes) }),
        );
      },
    },
    token: {
      usage: 'NAME -o NAME.jwt --home DIR [--json]',
      summary: 'Writes a new one-time token: when the first one expired or was lost, or to replace the certificate by a new enrolment.',
      options: { ...output, ...home, ...json },
      positionals: ['NAME'],
      run: (values, io) => {
        const name = required(values, 'NAME');
        return token(values, io, `Identity ${name} has a new token; an earlier one is no longer good`, (admin) => admin.reissueToken(name));
      },
    },
    list: {
      usage: '--home DIR [--json]',
      summary: 'Lists the identities, and until when those that are not enrolled may use their token.',
      options: { ...home, ...json },
      run: async (values, io) => {
        const identities = byName(await withAdmin(homeOf(values), (admin) => admin.listIdentities()));
        io.stdout.write(values.json ? `${JSON.stringify(identities)}\n` : table(identities, systemClock.now()));
        return EXIT.ok;
      },
    },
    disable: change(
      'Locks an identity out: its sessions, channels and circuits end at once. enable takes it back.',
      { text: 'is locked out', state: 'disabled' },
      (admin, which) => admin.disableIdentity(which),
    ),
    enable: change('Lets a disabled identity in again.', { text: 'may sign in again', state: 'enabled' }, (admin, which) =>
      admin.enableIdentity(which),
    ),
    delete: change(
      'Deletes an identity for good; its certificate is worth nothing any more.',
      { text: 'is deleted', state: 'deleted' },
      (admin, which) => admin.deleteIdentity(which),
    ),
  },
};

interface Done {
  text: string;
  /** What `--json` says the identity is now. */
  state: 'disabled' | 'enabled' | 'deleted';
}

function change(summary: string, { text, state }: Done, act: (admin: FabricAdmin, which: string) => Promise<void>): Command {
  return {
    usage: 'NAME --home DIR [--json]',
    summary,
    options: { ...home, ...json },
    positionals: ['NAME'],
    run: async (values, io) => {
      const which = required(values, 'NAME');
      const changed = await withAdmin(homeOf(values), async (admin) => {
        const { id, name } = await found(admin, which);
        // By its id: one of that name may come and go meanwhile.
        await act(admin, id);
        return { id, name, state };
      });
      io.stdout.write(values.json ? `${JSON.stringify(changed)}\n` : `Identity ${changed.name} ${text}.\n`);
      return EXIT.ok;
    },
  };
}

/** By id or name, as the network itself looks for it. Throws FABRIC-UNKNOWN. */
async function found(admin: FabricAdmin, which: string): Promise<ListedIdentity> {
  const all = await admin.listIdentities();
  const identity = all.find(({ id }) => id === which) ?? all.find(({ name }) => name === which);
  if (!identity) throw new VitalmeshError('FABRIC-UNKNOWN', { detail: `identity ${which.slice(0, 128)}` });
  return identity;
}

async function token(
  values: CommandValues,
  io: CommandIo,
  done: string,
  make: (admin: FabricAdmin) => Promise<Enrolment>,
): Promise<number> {
  const path = required(values, 'output', '-o');
  const { id } = await withAdmin(homeOf(values), (admin) => writeTokenFile(path, () => make(admin)));
  const text = [
    `${done}. Its id: ${id}`,
    `The one-time token, good for three hours: ${path}`,
    `Next: vitalmesh enroll ${path} -o ${path.replace(/\.jwt$/, '')}.json`,
    '',
  ].join('\n');
  io.stdout.write(values.json ? `${JSON.stringify({ id, file: path })}\n` : text);
  return EXIT.ok;
}

function table(identities: readonly ListedIdentity[], now: Instant): string {
  if (identities.length === 0) return 'No identities yet: vitalmesh fabric identity create NAME -o NAME.jwt\n';
  const token = (expiresAt: Instant | undefined): string => {
    if (expiresAt === undefined) return '';
    return expiresAt > now ? `, token good until ${new Date(expiresAt).toISOString()}` : ', token expired';
  };
  const state = ({ disabled, enrolledAt, tokenExpiresAt }: ListedIdentity): string => {
    if (disabled) return 'disabled';
    return `${enrolledAt === undefined ? 'not enrolled' : `enrolled ${new Date(enrolledAt).toISOString()}`}${token(tokenExpiresAt)}`;
  };
  return columns(
    ['name', 'id', 'attributes', 'state'],
    identities.map((identity) => [identity.name, identity.id, identity.attributes.join(','), state(identity)]),
  );
}
