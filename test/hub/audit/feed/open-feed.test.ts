import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import { createAuditor } from '../../../../hub/audit/auditor.ts';
import { type FeedConfig, feedConfig } from '../../../../hub/audit/feed/config.ts';
import { checkFeed, openFeed } from '../../../../hub/audit/feed/open-feed.ts';
import { receiverOf } from '../../../../hub/audit/feed/receiver.ts';
import { type FeedStanding, formatStanding } from '../../../../hub/audit/feed/standing.ts';
import { auditOperatorCommands } from '../../../../hub/audit/operator.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { createMemoryNetwork } from '../../../../shared/overlay/memory.ts';
import { event } from '../../../contract/store.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { gathered, testHub } from '../../../support/hub.ts';
import { RECEIVER_HOST, SyslogReceiver } from '../../../support/syslog-receiver.ts';
import { until } from '../../../support/until.ts';

function folder(): Disposable & { at(name: string, content?: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'vitalmesh-feed-'));
  return {
    at: (name, content) => {
      if (content !== undefined) writeFileSync(join(path, name), content, { mode: 0o600 });
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

test('the feed that hub.yaml names reaches a receiver over an overlay service, with a certificate of the hub', async () => {
  verifies('FEED-TLS', 'FEED-IN-ORDER');
  using files = folder();
  await using receiver = await SyslogReceiver.start({ requestCert: true, rejectUnauthorized: true });
  const network = createMemoryNetwork();
  await using own = network.overlay({ id: 'hub', name: 'hub' });
  await using far = network.overlay({ id: 'siem', name: 'siem' });
  await far.bind('siem-syslog', (connection) => receiver.serve(connection));
  const { cert, key } = await receiver.authority.issue('hub-1.test');
  const config = feedConfig.parse({
    type: 'syslog',
    host: RECEIVER_HOST,
    service: 'siem-syslog',
    caFile: files.at('ca.pem', receiver.authority.pem),
    certFile: files.at('hub.pem', cert),
    keyFile: files.at('hub.key', key),
    subjects: false,
  });
  checkFeed(config);
  await using hub = testHub();
  await hub.store.record([event(1, { patient: 'pat-icu-01' }), event(2)]);
  {
    await using feed = openFeed(config, { store: hub.store, overlay: own, clock: systemClock, metrics: new Metrics(), log: silentLogger });
    await feed.start(new AbortController().signal);
    await receiver.until(() => receiver.seqs().length === 2 && receiver.of('heartbeat').length === 1);
    assert.equal(feed.status().to, `${RECEIVER_HOST} over service siem-syslog`);
  }
  assert.equal((await hub.store.feedPlaces.take(receiverOf(config), 1))?.seq, 2);
  assert.deepEqual([...new Set(receiver.seqs())], [1, 2]);
  assert.ok(receiver.of('entry').every((fields) => !fields.has('subject')));
});

test('what the feed needs is looked at by check, and what is missing is named', async () => {
  verifies('FEED-TLS');
  using files = folder();
  await using receiver = await SyslogReceiver.start();
  const { cert, key } = await receiver.authority.issue('hub-1.test');
  const good = { type: 'syslog', host: 'siem.test', caFile: files.at('ca.pem', receiver.authority.pem) } as const;
  const own = { certFile: files.at('hub.pem', cert), keyFile: files.at('hub.key', key) };
  const parse = (given: object): FeedConfig => feedConfig.parse({ ...good, ...given });
  checkFeed(undefined);
  checkFeed(feedConfig.parse({ type: 'file', path: 'evidence.jsonl' }));
  checkFeed(parse(own));
  const missing = files.at('missing.pem');
  for (const given of [
    { caFile: missing },
    { ...own, certFile: missing },
    { ...own, keyFile: missing },
    { ...own, certFile: files.at('odd.pem', 'odd') },
  ])
    assert.throws(() => checkFeed(parse(given)), { code: 'AUDIT-FEED-TLS' });
  chmodSync(own.keyFile, 0o644);
  assert.throws(() => checkFeed(parse(own)), { code: 'IDENTITY-MODE' });
  for (const wrong of [
    { certFile: 'hub.pem' },
    { host: 'a b' },
    { host: '' },
    { port: 0 },
    { type: 'udp' },
    { caFile: undefined },
    { heartbeatSeconds: 0 },
  ])
    assert.equal(feedConfig.safeParse({ ...good, ...wrong }).success, false, JSON.stringify(wrong));
});

test('sending again is decided and recorded; who may not export, asks for what is not there, or has no feed is refused', async () => {
  verifies('FEED-GOES-ON');
  await using hub = testHub();
  await hub.store.record([event(1), event(2), event(3)]);
  const again: number[] = [];
  const siem = {
    sendAgain: async (from: number) => {
      again.push(from);
      return Math.min(from, 2);
    },
    status: () => assert.fail(),
  };
  const doubts = { standing: () => undefined, acknowledge: async () => undefined };
  const forbidden: Policy = { ...DEFAULT_POLICY, rules: [] };
  const resend = async (args: object, options: object, policy = DEFAULT_POLICY): Promise<unknown[]> => {
    const { store, door, registry } = hub;
    const replay = { door, registry, zone: 'UTC' };
    const auditor = createAuditor({ store, policy: () => policy, keys: () => [], replay, clock: systemClock, ...options });
    const answer = auditOperatorCommands({ auditor, tenants: () => ['clinic'] })['audit-resend'](
      args as never,
      'local:7',
      new AbortController().signal,
    );
    return await gathered(answer as AsyncIterable<unknown>);
  };
  assert.deepEqual(await resend({ from: 3 }, { doubts, siem }), [{ from: 2, newest: 3 }], 'what is sent, which may be more');
  const [last] = (await evidenceOf(hub.store)).slice(-1);
  assert.deepEqual(
    [last?.principal, last?.action, last?.outcome, last?.detail?.args],
    ['local:7', 'audit.export', 'allowed', { resendFrom: 3 }],
  );
  await assert.rejects(resend({ from: 99 }, { doubts, siem }), { code: 'AUDIT-NO-ENTRY' });
  await assert.rejects(resend({ from: 1 }, { doubts }), { code: 'AUDIT-NO-FEED' });
  await assert.rejects(resend({ from: 1 }, {}), { code: 'AUDIT-NO-HUB' });
  await assert.rejects(resend({ from: 0 }, { doubts, siem }), { code: 'USAGE' });
  await assert.rejects(resend({ from: 1 }, { doubts, siem }, forbidden), { code: 'ACCESS-DENIED' });
  assert.deepEqual(again, [3]);
});

test('the status of the feed names each receiver that the store knows with its place, and where a new one begins, with a hub or without', async () => {
  verifies('FEED-EACH-RECEIVER');
  using files = folder();
  await using hub = testHub();
  await hub.store.record([event(1), event(2)]);
  const { store, door, registry } = hub;
  const [old, next] = ['old.jsonl', 'next.jsonl'].map((name) => feedConfig.parse({ type: 'file', path: files.at(name) }));
  assert.ok(old && next);
  const said = async (named: FeedConfig, change: object = {}, policy = DEFAULT_POLICY): Promise<string> => {
    const replay = { door, registry, zone: 'UTC' };
    const receiver = receiverOf(named);
    const auditor = createAuditor({ store, policy: () => policy, keys: () => [], replay, clock: systemClock, receiver, ...change });
    const standing = auditOperatorCommands({ auditor, tenants: () => ['clinic'] })['audit-status'](
      {},
      'local:7',
      new AbortController().signal,
    );
    const [answer] = await gathered(standing as AsyncIterable<FeedStanding>);
    assert.ok(answer);
    return formatStanding(answer).replaceAll(`${files.at('')}/`, '');
  };
  assert.equal(await said(old), 'Feed to SIEM   file old.jsonl: never fed; it begins with the first entry that is kept');
  assert.match(await said({ ...old, begin: 'now' }), /never fed; it begins with what comes once the hub runs$/);
  assert.equal(await said(old, { receiver: undefined }), 'Feed to SIEM   audit.feed of hub.yaml names no receiver');
  const fedTo = async (config: FeedConfig): Promise<string> => {
    const surroundings = { store, overlay: createMemoryNetwork().overlay({ id: 'hub', name: 'hub' }), clock: systemClock };
    await using siem = openFeed(config, { ...surroundings, metrics: new Metrics(), log: silentLogger });
    await siem.start(new AbortController().signal);
    const { seq } = await store.auditHead();
    await until(() => siem.status().confirmed >= seq && siem.status().began !== null);
    return await said(config, { siem });
  };
  await fedTo(old);
  assert.match(await said(next), /never fed.*\n +file old\.jsonl: confirmed up to entry \d+ of \d+$/);
  assert.match(
    await fedTo(next),
    /^Feed to SIEM +file next\.jsonl: confirmed up to .*\n +not fed now: file old\.jsonl: confirmed up to entry/,
  );
  assert.match(await said(old), /^ +file next.*\nFeed to SIEM +file old|^Feed to SIEM +file old.*\n +file next/);
  const [last] = (await evidenceOf(store)).slice(-1);
  assert.deepEqual([last?.principal, last?.action, last?.outcome], ['local:7', 'status.read', 'allowed']);
  await assert.rejects(said(old, {}, { ...DEFAULT_POLICY, rules: [] }), { code: 'ACCESS-DENIED' });
});
