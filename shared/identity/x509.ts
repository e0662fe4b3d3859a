import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/**
 * The certificate library, for those who issue certificates: the embedded network and tests. It needs reflect-metadata first; this file is the only
 * one that imports either. Both take 15 MB, so that agent and hub do without (`certificate-use.ts`, `der.ts`).
 */
export { x509 };
