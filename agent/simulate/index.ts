import { VitalmeshError } from '../../shared/errors.ts';
import { nearest } from '../../shared/nearest.ts';
import { HL7_SIMULATORS } from './dialects/index.ts';
import { LINE_SIMULATORS } from './serial-lines.ts';
import type { Simulator } from './simulator.ts';

/** Every device that can be simulated; named after the profile that reads it. */
export const SIMULATORS: readonly Simulator[] = [
  ...HL7_SIMULATORS.map((simulator): Simulator => ({ kind: 'hl7', ...simulator })),
  ...LINE_SIMULATORS.map((simulator): Simulator => ({ kind: 'serial', ...simulator })),
];

/** The simulator of a profile. Throws USAGE with the nearest name. */
export function simulatorOf(profile: string): Simulator {
  const found = SIMULATORS.find((simulator) => simulator.profile === profile);
  if (found) return found;
  const guess = nearest(
    profile,
    SIMULATORS.map((simulator) => simulator.profile),
  );
  throw new VitalmeshError('USAGE', {
    detail: `nothing simulates that; ${guess ? `did you mean '${guess}'?` : '--list names what there is'}`,
  });
}

/** Where a device listens by itself, or undefined for one that calls. A serial line is behind any port of a device server. */
export function listensAt(simulator: Simulator): number | undefined {
  if (simulator.kind === 'serial') return 0;
  return 'listensAt' in simulator.role ? simulator.role.listensAt : undefined;
}
