import {
  type CompleteResourceTemplateCallback,
  McpServer,
  type ReadResourceResult,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Group } from '../../clinical/group.ts';
import type { OwnSurface } from '../extension.ts';
import { INSTRUCTIONS, SERVER_INFO } from '../server-info.ts';
import { isTemplate, KINDS, onlyUri, parseUri, type ResourceKind, uriOf } from '../uris.ts';
import { compactPatients } from '../views.ts';
import { answered, beginRead, beginTool, coded, startOf } from './answers.ts';
import { askingOf } from './asking.ts';
import type { SurfaceOptions } from './contract.ts';
import { NotesToCallers } from './notes-to-callers.ts';
import { registerPrompts } from './register-prompts.ts';
import { groupsAmong } from './resources/variables.ts';
import { readRef, rowOf, templateOf } from './resources.ts';
import { schemaOnce } from './schema-once.ts';
import { listedOnly, takenArguments } from './taken-arguments.ts';
import { TOOLS } from './tools.ts';

/** Lists of definitions, the same for all callers; they change with the version of the hub alone. */
const DEFINITIONS = { ttlMs: 300_000, cacheScope: 'private' } as const;
export const READ_ONLY = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** What one caller is served: resources, tools and prompts, the same in both revisions, every answer through the door. */
export function buildSurface(options: SurfaceOptions): McpServer {
  const { extension } = options;
  const server = new McpServer(SERVER_INFO, {
    capabilities: {
      resources: { subscribe: true, listChanged: false },
      tools: { listChanged: false },
      prompts: { listChanged: false },
      logging: {},
      ...extension?.server.capabilities,
    },
    instructions: INSTRUCTIONS,
    ...(extension?.server.requestState && { requestState: extension.server.requestState }),
    cacheHints: {
      'server/discover': DEFINITIONS,
      'tools/list': DEFINITIONS,
      'prompts/list': DEFINITIONS,
      'resources/templates/list': DEFINITIONS,
    },
  });
  const notes = new NotesToCallers(server, options.clock);
  const read = (uri: string, request: ServerContext) =>
    notes.about(request, parseUri(uri)?.kind ?? 'resources/read', () => coded(options, () => readResource(uri, options, request), { uri }));
  const list = (cursor: string | undefined) => coded(options, () => listResources(cursor, options));
  const { method = '' } = options;
  if (takesPart('resources', method)) registerResources(server, options, { list, read });
  if (takesPart('tools', method)) registerTools(server, options, notes);
  if (takesPart('prompts', method)) registerPrompts(server, options, notes);
  const asking = (request: ServerContext) => askingOf(request, options.clock, options.gone?.());
  extension?.register(server, { list, read, notes, asking });
  return server;
}

/** Methods of which each is about one part alone; every other one may be about all. To register them all takes longer than to answer most requests. */
const OF_ONE_PART = /^(resources|tools|prompts|subscriptions)\//;

function takesPart(part: string, method: string): boolean {
  const [, only = part] = OF_ONE_PART.exec(method) ?? [];
  return only === part;
}

function registerResources(server: McpServer, options: SurfaceOptions, { list, read }: Pick<OwnSurface, 'list' | 'read'>): void {
  for (const kind of KINDS) {
    const { name, title, description, mimeType } = rowOf(kind);
    const about = { title, description, mimeType };
    if (isTemplate(kind)) {
      const template = new ResourceTemplate(templateOf(kind), { list: undefined, complete: completers(kind, options) });
      server.registerResource(name, template, about, (uri, _, request) => read(uri.href, request));
    } else server.registerResource(name, templateOf(kind), about, (uri, request) => read(uri.href, request));
  }
  // In place of the SDK's own, which neither pages nor says what to do about a URI that does not exist.
  server.server.setRequestHandler('resources/list', ({ params }) => list(params?.cursor));
  server.server.setRequestHandler('resources/read', ({ params }, request) => read(params.uri, request));
}

function completers(kind: ResourceKind, options: SurfaceOptions): Record<string, CompleteResourceTemplateCallback> {
  const found = Object.entries(rowOf(kind).completes).map(([name, like]): [string, CompleteResourceTemplateCallback] => [
    name,
    (typed) => coded(options, async () => [...(await like(typed, beginRead(options)))]),
  ]);
  return Object.fromEntries(found);
}

/** What has no variables, the wards and panels of whom the caller may see, and then what there is of each patient, in pages. */
async function listResources(cursor: string | undefined, options: SurfaceOptions) {
  const { door, clock, limits } = options;
  const after = startOf(cursor);
  const { caller, context } = beginRead(options);
  const all = await door.listPatients(caller, context);
  const { patients, nextCursor } = compactPatients(all, clock.now(), limits.page, after);
  const { mimeType } = rowOf('latest');
  const ofPatients = patients.map(({ patient, uri }) => ({
    ...{ uri, name: `latest-${patient}`, title: `Latest vital signs, patient ${patient}`, mimeType },
  }));
  const groups = groupsAmong(all, { door, caller }).map(listedGroup);
  const fixed = KINDS.filter((kind) => door.may(caller, rowOf(kind).action)).flatMap(listed);
  const first = cursor === undefined ? [...fixed, ...groups] : [];
  return { resources: [...first, ...ofPatients], ...(nextCursor === undefined ? {} : { nextCursor }) };
}

function listedGroup(group: Group) {
  const [kind, uri, name] =
    'ward' in group
      ? (['ward', uriOf('ward', group), `ward ${group.ward}`] as const)
      : (['worklist', uriOf('worklist', group), `panel ${group.panel}`] as const);
  const { title, mimeType } = rowOf(kind);
  return { uri, name: `${kind}-${name}`, title: `${title}: ${name}`, mimeType };
}

function listed(kind: ResourceKind) {
  const { name, title, description, mimeType } = rowOf(kind);
  const uri = onlyUri(kind);
  return uri === undefined ? [] : [{ uri, name, title, description, mimeType }];
}

async function readResource(uri: string, options: SurfaceOptions, request: ServerContext): Promise<ReadResourceResult> {
  const ref = parseUri(uri);
  if (!ref) throw new VitalmeshError('NOT-FOUND');
  const read = await readRef(ref, beginRead(options, uri, request));
  return { contents: [{ uri, mimeType: rowOf(ref.kind).mimeType, text: JSON.stringify(read) }] };
}

/** What the SDK is told of each tool, made once: a surface is built for every request. */
const TOLD = TOOLS.map(({ name, title, description, input, output, call }) => {
  const schemas = { inputSchema: listedOnly(schemaOnce(input)), outputSchema: schemaOnce(output) };
  return { name, about: { title, description, ...schemas, annotations: READ_ONLY }, input, call };
});

function registerTools(server: McpServer, options: SurfaceOptions, notes: NotesToCallers): void {
  for (const { name, about, input, call } of TOLD) {
    server.registerTool(name, about, (args: unknown, request: ServerContext) =>
      notes.about(request, name, () => answered(options, async () => await call(takenArguments(input, args), beginTool(options, request)))),
    );
  }
}
