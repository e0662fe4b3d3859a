import { ProtocolError } from '@modelcontextprotocol/server';
import { ERRORS, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { AccessLimit } from '../access/budgets/access-limit.ts';

const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const PARSE_ERROR = -32700;
/** In JSON-RPC's range for servers' own errors; which one it is, stands in `data.code`. */
const REFUSED = -32010;
const LIMIT = -32011;

/** What was asked for is not there, or not like this. */
const ASKED_WRONG: ReadonlySet<ErrorCode> = new Set([
  'NOT-FOUND',
  'PATIENT-MISTYPED',
  'MCP-CURSOR',
  'MCP-GROUP',
  'MCP-URI',
  'MCP-ARGUMENTS',
  'MCP-NOT-FOLLOWED',
]);

function rpcCode(code: ErrorCode): number {
  if (ASKED_WRONG.has(code)) return INVALID_PARAMS;
  if (code === 'MCP-LIMIT' || code === 'ACCESS-LIMIT') return LIMIT;
  if (code === 'MCP-METHOD') return METHOD_NOT_FOUND;
  if (code === 'MCP-ID') return INVALID_REQUEST;
  if (code === 'MCP-JSON') return PARSE_ERROR;
  if (code.startsWith('ACCESS-') || code.startsWith('MCP-')) return REFUSED;
  return INTERNAL_ERROR;
}

export interface RpcErrorBody {
  jsonrpc: '2.0';
  id: string | number | null;
  error: { code: number; message: string; data: { code: ErrorCode; advice: string; retryable: boolean; retryAfterMs?: number } };
}

/** What a caller is told. The detail of an error inside the hub (a path, a table) is the operator's alone. */
export function callerMessage(error: VitalmeshError): string {
  return error.code.startsWith('MCP-') ? error.message : ERRORS[error.code].message;
}

/** When the same may be asked again; undefined where that is not a matter of time. */
export function waitOf(error: VitalmeshError): number | undefined {
  return error instanceof TooOften || error instanceof AccessLimit ? error.retryAfterMs : undefined;
}

/** A coded error as JSON-RPC has it: our code and what to do stand in `data`. */
export function rpcError(error: VitalmeshError, id: string | number | null = null): RpcErrorBody {
  const { code, advice, retryable } = error;
  const retryAfterMs = waitOf(error);
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { jsonrpc: '2.0', id, error: { code: rpcCode(code), message: callerMessage(error), data: { code, advice, retryable, ...wait } } };
}

/** The same for a handler of the SDK to throw, with what it is about. */
export function protocolError(error: VitalmeshError, about: { uri?: string } = {}): ProtocolError {
  const { code, message, data } = rpcError(error).error;
  return new ProtocolError(code, message, { ...data, ...about });
}

/** A refusal of the HTTP request itself, before any MCP. */
export class HttpRefusal extends VitalmeshError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, detail?: string) {
    super(code, detail === undefined ? {} : { detail });
    this.name = 'HttpRefusal';
    this.status = status;
  }
}

/** A caller opens streams or sessions faster than it may; the same call is answered after `retryAfterMs`. */
export class TooOften extends HttpRefusal {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super(429, 'MCP-LIMIT', 'streams and sessions are opened too often');
    this.retryAfterMs = retryAfterMs;
  }
}
