import { ERRORS, type ErrorCode } from '../../../shared/errors.ts';
import type { OperationOutcome } from '../../../shared/fhir.ts';
import { ERROR_CODE_SYSTEM, FHIR_JSON } from '../../../shared/uplink/protocol.ts';
import type { HttpAnswer } from '../http.ts';
import type { ForeignAnswer, RuledOutcome } from '../ingest.ts';

/** FHIR R4 issue-type of each status (http://hl7.org/fhir/R4/valueset-issue-type.html). */
const ISSUE_TYPES: Readonly<Record<number, string>> = {
  400: 'structure',
  403: 'forbidden',
  404: 'not-found',
  405: 'not-supported',
  408: 'timeout',
  409: 'conflict',
  413: 'too-long',
  415: 'not-supported',
  422: 'processing',
  503: 'transient',
};

/** As FHIR R4 Bundle.entry.response.status has it. */
const STATUS_TEXTS = {
  200: '200 OK',
  201: '201 Created',
  409: '409 Conflict',
  422: '422 Unprocessable Entity',
  503: '503 Service Unavailable',
};

type Issue = OperationOutcome['issue'][number];

/** A refusal as FHIR has it; `rule` says what is wrong where. */
export function fhirRefusal(status: number, code: ErrorCode, headers: Record<string, string> = {}): HttpAnswer {
  return { status, code, headers: { 'content-type': FHIR_JSON, ...headers }, body: outcomeOf([issueOf(status, code)]) };
}

/** The answer to a Bundle, entry by entry in the order of the request; of a transaction that was refused, why. */
export function bundleAnswer(answer: ForeignAnswer): HttpAnswer {
  const headers = { 'content-type': FHIR_JSON };
  if ('outcomes' in answer) {
    const entry = answer.outcomes.map((outcome) => ({ response: responseOf(outcome) }));
    return { status: 200, headers, body: { resourceType: 'Bundle', type: `${answer.type}-response`, entry } };
  }
  const issues = answer.refused.flatMap((outcome, i) => (outcome ? [ruledIssue(outcome, `Bundle.entry[${i}]`)] : []));
  const [first] = answer.refused.filter((outcome) => outcome !== null);
  return { status: first?.status ?? 422, code: first?.code ?? 'INGEST-INVALID', headers, body: outcomeOf(issues) };
}

function responseOf(outcome: RuledOutcome): object {
  const { id, status } = outcome;
  if (status !== 200 && status !== 201) return { status: STATUS_TEXTS[status], outcome: outcomeOf([ruledIssue(outcome)]) };
  return { status: STATUS_TEXTS[status], location: `Observation/${id}/_history/1`, etag: 'W/"1"' };
}

function ruledIssue({ status, code = 'INGEST-INVALID', rule }: RuledOutcome, expression?: string): Issue {
  const { diagnostics = '', ...issue } = issueOf(status, code);
  return {
    ...issue,
    diagnostics: rule === undefined ? diagnostics : `${diagnostics} ${rule}`,
    ...(expression && { expression: [expression] }),
  };
}

function issueOf(status: number, code: ErrorCode): Issue {
  const details = { coding: [{ system: ERROR_CODE_SYSTEM, code }] };
  return { severity: 'error', code: ISSUE_TYPES[status] ?? 'exception', details, diagnostics: ERRORS[code].message };
}

function outcomeOf(issue: Issue[]): OperationOutcome {
  return { resourceType: 'OperationOutcome', issue };
}
