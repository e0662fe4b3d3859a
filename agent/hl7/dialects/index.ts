import type { Dialect } from '../dialect.ts';
import { adt } from './adt.ts';
import { capsule } from './capsule.ts';
import { generic } from './generic.ts';
import { mindrayPds } from './mindray-pds.ts';
import { nihonKohden } from './nihon-kohden.ts';
import { pcd01 } from './pcd01.ts';
import { philipsEfficia } from './philips-efficia.ts';
import { philipsIic } from './philips-iic.ts';

/** Every dialect that comes with Vitalmesh. */
export const DIALECTS: readonly Dialect[] = [pcd01, philipsIic, philipsEfficia, mindrayPds, nihonKohden, adt, generic, capsule];
