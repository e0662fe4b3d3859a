import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAside } from '../../../../hub/access/rules/check-aside.ts';
import { verifies } from '../../../requirements.ts';

const TEXTS = { registry: { name: 'registry.yaml', text: 'gateways:\n  - { identity: gw, tenant: clinic, patient: pat-aaaa-1 }\n' } };
const program = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);

test('a check that does not end is given up, and the next one works', async () => {
  verifies('RELOAD-LIMIT');
  for (const hangs of ['for (;;);', 'setInterval(() => 0, 1000)'])
    await assert.rejects(checkAside(TEXTS, { limitMs: 200, program: program(hangs) }), { code: 'REGISTRY-UNCHECKED' });
  await assert.rejects(checkAside(TEXTS, { program: program('process.exit()') }), { code: 'INTERNAL' });
  const { registry } = await checkAside(TEXTS);
  assert.ok(registry);
});
