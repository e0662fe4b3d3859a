import type { Principal } from '../access/access.ts';
import { inScope, withheldFrom } from '../access/decide.ts';
import { sameRights } from '../access/principals.ts';
import type { Change } from '../feed.ts';
import type { EndReason } from './subscriber.ts';

/** Whether a change is of anything that the reader's token is for. */
export function concerns(principal: Principal, { vitals }: Change): boolean {
  return vitals.length === 0 || vitals.some((key) => inScope(principal, 'vitals.subscribe', key));
}

/** Why a stream opened by `opened` must end, or undefined while the right to it stands unchanged. */
export function lapse(opened: Principal, fresh: Principal, now: number): EndReason | undefined {
  if (fresh.notAfter !== undefined && !(now <= fresh.notAfter)) return 'expired';
  return sameRights(fresh, opened) ? undefined : 'changed';
}

/** Whether `after`, of the same caller with another token, is told of less than `before`. */
export function isNarrower(after: Principal, before: Principal): boolean {
  const withheld = withheldFrom(before, 'vitals.subscribe');
  return withheldFrom(after, 'vitals.subscribe').some((category) => !withheld.includes(category));
}
