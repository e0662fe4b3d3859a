import type { WorkRow } from '../../../clinical/due/worklist.ts';
import { deviceName } from '../../untrusted.ts';

/** When a device measured, and its name where that is no sentence. */
interface By {
  at: string;
  device: string | null;
}

/** A row as a model may read it. */
export type NamedRow = Omit<WorkRow, 'done' | 'late'> & { done: By | null; late: By | null };

/** A device chooses its name, and a model reads it; gateways are named by the site. Pure. */
export function named({ done, silent, late, ...row }: WorkRow): NamedRow {
  const by = (one: By | null): By | null => one && { at: one.at, device: deviceName(one.device) };
  return {
    ...row,
    done: by(done),
    silent: silent && { ...silent, id: silent.kind === 'device' ? deviceName(silent.id) : silent.id },
    late: by(late),
  };
}
