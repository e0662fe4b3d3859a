/**
 * The URI of every resource, as an RFC 6570 template: a variable is one segment of the path, or one parameter of the query. Ids are the hub's opaque ones, so that no URI tells anything
 * about a person. A kind of resource is served once it has its row in `surface/resources.ts`, which does not compile without.
 */
export const TEMPLATES = {
  patients: 'vitals://patients{?cursor}',
  latest: 'vitals://patient/{id}/latest',
  vital: 'vitals://patient/{id}/latest/{vital}',
  trend: 'vitals://patient/{id}/trend/{vital}{?window,points}',
  alerts: 'vitals://patient/{id}/alerts',
  gaps: 'vitals://patient/{id}/gaps',
  ward: 'vitals://ward/{ward}/latest{?cursor}',
  worklist: 'vitals://panel/{panel}/worklist{?cursor}',
  device: 'vitals://device/{id}/status',
  observation: 'fhir://Observation/{id}',
  fleet: 'fleet://agents',
  health: 'hub://health',
} as const;

export type ResourceKind = keyof typeof TEMPLATES;

/** The names of a template's variables: those of its path, and those of its query, of which each may be missing. */
type InPath<T extends string> = T extends `${infer Before}{?${string}}`
  ? InPath<Before>
  : T extends `${string}{${infer Name}}${infer Rest}`
    ? Name | InPath<Rest>
    : never;
type Named<T extends string> = T extends `${infer Name},${infer Rest}` ? Name | Named<Rest> : T;
type InQuery<T extends string> = T extends `${string}{?${infer Names}}` ? Named<Names> : never;

export type VarsOf<Kind extends ResourceKind> = { readonly [Name in InPath<(typeof TEMPLATES)[Kind]>]: string } & {
  readonly [Name in InQuery<(typeof TEMPLATES)[Kind]>]?: string;
};

/** What a URI means. */
export type ResourceRef = { [Kind in ResourceKind]: { kind: Kind; vars: VarsOf<Kind> } }[ResourceKind];

export const KINDS = Object.keys(TEMPLATES) as readonly ResourceKind[];

const MAX_VARIABLE = 256;
/** Of the query: a cursor says of each of a group whether they were shown. */
const MAX_IN_QUERY = 2048;

interface Shape {
  kind: ResourceKind;
  path: RegExp;
  inPath: readonly string[];
  inQuery: readonly string[];
}

const SHAPES: readonly Shape[] = KINDS.map((kind) => {
  const [path = '', query = ''] = TEMPLATES[kind].split('{?');
  const names = [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []);
  const escaped = path.replace(/[.?/]/g, '\\$&').replace(/\{\w+\}/g, `([^/?#]{1,${3 * MAX_VARIABLE}})`);
  const inQuery = query === '' ? [] : query.slice(0, -1).split(',');
  return { kind, path: new RegExp(`^${escaped}$`), inPath: names, inQuery };
});

/** The one spelling of a resource's URI. Parameters that are not given are left out; those that are stand in the order of the template. */
export function uriOf<Kind extends ResourceKind>(kind: Kind, vars: VarsOf<Kind>): string {
  const { inQuery } = SHAPES.find((shape) => shape.kind === kind) ?? { inQuery: [] };
  const values: Readonly<Record<string, string | undefined>> = vars;
  const [path = ''] = TEMPLATES[kind].split('{?');
  const query = inQuery.flatMap((name) => (values[name] === undefined ? [] : `${name}=${encodeURIComponent(values[name])}`));
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
}

/** What a URI means, or undefined. Only the one canonical spelling counts, because subscriptions match by exact string. */
export function parseUri(uri: string): ResourceRef | undefined {
  // Half a character stands in no URI, and cannot be encoded for the comparison below.
  if (!uri.isWellFormed()) return undefined;
  const [path = '', query] = split(uri);
  for (const shape of SHAPES) {
    const found = shape.path.exec(path);
    if (!found) continue;
    const vars = variables(shape, found.slice(1), query);
    // Each variable of the template has its value here, and no other has one.
    const ref = vars && ({ kind: shape.kind, vars } as ResourceRef);
    return ref && uriOf(ref.kind, ref.vars as VarsOf<ResourceKind>) === uri ? ref : undefined;
  }
  return undefined;
}

function split(uri: string): [string, string?] {
  const at = uri.indexOf('?');
  return at < 0 ? [uri] : [uri.slice(0, at), uri.slice(at + 1)];
}

function variables({ inPath, inQuery }: Shape, encoded: readonly string[], query: string | undefined): Record<string, string> | undefined {
  const vars: Record<string, string> = {};
  const given = (query ?? '').split('&').map((pair) => pair.split('=', 2));
  const pairs = [...inPath.map((name, i) => [name, encoded[i]]), ...(query === undefined ? [] : given)];
  for (const [i, [name = '', value = '']] of pairs.entries()) {
    const isKnown = i < inPath.length || inQuery.includes(name);
    const decoded = decode(value);
    const most = i < inPath.length ? MAX_VARIABLE : MAX_IN_QUERY;
    if (!isKnown || decoded === undefined || decoded === '' || decoded.length > most) return undefined;
    vars[name] = decoded;
  }
  return vars;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The list of patients the caller may see. */
export const PATIENTS_URI = uriOf('patients', {});

/** The resource of a patient's current values. */
export function latestUri(patient: string): string {
  return uriOf('latest', { id: patient });
}

/** Of a template with variables, which is read by filling them in. */
export function isTemplate(kind: ResourceKind): boolean {
  return TEMPLATES[kind].includes('{');
}

/** The URI of a kind of which there is one, which stands in the list of resources as it is: what may follow in its query is a later page. Undefined where the path has variables. */
export function onlyUri(kind: ResourceKind): string | undefined {
  const [path = ''] = TEMPLATES[kind].split('{?');
  return path.includes('{') ? undefined : path;
}
