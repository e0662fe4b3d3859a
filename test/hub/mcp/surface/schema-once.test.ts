import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { schemaOnce } from '../../../../hub/mcp/surface/schema-once.ts';
import { TOOLS } from '../../../../hub/mcp/surface/tools.ts';
import { verifies } from '../../../requirements.ts';

const DIALECT = { target: 'draft-2020-12' } as const;

function standardOf(schema: z.ZodObject): StandardSchemaWithJSON['~standard'] {
  return (schema as unknown as StandardSchemaWithJSON)['~standard'];
}

test('what the SDK is told of a tool’s schemas is what zod says of them, each way and in each dialect', () => {
  verifies('MCP-SCHEMAS');
  for (const { input, output } of TOOLS)
    for (const schema of [input, output]) {
      const once = schemaOnce(schema)['~standard'].jsonSchema;
      const { jsonSchema } = standardOf(schema);
      for (const options of [DIALECT, { target: 'draft-07' } as const]) {
        assert.deepEqual(once.input(options), jsonSchema.input(options));
        assert.deepEqual(once.output(options), jsonSchema.output(options));
      }
    }
});

test('a schema is converted once, and nobody can change what was made of it', () => {
  verifies('MCP-SCHEMAS');
  const { jsonSchema } = schemaOnce(z.object({ patient: z.object({ id: z.string() }) }))['~standard'];
  const made = jsonSchema.input(DIALECT);
  assert.equal(jsonSchema.input({ ...DIALECT }), made);
  assert.notEqual(jsonSchema.output(DIALECT), made);
  const { patient } = made.properties as { patient: { properties: object } };
  assert.throws(() => Object.assign(patient.properties, { name: {} }), TypeError);
});

test('it parses, refuses and leaves away as the schema does', () => {
  verifies('MCP-SCHEMAS');
  const schema = z.object({ patient: z.string().min(1), points: z.number().default(60) });
  for (const value of [{ patient: 'p' }, { patient: 'p', more: 1 }, { patient: '' }, {}, null])
    assert.deepEqual(schemaOnce(schema)['~standard'].validate(value), standardOf(schema).validate(value));
});
