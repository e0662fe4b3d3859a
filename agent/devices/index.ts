import type { SerialProfile } from '../decoding.ts';
import { masimoAscii1 } from './masimo-ascii1.ts';
import { noninAscii } from './nonin-ascii.ts';
import { noninDf1 } from './nonin-df1.ts';
import { noninDf8 } from './nonin-df8.ts';

/** Every device read over a serial line. A new one is a file beside this, a line here, and a golden capture in test/golden/captures. */
export const DEVICES: readonly SerialProfile[] = [masimoAscii1, noninAscii, noninDf1, noninDf8];
