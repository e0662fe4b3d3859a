import type { Tags } from '../state/records.ts';
import { checkData, checkSchema } from './json-schema.ts';
import type { Network } from './network.ts';
import { invalid, unhandledRefusal, unknown } from './refused.ts';
import { checkFree, checkName, tagsOf } from './rules.ts';

/** Longest schema and data, in bytes of JSON. */
const MAX_BYTES = 32_768;

export function createConfigType(
  { state: { directory } }: Network,
  fields: { name: string; schema?: Tags | undefined; tags?: Tags | undefined },
): string {
  const { name, schema, tags = {} } = fields;
  checkName(name);
  checkFree(directory, 'configType', name);
  if (schema) checkSchema(tagsWithin(schema, 'schema'));
  return directory.create('configType', { name, schema, tags: tagsOf(tags) }).id;
}

export function changeConfigType(
  { state: { directory } }: Network,
  id: string,
  { name, schema, tags }: { name?: string | undefined; schema?: Tags | undefined; tags?: Tags | undefined },
): void {
  if (!directory.get('configType', id)) throw unknown('configType', id);
  if (name !== undefined) {
    checkName(name);
    checkFree(directory, 'configType', name, { but: id });
  }
  if (schema) {
    checkSchema(tagsWithin(schema, 'schema'));
    for (const { configTypeId, data } of directory.all('config')) if (configTypeId === id) checkData(schema, data);
  }
  directory.update('configType', id, {
    ...(name !== undefined && { name }),
    ...(schema && { schema }),
    ...(tags && { tags: tagsOf(tags) }),
  });
}

export function deleteConfigType({ state: { directory } }: Network, id: string): void {
  if (!directory.get('configType', id)) throw unknown('configType', id);
  if (directory.all('config').some(({ configTypeId }) => configTypeId === id))
    throw unhandledRefusal(`cannot delete config type ${id}, as configs of that type exist`);
  directory.delete('configType', id);
}

export function createConfig(
  { state: { directory } }: Network,
  { name, configTypeId, data, tags = {} }: { name: string; configTypeId: string; data: Tags; tags?: Tags | undefined },
): string {
  checkName(name);
  checkFree(directory, 'config', name);
  const type = directory.get('configType', configTypeId);
  if (!type) throw invalid('type', 'invalid config type', configTypeId);
  if (type.schema) checkData(type.schema, data);
  return directory.create('config', { name, configTypeId, data: tagsWithin(data, 'data'), tags: tagsOf(tags) }).id;
}

export function changeConfig(
  { state: { directory } }: Network,
  id: string,
  { name, data, tags }: { name?: string | undefined; data?: Tags | undefined; tags?: Tags | undefined },
): void {
  const config = directory.get('config', id);
  if (!config) throw unknown('config', id);
  if (name !== undefined) {
    checkName(name);
    checkFree(directory, 'config', name, { but: id });
  }
  const schema = directory.get('configType', config.configTypeId)?.schema;
  if (data && schema) checkData(schema, data);
  directory.update('config', id, {
    ...(name !== undefined && { name }),
    ...(data && { data: tagsWithin(data, 'data') }),
    ...(tags && { tags: tagsOf(tags) }),
  });
}

/** Services lose it. */
export function deleteConfig({ state: { directory } }: Network, id: string): void {
  if (!directory.get('config', id)) throw unknown('config', id);
  directory.delete('config', id);
}

function tagsWithin(value: Tags, field: string): Tags {
  if (Buffer.byteLength(JSON.stringify(value)) > MAX_BYTES) throw invalid(field, `at most ${MAX_BYTES} bytes`, '');
  return value;
}
