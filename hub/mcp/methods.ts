import { HttpRefusal } from './errors.ts';
import type { Extension } from './extension.ts';
import { isObject } from './request.ts';

/** What is served in one revision of the protocol; nothing else reaches a handler. */
interface Served {
  requests: readonly string[];
  notifications: readonly string[];
}

const BOTH = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
];

const SERVED: Readonly<Record<'mcp-2025' | 'mcp-2026', Served>> = {
  'mcp-2025': {
    requests: [...BOTH, 'initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'],
    notifications: ['notifications/initialized', 'notifications/cancelled', 'notifications/progress', 'notifications/roots/list_changed'],
  },
  'mcp-2026': { requests: [...BOTH, 'server/discover', 'subscriptions/listen'], notifications: ['notifications/cancelled'] },
};

const METHOD_NOT_FOUND_STATUS = { 'mcp-2025': 200, 'mcp-2026': 404 } as const;

/**
 * Refuses every method that is not served in this revision, and every answer to a question, for the hub asks its callers nothing (sampling,
 * elicitation, roots, tasks), unless an extension does. Throws HttpRefusal MCP-METHOD. What is no message at all is left for the SDK to refuse.
 */
export function checkMethods(body: unknown, channel: 'mcp-2025' | 'mcp-2026', extension?: Pick<Extension, 'asks'>): void {
  const { requests, notifications } = SERVED[channel];
  if (!isObject(body)) return;
  const { method, id } = body;
  if (typeof method !== 'string') {
    if (!extension?.asks && ('result' in body || 'error' in body))
      throw new HttpRefusal(400, 'MCP-METHOD', 'the hub asks nothing, so there is nothing to answer');
    return;
  }
  const isRequest = id !== undefined && id !== null;
  if (!(isRequest ? requests : notifications).includes(method))
    throw new HttpRefusal(isRequest ? METHOD_NOT_FOUND_STATUS[channel] : 400, 'MCP-METHOD');
}
