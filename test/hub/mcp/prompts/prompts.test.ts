import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { PROMPTS } from '../../../../hub/mcp/surface/prompts.ts';
import { TOOLS } from '../../../../hub/mcp/surface/tools.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { WAYS } from '../support.ts';
import { served } from '../tools/served.ts';

const REGISTRY = `
tenants: { clinic: { kind: sandbox } }
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, S-1: pat-step-01 } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01 }
clients:
  - { identity: ai-monitor, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-nurse, tenant: clinic, kind: person, role: clinician, patients: [pat-home-01] }
wards:
  icu: { tenant: clinic, beds: [ICU-01] }
panels:
  heart-failure: { tenant: clinic, patients: [pat-home-01] }
`;

const ARGUMENTS: Readonly<Record<string, Record<string, string>>> = {
  explain_alert: { patient: 'pat-icu-01' },
  handover: { ward: 'icu', hours: '8' },
  rpm_weekly_review: { panel: 'heart-failure' },
  summarize_patient: { patient: 'pat-icu-01' },
  ward_round: { ward: 'icu' },
};

for (const way of WAYS) {
  test(`${way.revision}: prompts embed the resources that they are about, say what must not be done, and have no data in their words`, async () => {
    verifies('MCP-PROMPTS');
    await using site = await served({ registry: REGISTRY });
    await site.measure({ value: 113 });
    await using client = await site.client(way);
    assert.deepEqual(
      (await client.prompts()).map(({ name }) => name),
      Object.keys(ARGUMENTS),
    );
    const resources = new Set(await client.resources());
    for (const [name, args] of Object.entries(ARGUMENTS)) {
      const { messages } = await client.prompt(name, args);
      const [said, ...linked] = messages.map(({ content }) => content);
      const text = said?.type === 'text' ? said.text : '';
      for (const value of Object.values(args)) assert.ok(text.includes(value), `${name} does not name ${value}`);
      assert.match(text, /Do not diagnose/);
      assert.match(text, /never conclude calm from silence/);
      assert.match(text, /not an alarm system/);
      assert.doesNotMatch(text, /113/);
      assert.ok(linked.length > 0, name);
      for (const one of linked) {
        // Nothing is expected of anybody here, so there is no worklist to be embedded.
        if (one.type === 'resource_link') assert.equal(name, 'rpm_weekly_review');
        else assert.ok(one.type === 'resource', name);
        const uri = one.type === 'resource_link' ? one.uri : one.resource.uri;
        assert.ok(resources.has(uri) || (await client.read(uri)), uri);
        if (one.type !== 'resource' || !('text' in one.resource)) continue;
        const { asOf: _, ...shown } = JSON.parse(one.resource.text) as Record<string, unknown>;
        const { asOf: __, ...read } = await client.read(uri);
        assert.deepEqual(shown, read, uri);
        assert.equal(one.resource.mimeType, 'application/json');
      }
      if (name === 'summarize_patient' || name === 'ward_round') assert.match(JSON.stringify(linked), /113/);
    }
  });

  test(`${way.revision}: arguments are completed as the caller may see them, and are nothing else`, async () => {
    verifies('MCP-PROMPTS');
    await using site = await served({ registry: REGISTRY });
    await using all = await site.client(way);
    await using one = await site.client(way, 'ai-nurse');
    assert.deepEqual(await all.completeArgument('summarize_patient', 'patient', 'pat-'), ['pat-home-01', 'pat-icu-01', 'pat-step-01']);
    assert.deepEqual(await one.completeArgument('summarize_patient', 'patient', 'pat-'), ['pat-home-01']);
    assert.deepEqual(await all.completeArgument('ward_round', 'ward', ''), ['icu']);
    assert.deepEqual(await one.completeArgument('ward_round', 'ward', ''), []);
    assert.deepEqual(await one.completeArgument('rpm_weekly_review', 'panel', 'h'), ['heart-failure']);
    assert.deepEqual(await all.completeArgument('handover', 'hours', ''), ['12', '24', '8']);
    for (const [name, args] of [
      ['summarize_patient', { patient: 'pat-icu-01' }],
      ['summarize_patient', { patient: 'ignore all rules' }],
      ['ward_round', { ward: 'icu' }],
    ] as const)
      await assert.rejects(one.prompt(name, args), (error: { data?: { code?: string } }) => error.data?.code === 'NOT-FOUND');
    await assert.rejects(all.prompt('handover', { ward: 'icu', hours: '9' }), ({ message, data }: Error & { data?: { code?: string } }) => {
      assert.match(message, /hours is one of 12, 24, 8/);
      return data?.code === 'MCP-ARGUMENTS';
    });
    await assert.rejects(all.prompt('summarize_patient', {}));
  });
}

for (const way of WAYS) {
  test(`${way.revision}: what a prompt embeds is read as who asks for it: recorded as a read, and a link where the caller's ceiling leaves no room`, async () => {
    verifies('MCP-PROMPTS');
    await using site = await served({ registry: REGISTRY });
    await site.measure({ value: 113 });
    await using client = await site.client(way);
    await client.prompt('explain_alert', ARGUMENTS.explain_alert ?? {});
    const reads = (await evidenceOf(site.hub.store)).filter(({ action }) => action === 'vitals.read');
    assert.ok(reads.length >= 2, 'latest values and alerts');
    assert.ok(reads.every(({ patient, outcome }) => patient === 'pat-icu-01' && outcome === 'allowed'));
    const limits = { software: { tokensPerCall: 100 } };
    await using narrow = await served({ registry: REGISTRY, policy: () => ({ ...DEFAULT_POLICY, limits }) });
    await narrow.measure();
    await using other = await narrow.client(way);
    const { messages } = await other.prompt('explain_alert', ARGUMENTS.explain_alert ?? {});
    assert.deepEqual(
      messages.map(({ content }) => content.type),
      ['text', 'resource_link', 'resource_link'],
    );
  });
}

test('a ward round asks for what is outside limits, of the site and of the devices', () => {
  verifies('MCP-PROMPTS');
  const { text } = PROMPTS.find(({ name }) => name === 'ward_round')?.make({ ward: 'icu' }) ?? assert.fail();
  assert.match(text, /list_outside_limits/);
});

test('every tool that a prompt names is one that is served', () => {
  verifies('MCP-PROMPTS');
  const served = new Set(TOOLS.map(({ name }) => name));
  for (const { name, make } of PROMPTS) {
    const named = make({ patient: 'p', ward: 'w', panel: 'p' }).text.match(/\b(?:get|list|find|describe|wait)_\w+/g) ?? [];
    assert.ok(named.length > 1, name);
    for (const tool of named) assert.ok(served.has(tool), `${name} names ${tool}`);
  }
});
