import { formatInstant, type Instant } from '../clock.ts';
import { ERRORS, type ErrorCode, isErrorCode, VitalmeshError } from '../errors.ts';
import type { BatchBundle, BatchResponseBundle, OperationOutcome, Resource } from '../fhir.ts';
import { type EntryOutcome, ERROR_CODE_SYSTEM } from './protocol.ts';

/** One entry of a batch as the object of FHIR R4 Bundle: `PUT <Type>/<id>`. */
export function batchEntry(resource: Resource): BatchBundle['entry'][number] {
  return { resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } };
}

/** JSON text of `batchEntry`. */
export function entryText(resource: Resource): string {
  return JSON.stringify(batchEntry(resource));
}

/** Bytes of a batch Bundle around its entries. */
export const BUNDLE_BYTES = bundleText([], 0).length;

/**
 * A batch Bundle as JSON text, out of the JSON texts of its entries: each entry is serialised once, when its size is taken.
 * `sentAt` tells the hub how far the agent's clock is from its own.
 */
export function bundleText(entries: readonly string[], sentAt: Instant): string {
  return `{"resourceType":"Bundle","type":"batch","timestamp":"${formatInstant(sentAt)}","entry":[${entries.join(',')}]}`;
}

/** FHIR R4 issue-type of each refusal (http://hl7.org/fhir/R4/valueset-issue-type.html). */
const ISSUE_TYPES = { 409: 'conflict', 422: 'processing', 503: 'transient' } as const;

/** The batch-response of FHIR R4, entry by entry in the order of the request; a refusal carries our code in its OperationOutcome. */
export function batchResponse(outcomes: readonly EntryOutcome[]): BatchResponseBundle {
  return { resourceType: 'Bundle', type: 'batch-response', entry: outcomes.map((outcome) => ({ response: responseOf(outcome) })) };
}

function responseOf({ status, code }: EntryOutcome): BatchResponseBundle['entry'][number]['response'] {
  if (status === 200 || status === 201) return { status: String(status) };
  return { status: String(status), outcome: operationOutcome(ISSUE_TYPES[status], code ?? DEFAULT_CODES[status]) };
}

const DEFAULT_CODES = { 409: 'UPLINK-KEY-REUSED', 422: 'INGEST-INVALID', 503: 'INGEST-UNAVAILABLE' } as const satisfies Record<
  number,
  ErrorCode
>;

function operationOutcome(type: string, code: ErrorCode): OperationOutcome {
  return {
    resourceType: 'OperationOutcome',
    issue: [
      { severity: 'error', code: type, details: { coding: [{ system: ERROR_CODE_SYSTEM, code }] }, diagnostics: ERRORS[code].message },
    ],
  };
}

/**
 * Reads a parsed batch-response to a batch of `ids`, in their order. Unknown fields are ignored; a refusal without a code that we
 * know gets the usual one of its status. Throws UPLINK-ANSWER when it is no batch-response, has another number of entries, or holds a
 * status that uplink 1 does not have.
 */
export function readBatchResponse(json: unknown, ids: readonly string[]): EntryOutcome[] {
  const { resourceType, type, entry } = record(json);
  if (resourceType !== 'Bundle' || type !== 'batch-response' || !Array.isArray(entry)) {
    throw new VitalmeshError('UPLINK-ANSWER', { detail: 'no batch-response' });
  }
  if (entry.length !== ids.length) {
    throw new VitalmeshError('UPLINK-ANSWER', { detail: `${entry.length} answers to ${ids.length} entries` });
  }
  return ids.map((id, i) => readEntry(id, record(record(entry[i]).response)));
}

function readEntry(id: string, response: Record<string, unknown>): EntryOutcome {
  // Bundle.entry.response.status begins with the three digits and may go on with a text.
  const digits = typeof response.status === 'string' ? response.status.slice(0, 3) : '';
  switch (digits) {
    case '200':
    case '201':
      return { id, status: digits === '200' ? 200 : 201 };
    case '409':
    case '422':
    case '503': {
      const status = digits === '409' ? 409 : digits === '422' ? 422 : 503;
      return { id, status, code: codeIn(response.outcome) ?? DEFAULT_CODES[status] };
    }
    default:
      throw new VitalmeshError('UPLINK-ANSWER', { detail: 'an entry has an unknown status' });
  }
}

function codeIn(outcome: unknown): ErrorCode | undefined {
  const { issue } = record(outcome);
  for (const { details } of list(issue)) {
    for (const { system, code } of list(record(details).coding)) {
      if (system === ERROR_CODE_SYSTEM && typeof code === 'string' && isErrorCode(code)) return code;
    }
  }
  return undefined;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}
