import { completable, type GetPromptResult, type McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { beginRead, coded } from './answers.ts';
import type { SurfaceOptions } from './contract.ts';
import type { NotesToCallers } from './notes-to-callers.ts';
import { checkedArguments, type PromptArgument, type PromptRow } from './prompts/contract.ts';
import { PROMPTS } from './prompts.ts';

/** Registers every prompt, with arguments that are completed as the caller may see them. */
export function registerPrompts(server: McpServer, options: SurfaceOptions, notes: NotesToCallers): void {
  for (const row of PROMPTS) {
    const { name, title, description } = row;
    const argsSchema = z.object(Object.fromEntries(Object.entries(row.arguments).map(([key, of]) => [key, argument(of, options)])));
    server.registerPrompt(name, { title, description, argsSchema }, (args: Record<string, string | undefined>, request: ServerContext) =>
      notes.about(request, name, () => coded(options, () => promptOf(row, args, options, request))),
    );
  }
}

function argument({ description, required, completes }: PromptArgument, options: SurfaceOptions) {
  const text = completable(z.string().min(1).max(256).describe(description), (typed) =>
    coded(options, async () => [...(await completes(typed, beginRead(options)))]),
  );
  // The SDK looks for what completes within what is optional.
  return required ? text : text.optional();
}

async function promptOf(
  row: PromptRow,
  given: Readonly<Record<string, string | undefined>>,
  options: SurfaceOptions,
  request: ServerContext,
): Promise<GetPromptResult> {
  const args = await checkedArguments(row, given, beginRead(options, undefined, request));
  const { text, links } = row.make(args);
  return {
    description: row.description,
    messages: [
      { role: 'user', content: { type: 'text', text } },
      ...links.map((link) => ({
        role: 'user' as const,
        content: { type: 'resource_link' as const, mimeType: 'application/json', ...link },
      })),
    ],
  };
}
