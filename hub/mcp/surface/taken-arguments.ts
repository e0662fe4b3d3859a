import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { VitalmeshError } from '../../../shared/errors.ts';

/** Most that is said to be wrong at once. */
const MOST_ISSUES = 4;

/** The same schema for whoever lists it, and none for what is called: the arguments are parsed by `takenArguments`, which says what is wrong in our own way. */
export function listedOnly({ '~standard': standard }: StandardSchemaWithJSON): StandardSchemaWithJSON {
  return { '~standard': { ...standard, validate: (value) => ({ value }) } };
}

/** Arguments as their schema has them. Throws MCP-ARGUMENTS, which names fields of the schema and what they take, and repeats nothing that was given. */
export function takenArguments<Schema extends z.ZodObject>(schema: Schema, given: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return parsed.data as z.infer<Schema>;
  const said = parsed.error.issues.slice(0, MOST_ISSUES).map(({ path, message }) => {
    const [field, ...within] = path;
    const known = typeof field === 'string' && Object.hasOwn(schema.shape, field) ? field : 'arguments';
    return `${known}${within.length > 0 ? ' (a part of it)' : ''}: ${message}`;
  });
  throw new VitalmeshError('MCP-ARGUMENTS', { detail: said.join('; ') });
}
