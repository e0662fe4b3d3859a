import { ERRORS, type ErrorCode, VitalmeshError } from '../errors.ts';
import { isEpoch } from './key.ts';
import { isPosition, type StoreEpoch } from './lineage.ts';

/** The version of the uplink that this side speaks; N and N−1 are served. */
export const UPLINK_VERSION = 1;

/** The versions that the hub serves: the present one and the one before, as far as there was one. */
export const UPLINK_VERSIONS: readonly number[] = [UPLINK_VERSION, UPLINK_VERSION - 1].filter((version) => version > 0);

/** Headers of uplink 1 (HTTP/2, lower case). */
export const UPLINK_HEADERS = {
  version: 'vitalmesh-uplink',
  /** Random per process. */
  instance: 'vitalmesh-instance',
  epoch: 'vitalmesh-epoch',
  /** Of a batch, `live` or `backlog`: the batches of a lane of a connection are stored in the order in which they were sent. */
  lane: 'vitalmesh-lane',
  /** Of the hello's question: what the gateway was told of commits, see `formatTold`. A hub of before ignores it. */
  told: 'vitalmesh-told',
  /** Of the answer to a batch: where it was committed, `<epoch>.<position>`. A hub of before does not say it, an agent of before ignores it. */
  committed: 'vitalmesh-committed',
  /** Of an answer: how far the hub's evidence has come, for the gateway to keep; as `formatCheckpoint` writes it. Who does not know it ignores it. */
  checkpoint: 'vitalmesh-checkpoint',
} as const;

export const UPLINK_PATHS = { hello: '/uplink', fhir: '/fhir' } as const;

/** HTTP/2 windows on both sides: they keep the overlay's circuit within its bounds (architecture §4). */
export const UPLINK_WINDOWS = { streamBytes: 256 * 1024, sessionBytes: 512 * 1024 } as const;

/** Time limits of both sides, milliseconds. */
export const UPLINK_TIMES = {
  /**
   * When nothing has come for so long, a PING goes out, which the other side has `pingLimitMs` to answer. Shorter than the 30 s after which
   * an overlay would ask its router, and than the 35 s after which a circuit beats by itself: so an idle line carries one kind of probe only.
   */
  pingEveryMs: 24_000,
  /** The same while an answer is awaited. */
  awaitingPingEveryMs: 12_000,
  /** On the hub, which asks when the gateway has not. */
  hubPingEveryMs: 40_000,
  pingLimitMs: 5000,
  /** Dial and inner TLS, each; and on the hub the wait for the first request. */
  setupMs: 10_000,
  /** A whole batch: on the hub its body, on the agent its answer. */
  batchMs: 30_000,
  /** What is in flight gets this long when a side stops. */
  drainMs: 2000,
} as const;

/** A signed note and the key that it is verified with, as a header has them: base64 of the note, a blank, the key. */
export function formatCheckpoint({ note, key }: { note: string; key: string }): string {
  return `${Buffer.from(note).toString('base64')} ${key}`;
}

/** Takes that apart; whether the note is one, and signed by the key, is another question. */
export function parseCheckpoint(header: string): { note: string; key: string } | undefined {
  const [encoded, key, ...more] = header.split(' ');
  if (!encoded || !key || more.length > 0 || header.length > 4096) return undefined;
  return { note: Buffer.from(encoded, 'base64').toString('utf8'), key };
}

/** Media types of uplink 1. */
export const FHIR_JSON = 'application/fhir+json';

/** What `GET /uplink` answers. Unknown fields are ignored. */
export interface UplinkHello {
  versions: number[];
  limits: { batchEntries: number; batchBytes: number };
  /** The hub's clock, UTC ms. */
  now: number;
  /** Random at the making of the hub's store; hubs of one service must share a store. */
  storeId: string;
  /** Its epochs, oldest first, the last one the present; both are left out by a hub of before. */
  lineage?: readonly StoreEpoch[];
  /** Of the last commit that is on disk. */
  position?: number;
  configRevision: string;
}

/** Limits of the hub unless configured. `batchBytes` holds for the body as sent and for what it unpacks to. */
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

/** Body of every answer that is not 200, as JSON. `versions` comes with UPLINK-VERSION. */
export interface UplinkRefusal {
  code: ErrorCode;
  message: string;
  versions?: readonly number[];
}

export function refusal(code: ErrorCode): UplinkRefusal {
  const { message } = ERRORS[code];
  return code === 'UPLINK-VERSION' ? { code, message, versions: UPLINK_VERSIONS } : { code, message };
}

/** Reads the answer to `GET /uplink`; unknown fields are left out. Throws UPLINK-ANSWER when a field is missing or has the wrong form. */
export function readHello(json: unknown): UplinkHello {
  const hello = (isRecord(json) ? json : {}) as Partial<Record<keyof UplinkHello, unknown>>;
  const { versions, limits, now, storeId, lineage, position, configRevision } = hello;
  const { batchEntries, batchBytes } = isRecord(limits) ? limits : {};
  if (!Array.isArray(versions) || !versions.every((version) => typeof version === 'number')) throw unreadable('versions');
  if (!isCount(batchEntries) || !isCount(batchBytes)) throw unreadable('limits');
  if (typeof now !== 'number' || !Number.isSafeInteger(now)) throw unreadable('now');
  if (typeof storeId !== 'string' || storeId === '') throw unreadable('storeId');
  if (typeof configRevision !== 'string') throw unreadable('configRevision');
  const read = { versions, limits: { batchEntries, batchBytes }, now, storeId, configRevision };
  if (lineage === undefined) return read;
  if (!Array.isArray(lineage) || lineage.length === 0 || !isPosition(position)) throw unreadable('lineage');
  return { ...read, lineage: lineage.map(readEpoch), position };
}

function readEpoch(value: unknown): StoreEpoch {
  const { epoch, from } = isRecord(value) ? value : {};
  if (typeof epoch !== 'string' || !isEpoch(epoch) || !isPosition(from)) throw unreadable('lineage');
  return { epoch, from };
}

function unreadable(field: string): VitalmeshError {
  return new VitalmeshError('UPLINK-ANSWER', { detail: `hello: ${field}` });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
