import { createHash } from 'node:crypto';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Identifier, Resource } from '../../../shared/fhir.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import type { RowKey } from '../../../shared/uplink/key.ts';
import { resourcesOf } from '../../resources.ts';

/** Identifier system by which a resource of ours is found again on a server that gives ids of its own. */
export const RESOURCE_SYSTEM = 'urn:vitalmesh:resource';

const DIGEST_CHARS = 22;

type Identified = Resource & { identifier?: Identifier[] };

/**
 * The resources of a record, each with an identifier that no other one has: its key, a dot, and 128 bits of the SHA-256 of the record. A plain
 * server does not compare what is sent again with what it holds; so where a key is used a second time with other content (a restored disk
 * image, a resumed snapshot), that content has another identifier, and is not taken for what is held already.
 */
export function identifiedResources(row: ReadingRecord, key: RowKey & { agent: string }): Resource[] {
  const digest = createHash('sha256').update(inOrder(row)).digest('base64url').slice(0, DIGEST_CHARS);
  return resourcesOf(row, key).map((resource: Identified): Identified => {
    const own = { system: RESOURCE_SYSTEM, value: `${resource.id}.${digest}` };
    return { ...resource, identifier: [...(resource.identifier ?? []), own] };
  });
}

/**
 * The entry of a batch that creates a resource of `identifiedResources` unless the server holds it already (FHIR R4 http.html#ccreate). Without
 * its id, which the server would have to leave aside.
 */
export function createEntryText(resource: Identified): string {
  const { id: _, ...content } = resource;
  const own = resource.identifier?.find(({ system }) => system === RESOURCE_SYSTEM);
  if (!own) throw new VitalmeshError('INTERNAL', { detail: 'a resource without the identifier of its key' });
  const request = { method: 'POST', url: resource.resourceType, ifNoneExist: `identifier=${RESOURCE_SYSTEM}|${own.value}` };
  return JSON.stringify({ resource: content, request });
}

/** JSON with the keys of every object in order: the same for the same record, in whatever form a version of the outbox has kept it. */
function inOrder(record: ReadingRecord): string {
  return JSON.stringify(record, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
