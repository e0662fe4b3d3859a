/** What is to be known of a message of JSON-RPC to carry it. */
export interface LineMessage {
  method: string | undefined;
  /** Of a question or of an answer. */
  id: string | number | undefined;
  params: Readonly<Record<string, unknown>>;
  /** The revision that a message of 2026-07-28 or later says of itself; undefined of an older one. */
  revision: string | undefined;
  /** What the header `Mcp-Name` repeats (MCP 2026-07-28, Streamable HTTP): a tool's or a prompt's name, or a resource's URI. */
  name: string | undefined;
  isAnswer: boolean;
}

export const REVISION_META = 'io.modelcontextprotocol/protocolVersion';

/** Undefined for what is no single message, such as a batch, which neither revision has. */
export function lineMessage(parsed: unknown): LineMessage | undefined {
  if (!isObject(parsed)) return undefined;
  const { method, id } = parsed;
  const params = isObject(parsed.params) ? parsed.params : {};
  const meta = isObject(params._meta) ? params._meta : {};
  const revision = meta[REVISION_META];
  const name = params.name ?? params.uri;
  return {
    method: typeof method === 'string' ? method : undefined,
    id: typeof id === 'string' || typeof id === 'number' ? id : undefined,
    params,
    revision: typeof revision === 'string' ? revision : undefined,
    name: typeof name === 'string' ? name : undefined,
    isAnswer: method === undefined && ('result' in parsed || 'error' in parsed),
  };
}

const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** As headers carry text that they could not carry otherwise (MCP 2026-07-28, Streamable HTTP, header encoding). */
export function headerText(text: string): string {
  const isPlain = PLAIN.test(text) && !/^=\?base64\?.*\?=$/.test(text);
  return isPlain ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
