import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LatestView } from '../../../../hub/access/door.ts';
import type { Source } from '../../../../hub/clinical/sources/source.ts';
import { changesBetween, snapshotOf } from '../../../../hub/mcp/surface/wait/changes.ts';
import { waitedText, waitedView, waitSchema } from '../../../../hub/mcp/surface/wait/view.ts';
import { bindingsFrom } from '../../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { TEST_REGISTRY } from '../../../support/hub.ts';
import type { TestClient } from '../../../support/mcp-clients.ts';
import { eventually, openSession, rawHttp, view, WAYS } from '../support.ts';
import { answerOf, type Served, served } from './served.ts';

const [A, B] = ['pat-icu-01', 'pat-icu-02'];
const way = WAYS[1] ?? assert.fail();

const wait = (client: TestClient, args: Record<string, unknown>) =>
  answerOf(client, ['wait_for_change', { patients: [A], ...args }], waitSchema);

/** Resources that one wait for a patient follows. */
const FOLLOWED = 2;

/** Resolves when so many wait for a patient. */
const waiting = (site: Served, count = 1): Promise<void> => eventually(() => site.service.status().subscriptions >= count * FOLLOWED);

/** Somebody who waits nearly as long as anybody may; whether they still do. */
async function longWait(site: Served): Promise<() => boolean> {
  const client = await site.client(way, 'ai-monitor');
  let over = false;
  client
    .call('wait_for_change', { patients: [A], timeout_seconds: 20 })
    .catch(() => undefined)
    .finally(() => {
      over = true;
    });
  await waiting(site);
  return () => !over;
}

for (const way of WAYS) {
  test(`${way.revision}: a wait ends with the change that was asked for, and the next goes on where it ended`, async () => {
    verifies('MCP-WAIT');
    await using site = await served();
    await site.measure({ value: 70 });
    await using client = await site.client(way);
    const { since } = (await wait(client, { patients: [A, B], timeout_seconds: 1 })).data;
    const pending = wait(client, { patients: [A, B], minimum_change: { hr: 10 }, since, timeout_seconds: 20 });
    await waiting(site);
    site.clock.advance(1000);
    await site.measure({ value: 75 });
    await site.measure({ value: 81, vital: 'pr' });
    const { data, text, links } = await pending;
    const [changed, other] = data.patients;
    assert.deepEqual([data.status, changed?.patient, changed?.status, other?.status], ['changed', A, 'changed', 'no_data']);
    assert.deepEqual(
      changed?.changes?.map(({ vital, what, from, to, unit }) => [vital, what, from, to, unit]),
      [['pr', 'back', null, 81, '/min']],
      'what differs by less than was asked for is no change',
    );
    assert.match(text, /pr none -> 81 \/min/);
    assert.match(text, /pat-icu-02, as of .*: NO CURRENT VALUE: unknown, not normal/);
    assert.deepEqual(links, [`vitals://patient/${A}/latest`]);

    // Between both calls nobody listens.
    site.clock.advance(1000);
    await site.measure({ value: 95 });
    const next = await wait(client, { patients: [A, B], minimum_change: { hr: 10 }, since: data.since, timeout_seconds: 1 });
    assert.deepEqual([next.data.status, next.data.wentOn], ['changed', true]);
    assert.deepEqual(
      next.data.patients[0]?.changes?.map(({ vital, from, to }) => [vital, from, to]),
      [['hr', 75, 95]],
    );
  });

  test(`${way.revision}: unchanged is told from no data, with when to ask again`, async () => {
    verifies('MCP-WAIT');
    await using site = await served();
    await site.measure({ value: 70 });
    await using client = await site.client(way);
    const same = await wait(client, { timeout_seconds: 1 });
    assert.deepEqual([same.data.status, same.data.askAgainSeconds, same.data.wentOn], ['unchanged', 0, false]);
    assert.match(same.text, /Nothing changed in 1(\.\d)? s/);
    site.clock.advance(3_600_000);
    const none = await wait(client, { timeout_seconds: 1 });
    assert.deepEqual([none.data.status, none.data.askAgainSeconds, none.data.patients[0]?.without], ['no_data', 60, ['hr']]);
    assert.match(none.text, /NO DATA: nobody watched has a current value.*This is not calm/);
  });
}

test('that a value is lost, and that a device alarms, are changes, however small a change was asked for', async () => {
  verifies('MCP-WAIT');
  await using site = await served();
  await site.measure({ value: 70 });
  await using client = await site.client(way);
  const first = await wait(client, { minimum_change: { hr: 500 }, timeout_seconds: 1 });
  site.clock.advance(120_000);
  const lost = await wait(client, { minimum_change: { hr: 500 }, timeout_seconds: 1, since: first.data.since });
  const [row] = lost.data.patients;
  assert.deepEqual(
    [row?.status, row?.sources, row?.changes?.map(({ what, from, to }) => [what, from, to])],
    ['changed', true, [['lost', 70, null]]],
  );
  assert.match(lost.text, /hr HAS NO CURRENT VALUE ANY MORE \(was 70 \/min\)/);
  const pending = wait(client, { timeout_seconds: 8, since: lost.data.since });
  await waiting(site);
  await site.alert();
  const alarm = await pending;
  assert.deepEqual([alarm.data.patients[0]?.status, alarm.data.patients[0]?.alerts], ['changed', true]);
  assert.match(alarm.text, /a device told of an alert: call get_alerts/);
});

test('of two devices of one vital sign the one that is too old hides nothing of the one that measures', async () => {
  verifies('MCP-WAIT', 'MCP-WAIT-BY-DEVICE');
  await using site = await served();
  await site.measure({ value: 74, device: 'monitor-9' });
  site.clock.advance(600_000);
  await site.measure({ value: 81, device: 'monitor-1' });
  await using client = await site.client(way);
  const asked = { vitals: ['hr'], minimum_change: { hr: 1 } };
  const first = await wait(client, { ...asked, timeout_seconds: 1 });
  const [told] = first.data.patients;
  assert.deepEqual([first.data.status, told?.current, told?.without], ['unchanged', 1, undefined]);
  const pending = wait(client, { ...asked, since: first.data.since, timeout_seconds: 20 });
  await waiting(site);
  site.clock.advance(1000);
  await site.measure({ value: 84, device: 'monitor-1' });
  const { data, text } = await pending;
  assert.deepEqual(
    data.patients[0]?.changes?.map(({ vital, device, what, from, to }) => [vital, device, what, from, to]),
    [['hr', 'monitor-1', 'value', 81, 84]],
  );
  assert.match(text, /hr 81 -> 84 \/min \[device monitor-1\]/);

  // The other one begins again and the first falls silent: the vital sign has a value all the same.
  site.clock.advance(40_000);
  await site.measure({ value: 90, device: 'monitor-9' });
  site.clock.advance(40_000);
  const after = await wait(client, { ...asked, since: data.since, timeout_seconds: 1 });
  const changes = new Map(after.data.patients[0]?.changes?.map((one) => [one.device, [one.what, one.from, one.to, one.elsewhere]]));
  assert.deepEqual(Object.fromEntries(changes), {
    'monitor-1': ['lost', 84, null, true],
    'monitor-9': ['back', null, 90, undefined],
  });
  assert.match(
    after.text,
    /hr has no current value by this device any more \(was 84 \/min\) \[device monitor-1\], though another device has one/,
  );
  assert.doesNotMatch(after.text, /HAS NO CURRENT VALUE/);
});

test('of somebody of whom nothing can come it is said first, whatever is current', async () => {
  verifies('MCP-WAIT', 'MCP-WAIT-NOT-CALM');
  const stood = (id: string, state: Source['state']): Source => ({ kind: 'gateway', id, state, since: null });
  let sources: readonly Source[] = [stood('gw-icu', 'lost')];
  await using site = await served({ sources: () => sources });
  await site.measure({ value: 70 });
  await using client = await site.client(way);
  const lost = await wait(client, { timeout_seconds: 1 });
  const [row] = lost.data.patients;
  assert.deepEqual([lost.data.status, lost.data.askAgainSeconds], ['no_data', 60]);
  assert.deepEqual([row?.status, row?.unseen, row?.current], ['no_data', ['gateway_lost'], 1]);
  const [head = '', line = ''] = lost.text.split('\n');
  assert.match(head, /^GATEWAY LOST: pat-icu-01 \(not calm\)\. NO DATA: /);
  assert.match(line, /GATEWAY LOST; 1 current, BUT NOTHING NEWER CAN COME: unknown, not unchanged/);

  sources = [stood('gw-icu', 'lost'), stood('gw-2', 'live'), { kind: 'movements', id: null, state: 'silent', since: null }];
  const half = await wait(client, { patients: [A, B], timeout_seconds: 1 });
  assert.deepEqual(
    [half.data.status, half.data.patients[0]?.status],
    ['unchanged', 'unchanged'],
    'by the other gateway something can come',
  );
  assert.match(half.text.split('\n')[0] ?? '', /^GATEWAY LOST: pat-icu-01, pat-icu-02; MOVEMENTS SILENT: .*Nothing changed in/);

  sources = [];
  const some = await wait(client, { patients: [A, B], timeout_seconds: 1 });
  assert.match(some.text.split('\n')[0] ?? '', /^NO CURRENT VALUE: pat-icu-02 \(not calm\)\. Nothing changed in/);
});

test('that somebody was discharged, left, or lies in no bed for sure stands in the first line', () => {
  verifies('MCP-WAIT-NOT-CALM');
  const at = '2026-11-21T10:00:00.000+01:00';
  const headOf = (more: Partial<LatestView>): [string | undefined, string] => {
    const now = snapshotOf(view('pat-0001', more), new Map());
    const outcome = { patient: 'pat-0001', asOf: at, now, changes: changesBetween(now, now, {}) };
    const waited = waitedView([outcome], 10, { waitedMs: 1000, since: 's', wentOn: true, notice: 'No alarm.' });
    return [waited.patients[0]?.status, waitedText(waited).split('\n')[0] ?? ''];
  };
  const cases: readonly [Partial<LatestView>, string, string][] = [
    [{ bed: null, discharged: at }, 'no_data', 'DISCHARGED: pat-0001 (not calm). NO DATA'],
    [{ bed: null, unplaced: true }, 'no_data', 'PLACE NOT KNOWN: pat-0001 (not calm). NO DATA'],
    [{ bed: null, leftBed: at }, 'unchanged', 'LEFT THE BED: pat-0001 (not calm). Nothing changed'],
    [{}, 'unchanged', 'Nothing changed'],
  ];
  for (const [more, status, head] of cases) {
    const [found, said] = headOf(more);
    assert.equal(found, status);
    assert.ok(said.startsWith(head), said);
  }
});

test('a key that is no vital sign is refused, and nobody waits for it', async () => {
  verifies('MCP-WAIT', 'MCP-WAIT-KEYS');
  await using site = await served();
  await site.measure({ value: 70 });
  await using client = await site.client(way);
  const code = async (args: object): Promise<unknown> =>
    (await client.call('wait_for_change', { patients: [A], timeout_seconds: 1, ...args }))._meta?.['vitalmesh/code'];
  assert.equal(await code({ vitals: ['heart rate'] }), 'MCP-VITAL');
  assert.equal(await code({ vitals: ['hr', 'heart rate'] }), 'MCP-VITAL');
  assert.equal(await code({ minimum_change: { heartrate: 5 } }), 'MCP-VITAL');
  assert.equal(await code({ vitals: ['nibp', 'nibp_s', 'hr'], minimum_change: { nibp_d: 5, spo2: 2 } }), undefined);
  assert.equal(site.service.status().subscriptions, 0);
});

test('a baseline of other patients, of another caller, or that is not the last one, is none', async () => {
  verifies('MCP-WAIT');
  await using site = await served();
  await site.measure({ value: 70 });
  await using client = await site.client(way);
  const { data } = await wait(client, { timeout_seconds: 1 });
  const wentOn = async (by: TestClient, args: object) => (await wait(by, { timeout_seconds: 1, since: data.since, ...args })).data.wentOn;
  await using nurse = await site.client(way, 'ai-nurse');
  assert.equal(await wentOn(nurse, {}), false);
  assert.equal(await wentOn(client, {}), true);
  assert.equal(await wentOn(client, {}), false, 'that was told before it');
  const again = await wait(client, { timeout_seconds: 1 });
  assert.equal((await wait(client, { patients: [A, B], timeout_seconds: 1, since: again.data.since })).data.wentOn, false);
});

test('nobody waits for whom they may not see; one waits once at a time; each wait stands in the evidence from beginning to end', async () => {
  verifies('MCP-WAIT', 'MCP-GATED');
  await using site = await served();
  await using nurse = await site.client(way, 'ai-nurse');
  const code = async (args: object): Promise<unknown> =>
    (await nurse.call('wait_for_change', { patients: [A], timeout_seconds: 1, ...args }))._meta?.['vitalmesh/code'];
  assert.equal(await code({ patients: [A, B] }), 'NOT-FOUND');
  assert.equal(await code({ patients: ['nobody'] }), 'NOT-FOUND');
  const pending = wait(nurse, { timeout_seconds: 3 });
  await waiting(site);
  assert.equal(await code({}), 'MCP-LIMIT');
  await pending;
  assert.equal(await code({}), undefined, 'the place is given back');
  const acts = (await evidenceOf(site.hub.store))
    .filter(({ action, patient }) => action === 'vitals.subscribe' && patient === A)
    .map(({ outcome, reason }) => `${outcome} ${reason}`);
  assert.deepEqual(acts, ['allowed granted', 'allowed closed', 'allowed granted', 'allowed closed']);
});

test('a wait ends when the right to it does', async () => {
  verifies('MCP-WAIT', 'MCP-GATED');
  await using site = await served();
  await using client = await site.client(way);
  const pending = client.call('wait_for_change', { patients: [A], timeout_seconds: 25 });
  await waiting(site);
  const next = parseRegistry(TEST_REGISTRY.replace(/.*ai-monitor.*/, ''));
  site.hub.registry.replace(next, bindingsFrom([], next.bindings(), 0));
  assert.equal((await pending)._meta?.['vitalmesh/code'], 'MCP-WAIT-ENDED');
  assert.equal(site.service.status().subscriptions, 0);
});

for (const modern of WAYS.filter(({ revision }) => revision.startsWith('2026'))) {
  test(`${modern.revision}: a wait ends when its caller is gone`, async () => {
    verifies('MCP-WAIT');
    await using site = await served();
    const stillWaits = await longWait(site);
    await using client = await site.client(modern, 'ai-nurse');
    void client.call('wait_for_change', { patients: [A], timeout_seconds: 25 }).catch(() => undefined);
    await waiting(site, 2);
    await client.close();
    await eventually(() => site.service.status().subscriptions <= FOLLOWED);
    assert.ok(stillWaits(), 'it lasted as long as it would have');
  });
}

test('2025-11-25: a wait ends when it is taken back', async () => {
  verifies('MCP-WAIT');
  await using site = await served();
  const stillWaits = await longWait(site);
  await using http = rawHttp(site.as('ai-nurse'));
  const headers = { 'mcp-session-id': await openSession(http), 'mcp-protocol-version': '2025-11-25' };
  const call = { name: 'wait_for_change', arguments: { patients: [A], timeout_seconds: 25 } };
  void http.post({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: call }, headers).catch(() => undefined);
  await waiting(site, 2);
  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
  assert.equal((await http.post(cancelled, headers)).status, 202);
  await eventually(() => site.service.status().subscriptions <= FOLLOWED);
  assert.ok(stillWaits(), 'it lasted as long as it would have');
});
