import { type McpServer, type ReadResourceResult, ResourceTemplate } from '@modelcontextprotocol/server';
import type { OwnSurface } from '../extension.ts';
import { PNG } from './contents.ts';

const TEMPLATE = 'test://template/{id}/data';
const WATCHED = 'test://watched-resource';

interface Fixture {
  name: string;
  description: string;
  mimeType: string;
  content: { text: string } | { blob: string };
}

const FIXTURES: Readonly<Record<string, Fixture>> = {
  'test://static-text': {
    ...{ name: 'static-text', description: 'A text that never changes.', mimeType: 'text/plain' },
    content: { text: 'This is the content of the static text resource.' },
  },
  'test://static-binary': {
    ...{ name: 'static-binary', description: 'An image that never changes.', mimeType: 'image/png' },
    content: { blob: PNG },
  },
  [WATCHED]: {
    ...{ name: 'watched-resource', description: 'A text that can be subscribed to.', mimeType: 'text/plain' },
    content: { text: 'Watched.' },
  },
};

/** Resources beside the hub's own, behind these in the list. */
export function registerResources(server: McpServer, own: Pick<OwnSurface, 'list' | 'read'>): void {
  const about = { description: 'A text about the id in its URI.', mimeType: 'application/json' };
  server.registerResource('template', new ResourceTemplate(TEMPLATE, { list: undefined }), about, ({ href }, _, request) =>
    own.read(href, request),
  );
  const listed = Object.entries(FIXTURES).map(([uri, { name, description, mimeType }]) => ({ uri, name, description, mimeType }));
  server.server.setRequestHandler('resources/list', async ({ params }) => {
    const page = await own.list(params?.cursor);
    return page.nextCursor === undefined ? { ...page, resources: [...page.resources, ...listed] } : page;
  });
  server.server.setRequestHandler(
    'resources/read',
    async ({ params: { uri } }, request) => fixtureAt(uri) ?? (await own.read(uri, request)),
  );
}

export function isWatched(uri: string): boolean {
  return uri === WATCHED;
}

function fixtureAt(uri: string): ReadResourceResult | undefined {
  const fixture = Object.hasOwn(FIXTURES, uri) ? FIXTURES[uri] : undefined;
  if (fixture) return { contents: [{ uri, mimeType: fixture.mimeType, ...fixture.content }] };
  const [, id] = /^test:\/\/template\/([^/?#]+)\/data$/.exec(uri) ?? [];
  if (id === undefined) return undefined;
  const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: 'application/json', text }] };
}
