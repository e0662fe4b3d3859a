/**
 * Writes docs/mcp.md out of the tables that are served (`hub/mcp/surface/`) and a run of their examples at a fixed site (`test/hub/mcp/documented/`). `npm run docs`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { followable } from '../hub/mcp/follow.ts';
import { PROMPTS } from '../hub/mcp/surface/prompts.ts';
import { rowOf, templateOf } from '../hub/mcp/surface/resources.ts';
import { READ_ONLY } from '../hub/mcp/surface/surface.ts';
import { MEMBER_TOKENS } from '../hub/mcp/surface/tools/get-group-overview-view.ts';
import { OVERVIEW_TOKENS } from '../hub/mcp/surface/tools/get-patient-overview.ts';
import { TOOLS } from '../hub/mcp/surface/tools.ts';
import { OPEN_TOKENS } from '../hub/mcp/surface/worklist/view.ts';
import { KINDS, type ResourceKind } from '../hub/mcp/uris.ts';
import { READS } from '../test/hub/mcp/documented/examples.ts';
import { ANSWERS, CHANGES, errors, roles, subscriptions } from './mcp-page/chapters.ts';
import { fenced, shortJson, table } from './mcp-page/markdown.ts';
import { type Masking, type Run, runExamples, type Told, tokensOf } from './mcp-page/run.ts';

/** Ceilings that tools have besides their caller's. */
const CEILINGS: Readonly<Record<string, string>> = {
  get_patient_overview: `${OVERVIEW_TOKENS} tokens`,
  get_group_overview: `${MEMBER_TOKENS} tokens a patient`,
  get_worklist: `${OPEN_TOKENS} tokens a patient`,
};

/** The whole page. Throws where something that is served has no example. */
export async function mcpPage(): Promise<string> {
  const run = await runExamples();
  return `${[
    '# What AI clients can read, follow and ask',
    '<!-- Made by `npm run docs` out of the definitions that are served and a run of their examples. Changes by hand are lost, and a test fails. -->',
    'Of every resource, tool and prompt: what it is, what it takes, and an example. How to connect a client stands in [connect.md](connect.md). Examples are of a sandbox with invented people; long lists and texts are cut. A token is counted as four bytes.',
    '## What an answer says',
    ...ANSWERS,
    '## Who may',
    ...roles(),
    '## Resources',
    'Ids are opaque; no name, number or other identifier of a person is ever part of a URI. Variables are completed (`completion/complete`) as the caller may see them.',
    overview(run),
    ...KINDS.flatMap((kind) => resource(kind, told(run.resources, kind))),
    '## Tools',
    `All of them only read: ${Object.entries(READ_ONLY)
      .map(([name, value]) => `\`${name}: ${value}\``)
      .join(
        ', ',
      )}. Each answers words for a model, the same as data by its output schema, and links to what can be read again. An answer keeps to its caller’s ceiling (\`tokensPerCall\`), and says where it was cut.`,
    table(
      ['Tool', 'For', 'Definition', 'Example', 'Own ceiling'],
      TOOLS.map(({ name, title, ...row }) => [
        `[\`${name}\`](#${name})`,
        title,
        `${definitionTokens({ name, title, ...row })} tokens`,
        `${told(run.tools, name).tokens} tokens`,
        CEILINGS[name] ?? '',
      ]),
    ),
    ...TOOLS.flatMap((row) => tool(row, told(run.tools, row.name))),
    '## Prompts',
    'Words of ours, and the resources that they are about, embedded as `resources/read` gives them to the caller at that moment. No data get into the words.',
    ...PROMPTS.flatMap((row) => prompt(row, told(run.prompts, row.name))),
    '## Subscriptions',
    ...subscriptions(),
    '## Errors',
    ...errors(),
  ].join('\n\n')}\n`;
}

function told<Name>(of: ReadonlyMap<Name, Told>, name: Name): Told {
  const found = of.get(name);
  if (!found) throw new RangeError(`${String(name)} has no example`);
  return found;
}

function definitionTokens({
  name,
  title,
  description,
  input,
  output,
}: Pick<(typeof TOOLS)[number], 'name' | 'title' | 'description' | 'input' | 'output'>): number {
  return tokensOf({ name, title, description, inputSchema: z.toJSONSchema(input, { io: 'input' }), outputSchema: z.toJSONSchema(output) });
}

function overview(run: Run): string {
  return table(
    ['Resource', 'What', 'Followed', 'Example'],
    KINDS.map((kind) => [
      `\`${templateOf(kind)}\``,
      rowOf(kind).title,
      followable(READS[kind].uri) ? 'yes' : 'no',
      `${told(run.resources, kind).tokens} tokens`,
    ]),
  );
}

function resource(kind: ResourceKind, of: Told): string[] {
  const { title, description, mimeType, action, completes } = rowOf(kind);
  const variables = [...templateOf(kind).matchAll(/[{?,](\w+)/g)].map(([, name = '']) => name);
  return [
    `### \`${templateOf(kind)}\``,
    `**${title}.** ${description}`,
    list([
      `Takes the right to \`${action}\`; \`${mimeType}\`.`,
      ...(variables.length === 0
        ? []
        : [`Variables: ${variables.map((name) => `\`${name}\`${name in completes ? ' (completed)' : ''}`).join(', ')}.`]),
      followedBy(READS[kind].uri),
      maskedIn(of.masking),
    ]),
    `Example: \`${READS[kind].uri}\`${READS[kind].as === undefined ? '' : `, as \`${READS[kind].as}\``}, ${of.tokens} tokens.`,
    fenced('jsonc', shortJson(of.data)),
  ];
}

function followedBy(uri: string): string {
  const follow = followable(uri);
  if (follow === undefined) return 'Cannot be subscribed to.';
  if (follow.of === 'list') return 'Can be subscribed to; told when somebody comes, goes or moves, or has data for the first time.';
  return `Can be subscribed to; told when ${follow.hears.map((kind) => CHANGES[kind]).join('; ')}.`;
}

function maskedIn(masking: Masking): string {
  const said = Object.entries(masking).map(([profile, of]) => {
    if ('code' in of) return `\`${profile}\`: \`${of.code}\``;
    if (of.without.includes('patient')) return `\`${profile}\`: finds nobody by that`;
    return `\`${profile}\`: under pseudonyms${of.without.length === 0 ? '' : `, without ${of.without.map((name) => `\`${name}\``).join(', ')}`}`;
  });
  return `Masked: ${said.join('; ')}.`;
}

interface Schema {
  type?: string;
  enum?: readonly unknown[];
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
}

function tool(row: (typeof TOOLS)[number], of: Told): string[] {
  const { properties = {}, required = [] } = z.toJSONSchema(row.input, { io: 'input' }) as Schema;
  return [
    `### ${row.name}`,
    `**${row.title}.** ${row.description}`,
    list([
      `Takes the right to \`${row.action}\`; ${definitionTokens(row)} tokens in \`tools/list\`, ${of.tokens} in the example${CEILINGS[row.name] === undefined ? '' : `, at most ${CEILINGS[row.name]}`}.`,
      maskedIn(of.masking),
    ]),
    table(
      ['Argument', 'Type', 'Needed', 'What it is'],
      Object.entries(properties).map(([name, schema]) => [
        `\`${name}\``,
        typeOf(schema),
        required.includes(name) ? 'yes' : `no${schema.default === undefined ? '' : `, \`${JSON.stringify(schema.default)}\` unless given`}`,
        schema.description ?? '',
      ]),
    ),
    'Example:',
    fenced('json', JSON.stringify(of.asked)),
    fenced('text', of.text ?? ''),
    fenced('jsonc', shortJson(of.data)),
  ];
}

function typeOf({ type, enum: words, minimum, maximum, exclusiveMinimum, items, maxItems }: Schema): string {
  if (words) return words.map((word) => `\`${String(word)}\``).join(', ');
  const least = exclusiveMinimum === undefined ? minimum : `above ${exclusiveMinimum}`;
  const isBounded = type === 'number' || type === 'integer';
  const bounds = isBounded && maximum !== undefined ? `, ${least ?? ''} to ${maximum}` : '';
  return `${type ?? 'any'}${items ? ` of ${typeOf(items)}${maxItems === undefined ? '' : `, at most ${maxItems}`}` : ''}${bounds}`;
}

function prompt(row: (typeof PROMPTS)[number], of: Told): string[] {
  return [
    `### ${row.name}`,
    `**${row.title}.** ${row.description}`,
    table(
      ['Argument', 'Needed', 'What it is'],
      Object.entries(row.arguments).map(([name, { description, required }]) => [
        `\`${name}\``,
        required ? 'yes' : 'no',
        `${description} Completed.`,
      ]),
    ),
    list([
      `Embeds ${(of.embedded ?? []).map(({ uri, tokens }) => `\`${uri}\` (${tokens} tokens)`).join(', ')}; ${of.tokens} tokens in all in the example.`,
      maskedIn(of.masking),
    ]),
    'Example:',
    fenced('json', JSON.stringify(of.asked)),
    fenced('text', of.text ?? ''),
  ];
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '..', 'docs', 'mcp.md'), await mcpPage());
