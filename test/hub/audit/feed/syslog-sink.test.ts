import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { entryEvent, gapEvent, heartbeatEvent } from '../../../../hub/audit/feed/event.ts';
import { framed, MAX_MESSAGE_BYTES, syslogMessage } from '../../../../hub/audit/feed/syslog-message.ts';
import { SyslogSink, type SyslogSinkOptions } from '../../../../hub/audit/feed/syslog-sink.ts';
import { createMemoryNetwork } from '../../../../shared/overlay/memory.ts';
import { type FeedReceiver, fedEntry, feedSinkContract } from '../../../contract/feed-sink.ts';
import { event } from '../../../contract/store.ts';
import { verifies } from '../../../requirements.ts';
import { TestAuthority } from '../../../support/certificates.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { parseSyslog, SyslogFrames } from '../../../support/syslog-parser.ts';
import { RECEIVER_HOST, SyslogReceiver } from '../../../support/syslog-receiver.ts';

const NEVER = new AbortController().signal;
const ORIGIN = { storeId: 'ab'.repeat(16), subjects: true };

function optionsFor(receiver: SyslogReceiver, change: Partial<SyslogSinkOptions> = {}): SyslogSinkOptions {
  return {
    host: RECEIVER_HOST,
    to: 'the receiver',
    dial: async () => connect({ port: receiver.port, host: '127.0.0.1' }),
    credentials: () => ({ ca: receiver.authority.pem }),
    sender: { host: 'hub-1', pid: 4711 },
    settleMs: 20,
    round: { entries: 1000, ms: 1000 },
    ...change,
  };
}

const sinkTo = (receiver: SyslogReceiver, change: Partial<SyslogSinkOptions> = {}): SyslogSink =>
  new SyslogSink(optionsFor(receiver, change));

function asPlace(receiver: SyslogReceiver, change: Partial<SyslogSinkOptions> = {}): FeedReceiver {
  return {
    sink: () => sinkTo(receiver, change),
    received: async () => {
      assert.deepEqual(receiver.faults, []);
      return receiver.messages.map(({ params }) => params);
    },
    away: () => receiver.away(),
    back: () => receiver.back(),
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  };
}

feedSinkContract('syslog by TCP', async () => asPlace(await SyslogReceiver.start()));

feedSinkContract('syslog over a service', async () => {
  const receiver = await SyslogReceiver.start();
  const network = createMemoryNetwork();
  const [hub, host] = [network.overlay({ id: 'hub', name: 'hub' }), network.overlay({ id: 'siem', name: 'siem' })];
  const offer = () => host.bind('siem-syslog', (connection) => receiver.serve(connection));
  let binding = await offer();
  return {
    ...asPlace(receiver, { dial: (signal) => hub.dial('siem-syslog', { signal }) }),
    away: async () => {
      await binding[Symbol.asyncDispose]();
      receiver.cut('reset');
    },
    back: async () => {
      binding = await offer();
    },
    [Symbol.asyncDispose]: async () => {
      await hub[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
});

test('a message is what RFC 5424 and 5425 say, and its fields are those of the entry', async () => {
  verifies('FEED-IN-ORDER', 'FEED-CLEAN');
  const entry = JSON.stringify({
    ...event(5, {
      at: TEST_NOW,
      detail: { policy: 'p-1', credential: { kind: 'both' }, purpose: 'TREAT', claimed: { client: 'secret-client' } },
    }),
    subject: 7,
    sealed: 'c2VjcmV0',
  });
  const made = entryEvent({ seq: 12, entry, hash: Buffer.alloc(32, 2) }, Buffer.alloc(32, 1), ORIGIN);
  const message = syslogMessage(made, { host: 'hub-1', pid: 4711 });
  const fields = `store="${'ab'.repeat(16)}" seq="12" prev="${'01'.repeat(32)}" hash="${'02'.repeat(32)}" tenant="clinic" who="test" role="monitor"`;
  const rest =
    'action="vitals.read" outcome="allowed" reason="granted" count="5" channel="operator" policy="p-1" credential="both" purpose="TREAT" subject="7"';
  assert.equal(
    message.toString(),
    `<110>1 2026-11-21T10:00:00.000Z hub-1 vitalmesh-hub 4711 vitals.read [vitalmesh@32473 type="entry" ${fields} ${rest}] \ufeffentry 12: test vitals.read allowed, granted`,
  );
  assert.equal(framed(message).subarray(0, 5).toString(), `${message.length} <`);
  const refused = entryEvent({ seq: 1, entry: JSON.stringify(event(0, { outcome: 'denied' })), hash: Buffer.alloc(32) }, undefined, ORIGIN);
  assert.equal(parseSyslog(syslogMessage(refused, { host: 'hub-1', pid: 1 })).priority, 13 * 8 + 4);
});

test('no patient is in it, and not even the number of one where that is not wanted', () => {
  verifies('FEED-CLEAN');
  const detail = { args: { patient: 'pat-secret' }, shown: [['gw-secret.1', 1]], response: 'ff', claimed: { model: 'pat-secret' } };
  const entry = JSON.stringify({
    ...event(1),
    patient: 'pat-secret',
    patients: ['pat-secret'],
    detail,
    subject: 7,
    subjects: [8, [9, 'secret']],
    sealed: 'secret',
  });
  for (const subjects of [true, false]) {
    const made = entryEvent({ seq: 1, entry, hash: Buffer.alloc(32) }, undefined, { ...ORIGIN, subjects });
    const names = made.fields.map(([name]) => name);
    assert.deepEqual(names.includes('subject'), subjects);
    assert.doesNotMatch(JSON.stringify(made), /secret/);
  }
});

test('a message is never longer than every receiver takes, whatever stands in the entry and whatever the host is called', () => {
  verifies('FEED-CLEAN');
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2000 }),
    fc.constantFrom('"'.repeat(2000), ']\\'.repeat(900), '\u{1f600}'.repeat(900)),
  );
  const number = fc.oneof(fc.integer(), fc.double(), fc.constant(Number.MAX_VALUE));
  const written = fc.record({
    class: text,
    gone: text,
    at: number,
    tenant: text,
    principal: text,
    role: text,
    action: text,
    outcome: text,
    reason: text,
    count: number,
    channel: text,
    subject: number,
  });
  const detail = fc.record({ policy: text, purpose: text, mask: text, credential: fc.record({ kind: text }) });
  fc.assert(
    fc.property(written, detail, text, fc.nat(), (entry, more, host, seq) => {
      const made = entryEvent(
        { seq, entry: JSON.stringify({ ...entry, detail: more }), hash: Buffer.alloc(32, 1) },
        Buffer.alloc(32),
        ORIGIN,
      );
      const message = syslogMessage(made, { host, pid: 4_194_304 });
      assert.ok(message.length <= MAX_MESSAGE_BYTES, `${message.length}`);
      const { params } = parseSyslog(message);
      assert.deepEqual(
        [...params].slice(1),
        made.fields.map(([name, value]) => [name, String(value)]),
      );
    }),
  );
  for (const entry of ['', '[]', 'null', '{"detail":null}', '{"__proto__":{"principal":"x"}}'])
    assert.ok(parseSyslog(syslogMessage(entryEvent({ seq: 1, entry, hash: Buffer.alloc(32) }, undefined, ORIGIN), { host: '', pid: 1 })));
  assert.equal(
    parseSyslog(syslogMessage(gapEvent(3, 9, TEST_NOW, 's'), { host: 'h', pid: 1 })).text,
    'entries 3 to 9 of the evidence are no longer in the store',
  );
  assert.equal(
    parseSyslog(syslogMessage(heartbeatEvent({ seq: 4, hash: Buffer.alloc(32) }, 3, TEST_NOW, 's'), { host: 'h', pid: 1 })).id,
    'heartbeat',
  );
});

test('messages are found in a stream that is cut anywhere', () => {
  const stream = Buffer.concat([1, 2, 3].map((seq) => framed(syslogMessage(fedEntry(seq, 'é]"\\'), { host: 'h', pid: 1 }))));
  for (let at = 0; at < stream.length; at += 1) {
    const frames = new SyslogFrames();
    const found = [...frames.take(stream.subarray(0, at)), ...frames.take(stream.subarray(at))];
    assert.deepEqual(
      found.map((message) => parseSyslog(message).params.get('seq')),
      ['1', '2', '3'],
    );
  }
});

test('nothing is sent to a receiver of another authority, or with a certificate for another name', async () => {
  verifies('FEED-TLS');
  await using receiver = await SyslogReceiver.start();
  const stranger = await TestAuthority.make();
  const wrong: Partial<SyslogSinkOptions>[] = [
    { credentials: () => ({ ca: stranger.pem }) },
    { credentials: () => ({}) },
    { host: 'other.test' },
    { host: '127.0.0.1' },
    { credentials: () => ({ ca: 'no certificate' }) },
  ];
  for (const change of wrong) {
    await using sink = sinkTo(receiver, change);
    await assert.rejects(sink.send([fedEntry(1)], NEVER), { code: 'AUDIT-FEED-TLS' });
  }
  assert.deepEqual(receiver.messages, []);
});

test('a receiver that wants a certificate gets it, and one that does not accept it confirms nothing', async () => {
  verifies('FEED-TLS');
  await using receiver = await SyslogReceiver.start({ requestCert: true, rejectUnauthorized: true });
  const own = await receiver.authority.issue('hub-1.test');
  const ca = receiver.authority.pem;
  await using known = sinkTo(receiver, { credentials: () => ({ ca, ...own }) });
  await known.send([fedEntry(1)], NEVER);
  await known.confirm(NEVER);
  assert.deepEqual(receiver.seqs(), [1]);
  for (const credentials of [
    () => ({ ca }),
    ((foreign) => () => ({ ca, ...foreign }))(await (await TestAuthority.make()).issue('hub-1.test')),
  ]) {
    await using unknown = sinkTo(receiver, { credentials });
    await assert.rejects(
      async () => {
        await unknown.send([fedEntry(2)], NEVER);
        await unknown.confirm(NEVER);
      },
      (error: { code?: string }) => error.code === 'AUDIT-FEED-TLS' || error.code === 'AUDIT-FEED-UNREACHABLE',
    );
  }
  assert.deepEqual(receiver.seqs(), [1]);
});

test('who only speaks a protocol of before TLS 1.2, or none, is refused', async () => {
  verifies('FEED-TLS');
  await using old = await SyslogReceiver.start({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
  await using sink = sinkTo(old);
  await assert.rejects(sink.send([fedEntry(1)], NEVER), { code: 'AUDIT-FEED-TLS' });
  assert.deepEqual(old.messages, []);
});

test('a connection that breaks, or that the receiver ends by itself, confirms nothing of what went over it', async () => {
  verifies('FEED-GOES-ON');
  await using receiver = await SyslogReceiver.start();
  for (const how of ['reset', 'end'] as const) {
    await using sink = sinkTo(receiver);
    await sink.send([fedEntry(1)], NEVER);
    await receiver.until(() => receiver.seqs().length > 0);
    receiver.cut(how);
    await assert.rejects(
      async () => {
        // The end may still be on its way.
        for (;;) await sink.send([fedEntry(2)], NEVER);
      },
      { code: 'AUDIT-FEED-UNREACHABLE' },
    );
    receiver.messages.length = 0;
  }
});

test('a receiver that ends a connection over which nothing but heartbeats went is called again', async () => {
  await using receiver = await SyslogReceiver.start();
  await using sink = sinkTo(receiver);
  const beat = heartbeatEvent({ seq: 4, hash: Buffer.alloc(32) }, 4, TEST_NOW, 's');
  await sink.send([beat], NEVER);
  await receiver.until(() => receiver.of('heartbeat').length === 1);
  receiver.cut('end');
  await receiver.until(() => receiver.open === 0);
  await sink.send([beat], NEVER);
  await sink.confirm(NEVER);
});

test('who does not end the connection in answer to our end has confirmed nothing', async () => {
  verifies('FEED-GOES-ON');
  await using receiver = await SyslogReceiver.start();
  receiver.answersEnd = false;
  await using sink = sinkTo(receiver, { limitMs: 50 });
  await sink.send([fedEntry(1)], NEVER);
  await assert.rejects(sink.confirm(NEVER), { code: 'AUDIT-FEED-UNREACHABLE', detail: /does not end/ });
});

test('a receiver that does not read stops the sender at what the line holds', async () => {
  verifies('FEED-HOLDS-UP-NOTHING');
  await using receiver = await SyslogReceiver.start();
  await using sink = sinkTo(receiver, { limitMs: 2000 });
  await sink.send([fedEntry(1)], NEVER);
  receiver.stall();
  const page = Array.from({ length: 250 }, (_, i) => fedEntry(i + 2));
  let sent = 0;
  await assert.rejects(
    async () => {
      for (;;) {
        await sink.send(page, NEVER);
        sent += 1;
      }
    },
    { code: 'AUDIT-FEED-UNREACHABLE', detail: /does not read/ },
  );
  assert.ok(sent > 0 && sent * 250 * 700 < 64 * 1024 * 1024, `${sent} pages`);
});

test('an abort frees a sender whom the receiver does not read', async () => {
  verifies('FEED-HOLDS-UP-NOTHING');
  await using receiver = await SyslogReceiver.start();
  await using sink = sinkTo(receiver);
  await sink.send([fedEntry(1)], NEVER);
  receiver.stall();
  const page = Array.from({ length: 250 }, (_, i) => fedEntry(i + 2));
  const stop = new AbortController();
  const sending = (async () => {
    for (;;) await sink.send(page, stop.signal);
  })();
  setImmediate(() => stop.abort());
  await assert.rejects(sending, { code: 'AUDIT-FEED-UNREACHABLE', detail: /the hub stops/ });
});

test('why a receiver cannot be used is told: nothing listens, its name is not found, what is wrong with its certificate', async () => {
  verifies('FEED-GAP-ALARM');
  await using receiver = await SyslogReceiver.start();
  const stranger = await TestAuthority.make();
  const failing = (code: string) => async (): Promise<never> => {
    throw Object.assign(new Error('no'), { code, syscall: 'connect' });
  };
  const told: [Partial<SyslogSinkOptions>, string, RegExp][] = [
    [{ dial: failing('ECONNREFUSED') }, 'AUDIT-FEED-UNREACHABLE', /^the receiver: nothing listens there \(ECONNREFUSED\)$/],
    [{ dial: failing('ENOTFOUND') }, 'AUDIT-FEED-UNREACHABLE', /^the receiver: the host name is not found \(ENOTFOUND\)$/],
    [{ credentials: () => ({ ca: stranger.pem }) }, 'AUDIT-FEED-TLS', /: its certificate is of no authority in caFile \([A-Z_]+\)$/],
    [{ host: 'other.test' }, 'AUDIT-FEED-TLS', /: its certificate is not for that host \(ERR_TLS_CERT_ALTNAME_INVALID\)$/],
  ];
  for (const [change, code, detail] of told) {
    await using sink = sinkTo(receiver, change);
    await assert.rejects(sink.send([fedEntry(1)], NEVER), { code, detail });
  }
});
