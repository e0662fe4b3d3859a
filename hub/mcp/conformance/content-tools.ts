import { setTimeout as pause } from 'node:timers/promises';
import { fromJsonSchema, type McpServer, type ServerEventBus } from '@modelcontextprotocol/server';
import type { OwnSurface } from '../extension.ts';
import { type Asking, PROGRESS_MS } from '../surface/asking.ts';
import { AUDIO, embedded, IMAGE, words } from './contents.ts';

/** Between two log messages of one call. */
const LOG_PAUSE_MS = 50;

const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as const;

/** SEP-2243: a parameter that is repeated in a header of the request. */
const SCHEMA_WITH_HEADER = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
  required: ['region'],
} as const;

export interface ToolSurroundings {
  own: OwnSurface;
  changes: Pick<ServerEventBus, 'publish'>;
}

/** Tools that answer at once: each kind of content, an error, and what the hub's own code tells while it works (log, progress). */
export function registerContentTools(server: McpServer, { own, changes }: ToolSurroundings): void {
  const fixed = (name: string, description: string, ...content: Parameters<typeof answerOf>): void => {
    server.registerTool(name, { description }, () => answerOf(...content));
  };
  fixed('test_simple_text', 'Answers with a text.', words('This is a simple text response for testing.'));
  fixed('test_image_content', 'Answers with an image.', IMAGE);
  fixed('test_audio_content', 'Answers with audio.', AUDIO);
  const text = 'This is an embedded resource content.';
  fixed('test_embedded_resource', 'Answers with a resource.', embedded('test://embedded-resource', 'text/plain', text));
  const mixed = embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}');
  fixed('test_multiple_content_types', 'Answers with several kinds of content.', words('Multiple content types test:'), IMAGE, mixed);
  server.registerTool('test_error_handling', { description: 'Fails always.' }, () => ({
    ...answerOf(words('This tool intentionally returns an error for testing')),
    isError: true,
  }));
  server.registerTool('test_tool_with_logging', { description: 'Says three times at `info` how it goes.' }, async (request) => {
    await own.notes.tell(request, 'info', 'Tool execution started');
    await pause(LOG_PAUSE_MS);
    await own.notes.tell(request, 'info', 'Tool processing data');
    await pause(LOG_PAUSE_MS);
    await own.notes.tell(request, 'info', 'Tool execution completed');
    return answerOf(words('Tool with logging executed'));
  });
  server.registerTool('test_logging_tool', { description: 'Says at every level that it works.' }, async (request) => {
    for (const level of ['debug', 'info', 'warning', 'error'] as const) await own.notes.tell(request, level, `At ${level}`);
    return answerOf(words('Logged, where it was asked for'));
  });
  server.registerTool('test_tool_with_progress', { description: 'Tells at 0, 50 and 100 of 100 how far it is.' }, (request) =>
    progressing(own.asking(request)),
  );
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(SCHEMA_2020_12) },
    () => answerOf(words('The arguments are good')),
  );
  server.registerTool(
    'test_custom_header',
    { description: 'Takes a parameter that is repeated in a header.', inputSchema: fromJsonSchema(SCHEMA_WITH_HEADER) },
    () => answerOf(words('Header and parameter agree')),
  );
  for (const [name, kind] of [
    ['test_trigger_tool_change', 'tools_list_changed'],
    ['test_trigger_prompt_change', 'prompts_list_changed'],
  ] as const) {
    server.registerTool(name, { description: `Tells those who listen: ${kind}.` }, () => {
      changes.publish({ kind });
      return answerOf(words('Told'));
    });
  }
}

async function progressing({ progress }: Asking) {
  for (const done of [0, 50, 100]) {
    await progress(done, 100);
    if (done < 100) await pause(PROGRESS_MS + LOG_PAUSE_MS);
  }
  return answerOf(words('Tool with progress executed'));
}

function answerOf(...content: (ReturnType<typeof words> | ReturnType<typeof embedded> | typeof IMAGE | typeof AUDIO)[]) {
  return { content };
}
