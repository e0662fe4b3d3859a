import type { Corrections } from '../../patients/corrections.ts';
import { Amending } from './amending.ts';

type Parts = Omit<ConstructorParameters<typeof Amending>[0], 'follow'> & { corrections: Pick<Corrections, 'wake' | 'settled'> };

/** What the commands by which people correct readings are made of. */
export function openAmending({ corrections, ...parts }: Parts): Amending {
  const follow = async (): Promise<void> => {
    corrections.wake();
    await corrections.settled();
  };
  return new Amending({ ...parts, follow });
}
