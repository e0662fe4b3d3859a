import type { CircuitLimits } from './contract.ts';

const DEFAULTS: CircuitLimits = { lingerMs: 30_000, unreadBytes: 4 * 1024 * 1024, holdMs: 2000, heartbeatMs: 45_000 };

export function circuitLimits(limits: Partial<CircuitLimits> = {}): CircuitLimits {
  return { ...DEFAULTS, ...limits };
}
