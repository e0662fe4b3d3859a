import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import { limitsOf } from '../../access/budgets/limits.ts';
import { callerMessage, protocolError, waitOf } from '../errors.ts';
import { fitted, roomOf } from '../fitting.ts';
import { KINDS, TEMPLATES } from '../uris.ts';
import { decodeCursor } from '../views.ts';
import { askingOf, UNASKED } from './asking.ts';
import type { Call, SurfaceOptions, ToolAnswer } from './contract.ts';

/** A call of a tool that is made now, by the caller as the registry has it now. Throws ACCESS-*. */
export function beginTool(options: SurfaceOptions, request: ServerContext): Call {
  const { principal, policy, ...rest } = options;
  const asking = askingOf(request, options.clock, options.gone?.());
  const caller = principal();
  const room = roomOf(limitsOf(policy(), caller), 'tool');
  // Every row of tools answers so.
  return { ...rest, ...asking, caller, fit: (most, make) => fitted(most, room, make, (answer) => toolResult(answer as ToolAnswer)) };
}

/** The same of what a URI means, or of what a variable of it may be. */
export function beginRead(options: SurfaceOptions, uri?: string, request?: ServerContext): Call {
  const { principal, policy, follows, ...rest } = options;
  const asking = request ? askingOf(request, options.clock, options.gone?.()) : UNASKED;
  const caller = principal();
  const context = uri === undefined ? rest.context : { ...rest.context, followed: follows(caller, uri) };
  const room = roomOf(limitsOf(policy(), caller), 'resource');
  return { ...rest, ...asking, caller, context, fit: fitJson(room) };
}

/** The same of one of `share` resources that a model gets with one answer: they have the room of a tool's answer among them, and are one call with it. */
export function beginEmbedded(options: SurfaceOptions, request: ServerContext, share: number): Call {
  const call = beginRead(options, undefined, request);
  const room = roomOf(limitsOf(options.policy(), call.caller), 'tool');
  return { ...call, context: { ...call.context, followed: true }, fit: fitJson(Math.floor(room / share)) };
}

function fitJson(room: number): Call['fit'] {
  return (most, make) => fitted(most, room, make, (read) => JSON.stringify(read));
}

/** A tool's failure is an answer that a model can act on: code, what happened, what to do. */
export async function answered(options: SurfaceOptions, call: () => Promise<ToolAnswer>): Promise<CallToolResult> {
  try {
    return toolResult(await call());
  } catch (thrown) {
    const error = known(options, thrown);
    const retryAfterMs = waitOf(error);
    const when = retryAfterMs === undefined ? '' : ` Ask again in ${Math.ceil(retryAfterMs / 1000)} s.`;
    const text = `${error.code}: ${callerMessage(error)} ${error.advice}${when}`;
    const wait = retryAfterMs === undefined ? {} : { 'vitalmesh/retryAfterMs': retryAfterMs };
    return { content: [{ type: 'text', text }], isError: true, _meta: { 'vitalmesh/code': error.code, ...wait } };
  }
}

/** An answer as the protocol has it; its size in JSON is what counts for the caller's room. */
export function toolResult({ text, data, links = [] }: ToolAnswer): CallToolResult {
  const linked = links.map((link) => ({ type: 'resource_link' as const, mimeType: 'application/json', ...link }));
  return { content: [{ type: 'text', text }, ...linked], structuredContent: data };
}

/** Of a URI that a caller sent. */
const MOST_REPEATED = 1024;
const URI = /^[a-z][a-z0-9+.-]{0,31}:\/\/[!-~]*$/;
const OWN_SCHEMES = KINDS.map((kind) => TEMPLATES[kind].slice(0, TEMPLATES[kind].indexOf('//')));

/** What is thrown in a handler, as an error of the protocol; one of a resource that there is not says which (MCP 2026-07-28, resources). */
export async function coded<T>(options: SurfaceOptions, call: () => Promise<T>, about: { uri?: string } = {}): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    const error = known(options, thrown);
    throw protocolError(error, error.code === 'NOT-FOUND' && mayRepeat(about) ? about : {});
  }
}

/** Nothing is repeated that could name somebody here: only that there is nothing of another scheme than the hub's own. */
function mayRepeat({ uri }: { uri?: string }): boolean {
  return uri !== undefined && uri.length <= MOST_REPEATED && URI.test(uri) && !OWN_SCHEMES.some((scheme) => uri.startsWith(scheme));
}

/** Behind which id a page begins. Throws MCP-CURSOR. */
export function startOf(cursor: string | undefined): string {
  const after = cursor === undefined ? '' : decodeCursor(cursor);
  if (after === undefined) throw new VitalmeshError('MCP-CURSOR');
  return after;
}

/** What callers cause by what they ask. */
const CALLERS: ReadonlySet<ErrorCode> = new Set([
  'NOT-FOUND',
  'PATIENT-MISTYPED',
  'MCP-CURSOR',
  'MCP-GROUP',
  'MCP-VITAL',
  'MCP-PERIOD',
  'MCP-ARGUMENTS',
  'MCP-LIMIT',
  'MCP-WAIT-ENDED',
  'MCP-CANCELLED',
]);

function known({ log, context }: SurfaceOptions, thrown: unknown): VitalmeshError {
  const error = asVitalmeshError(thrown);
  if (!error.code.startsWith('ACCESS-') && !CALLERS.has(error.code)) {
    log.error(
      { err: error, cause: error.cause instanceof Error ? error.cause : undefined, channel: context.channel },
      'an MCP request failed',
    );
  }
  return error;
}
