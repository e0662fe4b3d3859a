/**
 * Our own notification, the first of a connection of the line wire where one is needed, and again whenever it is renewed: the access token of the person or program behind the connection,
 * which HTTP carries in a header. The hub answers nothing to it, and shows it to nobody.
 */
export const AUTHORIZATION = 'notifications/vitalmesh/authorization';

/** It goes into the head of a request, which has 16 KiB for all of it. */
const MAX_TOKEN = 12_288;
/** RFC 6750 §2.1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

export function tokenLine(token: string): string {
  return `${JSON.stringify({ jsonrpc: '2.0', method: AUTHORIZATION, params: { token } })}\n`;
}

/** The token that such a notification carries; undefined, as if there were none, where it carries none. */
export function tokenIn({ token }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof token === 'string' && token.length <= MAX_TOKEN && TOKEN.test(token) ? token : undefined;
}
