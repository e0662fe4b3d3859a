import { VitalmeshError } from '../../../shared/errors.ts';
import { nearest } from '../../../shared/nearest.ts';
import { PANELS, panel, VITALS, vital, vitalsByLoinc } from '../../../shared/vitals.ts';

/**
 * Throws USAGE for what is no key of the parameter table, and names the one that was meant most likely: by its code in LOINC, by its name, or by how it is written. What was given
 * is not repeated. Pure.
 */
export function refuseNoVital(given: string): void {
  if (vital(given) !== undefined || panel(given) !== undefined) return;
  const all = [...VITALS, ...PANELS];
  const word = given.toLowerCase();
  const named = all.find(({ name }) => name.toLowerCase() === word)?.key;
  const meant =
    vitalsByLoinc(given)[0]?.key ??
    named ??
    nearest(
      given,
      all.map(({ key }) => key),
    );
  throw new VitalmeshError('USAGE', {
    detail: `--vital is a key such as hr or weight${meant === undefined ? '' : ` (did you mean '${meant}'?)`}`,
  });
}
