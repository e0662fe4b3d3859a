import type { Principal, Scope } from '../access.ts';

/** SMART App Launch 2.2, "Scopes for requesting FHIR resources": v2, with v1's `read`, `write` and `*`. */
const FORM = /^(patient|user|system)\/([A-Z][A-Za-z]{1,63}|\*)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)(?:\?(.{1,256}))?$/;
const V1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };
const CATEGORY = /^(?:http:\/\/terminology\.hl7\.org\/CodeSystem\/observation-category\|)?([a-z][a-z-]{0,63})$/;
const MAX_SCOPES = 256;

/**
 * The SMART scopes among these. What is none is left out, and so is one whose filter is not understood: taken without its filter it
 * would open more than was granted.
 */
export function parseScopes(texts: readonly string[]): Scope[] {
  return texts.slice(0, MAX_SCOPES).flatMap((text) => parseScope(text) ?? []);
}

function parseScope(text: string): Scope | undefined {
  const [, context, resource, letters, filter] = FORM.exec(text) ?? [];
  if (!isContext(context) || resource === undefined || letters === undefined) return undefined;
  const scope: Scope = { context, resource, may: V1[letters] ?? letters };
  if (filter === undefined) return scope;
  const category = categoryOf(filter);
  return category === undefined ? undefined : { ...scope, category };
}

function isContext(text: string | undefined): text is Scope['context'] {
  return text === 'patient' || text === 'user' || text === 'system';
}

/** The code of a filter that is one category and nothing else. */
function categoryOf(filter: string): string | undefined {
  const parameters = [...new URLSearchParams(filter)];
  const [name, value = ''] = parameters[0] ?? [];
  return parameters.length === 1 && name === 'category' ? CATEGORY.exec(value)?.[1] : undefined;
}

/** As it stands in a token. */
export function formatScope({ context, resource, may, category }: Scope): string {
  return `${context}/${resource}.${may}${category === undefined ? '' : `?category=${category}`}`;
}

/**
 * Those that count for somebody with these rights (SMART App Launch 2.2): `user/` needs a user, `system/` is for programs that have none, and `patient/` is
 * for the patients that were chosen, which are those that a row names one by one.
 */
export function usableScopes(
  { kind, patients, wards, panels }: Pick<Principal, 'kind' | 'patients' | 'wards' | 'panels'>,
  scopes: readonly Scope[],
): Scope[] {
  const isChosen = patients !== 'all' && patients.length > 0 && wards === undefined && panels === undefined;
  const usable: Record<Scope['context'], boolean> = { user: kind === 'person', system: kind !== 'person', patient: isChosen };
  return scopes.filter(({ context }) => usable[context]);
}
