import type { Principal, Role } from '../access.ts';

/** How much one caller may ask of the hub. */
export interface Limits {
  /** `tools/call`. */
  callsPerMinute: number;
  /** Everything else but reads of what it has subscribed to, which go by the interval of their notifications. */
  readsPerMinute: number;
  /** Calls that show data or open streams, those reads aside, in a day and a month of UTC. */
  callsPerDay: number;
  callsPerMonth: number;
  /** Different patients who are in none of its wards, on none of its panels and not listed by name, in any hour and in any 24 hours. */
  othersPerHour: number;
  othersPerDay: number;
  /** One answer, as JSON. */
  resultBytes: number;
  /** One answer of a tool, at four bytes a token. */
  tokensPerCall: number;
}

export const LIMIT_NAMES = [
  'callsPerMinute',
  'readsPerMinute',
  'callsPerDay',
  'callsPerMonth',
  'othersPerHour',
  'othersPerDay',
  'resultBytes',
  'tokensPerCall',
] as const satisfies readonly (keyof Limits)[];
export type LimitName = (typeof LIMIT_NAMES)[number];

/** What holds where policy.yaml says nothing: several times what a ward's or a panel's client asks in a day's work. */
export const LIMITS: Readonly<Record<'person' | 'software', Limits>> = {
  person: {
    callsPerMinute: 30,
    readsPerMinute: 120,
    callsPerDay: 10_000,
    callsPerMonth: 150_000,
    othersPerHour: 12,
    othersPerDay: 40,
    resultBytes: 1024 * 1024,
    tokensPerCall: 25_000,
  },
  software: {
    callsPerMinute: 100,
    readsPerMinute: 300,
    callsPerDay: 50_000,
    callsPerMonth: 1_000_000,
    othersPerHour: 20,
    othersPerDay: 60,
    resultBytes: 1024 * 1024,
    tokensPerCall: 25_000,
  },
};

/** What policy.yaml says instead: by kind of caller, and by role, which counts more. */
export interface PolicyLimits {
  person?: Partial<Limits> | undefined;
  software?: Partial<Limits> | undefined;
  roles?: Readonly<Record<Role, Partial<Limits>>> | undefined;
}

/** Those of a caller; undefined for gateways, which have their rates in the registry, and for whoever is at the hub's machine. */
export function limitsOf(
  { limits = {} }: { limits?: PolicyLimits | undefined },
  { kind, role }: Pick<Principal, 'kind' | 'role'>,
): Limits | undefined {
  if (kind !== 'person' && kind !== 'software') return undefined;
  const { roles = {} } = limits;
  return { ...LIMITS[kind], ...limits[kind], ...(Object.hasOwn(roles, role) && roles[role]) };
}
