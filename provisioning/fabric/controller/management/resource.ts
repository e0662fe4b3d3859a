import { unknown } from '../../operations/refused.ts';
import { namedBy } from '../../operations/rules.ts';
import { data, refusal } from '../answers.ts';
import type { ControllerParts, Endpoint, SessionCall } from '../call.ts';
import { listed } from '../list.ts';
import type { Symbols } from '../select.ts';
import { admin, idOf } from './endpoint.ts';

/** A kind of entity as the management API shows it. */
export interface Resource<R extends { id: string }> {
  /** How a 404 calls it. */
  what: string;
  all(parts: ControllerParts): readonly R[];
  /** How entities are shown, with what they have in common looked up once. */
  json(parts: ControllerParts, call: SessionCall): (entity: R) => unknown;
  symbols: Symbols<R>;
}

/** GET of a list; `among` chooses, as those that belong to the entity of the path. */
export function list<R extends { id: string }>(
  resource: Resource<R>,
  among = (_call: SessionCall, all: readonly R[]): readonly R[] => all,
): Endpoint {
  return admin((call) => {
    const given = among(call, resource.all(call.parts));
    const all = Object.hasOwn(resource.symbols, 'roleAttributes') ? filteredByRole(call, given) : given;
    return 'status' in all ? all : listed(all, call.query, resource.json(call.parts, call), resource.symbols);
  });
}

/** GET of one. */
export function detail<R extends { id: string }>(resource: Resource<R>): Endpoint {
  return admin((call) => data(resource.json(call.parts, call)(found(resource, call))));
}

/** The entity of the path's first open segment; throws 404. */
export function found<R extends { id: string }>({ what, all }: Resource<R>, call: SessionCall, id = idOf(call)): R {
  const entity = all(call.parts).find((other) => other.id === id);
  if (!entity) throw unknown(what, id);
  return entity;
}

const SEMANTICS = ['AllOf', 'AnyOf'] as const;

/** `roleFilter=#attribute|@id` with `roleSemantic`, where entities have role attributes. */
function filteredByRole<R extends { id: string }>({ query }: SessionCall, all: readonly R[]): readonly R[] | ReturnType<typeof refusal> {
  const roles = query.getAll('roleFilter').flatMap((given) => given.split(','));
  if (roles.length === 0) return all;
  const semantic = query.get('roleSemantic') ?? 'AllOf';
  const known = SEMANTICS.find((one) => one === semantic);
  if (!known)
    return refusal(606, 'COULD_NOT_VALIDATE', {
      field: 'roleSemantic',
      reason: `roleSemantic in query should be one of [${SEMANTICS.join(' ')}]`,
      value: semantic.slice(0, 100),
    });
  return namedBy(all.filter(isRoleBearer), roles, known);
}

function isRoleBearer<R extends { id: string }>(entity: R): entity is R & { name: string; attributes: readonly string[] } {
  return 'attributes' in entity && 'name' in entity;
}
