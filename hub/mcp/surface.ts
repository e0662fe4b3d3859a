import { McpServer, type ReadResourceResult, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Principal } from '../access/access.ts';
import { limitsOf } from '../access/budgets/limits.ts';
import type { CallContext, Door } from '../access/door.ts';
import type { Policy } from '../access/policy.ts';
import { callerMessage, protocolError, waitOf } from './errors.ts';
import { fitted, roomOf } from './fitting.ts';
import type { McpLimits } from './limits.ts';
import { INSTRUCTIONS, SERVER_INFO } from './server-info.ts';
import { LATEST_TEMPLATE, latestUri, PATIENTS_URI, parseUri } from './uris.ts';
import {
  compactLatest,
  compactPatients,
  decodeCursor,
  type Latest,
  latestSchema,
  MAX_ROWS,
  patientsSchema,
  traceableLatest,
} from './views.ts';
import { latestText, patientsText } from './wording.ts';

const JSON_TYPE = 'application/json';
/** Lists of definitions, the same for all callers; they change with the version of the hub alone. */
const DEFINITIONS = { ttlMs: 300_000, cacheScope: 'private' } as const;
const READ_ONLY = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const MAX_COMPLETIONS = 100;
/** Patients in one read of the list resource, which has no pages. */
const MAX_LISTED = 1000;

export interface SurfaceOptions {
  door: Door;
  clock: Clock;
  log: Logger;
  limits: McpLimits;
  context: CallContext;
  /** The caller as the registry has it now. Throws ACCESS-UNKNOWN-CALLER once it is no longer listed. */
  principal: () => Principal;
  /** Whether somebody has a resource subscribed to. */
  follows: (principal: Principal, uri: string) => boolean;
  policy: () => Policy;
}

/** What one caller is served: resources and tools, the same in both revisions, every answer through the door. */
export function buildSurface(options: SurfaceOptions): McpServer {
  const server = new McpServer(SERVER_INFO, {
    capabilities: { resources: { subscribe: true, listChanged: false }, tools: { listChanged: false } },
    instructions: INSTRUCTIONS,
    cacheHints: { 'server/discover': DEFINITIONS, 'tools/list': DEFINITIONS, 'resources/templates/list': DEFINITIONS },
  });
  registerResources(server, options);
  registerTools(server, options);
  return server;
}

function registerResources(server: McpServer, options: SurfaceOptions): void {
  const { door, context, principal } = options;
  const read = (uri: URL) => coded(options, () => readResource(uri.href, options));
  server.registerResource('patients', PATIENTS_URI, PATIENTS_RESOURCE, read);
  const template = new ResourceTemplate(LATEST_TEMPLATE, {
    list: undefined,
    complete: {
      id: (typed) =>
        coded(options, async () => {
          const all = await door.listPatients(principal(), context);
          const ids = all.map(({ patient }) => patient).filter((id) => id.startsWith(typed));
          return ids.sort().slice(0, MAX_COMPLETIONS);
        }),
    },
  });
  server.registerResource(
    'latest',
    template,
    {
      title: 'Latest vital signs of a patient',
      description: "A patient's latest value of each vital sign, with its age. Values too old to be current are null.",
      mimeType: JSON_TYPE,
    },
    read,
  );
  // In place of the SDK's own, which neither pages nor says what to do about a URI that does not exist.
  server.server.setRequestHandler('resources/list', ({ params }) => coded(options, () => listResources(params?.cursor, options)));
  server.server.setRequestHandler('resources/read', ({ params }) => coded(options, () => readResource(params.uri, options)));
}

const PATIENTS_RESOURCE = {
  title: 'Patients',
  description: 'The patients this caller may see, with bed and age of their newest data.',
  mimeType: JSON_TYPE,
};

async function listResources(cursor: string | undefined, { door, context, principal, clock, limits }: SurfaceOptions) {
  const after = cursor === undefined ? '' : startOf(cursor);
  const all = await door.listPatients(principal(), context);
  const { patients, nextCursor } = compactPatients(all, clock.now(), limits.page, after);
  const resources = patients.map(({ patient, uri }) => ({
    uri,
    name: `latest-${patient}`,
    title: `Latest vital signs, patient ${patient}`,
    mimeType: JSON_TYPE,
  }));
  const first = cursor === undefined ? [{ uri: PATIENTS_URI, name: 'patients', ...PATIENTS_RESOURCE }] : [];
  return { resources: [...first, ...resources], ...(nextCursor === undefined ? {} : { nextCursor }) };
}

function startOf(cursor: string): string {
  const after = decodeCursor(cursor);
  if (after === undefined) throw new VitalmeshError('MCP-CURSOR');
  return after;
}

async function readResource(uri: string, options: SurfaceOptions): Promise<ReadResourceResult> {
  const { door, principal, clock } = options;
  const ref = parseUri(uri);
  if (!ref) throw new VitalmeshError('NOT-FOUND');
  const caller = principal();
  const context = { ...options.context, followed: options.follows(caller, uri) };
  const room = roomFor(options, caller, 'resource');
  if (ref.kind === 'patients') {
    const all = await door.listPatients(caller, context);
    return fitted(MAX_LISTED, room, (rows) => ({ contents: [jsonContents(uri, compactPatients(all, clock.now(), rows))] }));
  }
  const latest = await door.latest(caller, ref.patient, context);
  return fitted(MAX_ROWS, room, (rows) => ({ contents: [jsonContents(uri, traceableLatest(latest, rows))] }));
}

function roomFor({ policy }: SurfaceOptions, caller: Principal, of: 'tool' | 'resource'): number {
  return roomOf(limitsOf(policy(), caller), of);
}

function jsonContents(uri: string, value: unknown): { uri: string; mimeType: string; text: string } {
  return { uri, mimeType: JSON_TYPE, text: JSON.stringify(value) };
}

function registerTools(server: McpServer, options: SurfaceOptions): void {
  const { door, clock, context, principal, limits } = options;
  server.registerTool(
    'get_latest_vitals',
    {
      title: 'Latest vital signs',
      description:
        "Gets a patient's latest value of each vital sign, with its age and what makes it doubtful. A value that is missing or too old is null; that is never a normal finding.",
      inputSchema: z.object({ patient: z.string().min(1).max(256).describe('Opaque patient id, as list_patients gives it.') }),
      outputSchema: latestSchema,
      annotations: READ_ONLY,
    },
    ({ patient }) =>
      answered(options, async () => {
        const caller = principal();
        const view = await door.latest(caller, patient, context);
        return fitted(MAX_ROWS, roomFor(options, caller, 'tool'), (rows) => latestAnswer(compactLatest(view, rows)));
      }),
  );
  server.registerTool(
    'list_patients',
    {
      title: 'Patients',
      description:
        'Lists the patients this caller may see, with bed, age of their newest data and the vital signs on record that its access token covers.',
      inputSchema: z.object({ cursor: z.string().max(512).optional().describe('nextCursor of the page before.') }),
      outputSchema: patientsSchema,
      annotations: READ_ONLY,
    },
    ({ cursor }) =>
      answered(options, async () => {
        const after = cursor === undefined ? '' : startOf(cursor);
        const caller = principal();
        const all = await door.listPatients(caller, context);
        return fitted(limits.page, roomFor(options, caller, 'tool'), (rows) => {
          const patients = compactPatients(all, clock.now(), rows, after);
          return { content: [{ type: 'text', text: patientsText(patients) }], structuredContent: patients } satisfies ToolAnswer;
        });
      }),
  );
}

interface ToolAnswer {
  content: ({ type: 'text'; text: string } | { type: 'resource_link'; uri: string; name: string; description: string; mimeType: string })[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
  _meta?: Record<string, unknown>;
  [field: string]: unknown;
}

function latestAnswer(latest: Latest): ToolAnswer {
  return {
    content: [
      { type: 'text', text: latestText(latest) },
      {
        type: 'resource_link',
        uri: latestUri(latest.patient),
        name: `latest-${latest.patient}`,
        description: 'The same values; subscribe to it to be told when they change.',
        mimeType: JSON_TYPE,
      },
    ],
    structuredContent: latest,
  };
}

/** A tool's failure is an answer that a model can act on: code, what happened, what to do. */
async function answered(options: SurfaceOptions, call: () => Promise<ToolAnswer>): Promise<ToolAnswer> {
  try {
    return await call();
  } catch (thrown) {
    const error = known(options, thrown);
    const retryAfterMs = waitOf(error);
    const when = retryAfterMs === undefined ? '' : ` Ask again in ${Math.ceil(retryAfterMs / 1000)} s.`;
    const text = `${error.code}: ${callerMessage(error)} ${error.advice}${when}`;
    const wait = retryAfterMs === undefined ? {} : { 'vitalmesh/retryAfterMs': retryAfterMs };
    return { content: [{ type: 'text', text }], isError: true, _meta: { 'vitalmesh/code': error.code, ...wait } };
  }
}

async function coded<T>(options: SurfaceOptions, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw protocolError(known(options, thrown));
  }
}

/** What callers cause by what they ask. */
const CALLERS: ReadonlySet<ErrorCode> = new Set(['NOT-FOUND', 'PATIENT-MISTYPED', 'MCP-CURSOR']);

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
