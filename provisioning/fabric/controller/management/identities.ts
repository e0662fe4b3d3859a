import { offerToken } from '../../operations/enrolments.ts';
import {
  changeIdentity,
  createIdentity,
  deleteIdentity,
  disableIdentity,
  enableIdentity,
  type IdentityFields,
} from '../../operations/identities.ts';
import { invalid } from '../../operations/refused.ts';
import type { Endpoint } from '../call.ts';
import { attributes, type Body, flag, given, integer, object, readBody, readChanges, type Shape, text } from './body.ts';
import { change, changeWithBody, created, done, idOf } from './endpoint.ts';
import { networkOf } from './network.ts';

const TYPES = ['User', 'Device', 'Service', 'Router', 'Default'];

const FIELDS = {
  name: { ...text, required: true },
  // Whatever is given here is kept as Default, as by the real one (openziti-network.md §1.8).
  type: { ...text, oneOf: TYPES, required: true },
  isAdmin: { ...flag, required: true },
  roleAttributes: attributes,
  tags: object,
  appData: object,
  externalId: text,
  authPolicyId: text,
  defaultHostingCost: integer,
  defaultHostingPrecedence: text,
  serviceHostingCosts: object,
  serviceHostingPrecedences: object,
} as const;

const CREATE = { what: 'identity', struct: 'IdentityCreate', fields: { ...FIELDS, enrollment: object } } as const;
const UPDATE: Shape<typeof FIELDS> = { what: 'identity', struct: 'IdentityUpdate', fields: FIELDS };
const PATCH = { what: 'identity', struct: 'IdentityPatch', fields: { ...FIELDS, disabled: flag } } as const;
const DISABLE = { what: 'disable', struct: 'DisableParams', fields: { durationMinutes: { ...integer, required: true } } } as const;
const ENROLLMENT = { ott: flag, ottca: text, updb: text } as const;

export const create: Endpoint = changeWithBody('identity', (call) => {
  const body = readBody(call.body, CREATE);
  const enrolment = body.enrollment && readBody(Buffer.from(JSON.stringify(body.enrollment)), { ...CREATE, fields: ENROLLMENT });
  if (enrolment?.ottca !== undefined || enrolment?.updb !== undefined)
    throw invalid('enrollment', 'this network enrols by one-time token (ott) alone', body.enrollment);
  const network = networkOf(call.parts);
  const id = createIdentity(network, fieldsOf(body));
  if (enrolment?.ott === true) offerToken(network, id);
  return created('identities', id);
});

/** PUT resets what it does not give. */
export const replace: Endpoint = changeWithBody('identity', (call) => {
  const body = readBody(call.body, UPDATE);
  const reset = { attributes: [], tags: {}, appData: {}, externalId: '' };
  changeIdentity(networkOf(call.parts), idOf(call), { ...reset, ...fieldsOf(body) });
  return done();
});

/** PATCH replaces lists and maps whole. What the real one drops without a word is refused here (openziti-network.md §1.8). */
export const patch: Endpoint = changeWithBody('identity', (call) => {
  const { disabled, ...body } = readChanges(call.body, PATCH);
  if (disabled !== undefined)
    throw invalid('disabled', 'an identity is disabled and enabled by POST to its /disable and /enable', disabled);
  changeIdentity(networkOf(call.parts), idOf(call), fieldsOf(body));
  return done();
});

export const remove: Endpoint = change((call) => {
  deleteIdentity(networkOf(call.parts), idOf(call));
  return done();
});

export const disable: Endpoint = changeWithBody('disable', (call) => {
  const { durationMinutes } = readBody(call.body, DISABLE);
  disableIdentity(networkOf(call.parts), idOf(call), durationMinutes);
  return { status: 200, body: undefined };
});

export const enable: Endpoint = change((call) => {
  enableIdentity(networkOf(call.parts), idOf(call));
  return done();
});

type Given<B> = Pick<B, Extract<keyof B, 'name'>> & Partial<IdentityFields>;

function fieldsOf<B extends Partial<Body<typeof FIELDS>>>(body: B): Given<B> {
  refuseIdle(body);
  const { name, isAdmin, roleAttributes, tags, appData, externalId } = body;
  return given({ name, isAdmin, attributes: roleAttributes, tags, appData, externalId }) as Given<B>;
}

/** What would have no effect in this network is not taken as if it had. */
function refuseIdle(body: Partial<Body<typeof FIELDS>>): void {
  const { authPolicyId = 'default', defaultHostingCost = 0, defaultHostingPrecedence = 'default' } = body;
  if (authPolicyId !== 'default') throw invalid('authPolicyId', 'this network has the auth policy "default" alone', authPolicyId);
  if (defaultHostingCost !== 0) throw invalid('defaultHostingCost', 'has no effect in this network', defaultHostingCost);
  if (defaultHostingPrecedence !== 'default')
    throw invalid('defaultHostingPrecedence', 'has no effect in this network', defaultHostingPrecedence);
  for (const field of ['serviceHostingCosts', 'serviceHostingPrecedences'] as const)
    if (Object.keys(body[field] ?? {}).length > 0) throw invalid(field, 'has no effect in this network', body[field]);
}
