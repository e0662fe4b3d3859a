import type { FabricService } from '../contract.ts';
import type { ServiceRecord, Tags } from '../state/records.ts';
import type { Network } from './network.ts';
import { invalid, unknown } from './refused.ts';
import { attributesOf, checkFree, checkName, tagsOf } from './rules.ts';

/** What of a service is chosen. */
export interface ServiceFields {
  name: string;
  encryptionRequired: boolean;
  attributes: readonly string[];
  terminatorStrategy: string;
  configs: readonly string[];
  maxIdleTimeMs: number;
  tags: Tags;
}

const STRATEGIES: readonly FabricService['terminatorStrategy'][] = ['smartrouting', 'weighted', 'random', 'sticky'];

/** Service with its defaults: those of a PUT too, which resets what it does not give. */
export const SERVICE_DEFAULTS = { attributes: [], terminatorStrategy: 'smartrouting', configs: [], maxIdleTimeMs: 0, tags: {} } as const;

export function createService(
  { state: { directory } }: Network,
  { name, ...fields }: Pick<ServiceFields, 'name' | 'encryptionRequired'> & Partial<ServiceFields>,
): ServiceRecord {
  checkName(name);
  checkFree(directory, 'service', name);
  return directory.createService({ name, ...checked(directory, { ...SERVICE_DEFAULTS, ...fields }) });
}

/** Changes what is given. */
export function changeService({ state: { directory } }: Network, id: string, { name, ...fields }: Partial<ServiceFields>): void {
  if (!directory.service(id)) throw unknown('service', id);
  if (name !== undefined) {
    checkName(name);
    checkFree(directory, 'service', name, { but: id });
  }
  directory.update('service', id, { ...checked(directory, fields), ...(name !== undefined && { name }) });
}

/** The service, its sessions and its `@id` in policies. */
export function deleteService({ state: { directory } }: Network, id: string): void {
  if (!directory.service(id)) throw unknown('service', id);
  directory.delete('service', id);
}

type Checked<F> = Omit<F, 'terminatorStrategy'> & { terminatorStrategy: FabricService['terminatorStrategy'] };

function checked<F extends Partial<Omit<ServiceFields, 'name'>>>(directory: Network['state']['directory'], fields: F): Checked<F> {
  const { attributes, terminatorStrategy, configs, maxIdleTimeMs, tags } = fields;
  const strategy = STRATEGIES.find((known) => known === terminatorStrategy);
  if (terminatorStrategy !== undefined && strategy === undefined) throw unknown('terminatorStrategy', terminatorStrategy, 'name');
  for (const config of configs ?? []) if (!directory.get('config', config)) throw unknown('config', config);
  if (maxIdleTimeMs !== undefined && maxIdleTimeMs < 0) throw invalid('maxIdleTimeMillis', 'may not be negative', maxIdleTimeMs);
  return {
    ...fields,
    ...(strategy && { terminatorStrategy: strategy }),
    ...(attributes && { attributes: attributesOf(attributes) }),
    ...(configs && { configs: [...new Set(configs)] }),
    ...(tags && { tags: tagsOf(tags) }),
  } as Checked<F>;
}
