import { randomUUID } from 'node:crypto';
import { newIdentityId } from '../ca.ts';
import { ENROLMENT_MS } from '../state/enrolments.ts';
import type { RouterRecord, Tags } from '../state/records.ts';
import type { Network } from './network.ts';
import { invalid, Refused, unknown } from './refused.ts';
import { attributesOf, checkFree, checkName, tagsOf } from './rules.ts';

/** What of an edge router is chosen. */
export interface RouterFields {
  name: string;
  attributes: readonly string[];
  cost: number;
  noTraversal: boolean;
  disabled: boolean;
  isTunnelerEnabled: boolean;
  tags: Tags;
  appData: Tags;
}

export const ROUTER_DEFAULTS = {
  attributes: [],
  cost: 0,
  noTraversal: false,
  disabled: false,
  isTunnelerEnabled: false,
  tags: {},
  appData: {},
} as const;

const MAX_COST = 65_535;

/** A router that could enrol, if the embedded network took others than its own. A tunneller gets an identity and a policy of its own. */
export function createRouter(
  { state: { directory }, clock }: Network,
  { name, ...fields }: Pick<RouterFields, 'name'> & Partial<RouterFields>,
): string {
  checkName(name);
  checkFree(directory, 'router', name);
  const checked = checkedRouter({ ...ROUTER_DEFAULTS, ...fields });
  const id = newIdentityId();
  directory.together(() => {
    const fresh = { name, slot: undefined, token: randomUUID(), tokenExpiresAt: clock.now() + ENROLMENT_MS, ...checked };
    const router = directory.create('router', fresh, id);
    if (router.isTunnelerEnabled) addTunneler(directory, router);
  });
  return id;
}

/** Changes what is given. */
export function changeRouter({ state: { directory } }: Network, id: string, { name, ...fields }: Partial<RouterFields>): void {
  const before = routerOf(directory, id);
  if (name !== undefined) {
    checkName(name);
    checkFree(directory, 'router', name, { but: id });
  }
  const changes = { ...checkedRouter(fields), ...(name !== undefined && { name }) };
  directory.together(() => {
    directory.update('router', id, changes);
    const after = { ...before, ...changes };
    if (before.isTunnelerEnabled && (!after.isTunnelerEnabled || after.name !== before.name)) removeTunneler(directory, id);
    if (after.isTunnelerEnabled && (!before.isTunnelerEnabled || after.name !== before.name)) addTunneler(directory, after);
  });
}

/** A new token for a router that waits for its enrolment. */
export function reEnrolRouter({ state: { directory }, clock }: Network, id: string): void {
  const { slot } = routerOf(directory, id);
  if (slot !== undefined) throw runsHere('ENTITY_CAN_NOT_BE_UPDATED');
  directory.update('router', id, { token: randomUUID(), tokenExpiresAt: clock.now() + ENROLMENT_MS });
}

export function deleteRouter({ state: { directory } }: Network, id: string): void {
  const { slot, isTunnelerEnabled } = routerOf(directory, id);
  if (slot !== undefined) throw runsHere('ENTITY_CAN_NOT_BE_DELETED');
  directory.together(() => {
    if (isTunnelerEnabled) removeTunneler(directory, id);
    directory.delete('router', id);
  });
}

type Directory = Network['state']['directory'];

function routerOf(directory: Directory, id: string): RouterRecord {
  const router = directory.get('router', id);
  if (!router) throw unknown('router', id);
  return router;
}

function runsHere(code: 'ENTITY_CAN_NOT_BE_UPDATED' | 'ENTITY_CAN_NOT_BE_DELETED'): Refused {
  return new Refused(400, code, { code: 'UNHANDLED', message: 'this router runs with the controller, and is there as long as it is' });
}

/** Both have the id of the router. */
function addTunneler(directory: Directory, { id, name }: Pick<RouterRecord, 'id' | 'name'>): void {
  checkFree(directory, 'identity', name, { but: id });
  directory.createIdentity({ name, attributes: [], typeId: 'Router' }, id);
  const own = { kind: 'identity', semantic: 'AnyOf', isSystem: true, tags: {} } as const;
  directory.create('routerPolicy', { ...own, name: `edge-router-${id}-system`, routerRoles: [`@${id}`], roles: [`@${id}`] }, id);
}

function removeTunneler(directory: Directory, id: string): void {
  directory.delete('routerPolicy', id);
  directory.delete('identity', id);
}

function checkedRouter<F extends Partial<Omit<RouterFields, 'name'>>>(fields: F): F {
  const { attributes, cost, tags, appData } = fields;
  if (cost !== undefined && cost > MAX_COST) throw invalid('cost', `cost in body should be less than or equal to ${MAX_COST}`, cost);
  if (cost !== undefined && cost < 0) throw invalid('cost', 'cost in body should be greater than or equal to 0', cost);
  return {
    ...fields,
    ...(attributes && { attributes: attributesOf(attributes) }),
    ...(tags && { tags: tagsOf(tags) }),
    ...(appData && { appData: tagsOf(appData, 'appData') }),
  };
}
