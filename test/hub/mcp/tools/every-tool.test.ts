import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { fingerprintOf, TOOLS_FINGERPRINT } from '../../../../hub/mcp/surface/fingerprint.ts';
import { TOOLS } from '../../../../hub/mcp/surface/tools.ts';
import { verifies } from '../../../requirements.ts';
import { WAYS } from '../support.ts';
import { served } from './served.ts';

const A = 'pat-icu-01';

/** A call of each tool of the rooms that need nothing but the door. */
const CALLS: Readonly<Record<string, Record<string, unknown>>> = {
  describe_vital: { search: 'pressure' },
  find_patients: {},
  get_alerts: { patient: A, include_free_text: true },
  get_device_status: { patient: A },
  get_latest_vitals: { patient: A },
  get_vitals_trend: { patient: A, vital: 'hr', compare: 'day_before' },
  wait_for_change: { patients: [A], timeout_seconds: 1 },
};

for (const way of WAYS) {
  test(`${way.revision}: what a tool answers is what its schema says, field by field, and keeps to its caller's ceiling`, async () => {
    verifies('MCP-SCHEMAS', 'MCP-TOKENS');
    const tokensPerCall = 4000;
    await using site = await served({ policy: () => ({ ...DEFAULT_POLICY, limits: { software: { tokensPerCall } } }) });
    for (let i = 0; i < 12; i += 1) await site.measure({ value: 60 + i, device: `monitor-${i}` });
    await site.alert();
    await using client = await site.client(way);
    for (const [name, args] of Object.entries(CALLS)) {
      const { output } = TOOLS.find((tool) => tool.name === name) ?? assert.fail(name);
      const answer = await client.call(name, args);
      assert.notEqual(answer.isError, true, `${name}: ${JSON.stringify(answer.content)}`);
      const strict = output.strict().safeParse(answer.structuredContent);
      assert.ok(strict.success, `${name}: ${strict.error?.message}`);
      const { content, structuredContent } = answer;
      assert.ok(JSON.stringify({ content, structuredContent }).length <= tokensPerCall * 4, `${name} is too large`);
    }
  });
}

test('the fingerprint of the tools is another one for another name, description or schema, and stands in the status', async () => {
  verifies('MCP-FINGERPRINT');
  const [first, ...rest] = TOOLS;
  assert.ok(first);
  const others = [
    { ...first, name: 'other' },
    { ...first, description: 'Other.' },
    { ...first, input: z.object({ other: z.string() }) },
    { ...first, output: z.object({}) },
  ];
  const all = [TOOLS, ...others.map((one) => [one, ...rest])].map(fingerprintOf);
  assert.equal(new Set(all).size, all.length);
  assert.match(TOOLS_FINGERPRINT, /^[0-9a-f]{64}$/);
  assert.equal(all[0], TOOLS_FINGERPRINT);
  await using site = await served();
  assert.equal(site.service.status().tools, TOOLS_FINGERPRINT);
});
