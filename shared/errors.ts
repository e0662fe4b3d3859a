import { ACCESS_ERRORS } from './errors/access.ts';
import { COMMON_ERRORS } from './errors/common.ts';
import type { ErrorEntry } from './errors/entry.ts';
import { MCP_ERRORS } from './errors/mcp.ts';
import { OVERLAY_ERRORS } from './errors/overlay.ts';
import { PATIENTS_ERRORS } from './errors/patients.ts';
import { SOURCES_ERRORS } from './errors/sources.ts';
import { STORAGE_ERRORS } from './errors/storage.ts';
import { UPLINK_ERRORS } from './errors/uplink.ts';

/** Every coded error of Vitalmesh, by area. HL7 ERR, MCP and HTTP codes are derived from these at the edge. */
export const ERRORS = {
  ...COMMON_ERRORS,
  ...SOURCES_ERRORS,
  ...STORAGE_ERRORS,
  ...OVERLAY_ERRORS,
  ...UPLINK_ERRORS,
  ...ACCESS_ERRORS,
  ...PATIENTS_ERRORS,
  ...MCP_ERRORS,
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorOptionsWithDetail extends ErrorOptions {
  /** What exactly, for an operator: a path, a field, a limit. Never a patient's data, never bytes from a device. */
  detail?: string;
}

/** The only error that Vitalmesh throws. `code` is stable; `message` is the table's text and, behind a colon, the detail. */
export class VitalmeshError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: ErrorOptionsWithDetail = {}) {
    const { message } = ERRORS[code];
    super(options.detail === undefined ? message : `${message.slice(0, -1)}: ${options.detail}`, options);
    this.name = 'VitalmeshError';
    this.code = code;
    this.detail = options.detail;
  }

  get advice(): string {
    return ERRORS[this.code].advice;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** A code with the sentence of the table, for people: `OVERLAY-DENIED (The overlay refused: …)`. */
export function meaningOf(code: ErrorCode): string {
  return `${code} (${ERRORS[code].message.slice(0, -1)})`;
}

/** True for a code of the table; for codes that come over a wire. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** Any thrown thing as a VitalmeshError; what is not one already becomes `code` with the original as its cause. */
export function asVitalmeshError(thrown: unknown, code: ErrorCode = 'INTERNAL'): VitalmeshError {
  return thrown instanceof VitalmeshError ? thrown : new VitalmeshError(code, { cause: thrown });
}
