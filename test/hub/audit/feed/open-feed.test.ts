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
  await assert.rejects(resend({ from: 99 }, { doubts, siem }), { code: 'NOT-FOUND' });
  await assert.rejects(resend({ from: 1 }, { doubts }), { code: 'NOT-FOUND' });
  await assert.rejects(resend({ from: 1 }, {}), { code: 'AUDIT-NO-HUB' });
  await assert.rejects(resend({ from: 0 }, { doubts, siem }), { code: 'USAGE' });
  await assert.rejects(resend({ from: 1 }, { doubts, siem }, forbidden), { code: 'ACCESS-DENIED' });
  assert.deepEqual(again, [3]);
});
