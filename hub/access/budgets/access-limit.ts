import { VitalmeshError } from '../../../shared/errors.ts';
import type { LimitName } from './limits.ts';

/** A caller asks for more than it may; the same is answered after `retryAfterMs`. */
export class AccessLimit extends VitalmeshError {
  readonly limit: LimitName;
  readonly retryAfterMs: number;

  constructor(limit: LimitName, retryAfterMs: number) {
    super('ACCESS-LIMIT', { detail: limit });
    this.name = 'AccessLimit';
    this.limit = limit;
    this.retryAfterMs = Math.max(1, Math.ceil(retryAfterMs));
  }
}
