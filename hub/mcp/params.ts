import { isInitializeRequest } from '@modelcontextprotocol/server';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Extension } from './extension.ts';
import { isObject } from './request.ts';
import { PROMPTS } from './surface/prompts.ts';
import { TOOLS } from './surface/tools.ts';
import { TEMPLATES } from './uris.ts';

type Params = Readonly<Record<string, unknown>>;

/** What is wrong with the parameters of a method, in words that repeat nothing of them; undefined where nothing is. */
type Check = (params: Params, isListed: (of: 'tool' | 'prompt' | 'template', name: string) => boolean) => string | undefined;

const cursor: Check = ({ cursor: at }) => (at === undefined || typeof at === 'string' ? undefined : 'cursor is a text');
const uri: Check = ({ uri: of }) => (typeof of === 'string' ? undefined : 'uri is a text, as resources/list gives it');

const CHECKS: Readonly<Record<string, Check>> = {
  // By the SDK's own schema: what it would take is taken.
  initialize: (params) =>
    isInitializeRequest({ method: 'initialize', params })
      ? undefined
      : 'initialize takes protocolVersion, a text, capabilities, an object, and clientInfo, which is {name, version}, texts',
  'tools/list': cursor,
  'prompts/list': cursor,
  'resources/list': cursor,
  'resources/templates/list': cursor,
  'resources/read': uri,
  'resources/subscribe': uri,
  'resources/unsubscribe': uri,
  'tools/call': ({ name, arguments: given }, isListed) => {
    if (typeof name !== 'string' || !isListed('tool', name)) return 'there is no such tool: tools/list names them';
    return given === undefined || isObject(given) ? undefined : 'arguments is an object';
  },
  'prompts/get': ({ name, arguments: given = {} }, isListed) => {
    if (typeof name !== 'string' || !isListed('prompt', name)) return 'there is no such prompt: prompts/list names them';
    return isObject(given) && Object.values(given).every((value) => typeof value === 'string')
      ? undefined
      : 'arguments is an object of texts';
  },
  'completion/complete': ({ ref, argument, context }, isListed) => {
    if (!isObject(ref) || !isReference(ref, isListed))
      return 'ref is {type: "ref/prompt", name} or {type: "ref/resource", uri}, as the lists give them';
    if (!isObject(argument) || typeof argument.name !== 'string' || typeof argument.value !== 'string')
      return 'argument is {name, value}, texts';
    return context === undefined || isContext(context) ? undefined : 'context is {arguments}, an object of texts';
  },
  'subscriptions/listen': ({ notifications }) => {
    const { resourceSubscriptions: uris = [] } = isObject(notifications) ? notifications : {};
    if (!isObject(notifications)) return 'notifications is an object';
    return Array.isArray(uris) && uris.every((one) => typeof one === 'string') ? undefined : 'resourceSubscriptions is a list of URIs';
  },
};

function isReference({ type, name, uri: of }: Params, isListed: Parameters<Check>[1]): boolean {
  if (type === 'ref/prompt') return typeof name === 'string' && isListed('prompt', name);
  return type === 'ref/resource' && typeof of === 'string' && isListed('template', of);
}

function isContext(context: unknown): boolean {
  const { arguments: given = {} } = isObject(context) ? context : { arguments: null };
  return isObject(given) && Object.values(given).every((value) => typeof value === 'string');
}

const NAMES = {
  tool: new Set(TOOLS.map(({ name }) => name)),
  prompt: new Set(PROMPTS.map(({ name }) => name)),
  template: new Set<string>(Object.values(TEMPLATES)),
};

/**
 * Refuses parameters of a form that no handler takes, and names of what is not served, before the SDK does: it would repeat what was sent, which may be somebody's name, and says neither
 * which error it is nor what to do. What an extension serves beside is looked for by the SDK. Throws MCP-ARGUMENTS.
 */
export function checkParams(body: unknown, extension?: Extension): void {
  if (!isObject(body) || typeof body.method !== 'string') return;
  const { method, params = {} } = body;
  const wrong = isObject(params)
    ? (Object.hasOwn(CHECKS, method) ? CHECKS[method] : undefined)?.(params, (of, name) => extension !== undefined || NAMES[of].has(name))
    : 'params is an object';
  if (wrong !== undefined) throw new VitalmeshError('MCP-ARGUMENTS', { detail: wrong });
}
