import type { Hl7Simulator } from '../simulator.ts';
import { adt } from './adt.ts';
import { capsule } from './capsule.ts';
import { continuaWan } from './continua-wan.ts';
import { ge } from './ge.ts';
import { mindrayEgateway } from './mindray-egateway.ts';
import { mindrayPds } from './mindray-pds.ts';
import { nihonKohden } from './nihon-kohden.ts';
import { pcd01 } from './pcd01.ts';
import { philipsEfficia } from './philips-efficia.ts';
import { philipsIic } from './philips-iic.ts';

/** A simulated device for each dialect of HL7 v2. */
export const HL7_SIMULATORS: readonly Hl7Simulator[] = [
  pcd01,
  ge,
  mindrayEgateway,
  continuaWan,
  philipsIic,
  philipsEfficia,
  mindrayPds,
  nihonKohden,
  capsule,
  adt,
];
