import { z } from 'zod';
import { VitalmeshError } from '../../../errors.ts';
import type { EdgeRouter, ServiceSession, ZitiService } from './contract.ts';
import { parseRouterAddress } from './router-address.ts';

/** A session as the controller tells of it (openziti-wire.md §2a). */
export interface SessionAnswer {
  id: string;
  token: string;
  identityId: string;
  identityName: string;
  /** From the answer on, 30 s at least; the absolute instant beside it is by a clock that may differ from ours. */
  lifetimeMs: number;
  /** The controller wants a second factor before anything else. */
  incomplete: boolean;
}

export interface ServicePage {
  services: ZitiService[];
  /** Entries of the page, those included that cannot be read: where the next page begins. */
  entries: number;
  /** Of all pages; undefined when the controller does not say. */
  total: number | undefined;
}

const MAX_ENTRIES = 10_000;
/** Far beyond what a controller gives (half an hour unless told otherwise); what is longer is a mistake. */
const MAX_LIFETIME_S = 7 * 24 * 60 * 60;
/** Who is told of less would do nothing but sign in. A session that does end earlier is noticed when the controller refuses it. */
const MIN_LIFETIME_S = 30;

const ID = z.string().regex(/^[\x21-\x7e]{1,128}$/);
const NAME = z.string().max(1024);
const TOKEN = z.string().regex(/^[\x21-\x7e]{1,8192}$/);

const LIFETIME = z.object({
  expirationSeconds: z
    .number()
    .positive()
    .max(MAX_LIFETIME_S)
    .transform((seconds) => Math.max(MIN_LIFETIME_S, seconds)),
});

const SESSION = LIFETIME.extend({
  id: ID,
  token: TOKEN,
  identityId: ID,
  identity: z.object({ name: NAME.nullish() }).nullish(),
  authQueries: z.array(z.unknown()).nullish(),
});

const SERVICE = z.object({
  id: ID,
  name: NAME.min(1),
  permissions: z.array(z.string()).nullish(),
  encryptionRequired: z.boolean().nullish(),
});

const PAGE = z.object({
  data: z.array(z.unknown()).max(MAX_ENTRIES),
  meta: z.object({ pagination: z.object({ totalCount: z.number().int().min(0) }).nullish() }).nullish(),
});

const LAST_CHANGE = z.object({ data: z.object({ lastChangeAt: z.string().min(1).max(64) }) });

const URLS = z.object({ tls: z.string().max(1024).nullish() }).nullish();

const ROUTER = z.object({
  name: NAME,
  isOnline: z.boolean().nullish(),
  disabled: z.boolean().nullish(),
  supportedProtocols: URLS,
  urls: URLS,
});

const ROUTERS = z.object({ data: z.array(z.unknown()).max(MAX_ENTRIES) });

const SERVICE_SESSION = z.object({
  id: ID,
  token: TOKEN,
  type: z.enum(['Dial', 'Bind']),
  serviceId: ID,
  edgeRouters: z.array(z.unknown()).max(MAX_ENTRIES).nullish(),
});

/** The answer to `/authenticate`. Throws OVERLAY-UNREACHABLE when it is none. */
export function sessionOf(json: unknown): SessionAnswer {
  const { id, token, identityId, identity, authQueries, expirationSeconds } = read(z.object({ data: SESSION }), json).data;
  return {
    id,
    token,
    identityId,
    identityName: identity?.name ?? '',
    lifetimeMs: expirationSeconds * 1000,
    incomplete: (authQueries?.length ?? 0) > 0,
  };
}

/** How long a session lives from the answer of `/current-api-session` on, in ms, 30,000 at least. Throws OVERLAY-UNREACHABLE when the answer is none. */
export function lifetimeOf(json: unknown): number {
  return read(z.object({ data: LIFETIME }), json).data.expirationSeconds * 1000;
}

/** One page of `/services`. A service that cannot be read is left out, unless that is all there is: OVERLAY-UNREACHABLE. */
export function servicesOf(json: unknown): ServicePage {
  const { data, meta } = read(PAGE, json);
  return { services: readable(SERVICE, data).map(serviceOf), entries: data.length, total: meta?.pagination?.totalCount };
}

/** When the services changed last, as `/current-api-session/service-updates` has it: to be compared, not read. Undefined when that is no answer. */
export function lastChangeOf(json: unknown): string | undefined {
  return LAST_CHANGE.safeParse(json).data?.data.lastChangeAt;
}

/** The routers of `/current-identity/edge-routers`. Throws OVERLAY-UNREACHABLE when the answer is none. */
export function edgeRoutersOf(json: unknown): EdgeRouter[] {
  return routersOf(read(ROUTERS, json).data);
}

/** The answer to `POST /sessions`. Throws OVERLAY-UNREACHABLE when it is none, or one to something else. */
export function serviceSessionOf(json: unknown, serviceId: string, type: 'Dial' | 'Bind'): ServiceSession {
  const { edgeRouters, ...session } = read(z.object({ data: SERVICE_SESSION }), json).data;
  if (session.serviceId !== serviceId || session.type !== type) throw unreadable('it is for another service');
  return { ...session, routers: routersOf(edgeRouters ?? []).filter(({ online }) => online) };
}

/** The controller's own code of an error answer and the field it complains of, as far as they are ones. */
export function errorOf(json: unknown): { code: string | undefined; field: string | undefined } {
  const parsed = ERROR.safeParse(json).data?.error;
  return { code: parsed?.code ?? undefined, field: parsed?.cause?.field ?? undefined };
}

const ERROR = z.object({
  error: z.object({
    code: z
      .string()
      .regex(/^[A-Z_]{1,64}$/)
      .nullish()
      .catch(undefined),
    cause: z.object({ field: z.string().nullish() }).nullish().catch(undefined),
  }),
});

function serviceOf({ id, name, permissions, encryptionRequired }: z.infer<typeof SERVICE>): ZitiService {
  return {
    id,
    name,
    permissions: (['Dial', 'Bind'] as const).filter((permission) => permissions?.includes(permission)),
    // A controller that does not say so must not bring us to speak in clear.
    encryptionRequired: encryptionRequired ?? true,
  };
}

/** Routers that can be connected to once they are online, in the controller's order. */
function routersOf(entries: readonly unknown[]): EdgeRouter[] {
  return readable(ROUTER, entries).flatMap(({ name, isOnline, disabled, supportedProtocols, urls }) => {
    const address = parseRouterAddress(supportedProtocols?.tls ?? '') ?? parseRouterAddress(urls?.tls ?? '');
    return address && disabled !== true ? [{ name, ...address, online: isOnline !== false }] : [];
  });
}

/** One entry that is wrong must not cost the others. */
function readable<T>(schema: z.ZodType<T>, entries: readonly unknown[]): T[] {
  const good = entries.flatMap((entry) => {
    const parsed = schema.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
  if (entries.length > 0 && good.length === 0) throw unreadable('no entry of its list can be read');
  return good;
}

function read<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw unreadable(`field ${parsed.error.issues[0]?.path.join('.') || '(all)'} is missing or malformed`);
}

function unreadable(detail: string): VitalmeshError {
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail: `the controller's answer cannot be read: ${detail}` });
}
