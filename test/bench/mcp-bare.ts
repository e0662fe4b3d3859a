import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { type CallToolResult, createMcpHandler, McpServer, type ReadResourceResult, ResourceTemplate } from '@modelcontextprotocol/server';
import { rowOf, templateOf } from '../../hub/mcp/surface/resources.ts';
import { TOOLS } from '../../hub/mcp/surface/tools.ts';
import { isTemplate, KINDS } from '../../hub/mcp/uris.ts';
import { type Answers, latestOf, machineMs, type Publishing, paced, usage } from './mcp-plan.ts';
import { serveTasks } from './overlay-child.ts';

/**
 * The SDK alone, as its documentation has it (`createMcpHandler` for 2026-07-28, a transport a session for 2025-11-25), with our tools and resources
 * and every answer made beforehand: nobody is asked who they are, nothing is decided, recorded, coalesced or bounded.
 */

interface Session {
  server: McpServer;
  transport: NodeStreamableHTTPServerTransport;
}

const sessions = new Map<string, Session>();
/** Sessions by the resource that they subscribed to. */
const followers = new Map<string, Set<McpServer>>();
let answers: Answers = { tool: {}, resource: {} };

function surface(): McpServer {
  const server = new McpServer({ name: 'bare', version: '1' }, { capabilities: { resources: { subscribe: true }, tools: {} } });
  for (const kind of KINDS) {
    const { name, title, description, mimeType } = rowOf(kind);
    const about = { title, description, mimeType };
    const read = async (): Promise<ReadResourceResult> => answers.resource as ReadResourceResult;
    if (isTemplate(kind)) server.registerResource(name, new ResourceTemplate(templateOf(kind), { list: undefined }), about, read);
    else server.registerResource(name, templateOf(kind), about, read);
  }
  for (const { name, title, description, input, output } of TOOLS)
    server.registerTool(name, { title, description, inputSchema: input, outputSchema: output }, async () => answers.tool as CallToolResult);
  return server;
}

const modern = createMcpHandler(() => surface(), { legacy: 'reject', maxSubscriptions: 5000 });
const handleModern = toNodeHandler(modern);

async function handleLegacy(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const session = sessions.get(String(request.headers['mcp-session-id'])) ?? (await openSession());
  await session.transport.handleRequest(request, response);
}

async function openSession(): Promise<Session> {
  const id = randomUUID();
  const server = surface();
  const session = { server, transport: new NodeStreamableHTTPServerTransport({ sessionIdGenerator: () => id }) };
  sessions.set(id, session);
  server.server.setRequestHandler('resources/subscribe', async ({ params }) => {
    followers.set(params.uri, (followers.get(params.uri) ?? new Set()).add(server));
    return {};
  });
  await server.connect(session.transport);
  return session;
}

async function start(asked: Answers): Promise<number> {
  answers = asked;
  const server = createServer((request, response) => {
    const isModern = request.headers['mcp-protocol-version'] === '2026-07-28';
    void (isModern ? handleModern(request, response) : handleLegacy(request, response));
  });
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

async function publish(publishing: Publishing): Promise<[number, number][]> {
  const published: [number, number][] = [];
  await paced(publishing, (bed) => {
    const [uri, version] = [latestOf(bed), published.length + 1];
    const params = { uri, _meta: { 'vitalmesh/version': version, 'vitalmesh/at': new Date().toISOString() } };
    published.push([version, machineMs()]);
    modern.bus.publish({ kind: 'resource_updated', uri, params: { _meta: params._meta } });
    for (const server of followers.get(uri) ?? []) void server.server.notification({ method: 'notifications/resources/updated', params });
  });
  return published;
}

serveTasks({ start, publish, usage: async () => usage() });
