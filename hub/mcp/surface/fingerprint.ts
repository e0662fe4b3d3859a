import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ToolRow } from './contract.ts';
import { TOOLS } from './tools.ts';

/** SHA-256, in hex, over names, titles, descriptions and schemas of tools, in their order: whoever has looked at them once can see whether they are still the same. Pure. */
export function fingerprintOf(tools: readonly Pick<ToolRow, 'name' | 'title' | 'description' | 'input' | 'output'>[]): string {
  const said = tools.map(({ name, title, description, input, output }) => [
    ...[name, title, description],
    ...[z.toJSONSchema(input, { io: 'input' }), z.toJSONSchema(output)],
  ]);
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}

/** Of the tools that are served. */
export const TOOLS_FINGERPRINT = fingerprintOf(TOOLS);
