import {
  completable,
  type EmbeddedResource,
  type GetPromptResult,
  type McpServer,
  type ResourceLink,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import { parseUri } from '../uris.ts';
import { beginEmbedded, beginRead, coded } from './answers.ts';
import type { Call, SurfaceOptions } from './contract.ts';
import type { NotesToCallers } from './notes-to-callers.ts';
import { checkedArguments, type PromptArgument, type PromptLink, type PromptRow } from './prompts/contract.ts';
import { PROMPTS } from './prompts.ts';
import { readRef, rowOf } from './resources.ts';
import { schemaOnce } from './schema-once.ts';
import { listedOnly, takenArguments } from './taken-arguments.ts';

/** What the SDK is told of each prompt's arguments, made once: a session would hold 50 kB of it. */
const TOLD = PROMPTS.map((row) => {
  const input = z.object(Object.fromEntries(Object.entries(row.arguments).map(([key, of]) => [key, textOf(of)])));
  return { row, input, schema: listedOnly(schemaOnce(input)) };
});

function textOf({ description, required }: PromptArgument) {
  const text = z.string().min(1).max(256).describe(description);
  return required ? text : text.optional();
}

/** Registers every prompt, with arguments that are completed as the caller may see them. */
export function registerPrompts(server: McpServer, options: SurfaceOptions, notes: NotesToCallers): void {
  for (const { row, input, schema } of TOLD) {
    const { name, title, description } = row;
    // For what completes an argument the SDK looks here, and for nothing else.
    const shape = Object.fromEntries(Object.entries(row.arguments).map(([key, of]) => [key, completing(of, schema, options)]));
    const argsSchema = { ...schema, shape };
    server.registerPrompt(name, { title, description, argsSchema }, (args: unknown, request: ServerContext) =>
      notes.about(request, name, () => coded(options, () => promptOf(row, takenArguments(input, args), options, request))),
    );
  }
}

/** As the prompt's schema has them. */
type Given = Readonly<Record<string, string | undefined>>;

function completing({ completes }: PromptArgument, { '~standard': standard }: StandardSchemaWithJSON, options: SurfaceOptions) {
  return completable({ '~standard': standard }, (typed) =>
    coded(options, async () => [...(await completes(String(typed), beginRead(options)))]),
  );
}

async function promptOf(row: PromptRow, given: Given, options: SurfaceOptions, request: ServerContext): Promise<GetPromptResult> {
  const args = await checkedArguments(row, given, beginRead(options, undefined, request));
  const { text, links } = row.make(args);
  const resources = await Promise.all(links.map((link) => embedded(link, beginEmbedded(options, request, links.length))));
  return {
    description: row.description,
    messages: [{ role: 'user', content: { type: 'text', text } }, ...resources.map((content) => ({ role: 'user' as const, content }))],
  };
}

/** Why a resource is not embedded, and the prompt stands all the same: it is not there, not for this caller, or too large. */
const LINKED: ReadonlySet<ErrorCode> = new Set(['NOT-FOUND', 'ACCESS-TOO-LARGE', 'ACCESS-DENIED', 'ACCESS-SCOPE']);

/**
 * A resource as `resources/read` gives it, decided, masked and recorded as that is, for most hosts pass a link to nobody; part of the same call. Of what is not there, or is too large for
 * what its caller may get, the link alone stays.
 */
async function embedded(link: PromptLink, call: Call): Promise<EmbeddedResource | ResourceLink> {
  const ref = parseUri(link.uri);
  if (!ref) throw new VitalmeshError('INTERNAL', { detail: 'a prompt points to what is no resource' });
  const { mimeType } = rowOf(ref.kind);
  try {
    const text = JSON.stringify(await readRef(ref, call));
    return { type: 'resource', resource: { uri: link.uri, mimeType, text } };
  } catch (thrown) {
    if (!LINKED.has(asVitalmeshError(thrown).code)) throw thrown;
    return { type: 'resource_link', mimeType, ...link };
  }
}
