import type { Observation } from '../../shared/fhir.ts';
import { EXTENSIONS } from '../../shared/observation.ts';

/** The flags that a resource says. */
export function flagsSaid({ extension = [] }: Observation): string[] {
  return extension.flatMap(({ url, valueCode }) => (url === EXTENSIONS.flag && valueCode !== undefined ? [valueCode] : []));
}
