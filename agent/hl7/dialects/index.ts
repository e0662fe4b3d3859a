import type { Dialect } from '../dialect.ts';
import { adt } from './adt.ts';
import { pcd01 } from './pcd01.ts';

/** Every dialect that comes with Vitalmesh. */
export const DIALECTS: readonly Dialect[] = [pcd01, adt];
