import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { OutboxOptions } from '../options.ts';
import type { Outbox, OutboxRow, OutboxStatus } from '../outbox.ts';
import type { Batch } from './batch.ts';

// What the caller and the thread of an outbox say to each other. Both are of one version: there is nothing to be agreed on.

/** The options of an outbox that a thread can be given; it has a clock, a log and metrics of its own that speak to the caller's. */
export type ThreadOptions = Omit<OutboxOptions, 'clock' | 'log' | 'metrics'>;

/** What the thread is begun with. */
export interface ThreadData {
  options: ThreadOptions;
  aheadMs: number;
}

/** Methods of an outbox that are called by name. */
export type Calls = Pick<
  Outbox,
  | 'find'
  | 'complete'
  | 'setStoreId'
  | 'toldOf'
  | 'redeliver'
  | 'quarantine'
  | 'quarantineBytes'
  | 'rekey'
  | 'quarantined'
  | 'content'
  | 'release'
  | 'drop'
  | 'census'
  | 'status'
  | 'timeKnown'
> & {
  pending(after: number, limit: number): Promise<PackedRows>;
  waiting(after: number, limit: number): Promise<PackedRows>;
};
export type CallName = keyof Calls;

/** What the thread is asked for. */
export type Request = { is: 'append'; batch: Batch } | { is: 'call'; number: number; name: CallName; args: unknown[] } | { is: 'close' };

/** To the thread: what one turn of the event loop asks for. `aheadMs`: how far the caller's wall clock is ahead of the machine's now. */
export interface Requests {
  aheadMs: number;
  requests: Request[];
}

/** An error as it crosses: its code says what it is, and its cause stays where it was thrown. */
export interface PackedError {
  code: ErrorCode;
  detail?: string;
}

export type Reply = { number: number; result: unknown } | { number: number; error: PackedError };

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  fields: Record<string, unknown>;
  /** The field `err`. */
  error: PackedError | undefined;
  text: string;
}

/** From the thread: what came about since it spoke last. */
export interface Report {
  /** As they are now. */
  epoch: string;
  lastSeq: number;
  storeId: string | null;
  /** Of each append that was stored: its number, whether another message of its name was known (1), how many rows, and their numbers. All under one epoch. */
  appended: number[];
  epochOfAppended: string;
  replies: Reply[];
  /** How long the commit of these took, in milliseconds. */
  commitMs: number;
  /** Messages of the caller that were taken. */
  taken: number;
  /** What the listeners are to be told. */
  isAppended: boolean;
  isReturned: boolean;
  /** Name, label, by how much. */
  counts: [name: string, label: string, by: number][];
  gauges: [name: string, label: string, value: number][];
  log: LogLine[];
  /** The first report: it is open. */
  opened?: OutboxStatus;
  /** The last one: why it could not be opened, or that it is closed. */
  ended?: { error?: PackedError };
}

/** Rows, their records as `encodeRecord` writes them one behind the other. */
export interface PackedRows {
  rows: Omit<OutboxRow, 'record'>[];
  lengths: number[];
  bodies: ArrayBuffer;
}

export function packError(thrown: unknown): PackedError {
  const { code, detail } = asVitalmeshError(thrown);
  return { code, ...(detail !== undefined && { detail }) };
}

export function unpackError({ code, detail }: PackedError): VitalmeshError {
  return new VitalmeshError(code, detail === undefined ? {} : { detail });
}
