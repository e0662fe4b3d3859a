import type { FabricPolicy } from '../../contract.ts';
import {
  changePolicy,
  changeRouterPolicy,
  createPolicy,
  createRouterPolicy,
  deletePolicy,
  deleteRouterPolicy,
  POLICY_DEFAULTS,
  type PolicyFields,
  ROUTER_POLICY_DEFAULTS,
  type RouterPolicyFields,
} from '../../operations/policies.ts';
import { invalid } from '../../operations/refused.ts';
import type { RouterPolicy } from '../../state/records.ts';
import type { Endpoint } from '../call.ts';
import { type Body, given, object, readBody, readChanges, roles, text } from './body.ts';
import { change, changeWithBody, created, done, idOf } from './endpoint.ts';
import { networkOf } from './network.ts';

type Semantic = FabricPolicy['semantic'];

const SHARED = {
  name: { ...text, required: true },
  semantic: { ...text, oneOf: ['AllOf', 'AnyOf'], required: true },
  tags: object,
} as const;

const SERVICE_POLICY = {
  ...SHARED,
  type: { ...text, oneOf: ['Dial', 'Bind', 'Invalid'], required: true },
  identityRoles: roles,
  serviceRoles: roles,
  postureCheckRoles: roles,
} as const;

export const servicePolicies: Record<'create' | 'replace' | 'patch' | 'remove', Endpoint> = {
  create: changeWithBody('policy', (call) => {
    const body = readBody(call.body, { what: 'policy', struct: 'ServicePolicyCreate', fields: SERVICE_POLICY });
    return created('service-policies', createPolicy(networkOf(call.parts), policyFields(body) as PolicyFields).id);
  }),
  replace: changeWithBody('policy', (call) => {
    const body = readBody(call.body, { what: 'policy', struct: 'ServicePolicyUpdate', fields: SERVICE_POLICY });
    changePolicy(networkOf(call.parts), idOf(call), { ...POLICY_DEFAULTS, ...policyFields(body) });
    return done();
  }),
  patch: changeWithBody('policy', (call) => {
    const body = readChanges(call.body, { what: 'policy', struct: 'ServicePolicyPatch', fields: SERVICE_POLICY });
    changePolicy(networkOf(call.parts), idOf(call), policyFields(body));
    return done();
  }),
  remove: change((call) => {
    deletePolicy(networkOf(call.parts), idOf(call));
    return done();
  }),
};

function policyFields({ type, semantic, ...body }: Partial<Body<typeof SERVICE_POLICY>>): Partial<PolicyFields> {
  // The real one knows the word, and a policy of that type allows nothing.
  if (type === 'Invalid') throw invalid('type', 'a policy is of type Dial or Bind', type);
  const { name, identityRoles, serviceRoles, postureCheckRoles, tags } = body;
  const checked = { type: type as FabricPolicy['type'] | undefined, semantic: semantic as Semantic | undefined };
  return given({ name, identityRoles, serviceRoles, postureCheckRoles, tags, ...checked });
}

const ROUTER_POLICIES = {
  identity: { path: 'edge-router-policies', struct: 'EdgeRouterPolicy', field: 'identityRoles' },
  service: { path: 'service-edge-router-policies', struct: 'ServiceEdgeRouterPolicy', field: 'serviceRoles' },
} as const;

const ROUTER_POLICY = { ...SHARED, edgeRouterRoles: roles, identityRoles: roles, serviceRoles: roles } as const;

export const edgeRouterPolicies = routerPolicies('identity');
export const serviceEdgeRouterPolicies = routerPolicies('service');

function routerPolicies(kind: RouterPolicy['kind']): typeof servicePolicies {
  const { path, struct, field } = ROUTER_POLICIES[kind];
  const fieldsOf = ({ name, semantic, edgeRouterRoles, tags, ...body }: Partial<Body<typeof ROUTER_POLICY>>): Partial<RouterPolicyFields> =>
    given({ name, semantic: semantic as Semantic | undefined, routerRoles: edgeRouterRoles, roles: body[field], tags });
  return {
    create: changeWithBody('policy', (call) => {
      const body = readBody(call.body, { what: 'policy', struct: `${struct}Create`, fields: ROUTER_POLICY });
      return created(path, createRouterPolicy(networkOf(call.parts), kind, fieldsOf(body) as RouterPolicyFields));
    }),
    replace: changeWithBody('policy', (call) => {
      const body = readBody(call.body, { what: 'policy', struct: `${struct}Update`, fields: ROUTER_POLICY });
      changeRouterPolicy(networkOf(call.parts), kind, idOf(call), { ...ROUTER_POLICY_DEFAULTS, ...fieldsOf(body) });
      return done();
    }),
    patch: changeWithBody('policy', (call) => {
      const body = readChanges(call.body, { what: 'policy', struct: `${struct}Patch`, fields: ROUTER_POLICY });
      changeRouterPolicy(networkOf(call.parts), kind, idOf(call), fieldsOf(body));
      return done();
    }),
    remove: change((call) => {
      deleteRouterPolicy(networkOf(call.parts), kind, idOf(call));
      return done();
    }),
  };
}
