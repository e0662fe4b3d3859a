import { VitalmeshError } from '../../../shared/errors.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store } from '../../store/store.ts';
import { isMistyped } from '../public-id.ts';
import type { Who } from './said.ts';

/** A person as an operator names them: by public id, or by the number that the hospital gave. */
export type Named = { patient: string } | Who;

interface Known {
  store: { placing: Pick<Store['placing'], 'persons'> };
  registry: Pick<Registry, 'patient'>;
}

/** The numbers of people, in order. Throws PATIENT-UNHEARD for an id that nobody has, PATIENT-LISTED for one of registry.yaml, PATIENT-MISTYPED for one that nobody can have. */
export async function whoAre({ store, registry }: Known, tenant: string, named: readonly Named[]): Promise<Who[]> {
  const wanted = new Set(named.flatMap((one) => (typeof one.patient === 'string' ? [one.patient] : [])));
  const numbers = new Map<string, AssignedId>();
  for (const id of wanted) if (isMistyped(id)) throw new VitalmeshError('PATIENT-MISTYPED');
  if (wanted.size > 0) {
    for await (const { tenant: own, patient, authority, value } of store.placing.persons())
      if (own === tenant && wanted.has(patient)) numbers.set(patient, { authority, value });
  }
  return named.map((one) => {
    if (typeof one.patient !== 'string') return one as Who;
    const patient = numbers.get(one.patient);
    if (patient !== undefined) return { patient };
    throw new VitalmeshError(registry.patient(tenant, one.patient) === undefined ? 'PATIENT-UNHEARD' : 'PATIENT-LISTED');
  });
}
