import assert from 'node:assert/strict';
import { createHash, hash } from 'node:crypto';
import { test } from 'node:test';
import type { AuditDetail, AuditEvent, Principal } from '../../../hub/access/access.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { canonicalJson } from '../../../hub/ingest/canonical.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_EPOCH, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const context = { channel: 'mcp-2026' } as const;

async function filled(): Promise<TestHub & { nurse: Principal }> {
  const h = testHub({ clock: new TestClock() });
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1 }), sampleObservation({ seq: 2, vital: 'spo2', value: 97 })]));
  const nurse = h.registry.principal('ai-nurse') ?? assert.fail();
  return { ...h, nurse };
}

async function last(h: TestHub): Promise<AuditEvent & { detail: AuditDetail }> {
  const event = (await evidenceOf(h.store)).at(-1) ?? assert.fail();
  return { ...event, detail: event.detail ?? assert.fail('no detail') };
}

test('the evidence of a read says who by what credential, why, by which policy, and what was shown', async () => {
  verifies('AUDIT-DETAIL');
  await using h = await filled();
  const claimed = { client: 'ward-agent', version: '1.2', model: 'model-x' };
  const view = await h.door.latest({ ...h.nurse, claimed }, 'pat-icu-01', context);
  const { patient, count, detail } = await last(h);
  const { latencyMs, shown, beside, ...rest } = detail;
  assert.deepEqual([patient, count], ['pat-icu-01', 2]);
  assert.deepEqual([beside?.sources, beside?.demo, beside?.sandbox], [[], [], false]);
  assert.ok(latencyMs !== undefined && latencyMs >= 0);
  assert.deepEqual(new Map(shown), new Map([1, 2].map((seq) => [`gw-icu.${TEST_EPOCH}.${seq}.0`, TEST_NOW])));
  assert.deepEqual(rest, {
    credential: { kind: 'overlay', overlay: 'ai-nurse' },
    claimed,
    purpose: 'TREAT',
    policy: 'built-in-1',
    mask: 'none',
    bytes: Buffer.byteLength(canonicalJson(view)),
    response: hash('sha256', canonicalJson(view)),
  });
});

test('the hash is of exactly what was returned, for every read', async () => {
  verifies('AUDIT-DETAIL');
  await using h = await filled();
  const range = { vital: 'hr', from: TEST_NOW - 60_000, to: TEST_NOW + 1, points: 2 };
  const reads = [
    () => h.door.listPatients(h.nurse, context),
    () => h.door.trend(h.nurse, 'pat-icu-01', range, context),
    () => h.door.history(h.nurse, 'pat-icu-01', { vital: 'hr', device: 'monitor-1', effective: TEST_NOW }, context),
  ];
  for (const read of reads) {
    const view = await read();
    assert.equal((await last(h)).detail.response, hash('sha256', canonicalJson(view)));
  }
});

test('what a caller asked for is kept where the hub knows it, and nothing else that it wrote', async () => {
  verifies('AUDIT-DETAIL');
  await using h = await filled();
  const range = { from: TEST_NOW - 60_000, to: TEST_NOW + 1, points: 2 };
  await h.door.trend(h.nurse, 'pat-icu-01', { ...range, vital: 'hr', device: 'monitor-1' }, context);
  const known = (await last(h)).detail.args;
  assert.deepEqual([known?.vital, known?.device, known?.points], ['hr', 'monitor-1', 2]);
  await h.door.trend(h.nurse, 'pat-icu-01', { ...range, vital: 'Jane Doe\n', device: 'born 1950' }, context);
  const { args } = (await last(h)).detail;
  assert.deepEqual([args?.vital, args?.device], [null, null]);
  await h.door.history(h.nurse, 'pat-icu-01', { vital: 'Jane Doe', device: 'born 1950', effective: 1 }, context);
  assert.doesNotMatch(JSON.stringify(await evidenceOf(h.store)), /Jane|1950/);
});

test('a refusal says by what credential and policy, and nothing was shown', async () => {
  verifies('AUDIT-DETAIL');
  await using h = await filled();
  await assert.rejects(h.door.latest(h.nurse, 'pat-icu-02', context), { code: 'NOT-FOUND' });
  const { outcome, detail } = await last(h);
  assert.equal(outcome, 'denied');
  assert.deepEqual(
    [detail.policy, detail.credential?.overlay, detail.shown, detail.response],
    ['built-in-1', 'ai-nurse', undefined, undefined],
  );
});

test('an export is closed with how much was handed out, and the hash of its lines', async () => {
  verifies('AUDIT-DETAIL');
  await using h = await filled();
  const operator = operatorPrincipal(1000, 'clinic');
  const digest = createHash('sha256');
  let bytes = 0;
  for await (const { resource } of await h.door.export(operator, { since: 5 }, { channel: 'operator' })) {
    digest.update(`${JSON.stringify(resource)}\n`);
    bytes += Buffer.byteLength(`${JSON.stringify(resource)}\n`);
  }
  const [opened, closed] = (await evidenceOf(h.store)).slice(-2);
  assert.deepEqual([opened?.reason, opened?.detail?.args], ['granted', { since: 5, kind: null }]);
  assert.deepEqual([closed?.reason, closed?.count], ['closed', 2]);
  assert.deepEqual([closed?.detail?.bytes, closed?.detail?.response], [bytes, digest.digest('hex')]);
  assert.deepEqual(closed?.detail?.credential, { kind: 'local' });
});

test('an export that is given up is closed with what went before', async () => {
  verifies('AUDIT-DETAIL');
  await using h = await filled();
  for await (const _ of await h.door.export(operatorPrincipal(1000, 'clinic'), {}, { channel: 'operator' })) break;
  const { reason, count } = await last(h);
  assert.deepEqual([reason, count], ['cut', 1]);
});

test('what a gateway writes says by what credential and policy it may', async () => {
  verifies('AUDIT-DETAIL');
  await using h = await filled();
  const writes = (await evidenceOf(h.store)).filter(({ action }) => action === 'observations.write');
  assert.deepEqual(
    writes.map(({ detail }) => detail),
    [{ credential: { kind: 'overlay', overlay: 'gw-icu' }, policy: 'built-in-1' }],
  );
});
