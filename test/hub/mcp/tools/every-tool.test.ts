import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { fingerprintOf, TOOLS_FINGERPRINT } from '../../../../hub/mcp/surface/fingerprint.ts';
import { costOf, groupOverviewSchema, MEMBER_TOKENS } from '../../../../hub/mcp/surface/tools/get-group-overview-view.ts';
import { OVERVIEW_TOKENS } from '../../../../hub/mcp/surface/tools/get-patient-overview.ts';
import { TOOLS } from '../../../../hub/mcp/surface/tools.ts';
import { costOf as costOfOpen, OPEN_TOKENS, worklistSchema } from '../../../../hub/mcp/surface/worklist/view.ts';
import { verifies } from '../../../requirements.ts';
import type { TestClient } from '../../../support/mcp-clients.ts';
import { CALLS } from '../documented/examples.ts';
import { DOCUMENTED_POLICY, documentedSite } from '../documented/site.ts';
import { WAYS } from '../support.ts';
import { served } from './served.ts';

const PAGED = TOOLS.filter(({ input }) => 'cursor' in input.shape).map(({ name }) => name);

type Answer = Awaited<ReturnType<TestClient['call']>>;

/** What an answer costs a model, at four bytes a token. */
function tokensOf({ content, structuredContent }: Answer): number {
  return Buffer.byteLength(JSON.stringify({ content, structuredContent })) / 4;
}

function textOf({ content }: Answer): string {
  return content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

/** Its data, field by field as its schema says, without what differs from call to call. */
function dataOf(tool: string, answer: Answer): Record<string, unknown> {
  assert.notEqual(answer.isError, true, `${tool}: ${textOf(answer)}`);
  const { output } = TOOLS.find(({ name }) => name === tool) ?? assert.fail(tool);
  const { success, data, error } = output.strict().safeParse(answer.structuredContent);
  assert.ok(success, `${tool}: ${error?.message}`);
  const { since: _, waitedSeconds: __, ...lasting } = data;
  return lasting;
}

function idsIn({ patients }: Record<string, unknown>): string[] {
  return (patients as { patient: string }[]).map(({ patient }) => patient);
}

async function asked(client: TestClient, tool: string, more: Record<string, unknown> = {}): Promise<Answer> {
  const { args } = CALLS[tool] ?? assert.fail(`there is no example of ${tool}`);
  return await client.call(tool, { ...args, ...more });
}

for (const way of WAYS) {
  test(`${way.revision}: what a tool answers is what its schema says, field by field, and keeps to its caller's ceiling`, async () => {
    verifies('MCP-SCHEMAS', 'MCP-TOKENS');
    const tokensPerCall = 4000;
    await using site = await served({ policy: () => ({ ...DEFAULT_POLICY, limits: { software: { tokensPerCall } } }) });
    for (let i = 0; i < 12; i += 1) await site.measure({ value: 60 + i, device: `monitor-${i}` });
    await site.alert();
    await using client = await site.client(way);
    for (const tool of ['get_alerts', 'get_device_status', 'get_latest_vitals', 'get_vitals_trend']) {
      const answer = await client.call(tool, { patient: 'pat-icu-01', ...(tool === 'get_vitals_trend' && { vital: 'hr' }) });
      dataOf(tool, answer);
      assert.ok(tokensOf(answer) <= tokensPerCall, `${tool} is too large`);
    }
  });

  test(`${way.revision}: every tool answers by its schema, the same when it is asked again, in fewer words than data, within its own ceiling`, async () => {
    verifies('MCP-SCHEMAS', 'MCP-TOKENS', 'MCP-EVERY-TOOL');
    await using site = await documentedSite();
    await using client = await site.client(way);
    const names = (await client.tools()).map(({ name }) => name);
    assert.deepEqual(names, Object.keys(CALLS).sort(), 'each tool has an example, and the list is sorted');
    for (const tool of names) {
      const answer = await asked(client, tool);
      const data = dataOf(tool, answer);
      assert.deepEqual(dataOf(tool, await asked(client, tool)), data, `${tool} answers otherwise when nothing changed`);
      const [words, bytes] = [textOf(answer).length, JSON.stringify(answer.structuredContent).length];
      assert.ok(words > 0 && words <= bytes, `${tool}: ${words} of words beside ${bytes} of data`);
      assert.ok(
        answer.content.every(({ type }) => type === 'text' || type === 'resource_link'),
        tool,
      );
    }
    for (const patient of ['pat-icu-01', 'pat-icu-02', 'pat-icu-04', 'pat-home-02'])
      assert.ok(tokensOf(await asked(client, 'get_patient_overview', { patient })) <= OVERVIEW_TOKENS, patient);
    const group = groupOverviewSchema.parse((await asked(client, 'get_group_overview')).structuredContent);
    for (const member of group.patients) assert.ok(costOf(member) <= MEMBER_TOKENS * 4, member.patient);
    const list = worklistSchema.parse((await asked(client, 'get_worklist')).structuredContent);
    for (const open of list.patients) assert.ok(costOfOpen(open) <= OPEN_TOKENS * 4, open.patient);
  });

  test(`${way.revision}: what is cut says so, and pages leave nobody out`, async () => {
    verifies('MCP-PAGES', 'MCP-TOKENS', 'MCP-EVERY-TOOL');
    const tokensPerCall = 330;
    await using whole = await documentedSite();
    await using site = await documentedSite({ policy: { ...DOCUMENTED_POLICY, limits: { software: { tokensPerCall } } } });
    await using all = await whole.client(way);
    await using client = await site.client(way);
    const cut: string[] = [];
    for (const tool of Object.keys(CALLS)) {
      const [full, answer] = [dataOf(tool, await asked(all, tool)), await asked(client, tool)];
      if (answer.isError) {
        assert.equal(answer._meta?.['vitalmesh/code'], 'ACCESS-TOO-LARGE', tool);
        continue;
      }
      assert.ok(tokensOf(answer) <= tokensPerCall, tool);
      const data = dataOf(tool, answer);
      if (JSON.stringify(data) === JSON.stringify(full)) continue;
      cut.push(tool);
      assert.equal(data.truncated, true, `${tool} does not say that it was cut`);
      if (PAGED.includes(tool)) assert.equal(typeof data.nextCursor, 'string', tool);
    }
    assert.ok(cut.length > 1, cut.join());
  });

  test(`${way.revision}: a list that is paged gives everybody once, and sorted ones in their order`, async () => {
    verifies('MCP-PAGES', 'MCP-EVERY-TOOL');
    assert.deepEqual(PAGED, ['find_patients', 'get_group_overview', 'get_worklist', 'list_outside_limits']);
    await using whole = await documentedSite();
    await using site = await documentedSite({ limits: { page: 1 } });
    await using all = await whole.client(way);
    await using client = await site.client(way);
    for (const tool of PAGED) {
      const everybody = idsIn(dataOf(tool, await asked(all, tool)));
      const seen: string[] = [];
      let cursor: unknown;
      do {
        const data = dataOf(tool, await asked(client, tool, cursor === undefined ? {} : { cursor }));
        seen.push(...idsIn(data));
        cursor = data.nextCursor;
        assert.equal(data.truncated, cursor !== undefined, tool);
      } while (cursor !== undefined && seen.length <= everybody.length);
      assert.deepEqual(seen, everybody, tool);
      assert.ok(everybody.length > 2, tool);
    }
    assert.deepEqual(idsIn(dataOf('find_patients', await asked(all, 'find_patients'))), [
      'pat-icu-01',
      'pat-icu-02',
      'pat-icu-03',
      'pat-icu-04',
    ]);
    assert.deepEqual(await client.resources(), await client.resources());
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
