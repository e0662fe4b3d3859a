import type { ErrorCode } from '../../shared/errors.ts';

/** A disagreement that `verify` found; no patient data. */
export interface VerifyFinding {
  code: Extract<ErrorCode, `VERIFY-${string}`>;
  /** How many rows it concerns. */
  rows: number;
  /** Where the first is: a table and a key of it, a tenant, a number of the chain. */
  detail: string;
}

/** What was looked at, and what disagrees. */
export interface StoreVerdict {
  storeId: string;
  /** Rows looked at, by table. */
  counts: Readonly<Record<string, number>>;
  /** Each code once; empty when everything agrees. */
  findings: readonly VerifyFinding[];
}

/** Told now and then while a store is verified. */
export interface VerifyProgress {
  /** What is being looked at. */
  part: string;
  done: number;
  of: number;
}
