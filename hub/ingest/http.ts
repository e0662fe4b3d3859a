import type { ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { Busy } from './paces.ts';

/** An answer, over whatever version of HTTP. `code` says why it is no good one. */
export interface HttpAnswer {
  status: number;
  headers?: Record<string, string>;
  body: object;
  code?: ErrorCode;
}

/** HTTP status of a refused request; what is not listed is a defect of ours. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  'UPLINK-REQUEST': 400,
  'UPLINK-VERSION': 400,
  'UPLINK-BUNDLE': 400,
  'UPLINK-UNKNOWN-GATEWAY': 403,
  'ACCESS-EXPIRED': 403,
  'ACCESS-DENIED': 403,
  'UPLINK-SILENT': 408,
  'UPLINK-INSTANCE': 409,
  'UPLINK-TOO-LARGE': 413,
  'UPLINK-EPOCH': 503,
  'INGEST-BUSY': 503,
  'INGEST-UNAVAILABLE': 503,
};

/** Status, code and headers of a refusal. Codes that are nobody's business outside go as INTERNAL. */
export function refusalOf(error: VitalmeshError): { status: number; code: ErrorCode; headers: Record<string, string> } {
  const status = STATUS[error.code] ?? 500;
  // RFC 9110 §10.2.3: when to come again.
  const headers: Record<string, string> = error instanceof Busy ? { 'retry-after': `${error.afterS}` } : {};
  return { status, code: status === 500 ? 'INTERNAL' : error.code, headers };
}
