import { ACCESS } from './requirements/access.ts';
import { CLINICAL } from './requirements/clinical.ts';
import { DEVICES } from './requirements/devices.ts';
import { DURABILITY } from './requirements/durability.ts';
import { EVIDENCE } from './requirements/evidence.ts';
import { MCP } from './requirements/mcp.ts';
import { OVERLAY } from './requirements/overlay.ts';
import { PATIENTS } from './requirements/patients.ts';
import { PRODUCT } from './requirements/product.ts';
import type { Requirement } from './requirements/requirement.ts';

/** Every promised behaviour. Tests cite these by `verifies(id)`; a test fails when one is cited by none. */
export const REQUIREMENTS = {
  ...PRODUCT,
  ...DEVICES,
  ...DURABILITY,
  ...OVERLAY,
  ...ACCESS,
  ...EVIDENCE,
  ...PATIENTS,
  ...CLINICAL,
  ...MCP,
} as const satisfies Record<string, Requirement>;

export type RequirementId = keyof typeof REQUIREMENTS;

/** Says which requirements the surrounding test proves. Read as text by test/requirements.test.ts; does nothing at run time. */
export function verifies(..._ids: RequirementId[]): void {
  // Citing is the effect.
}
