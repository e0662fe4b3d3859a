import type { ErrorCode } from '../errors.ts';

/** The version of the uplink that this side speaks; N and N−1 are served. */
export const UPLINK_VERSION = 1;

/** Request headers of uplink 1 (HTTP/2, lower case). */
export const UPLINK_HEADERS = {
  version: 'vitalmesh-uplink',
  /** Random per process. */
  instance: 'vitalmesh-instance',
  epoch: 'vitalmesh-epoch',
} as const;

export const UPLINK_PATHS = { hello: '/uplink', fhir: '/fhir' } as const;

/** HTTP/2 windows on both sides: they keep the overlay's circuit within its bounds (architecture §4). */
export const UPLINK_WINDOWS = { streamBytes: 256 * 1024, sessionBytes: 512 * 1024 } as const;

/** What `GET /uplink` answers. Unknown fields are ignored. */
export interface UplinkHello {
  versions: number[];
  limits: { batchEntries: number; batchBytes: number };
  /** The hub's clock, UTC ms. */
  now: number;
  /** Random at the making of the hub's store; hubs of one service must share a store. */
  storeId: string;
  configRevision: string;
}

/** Limits of the hub unless configured. */
export const UPLINK_LIMITS = { batchEntries: 1000, batchBytes: 4 * 1024 * 1024 } as const;

/** What the hub answered for one entry: 201 stored, 200 already held, 409 and 422 quarantined (do not resend), 503 send again. */
export interface EntryOutcome {
  id: string;
  status: 200 | 201 | 409 | 422 | 503;
  /** For 409, 422 and 503. */
  code?: ErrorCode;
}

/** Code system of our codes in an OperationOutcome. */
export const ERROR_CODE_SYSTEM = 'https://vitalmesh.org/fhir/CodeSystem/error';
