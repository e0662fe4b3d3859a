import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { EntryOutcome } from '../../../shared/uplink/protocol.ts';
import type { FhirAnswer } from './http.ts';
import { list, record } from './json.ts';

/** Bundle.entry.response.status begins with the three digits and may go on with a text. */
const STATUS = /^([1-5]\d\d)(?:\s|$)/;

/** Why a request as a whole was not done, by the status of its answer. `to`: the capability statement, or a batch. */
export function refusalOf({ status, json }: FhirAnswer, to: 'metadata' | 'batch'): VitalmeshError {
  return new VitalmeshError(codeOf(status, json, to), { detail: `the server answered ${status}` });
}

function codeOf(status: number, json: unknown, to: 'metadata' | 'batch'): ErrorCode {
  if (status === 401) return 'FHIR-SIGN-IN';
  if (status === 403) return 'FHIR-DENIED';
  if (status === 501) return 'FHIR-ABILITY';
  if (isPassing(status)) return 'FHIR-BUSY';
  if (to === 'metadata' || isElsewhere(status)) return 'FHIR-SERVER';
  if (status === 413) return 'UPLINK-TOO-LARGE';
  // One bad entry makes some servers refuse the whole batch; but only the server's own word counts, not that of something before it.
  const { resourceType, issue } = record(json);
  if ((status !== 400 && status !== 422) || resourceType !== 'OperationOutcome') return 'UPLINK-ANSWER';
  return list(issue).some(({ code }) => code === 'not-supported') ? 'FHIR-ABILITY' : 'FHIR-REFUSED';
}

/** Nothing is wrong with what was sent. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status <= 599);
}

/** The address is not, or no longer, that of the server. */
function isElsewhere(status: number): boolean {
  return (status >= 300 && status <= 399) || status === 404 || status === 405 || status === 410;
}

/** The answer to one entry of a batch. */
export interface EntryAnswer {
  id: string;
  status: number;
  /** `<type>/<id>` of the resource on the server; undefined where it does not say. */
  place: string | undefined;
}

/**
 * The answers in a parsed batch-response (FHIR R4 http.html#transaction-response), in the order of the request. Throws UPLINK-ANSWER when it is
 * none, or does not answer each of `ids` with a status.
 */
export function readBatchAnswer(json: unknown, ids: readonly string[]): EntryAnswer[] {
  const { resourceType, type, entry } = record(json);
  if (resourceType !== 'Bundle' || type !== 'batch-response' || !Array.isArray(entry)) throw unreadable('no batch-response');
  if (entry.length !== ids.length) throw unreadable(`${entry.length} answers to ${ids.length} entries`);
  return ids.map((id, i) => {
    const { status, location } = record(record(entry[i]).response);
    const digits = typeof status === 'string' ? STATUS.exec(status)?.[1] : undefined;
    if (digits === undefined) throw unreadable('an entry without a status');
    return { id, status: Number(digits), place: placeOf(location) };
  });
}

/** Of a location with or without base and version: `Observation/12`. */
function placeOf(location: unknown): string | undefined {
  return typeof location === 'string' && location.length <= 2048
    ? /(?:^|\/)([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64})(?:\/_history\/[^/]*)?$/.exec(location)?.[1]
    : undefined;
}

/** What becomes of an entry: held (200, 201), quarantined (422), or sent again (503). `before`: it was answered 409 once already. */
export function outcomeOf({ id, status }: EntryAnswer, before: boolean): EntryOutcome {
  if (status === 200 || status === 201) return { id, status };
  if (status === 401) return { id, status: 503, code: 'FHIR-SIGN-IN' };
  if (status === 403) return { id, status: 503, code: 'FHIR-DENIED' };
  // A server that has the same resource under way from before may say so, and holds it a moment later.
  if (isPassing(status) || (status === 409 && !before)) return { id, status: 503, code: 'FHIR-BUSY' };
  if (status === 412) return { id, status: 422, code: 'FHIR-TWICE' };
  if (status >= 400) return { id, status: 422, code: 'FHIR-REFUSED' };
  // Neither done nor refused, as far as we know.
  return { id, status: 503, code: 'UPLINK-ANSWER' };
}

function unreadable(detail: string): VitalmeshError {
  return new VitalmeshError('UPLINK-ANSWER', { detail });
}
