import { readMovement } from '../../../shared/movement-resource.ts';
import { parseObservationId } from '../../../shared/uplink/key.ts';
import type { StoredEvent } from '../../store/store.ts';
import { BY_HAND } from '../by-hand.ts';
import type { DatedMovement } from './said.ts';

/** Stands as the source of what takes a statement back, before its id. */
export const UNDO = 'undo ';

const SOURCE = /\/movement-source$/u;

/** A statement that was said by hand and was not taken back, out of all movements; undefined where there is none of this id. */
export async function findStatement(
  movements: AsyncIterable<Pick<StoredEvent, 'id' | 'resource'>>,
  id: string,
): Promise<DatedMovement | undefined> {
  if (parseObservationId(id)?.agent !== BY_HAND) return undefined;
  let found: DatedMovement | undefined;
  for await (const { id: own, resource } of movements) {
    if (parseObservationId(own)?.agent !== BY_HAND) continue;
    if (own === id) found = readMovement(resource);
    else if (sourceOf(resource) === `${UNDO}${id}`) return undefined;
  }
  return found;
}

function sourceOf(resource: unknown): unknown {
  const { extension = [] } = resource as { extension?: { url?: string; valueString?: unknown }[] };
  return extension.find(({ url = '' }) => SOURCE.test(url))?.valueString;
}
