import { rolesName } from '../policies.ts';
import type { Directory, Kind, Kinds } from '../state/directory.ts';
import type { Tags } from '../state/records.ts';
import { invalid, Refused } from './refused.ts';

/** Longest names, attributes and lists that are taken; the real one has no limits. */
export const RULES = { nameCharacters: 1024, attributeCharacters: 256, attributes: 256, roles: 1024, tagsBytes: 16_384 } as const;

/** Control and format characters would make lines of logs and terminals say something else. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

export function checkName(name: string): void {
  if (name === '') throw invalid('name', 'name is required', name);
  if (name.length > RULES.nameCharacters) throw invalid('name', `name may have ${RULES.nameCharacters} characters`, name);
  if (UNPRINTABLE.test(name)) throw invalid('name', 'name may hold no control characters', JSON.stringify(name));
}

/** Throws when another entity of the kind has the name. */
export function checkFree<K extends Kind>(directory: Directory, kind: K, name: string, { but, within }: Taken = {}): void {
  const taken = directory
    .named(kind, name)
    .some((other: Kinds[Kind]) => other.id !== but && (within === undefined || ('kind' in other && other.kind === within)));
  if (!taken) return;
  throw invalid(
    'name',
    kind === 'identity' ? `duplicate value '${name.slice(0, 128)}' in unique index on identities store` : 'name must be unique',
    name,
  );
}

interface Taken {
  /** The entity that may have it. */
  but?: string;
  /** Of router policies: which kind of them. */
  within?: 'identity' | 'service';
}

/** Role attributes, each once. `all` would be everybody in a role. */
export function attributesOf(attributes: readonly string[]): string[] {
  const unique = [...new Set(attributes)];
  for (const attribute of unique) {
    for (const sign of ['#', '@'])
      if (attribute.startsWith(sign)) throw invalid('roleAttributes', `role attributes may not be prefixed with ${sign}`, attribute);
    if (attribute === '' || attribute === 'all')
      throw invalid('roleAttributes', 'role attributes may be neither empty nor "all"', attribute);
    if (attribute.length > RULES.attributeCharacters || UNPRINTABLE.test(attribute))
      throw invalid('roleAttributes', 'a role attribute is too long or holds control characters', JSON.stringify(attribute));
  }
  if (unique.length > RULES.attributes) throw invalid('roleAttributes', `at most ${RULES.attributes} role attributes`, unique.length);
  return unique;
}

/** Entity kinds that roles name, with the word of the real one. */
const NAMED = { identity: 'identities', service: 'services', router: 'routers' } as const;

/** Roles as a policy keeps them: `#attribute`, `#all` alone, or `@id` of an entity that exists. */
export function rolesOf(
  directory: Directory,
  kind: keyof typeof NAMED | 'postureCheck',
  field: string,
  roles: readonly string[],
): string[] {
  if (roles.length > RULES.roles) throw invalid(field, `at most ${RULES.roles} roles`, roles.length);
  if (roles.some((role) => !role.startsWith('#') && !role.startsWith('@')))
    throw invalid(field, 'role entries must prefixed with # (to indicate role attributes) or @ (to indicate a name or id)', roles);
  if (roles.includes('#all') && roles.length > 1) throw invalid(field, 'if using #all, it should be the only role specified', roles);
  if (roles.some((role) => UNPRINTABLE.test(role))) throw invalid(field, 'roles may hold no control characters', JSON.stringify(roles));
  const ids = roles.filter((role) => role.startsWith('@')).map((role) => role.slice(1));
  const strange = ids.filter((id) => kind === 'postureCheck' || directory.get(kind, id) === undefined);
  if (strange.length > 0) {
    const named = kind === 'postureCheck' ? 'posture checks' : NAMED[kind];
    throw invalid(field, `no ${named} found with the given ids`, strange);
  }
  return [...new Set(roles)];
}

export function tagsOf(tags: Tags, field = 'tags'): Tags {
  if (Buffer.byteLength(JSON.stringify(tags)) > RULES.tagsBytes) throw invalid(field, `at most ${RULES.tagsBytes} bytes`, '');
  return tags;
}

/** Entities that one of some roles, or every one, names: the `roleFilter` of a list. */
export function namedBy<T extends { id: string; name: string; attributes: readonly string[] }>(
  all: readonly T[],
  roles: readonly string[],
  semantic: 'AnyOf' | 'AllOf',
): T[] {
  const strange = roles.find((role) => !role.startsWith('#') && !role.startsWith('@'));
  if (strange !== undefined)
    throw new Refused(500, 'UNHANDLED', {
      code: 'UNHANDLED',
      message: `'${strange.slice(0, 128)}' is neither role attribute (prefixed with #) or an entity id or name (prefixed with @)`,
    });
  const byId = roles.map((role) => {
    const named = role.startsWith('@') ? all.find(({ name }) => name === role.slice(1)) : undefined;
    return named ? `@${named.id}` : role;
  });
  return all.filter((entity) => rolesName(byId, semantic, entity));
}
