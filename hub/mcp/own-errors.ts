import { ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { isObject } from './request.ts';

/** Errors of MCP 2026-07-28 about what a request says of itself: headers that disagree with the body, a capability that is missing, a revision that is not served. */
const OF_HEADERS: readonly unknown[] = [-32_020, -32_021, -32_022];
/** What the protocol wants to be told with them; nothing else of the SDK's is repeated. */
const KEPT = ['supported', 'requested', 'requiredCapabilities'];
const PLAIN = /^[\w.-]{1,64}$/;

/**
 * An answer of the SDK, whose own refusals of a request repeat what was sent and say neither which error of the table it is nor what to do: these are said in our words, with the same code
 * of JSON-RPC and status. Everything else passes as it is.
 */
export async function inOwnWords(answer: Response): Promise<Response> {
  if (answer.status < 400 || !answer.headers.get('content-type')?.startsWith('application/json')) return answer;
  const said: unknown = await answer
    .clone()
    .json()
    .catch(() => undefined);
  if (!isObject(said) || !isObject(said.error) || (isObject(said.error.data) && 'code' in said.error.data)) return answer;
  await answer.body?.cancel();
  const { code, data } = said.error;
  const own: ErrorCode = OF_HEADERS.includes(code) ? 'MCP-HEADERS' : 'MCP-REQUEST';
  const { message, advice, retryable } = ERRORS[own];
  const error = { code, message, data: { ...keptOf(data), code: own, advice, retryable } };
  const headers = new Headers(answer.headers);
  headers.delete('content-length');
  return new Response(JSON.stringify({ ...said, error }), { status: answer.status, headers });
}

function keptOf(data: unknown): Record<string, unknown> {
  if (!isObject(data)) return {};
  return Object.fromEntries(KEPT.flatMap((name) => (name in data && isPlain(data[name]) ? [[name, data[name]]] : [])));
}

/** Names of revisions and capabilities, as they are or in lists and objects. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return PLAIN.test(value);
  if (Array.isArray(value)) return value.every(isPlain);
  return isObject(value) && Object.entries(value).every(([name, inner]) => PLAIN.test(name) && isPlain(inner));
}
