import { hash } from 'node:crypto';
import { canonicalJson } from '../canonical.ts';
import { type Fields, fields, text } from './fields.ts';
import { type ForeignName, foreignId } from './name.ts';
import { ourObservation, type Unnamed } from './observation.ts';

/** An entry as ours; or the rule that it breaks. */
export type OurEntry = Taken | { rule: string; id: string };

interface Taken {
  observation: Unnamed & { id: string };
  id: string;
  /** As it was sent. */
  subject: unknown;
  /** SHA-256 of the resource as it was sent, every field of it: what is left out here may be why the client sends it again. */
  digest: string;
  /** Fields that have no place here. */
  leftOut: readonly string[];
}

const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;

/**
 * An entry of a batch or transaction of any FHIR client: `PUT Observation/<id>`, `PUT Observation?identifier=…`, `POST Observation`, with or
 * without `ifNoneExist: identifier=…`. What is created without any name is called by its content, so that it is stored once however often it is
 * sent. Pure.
 */
export function ourEntry(entry: unknown, client: string): OurEntry {
  const { resource, request } = fields(entry);
  const mapped = ourObservation(resource);
  if ('rule' in mapped) return { rule: mapped.rule, id: '' };
  const { observation, leftOut } = mapped;
  const digest = hash('sha256', canonicalJson(resource));
  const name = nameOf(fields(request), fields(resource), digest);
  if (typeof name === 'string') return { rule: name, id: '' };
  const id = foreignId(client, name);
  return { observation: { ...observation, id }, id, subject: fields(resource).subject, digest, leftOut };
}

/** What the client calls it, or the rule that its request breaks. */
function nameOf({ method, url, ifNoneExist, ifMatch }: Fields, { id }: Fields, content: string): ForeignName | string {
  if (ifMatch !== undefined) return 'request.ifMatch: nothing that is stored is changed';
  const [path = '', query, ...more] = (text(url) ?? '').split('?');
  if (more.length > 0) return 'request.url: not one that is taken';
  if (method === 'POST' && path === 'Observation' && query === undefined) {
    if (ifNoneExist === undefined) return { by: 'content', text: content };
    return byIdentifier(text(ifNoneExist) ?? '') ?? 'request.ifNoneExist: only by one identifier';
  }
  if (method !== 'PUT') return 'request.method: only PUT and POST are taken';
  if (path === 'Observation' && query !== undefined) return byIdentifier(query) ?? 'request.url: only by one identifier';
  const [type, named = '', ...rest] = path.split('/');
  if (type !== 'Observation' || rest.length > 0 || query !== undefined || !FHIR_ID.test(named))
    return 'request.url: not Observation/<id> or Observation';
  if (id !== undefined && id !== named) return 'id: not that of the request';
  return { by: 'id', text: named };
}

/** `identifier=system|value`, as a search would have it (FHIR R4 search, token). */
function byIdentifier(query: string): ForeignName | undefined {
  const [[name, value] = ['', ''], ...more] = new URLSearchParams(query);
  const number = value.slice(value.indexOf('|') + 1);
  return name === 'identifier' && more.length === 0 && number !== '' ? { by: 'identifier', text: value } : undefined;
}
