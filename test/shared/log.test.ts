import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log.ts';
import { verifies } from '../requirements.ts';

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  const log = createLogger({ component: 'test', level: 'debug', destination: { write: (line) => (text += line) } });
  write(log);
  return text;
}

test('fields that may hold patient data or secrets are redacted at any depth', () => {
  verifies('LOG-CLEAN');
  const marker = 'MARKER-4711';
  const keys = [
    'patient',
    'patientId',
    'name',
    'birthDate',
    'mrn',
    'identifier',
    'value',
    'payload',
    'raw',
    'token',
    'key',
    'password',
    'resource',
    'readings',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.integer({ min: 0, max: 3 }), (key, depth) => {
      let fields: Record<string, unknown> = { [key]: marker, list: [{ [key]: { deep: marker } }], bytes: Buffer.from(marker) };
      for (let i = 0; i < depth; i += 1) fields = { inner: fields };
      const text = logged((log) => log.info(fields, 'something'));
      assert.ok(!text.includes(marker), text);
      assert.match(text, /\[redacted\]/);
    }),
  );
});

test('what lies deeper than any of our own fields is redacted as a whole', () => {
  const text = logged((log) => log.info({ a: { b: { c: { d: { e: { f: 'MARKER' } } } } } }, 'deep'));
  assert.ok(!text.includes('MARKER'));
});

test('an error shows code and detail; a foreign error shows its class and system code alone', () => {
  const ours = logged((log) => log.warn({ err: new VitalmeshError('STORAGE-FULL', { detail: 'outbox.db' }) }, 'x'));
  assert.match(ours, /"code":"STORAGE-FULL","detail":"outbox.db"/);
  const foreign = logged((log) => log.warn({ err: Object.assign(new TypeError('MARKER in the text'), { code: 'ENOENT' }) }, 'x'));
  assert.ok(!foreign.includes('MARKER'));
  assert.match(foreign, /"error":"TypeError","code":"ENOENT"/);
});

test('lines are JSON with level, time, component and message', () => {
  const line: unknown = JSON.parse(logged((log) => log.info({ sources: 2 }, 'started')));
  const { level, component, msg, sources, time } = line as Record<string, unknown>;
  assert.deepEqual({ level, component, msg, sources }, { level: 'info', component: 'test', msg: 'started', sources: 2 });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
});
