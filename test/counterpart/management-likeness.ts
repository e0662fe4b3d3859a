import assert from 'node:assert/strict';
import type { Reply } from '../provisioning/fabric/site.ts';

/** One recorded exchange with a real 2.0.3 controller. */
export interface Exchange {
  t: number;
  method: string;
  url: string;
  reqHeaders: Record<string, string | string[]>;
  reqBody: unknown;
  status: number;
  respHeaders: Record<string, string | string[]>;
  respBody: unknown;
}

/** A recorded body; the tool's recorder wrote text. */
export function bodyOf(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

interface Row {
  id: string;
  name?: string;
  method?: string;
  identity?: { name: string };
}

/** Which id of ours stands for which recorded one. */
export class Ids {
  readonly #ours = new Map<string, string>();
  readonly #rows = new Map<string, string>();

  ours(text: string): string {
    let result = text;
    for (const [theirs, ours] of this.#ours) result = result.replaceAll(theirs, ours);
    return result;
  }

  /** Remembers recorded rows by what they are called. */
  note(body: unknown): void {
    for (const row of rowsOf(body)) this.#rows.set(calledOf(row), row.id);
  }

  /** Ours of the same name are the same. */
  meet(rows: readonly Row[]): void {
    for (const row of rows) {
      const theirs = this.#rows.get(calledOf(row));
      if (theirs !== undefined && !this.#ours.has(theirs)) this.#ours.set(theirs, row.id);
    }
  }

  /** Ids stand at the same place of both answers; rows of a list are matched by what they are called. The first that is learnt stays. */
  learn(theirs: unknown, ours: unknown): void {
    if (Array.isArray(theirs) && Array.isArray(ours)) {
      for (const row of theirs.filter(isRow)) {
        const same = ours.filter(isRow).find((other) => calledOf(other) === calledOf(row));
        if (same) this.learn(row, same);
      }
      return;
    }
    if (typeof theirs !== 'object' || theirs === null || typeof ours !== 'object' || ours === null) return;
    for (const [key, value] of Object.entries(theirs)) {
      const other = (ours as Record<string, unknown>)[key];
      if (!/^(id|authenticatorId|routerId)$/.test(key)) this.learn(value, other);
      else if (typeof value === 'string' && typeof other === 'string' && value !== other && !this.#ours.has(value))
        this.#ours.set(value, other);
    }
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && typeof (value as Row).id === 'string';
}

function rowsOf(body: unknown): Row[] {
  const { data } = (body ?? {}) as { data?: unknown };
  return (Array.isArray(data) ? data : [data]).filter(isRow);
}

function calledOf({ name, identity, method, id }: Row): string {
  return name ?? `${identity?.name ?? id} ${method}`;
}

/** Headers whose presence a client goes by. */
const HEADERS = ['content-type', 'zt-session', 'www-authenticate', 'ziti-instance-id'];

/** What differs from run to run, or tells of the machine: only its type is compared. */
const OF_THE_RUN = new Set([
  ...['createdAt', 'updatedAt', 'expiresAt', 'lastActivityAt', 'cachedLastActivityAt', 'disabledAt', 'disabledUntil', 'lastJoinedAt'],
  ...['jwt', 'token', 'fingerprint', 'certPem', 'enrollmentExpiresAt', 'enrollmentJwt', 'enrollmentToken', 'requestId'],
  ...['hostname', 'supportedProtocols', 'urls'],
]);
/** Free-form, of the client or machine that was there. */
const FREE = new Set([
  'interfaces',
  'envInfo',
  'sdkInfo',
  'versionInfo',
  'hasApiSession',
  'edgeRouterConnectionStatus',
  'hasEdgeRouterConnection',
]);
/** Parts of a real controller that ours has not, or has elsewhere. */
const ELSEWHERE = new Set(['edge-oidc', 'fabric', 'edge-management', 'ctrlAddress', 'capabilities']);

/**
 * The same status, headers, error and data. `formAlone`: of data only keys and types. Lists that are cut by a default order, which is by id,
 * are compared by form, length and total; every other list row by row.
 */
export function assertAlike(reply: Reply, exchange: Exchange, ids: Ids, formAlone: boolean): void {
  assert.equal(reply.status, exchange.status, reply.text.slice(0, 500));
  assert.deepEqual(namesOf(reply.headers), namesOf(exchange.respHeaders));
  const theirs = bodyOf(exchange.respBody);
  if (typeof theirs === 'string' || theirs === null) {
    assert.equal(reply.text === '', (theirs ?? '') === '');
    return;
  }
  const wanted = theirs as { data?: unknown; error?: object; meta: unknown };
  if (wanted.error) {
    assert.deepEqual(
      errorOf(reply.json.error, (text) => text),
      errorOf(wanted.error, (text) => ids.ours(text)),
    );
    assert.deepEqual(reply.json.meta, wanted.meta);
    return;
  }
  assert.deepEqual(metaOf(reply.json.meta), metaOf(wanted.meta));
  if (formAlone || !Array.isArray(wanted.data)) {
    if (formAlone) assertSame(formOf(reply.json.data), formOf(wanted.data));
    else
      assertSame(
        seenOf(reply.json.data, (text) => text),
        seenOf(wanted.data, (text) => ids.ours(text)),
      );
    return;
  }
  assertSameRows(reply.json, wanted as { data: unknown[]; meta: { pagination?: { totalCount: number } } }, exchange.url, ids);
}

function assertSameRows(
  ours: { data: unknown[] },
  theirs: { data: unknown[]; meta: { pagination?: { totalCount: number } } },
  url: string,
  ids: Ids,
): void {
  assert.equal(ours.data.length, theirs.data.length);
  const isOrdered = /sort/.test(decodeURIComponent(url));
  const whole = theirs.data.length === (theirs.meta.pagination?.totalCount ?? theirs.data.length);
  if (!isOrdered) assert.deepEqual(ours.data.map(idOf), ours.data.map(idOf).toSorted());
  if (!isOrdered && !whole) {
    assert.deepEqual(keysOf(ours.data[0]), keysOf(theirs.data[0]));
    return;
  }
  const [our, their] = [
    ours.data.map((row) => seenOf(row, (text) => text)),
    theirs.data.map((row) => seenOf(row, (text) => ids.ours(text))),
  ];
  assertSame(isOrdered ? our : byId(our), isOrdered ? their : byId(their));
}

/** Tells the first place where two values differ, and no more: rows are long. */
function assertSame(ours: unknown, theirs: unknown, path = ''): void {
  const [our, their] = [ours ?? null, theirs ?? null];
  if (typeof our !== 'object' || typeof their !== 'object' || our === null || their === null) {
    assert.ok(
      Object.is(our, their),
      `${path}: ${JSON.stringify(ours)?.slice(0, 200)} in place of ${JSON.stringify(theirs)?.slice(0, 200)}`,
    );
    return;
  }
  assert.equal(Array.isArray(our), Array.isArray(their), path);
  for (const key of new Set([...Object.keys(our), ...Object.keys(their)])) {
    assert.ok(
      Object.hasOwn(our, key) && Object.hasOwn(their, key),
      `${path}.${key} is ${Object.hasOwn(our, key) ? 'ours' : 'theirs'} alone`,
    );
    assertSame((our as Record<string, unknown>)[key], (their as Record<string, unknown>)[key], `${path}.${key}`);
  }
}

function namesOf(headers: object): string[] {
  const known = Object.keys(headers).map((name) => name.toLowerCase());
  return HEADERS.filter((name) => known.includes(name));
}

/** Texts of a parser differ; that there is one does not. */
function errorOf(error: unknown, mapped: (text: string) => string): unknown {
  const text = mapped(JSON.stringify({ ...(error as object), requestId: '' }));
  return JSON.parse(
    text
      .replace(/(failed, because )(?:invalid character)?[^"]*?(?=",|"\})/, (_, start: string) => start)
      .replace(/Unexpected symbol: .*?(?="\})/, 'Unexpected symbol')
      .replace(/'0x[0-9a-f]+' /, ''),
  );
}

/** Fields come in any order. */
function metaOf(meta: unknown): unknown {
  if (typeof meta !== 'object' || meta === null) return meta;
  const { filterableFields, ...rest } = meta as { filterableFields?: string[] };
  return filterableFields ? { ...rest, filterableFields: filterableFields.toSorted() } : rest;
}

function idOf(row: unknown): string {
  return typeof row === 'string' ? row : (row as Row).id;
}

function keysOf(row: unknown): string[] {
  return typeof row === 'object' && row !== null
    ? Object.keys(row)
        .filter(
          (key) =>
            !/^(disabled(At|Until)|enrollment(CreatedAt|ExpiresAt|Jwt|Token)|certPem|fingerprint|username|isIssuedByNetwork|lastAuthResolvedToRoot)$/.test(
              key,
            ),
        )
        .sort()
    : [];
}

function byId(rows: readonly unknown[]): unknown[] {
  return rows.toSorted((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
}

/** A value with our ids, as far as it does not tell of the run; keys in one order. */
function seenOf(value: unknown, mapped: (text: string) => string, key = ''): unknown {
  if (OF_THE_RUN.has(key)) return value === null ? null : typeof value;
  if (typeof value === 'string') return mapped(value);
  if (Array.isArray(value)) return value.map((item) => seenOf(item, mapped));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !FREE.has(name) && !ELSEWHERE.has(name));
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, item]) => [name, seenOf(item, mapped, name)]),
  );
}

/** Keys and types; the elements of a list are one form, the form of the first. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 || typeof value[0] !== 'object' ? ['list'] : [formOf(value[0])];
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  const entries = Object.entries(value).filter(([key]) => !ELSEWHERE.has(key));
  return Object.fromEntries(entries.map(([key, item]) => [key, formOf(item)]));
}
