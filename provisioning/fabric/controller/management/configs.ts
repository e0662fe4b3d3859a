import {
  changeConfig,
  changeConfigType,
  createConfig,
  createConfigType,
  deleteConfig,
  deleteConfigType,
} from '../../operations/configs.ts';
import type { Endpoint } from '../call.ts';
import { object, readBody, readChanges, text } from './body.ts';
import { change, changeWithBody, created, done, idOf } from './endpoint.ts';
import { networkOf } from './network.ts';

const TYPE = { name: { ...text, required: true }, schema: object, tags: object } as const;
const CONFIG = { name: { ...text, required: true }, data: { ...object, required: true }, tags: object } as const;
const NEW_CONFIG = { ...CONFIG, configTypeId: { ...text, required: true } } as const;

export const configTypes: Record<'create' | 'replace' | 'patch' | 'remove', Endpoint> = {
  create: changeWithBody('configType', (call) => {
    const body = readBody(call.body, { what: 'configType', struct: 'ConfigTypeCreate', fields: TYPE });
    return created('config-types', createConfigType(networkOf(call.parts), body));
  }),
  replace: changeWithBody('configType', (call) => {
    const body = readBody(call.body, { what: 'configType', struct: 'ConfigTypeUpdate', fields: TYPE });
    changeConfigType(networkOf(call.parts), idOf(call), { ...body, tags: body.tags ?? {} });
    return done();
  }),
  patch: changeWithBody('configType', (call) => {
    changeConfigType(
      networkOf(call.parts),
      idOf(call),
      readChanges(call.body, { what: 'configType', struct: 'ConfigTypePatch', fields: TYPE }),
    );
    return done();
  }),
  remove: change((call) => {
    deleteConfigType(networkOf(call.parts), idOf(call));
    return done();
  }),
};

export const configs: typeof configTypes = {
  create: changeWithBody('config', (call) => {
    const body = readBody(call.body, { what: 'config', struct: 'ConfigCreate', fields: NEW_CONFIG });
    return created('configs', createConfig(networkOf(call.parts), body));
  }),
  replace: changeWithBody('config', (call) => {
    const body = readBody(call.body, { what: 'config', struct: 'ConfigUpdate', fields: CONFIG });
    changeConfig(networkOf(call.parts), idOf(call), { ...body, tags: body.tags ?? {} });
    return done();
  }),
  patch: changeWithBody('config', (call) => {
    changeConfig(networkOf(call.parts), idOf(call), readChanges(call.body, { what: 'config', struct: 'ConfigPatch', fields: CONFIG }));
    return done();
  }),
  remove: change((call) => {
    deleteConfig(networkOf(call.parts), idOf(call));
    return done();
  }),
};
