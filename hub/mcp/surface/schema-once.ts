import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import type { z } from 'zod';

type Standard = StandardSchemaWithJSON['~standard'];
type Json = Standard['jsonSchema'];
type Options = Parameters<Json['input']>[0];

/**
 * A schema that becomes JSON Schema once for each dialect that is asked for. The SDK asks at every call of a tool, and for all tools at every list of them,
 * which by zod takes milliseconds; what it is given must not be changed, and is frozen. Parses as the schema does.
 */
export function schemaOnce(schema: z.ZodObject): StandardSchemaWithJSON {
  const { '~standard': standard } = schema as unknown as StandardSchemaWithJSON;
  const { jsonSchema } = standard;
  return {
    '~standard': {
      version: 1,
      vendor: standard.vendor,
      validate: (value, options) => standard.validate(value, options),
      jsonSchema: { input: once(jsonSchema.input), output: once(jsonSchema.output) },
    },
  };
}

function once(convert: Json['input']): Json['input'] {
  const made = new Map<string, Record<string, unknown>>();
  return (options: Options) => {
    const key = JSON.stringify(options);
    const found = made.get(key);
    if (found) return found;
    const json = convert(options);
    freeze(json);
    made.set(key, json);
    return json;
  };
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
