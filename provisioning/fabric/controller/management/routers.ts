import { changeRouter, createRouter, deleteRouter, ROUTER_DEFAULTS, type RouterFields, reEnrolRouter } from '../../operations/routers.ts';
import type { Endpoint } from '../call.ts';
import { attributes, type Body, flag, given, integer, object, readBody, readChanges, type Shape, text } from './body.ts';
import { change, changeWithBody, created, done, idOf } from './endpoint.ts';
import { networkOf } from './network.ts';

const FIELDS = {
  name: { ...text, required: true },
  roleAttributes: attributes,
  cost: integer,
  noTraversal: flag,
  disabled: flag,
  isTunnelerEnabled: flag,
  tags: object,
  appData: object,
} as const;

function shape(struct: string): Shape<typeof FIELDS> {
  return { what: 'edgeRouter', struct, fields: FIELDS };
}

export const create: Endpoint = changeWithBody('edgeRouter', (call) => {
  const body = readBody(call.body, shape('EdgeRouterCreate'));
  return created('edge-routers', createRouter(networkOf(call.parts), { ...fieldsOf(body), name: body.name }));
});

/** PUT resets what it does not give. */
export const replace: Endpoint = changeWithBody('edgeRouter', (call) => {
  changeRouter(networkOf(call.parts), idOf(call), { ...ROUTER_DEFAULTS, ...fieldsOf(readBody(call.body, shape('EdgeRouterUpdate'))) });
  return done();
});

export const patch: Endpoint = changeWithBody('edgeRouter', (call) => {
  changeRouter(networkOf(call.parts), idOf(call), fieldsOf(readChanges(call.body, shape('EdgeRouterPatch'))));
  return done();
});

export const reEnroll: Endpoint = change((call) => {
  reEnrolRouter(networkOf(call.parts), idOf(call));
  return done();
});

export const remove: Endpoint = change((call) => {
  deleteRouter(networkOf(call.parts), idOf(call));
  return done();
});

function fieldsOf({ roleAttributes, ...body }: Partial<Body<typeof FIELDS>>): Partial<RouterFields> {
  return given({ ...body, attributes: roleAttributes });
}
