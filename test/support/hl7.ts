import { pcd01 } from '../../agent/hl7/dialects/pcd01.ts';
import { hl7Profile } from '../../agent/hl7/read.ts';

/** The profile of plain PCD-01. */
export const hl7Pcd01 = hl7Profile(pcd01);
