import { z } from 'zod';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Group } from '../../clinical/group.ts';
import { NOT_KNOWN_OF_GROUP } from './place-not-known.ts';

const name = z.string().min(1).max(256).optional();

/** By which a tool is told of which group. */
export const groupArguments = {
  ward: name.describe('Whole name of a ward. Either this or panel.'),
  panel: name.describe('Whole name of a panel. Either this or ward.'),
};

/** What stands at the head of every answer about a group. */
export const groupFields = {
  ward: z.string().optional(),
  panel: z.string().optional(),
  placeNotKnown: z.number().optional().describe(NOT_KNOWN_OF_GROUP),
};

/** The one group that is meant. Throws MCP-GROUP for none, and for two. */
export function groupIn({ ward, panel }: { ward?: string | undefined; panel?: string | undefined }): Group {
  if (ward !== undefined && panel === undefined) return { ward };
  if (panel !== undefined && ward === undefined) return { panel };
  throw new VitalmeshError('MCP-GROUP');
}
