import { invalid } from '../../operations/refused.ts';
import { changeService, createService, deleteService, SERVICE_DEFAULTS, type ServiceFields } from '../../operations/services.ts';
import { data } from '../answers.ts';
import type { Endpoint } from '../call.ts';
import { permissionsOf } from '../discovery.ts';
import { attributes, type Body, flag, given, integer, object, readBody, readChanges, type Shape, text } from './body.ts';
import { admin, change, changeWithBody, created, done, idOf } from './endpoint.ts';
import { managedServiceJson } from './json.ts';
import { SERVICES } from './kinds.ts';
import { networkOf } from './network.ts';
import { found } from './resource.ts';

const FIELDS = {
  name: { ...text, required: true },
  encryptionRequired: { ...flag, required: true },
  roleAttributes: attributes,
  terminatorStrategy: text,
  configs: { type: 'list', go: 'string' },
  maxIdleTimeMillis: integer,
  tags: object,
} as const;

const CREATE: Shape<typeof FIELDS> = { what: 'service', struct: 'ServiceCreate', fields: FIELDS };
/** encryptionRequired too: the real one takes one without for one that turns encryption off (openziti-network.md §1.10). */
const UPDATE: Shape<typeof FIELDS> = { what: 'service', struct: 'ServiceUpdate', fields: FIELDS };
const PATCH: Shape<typeof FIELDS> = { what: 'service', struct: 'ServicePatch', fields: FIELDS };

/** Alone, a service shows no configs. */
export const get: Endpoint = admin((call) => {
  const service = found(SERVICES, call);
  return data({ ...managedServiceJson(service, permissionsOf(call, service)), config: null });
});

export const create: Endpoint = changeWithBody('service', (call) => {
  const body = readBody(call.body, CREATE);
  return created(
    'services',
    createService(networkOf(call.parts), { ...fieldsOf(body), name: body.name, encryptionRequired: body.encryptionRequired }).id,
  );
});

/** PUT resets what it does not give. */
export const replace: Endpoint = changeWithBody('service', (call) => {
  changeService(networkOf(call.parts), idOf(call), { ...SERVICE_DEFAULTS, ...fieldsOf(readBody(call.body, UPDATE)) });
  return done();
});

/** PATCH does not switch encryption; the real one says so only when nothing else is given, and drops it otherwise. */
export const patch: Endpoint = changeWithBody('service', (call) => {
  const { encryptionRequired, ...changes } = readChanges(call.body, PATCH, ['encryptionRequired']);
  const service = found(SERVICES, call);
  if (encryptionRequired !== undefined && encryptionRequired !== service.encryptionRequired)
    throw invalid('encryptionRequired', 'a PATCH does not switch encryption; give the whole service in a PUT', encryptionRequired);
  changeService(networkOf(call.parts), service.id, fieldsOf(changes));
  return done();
});

export const remove: Endpoint = change((call) => {
  deleteService(networkOf(call.parts), idOf(call));
  return done();
});

function fieldsOf(body: Partial<Body<typeof FIELDS>>): Partial<ServiceFields> {
  const { name, encryptionRequired, roleAttributes, terminatorStrategy, configs, maxIdleTimeMillis, tags } = body;
  const strategy = terminatorStrategy === '' ? undefined : terminatorStrategy;
  return given({
    ...{ name, encryptionRequired, configs, tags },
    attributes: roleAttributes,
    terminatorStrategy: strategy,
    maxIdleTimeMs: maxIdleTimeMillis,
  });
}
