import type { Action, Principal } from '../access/access.ts';
import { scopeLetters } from '../access/decide.ts';
import { formatScope } from '../access/tokens/scopes.ts';
import { isObject } from './request.ts';
import { actionOf } from './surface/resources.ts';
import { actionOfTool } from './surface/tools.ts';
import { parseUri } from './uris.ts';

const METHODS: Readonly<Record<string, Action>> = {
  'resources/list': 'patients.list',
  'completion/complete': 'patients.list',
  'prompts/get': 'patients.list',
  'resources/subscribe': 'vitals.subscribe',
  'subscriptions/listen': 'vitals.subscribe',
};

/** What a request does to data; nothing where it does none. Whether it may be done is for the door to say. */
export function operationsOf(body: unknown): Action[] {
  const action = actionIn(body);
  return action === undefined ? [] : [action];
}

function actionIn(message: unknown): Action | undefined {
  if (!isObject(message) || typeof message.method !== 'string') return undefined;
  const params = isObject(message.params) ? message.params : {};
  const { method } = message;
  if (method === 'tools/call') return typeof params.name === 'string' ? actionOfTool(params.name) : undefined;
  if (method === 'resources/read') return typeof params.uri === 'string' ? readingOf(params.uri) : undefined;
  return ownOf(METHODS, method);
}

function readingOf(uri: string): Action {
  const ref = parseUri(uri);
  return ref ? actionOf(ref) : 'vitals.read';
}

function ownOf(table: Readonly<Record<string, Action>>, name: string): Action | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The scopes that these actions need, as somebody of this kind asks for them. */
export function scopesOf(kind: Principal['kind'], actions: readonly Action[]): string[] {
  const letters = new Set(actions.flatMap((action) => [...(scopeLetters(action) ?? '')]));
  const may = [...'cruds'].filter((letter) => letters.has(letter)).join('');
  if (may === '') return [];
  return [formatScope({ context: kind === 'person' ? 'user' : 'system', resource: 'Observation', may, category: 'vital-signs' })];
}
