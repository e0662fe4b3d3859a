import type { Dialect } from '../dialect.ts';
import { adt } from './adt.ts';
import { capsule } from './capsule.ts';
import { continuaWan } from './continua-wan.ts';
import { ge } from './ge.ts';
import { generic } from './generic.ts';
import { mindrayEgateway } from './mindray-egateway.ts';
import { mindrayPds } from './mindray-pds.ts';
import { nihonKohden } from './nihon-kohden.ts';
import { pcd01 } from './pcd01.ts';
import { philipsEfficia } from './philips-efficia.ts';
import { philipsIic } from './philips-iic.ts';

/** Every dialect that comes with Vitalmesh. */
export const DIALECTS: readonly Dialect[] = [
  pcd01,
  ge,
  mindrayEgateway,
  continuaWan,
  philipsIic,
  philipsEfficia,
  mindrayPds,
  nihonKohden,
  adt,
  generic,
  capsule,
];
