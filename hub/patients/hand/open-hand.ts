import type { Clock } from '../../../shared/clock.ts';
import type { Policy } from '../../access/policy.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store } from '../../store/store.ts';
import type { Corrections } from '../corrections.ts';
import type { Whereabouts } from '../whereabouts.ts';
import { ByHand } from './by-hand.ts';
import { corrected } from './corrected.ts';
import type { HandSurroundings } from './operator.ts';
import { shown } from './shown.ts';

export interface HandParts {
  store: Store;
  registry: Registry;
  policy: () => Policy;
  whereabouts: Whereabouts;
  corrections: Pick<Corrections, 'wake' | 'settled'>;
  clock: Clock;
  tenants(): readonly string[];
}

/** What the commands by which an operator says who lies where, and asks of it, are made of. */
export function openHand({ corrections, tenants, ...parts }: HandParts): HandSurroundings {
  const follow = async (): Promise<void> => {
    corrections.wake();
    await corrections.settled();
  };
  return { byHand: new ByHand({ ...parts, follow }), shown: shown(parts), corrected: corrected(parts), tenants };
}
