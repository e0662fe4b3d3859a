import { VitalmeshError } from '../errors.ts';
import type { OperatorCommand } from '../operator/server.ts';

/** `rekey` at a running process: it has the file open, so that nobody can exchange it below. Throws STORAGE-RUNNING. */
export const refuseRekey: OperatorCommand = () => {
  throw new VitalmeshError('STORAGE-RUNNING');
};
