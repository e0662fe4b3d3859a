import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import type { SessionLimits } from '../../../../hub/ingest/session.ts';
import type { OperationOutcome } from '../../../../shared/fhir.ts';
import { verifies } from '../../../requirements.ts';
import { FOREIGN_REGISTRY } from '../../../support/foreign.ts';
import { gathered, TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';
import { until } from '../../../support/until.ts';
import { dialHub, gone, INGEST_SERVICE, identityOf, serveUplinkOf, type UplinkHub } from '../../../support/uplink-hub.ts';

const GOLDEN = readFileSync(new URL('../../../golden/foreign/home-monitoring.json', import.meta.url));

interface Site extends AsyncDisposable {
  hub: TestHub;
  uplink: UplinkHub<TestHub['ingest']>;
}

async function site(limits: Partial<SessionLimits> = {}, registry = FOREIGN_REGISTRY): Promise<Site> {
  const hub = testHub({ clock: new TestClock(), registry });
  const uplink = await serveUplinkOf(hub.ingest, limits);
  return {
    hub,
    uplink,
    async [Symbol.asyncDispose]() {
      await uplink[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

interface Response {
  status: number;
  headers: IncomingHttpHeaders;
  json: {
    resourceType?: string;
    type?: string;
    entry?: { response: { status: string; location?: string; outcome?: OperationOutcome } }[];
  } & Partial<OperationOutcome>;
}

/** A FHIR client that speaks HTTP/1.1 on one connection through the overlay, by Node's own means alone. */
class Http1Client implements Disposable {
  readonly stream: Duplex;
  readonly raw: Duplex;
  readonly closed: Promise<void>;
  readonly #agent: Agent;

  constructor(stream: Duplex, raw: Duplex) {
    this.#agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 1 }), { createConnection: () => stream });
    this.stream = stream;
    this.raw = raw;
    this.closed = gone(stream);
  }

  static async dial({ uplink }: Site, id = 'gw-home', alpn?: string[]): Promise<Http1Client> {
    const raw = await uplink.network.overlay({ id, name: id }).dial(INGEST_SERVICE);
    raw.on('error', () => undefined);
    const { keyPem: key, certPem: cert } = await identityOf(id);
    const stream = connect({
      socket: raw,
      key,
      cert,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ...(alpn && { ALPNProtocols: alpn }),
    });
    const client = new Http1Client(stream, raw);
    await once(stream, 'secureConnect');
    return client;
  }

  async send(method: string, path: string, headers: OutgoingHttpHeaders = {}, body?: string | Buffer): Promise<Response> {
    const asked = request({ method, path, headers: { host: 'hub', ...headers }, agent: this.#agent });
    asked.end(body);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { status: answer.statusCode ?? 0, headers: answer.headers, json: JSON.parse(Buffer.concat(chunks).toString()) };
  }

  post(body: string | Buffer, headers: OutgoingHttpHeaders = {}, path = '/fhir'): Promise<Response> {
    return this.send('POST', path, { 'content-type': 'application/fhir+json', ...headers }, body);
  }

  [Symbol.dispose](): void {
    this.stream.destroy();
    this.raw.destroy();
  }
}

const statuses = ({ json }: Pick<Response, 'json'>): string[] | undefined => json.entry?.map(({ response }) => response.status);
const codes = ({ json }: Pick<Response, 'json'>): unknown[] | undefined => json.issue?.map(({ details }) => details?.coding?.[0]?.code);
const rate = (name: string, value = 72): object => ({
  resource: {
    resourceType: 'Observation',
    id: name,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: 'Patient/1' },
    effectiveDateTime: new Date(TEST_NOW).toISOString(),
    valueQuantity: { value, system: 'http://unitsofmeasure.org', code: '/min' },
  },
  request: { method: 'PUT', url: `Observation/${name}` },
});
const bundle = (entry: object[], type = 'batch'): string => JSON.stringify({ resourceType: 'Bundle', type, entry });

const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));
after(() => assert.deepEqual(rejections, []));

test('a client of HTTP/1.1 posts a transaction, packed or not, at any name of the base, and is answered as FHIR has it', async () => {
  verifies('FOREIGN-CLIENTS', 'ANSWER-AFTER-COMMIT');
  await using s = await site();
  for (const [i, alpn] of [undefined, ['http/1.1'], ['spdy/3', 'http/1.1']].entries()) {
    using client = await Http1Client.dial(s, 'gw-home', alpn);
    const plain = await client.post(GOLDEN, {}, ['/fhir', '/fhir/', '/'][i]);
    assert.deepEqual(
      [plain.status, plain.headers['content-type'], plain.json.type],
      [200, 'application/fhir+json', 'transaction-response'],
    );
    assert.deepEqual(statuses(plain), new Array(3).fill(i === 0 ? '201 Created' : '200 OK'));
    for (const { response } of plain.json.entry ?? [])
      assert.match(response.location ?? '', /^Observation\/gw-home\.z[0-9a-z.]+\/_history\/1$/);
    const packed = await client.post(gzipSync(GOLDEN), { 'content-encoding': 'gzip', 'content-type': 'application/json; charset=utf-8' });
    const denser = await client.post(zstdCompressSync(GOLDEN), { 'content-encoding': 'zstd' });
    assert.deepEqual([statuses(packed), statuses(denser)], [new Array(3).fill('200 OK'), new Array(3).fill('200 OK')]);
  }
  assert.notEqual(s.uplink.server.status().lastBatchAt, null);
});

test('the request of the README does what is said of it', async () => {
  verifies('FOREIGN-CLIENTS', 'README-WORKS');
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
  const [, method = '', path = '', header = '', body = ''] =
    /^```http\n(\S+) (\S+) HTTP\/1\.1\nContent-Type: (.+)\n\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  await using s = await site();
  using client = await Http1Client.dial(s);
  const send = (text: string): Promise<Response> => client.send(method, path, { 'content-type': header }, text);
  assert.deepEqual(statuses(await send(body)), ['201 Created']);
  assert.deepEqual(statuses(await send(body)), ['200 OK']);
  const other = await send(body.replace('98.6', '99.6'));
  assert.deepEqual([other.status, codes(other)], [409, ['UPLINK-KEY-REUSED']]);
  const [stored] = await gathered(await s.hub.door.export(operatorPrincipal(1000, 'clinic'), {}, { channel: 'operator' }));
  assert.deepEqual([stored?.patient, stored?.vital, stored?.value, stored?.unit], ['pat-home-01', 'temp', 37, 'Cel']);
});

test('a client of HTTP/2 without a word of ours posts the same, but not beside an agent of its identity', async () => {
  verifies('FOREIGN-CLIENTS');
  await using s = await site();
  using agent = await dialHub(s.uplink, 'gw-home');
  assert.equal((await agent.hello()).status, 200);
  const post = async (): Promise<Response> => {
    using client = await dialHub(s.uplink, 'gw-home');
    for (const name of Object.keys(client.headers)) delete client.headers[name];
    return (await client.post(GOLDEN)) as Response;
  };
  const beside = await post();
  assert.deepEqual([beside.status, codes(beside)], [409, ['UPLINK-INSTANCE']]);
  assert.equal((await agent.hello()).status, 200, 'the agent goes on');
  agent[Symbol.dispose]();
  await until(() => s.uplink.server.sessions().length === 0);
  const alone = await post();
  assert.deepEqual([alone.status, statuses(alone)], [200, new Array(3).fill('201 Created')]);
  using foreign = await dialHub(s.uplink, 'gw-home');
  for (const name of Object.keys(foreign.headers)) delete foreign.headers[name];
  const metadata = await foreign.ask({ ':method': 'GET', ':path': '/fhir/metadata' });
  assert.deepEqual((({ resourceType, fhirVersion }) => [resourceType, fhirVersion])(metadata.json as Record<string, unknown>), [
    'CapabilityStatement',
    '4.0.1',
  ]);
  assert.deepEqual(codes((await foreign.ask({ ':method': 'GET', ':path': '/fhir/Observation' })) as Response), ['UPLINK-REQUEST']);
});

test('each kind of wrong request is an OperationOutcome with a code, and the connection goes on where it can', async () => {
  verifies('FOREIGN-CLIENTS');
  await using s = await site();
  const cases: [string, string, OutgoingHttpHeaders, string | Buffer, number, string][] = [
    ['POST', '/fhir/Observation', {}, '{}', 404, 'UPLINK-REQUEST'],
    ['PUT', '/fhir', {}, '{}', 405, 'UPLINK-REQUEST'],
    ['POST', '/fhir/metadata', {}, '{}', 405, 'UPLINK-REQUEST'],
    ['POST', '/fhir', { 'content-type': 'text/xml' }, '<Bundle/>', 415, 'UPLINK-REQUEST'],
    ['POST', '/fhir', { 'content-encoding': 'br' }, bundle([]), 400, 'UPLINK-REQUEST'],
    ['POST', '/fhir', {}, '{"resourceType":', 400, 'UPLINK-BUNDLE'],
    ['POST', '/fhir', {}, bundle([], 'message'), 400, 'UPLINK-BUNDLE'],
    ['POST', '/fhir', {}, bundle(new Array(1001).fill(rate('a'))), 413, 'UPLINK-TOO-LARGE'],
  ];
  using client = await Http1Client.dial(s);
  for (const [method, path, headers, body, status, code] of cases) {
    const answer = await client.send(method, path, { 'content-type': 'application/fhir+json', ...headers }, body);
    assert.deepEqual(
      [answer.status, answer.json.resourceType, codes(answer)],
      [status, 'OperationOutcome', [code]],
      `${method} ${path} ${code}`,
    );
  }
  assert.deepEqual(statuses(await client.post(bundle([rate('a')]))), ['201 Created']);
  const large = await client.post('x'.repeat(5 * 1024 * 1024));
  assert.deepEqual([large.status, codes(large)], [413, ['UPLINK-TOO-LARGE']]);
  assert.equal(large.headers.connection, 'close');
  await client.closed;
});

test('entries are answered one by one, and a transaction that cannot be stored says which entry is why', async () => {
  verifies('FOREIGN-CLIENTS', 'GOOD-PARTS-SURVIVE');
  await using s = await site();
  using client = await Http1Client.dial(s);
  const bad = { ...rate('bad'), resource: { resourceType: 'Patient' } };
  const batch = await client.post(bundle([rate('a'), bad]));
  assert.deepEqual(statuses(batch), ['201 Created', '422 Unprocessable Entity']);
  const [issue] = batch.json.entry?.[1]?.response.outcome?.issue ?? [];
  assert.match(issue?.diagnostics ?? '', /only Observations are taken$/);
  const whole = await client.post(bundle([rate('b'), bad], 'transaction'));
  assert.deepEqual([whole.status, codes(whole), whole.json.issue?.[0]?.expression], [422, ['INGEST-INVALID'], ['Bundle.entry[1]']]);
  const used = await client.post(bundle([rate('b'), rate('a', 99)], 'transaction'));
  assert.deepEqual([used.status, codes(used), used.json.issue?.[0]?.expression], [409, ['UPLINK-KEY-REUSED'], ['Bundle.entry[1]']]);
  assert.deepEqual(statuses(await client.post(bundle([rate('b')]))), ['201 Created'], 'nothing of the transactions was stored');
});

test('nobody is served whom the registry does not list as a gateway, whatever it asks', async () => {
  verifies('FOREIGN-CLIENTS', 'CALLER-FROM-CERTIFICATE');
  await using s = await site();
  for (const id of ['gw-stranger', 'ai-monitor']) {
    using client = await Http1Client.dial(s, id);
    const answer = await client.send('GET', '/fhir/metadata');
    assert.deepEqual([answer.status, codes(answer)], [403, ['UPLINK-UNKNOWN-GATEWAY']]);
    await client.closed;
  }
  using late = await Http1Client.dial(s, 'gw-old');
  assert.deepEqual(codes(await late.post(GOLDEN)), ['ACCESS-EXPIRED']);
});

test('a client that floods the hub over many connections waits for itself, and the others are answered', async () => {
  verifies('FOREIGN-CLIENTS', 'GATEWAYS-FAIR');
  await using s = await site({ batchesAtOnce: 2 });
  const { foreign } = s.hub.ingest;
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let entered = 0;
  s.hub.ingest.foreign = async (client, json) => {
    if (client === 'gw-home') {
      entered += 1;
      await released;
    }
    return foreign.call(s.hub.ingest, client, json);
  };
  const floods = await Promise.all(Array.from({ length: 8 }, () => Http1Client.dial(s, 'gw-home')));
  const answered: string[] = [];
  const flooding = floods.map(async (client, i) => {
    const answer = await client.post(bundle([rate(`flood-${i}`)]));
    answered.push('gw-home');
    return answer.status;
  });
  await until(() => entered === 2);
  using quiet = await Http1Client.dial(s, 'gw-other');
  for (let i = 0; i < 5; i += 1) {
    assert.deepEqual(statuses(await quiet.post(bundle([rate(`quiet-${i}`)]))), ['201 Created']);
    answered.push('gw-other');
  }
  assert.deepEqual([answered, entered], [new Array(5).fill('gw-other'), 2]);
  release();
  assert.deepEqual(await Promise.all(flooding), new Array(8).fill(200));
  for (const client of floods) client[Symbol.dispose]();
});

test('a client above its rate is told when to come again', async () => {
  verifies('FOREIGN-CLIENTS', 'GATEWAYS-FAIR');
  const registry = FOREIGN_REGISTRY.replace('patient: pat-home-01', 'limits: { entriesPerSecond: 1 }, patient: pat-home-01');
  await using s = await site({ paceMs: 0 }, registry);
  using client = await Http1Client.dial(s);
  await client.post(bundle(Array.from({ length: 50 }, (_, i) => rate(`a-${i}`))));
  const answer = await client.post(bundle([rate('b')]));
  assert.deepEqual([answer.status, codes(answer)], [503, ['INGEST-BUSY']]);
  assert.ok(Number(answer.headers['retry-after']) > 40);
});

test('what a client sends before it was answered is not taken, so that nothing piles up here', async () => {
  verifies('FOREIGN-CLIENTS', 'GATEWAYS-FAIR');
  await using s = await site();
  const { gateway } = s.hub.ingest;
  let asked = 0;
  s.hub.ingest.gateway = (identity) => {
    asked += 1;
    return gateway.call(s.hub.ingest, identity);
  };
  using eager = await Http1Client.dial(s);
  eager.stream.resume();
  const before = asked;
  const body = bundle([rate('a')]);
  const one = `POST /fhir HTTP/1.1\r\nhost: hub\r\ncontent-type: application/fhir+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  eager.stream.write(one.repeat(100));
  await eager.closed;
  assert.equal(asked, before + 1);
  await until(() => s.uplink.metrics.get('uplink_connections') === 0);
  using next = await Http1Client.dial(s);
  for (let i = 0; i < 20; i += 1) assert.equal((await next.post(bundle([rate(`b-${i}`)]))).status, 200);
});

test('a client that says nothing, or half of something, or garbage, is let go', async () => {
  await using s = await site({ firstRequestMs: 30, bodyMs: 30 });
  using silent = await Http1Client.dial(s);
  await silent.closed;
  using half = await Http1Client.dial(s);
  half.stream.on('data', () => undefined);
  half.stream.write('POST /fhir HTTP/1.1\r\nhost: hub\r\ncontent-type: application/fhir+json\r\ncontent-length: 100\r\n\r\n{');
  await half.closed;
  for (const garbage of ['\u0000\u0001\u0002', 'GET /fhir\r\n\r\n', `POST /fhir HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`]) {
    using client = await Http1Client.dial(s);
    client.stream.resume();
    client.stream.write(garbage);
    await client.closed;
  }
  await until(() => s.uplink.metrics.get('uplink_connections') === 0);
});

test('a client that stops reading while the hub has much to say is let go, and what it left does not harm the process', async () => {
  // Of a busy machine the first, short answer needs its time, too.
  await using s = await site({ answerMs: 1500 });
  using stalled = await Http1Client.dial(s);
  await stalled.send('GET', '/fhir/metadata');
  stalled.raw.pause();
  // TLS would go on reading at the next occasion.
  stalled.raw.resume = () => stalled.raw;
  const much = gzipSync(bundle(Array.from({ length: 1000 }, (_, i) => ({ ...rate(`bad-${i}`), resource: {} }))));
  stalled.post(much, { 'content-encoding': 'gzip' }).catch(() => undefined);
  await until(() => s.uplink.metrics.get('ingest_foreign_bundles', 'batch') === 1);
  await until(() => s.uplink.metrics.get('uplink_connections') === 0);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 5; i += 1) {
    await new Promise(setImmediate);
    collect();
  }
  using next = await Http1Client.dial(s);
  assert.deepEqual(statuses(await next.post(bundle([rate('a')]))), ['201 Created']);
});

test('at the end of the hub a Bundle under way is answered, and an idle connection closed', async () => {
  const s = await site();
  const { foreign } = s.hub.ingest;
  const entered = Promise.withResolvers<() => void>();
  s.hub.ingest.foreign = async (client, json) => {
    await new Promise<void>((go) => entered.resolve(go));
    return foreign.call(s.hub.ingest, client, json);
  };
  using idle = await Http1Client.dial(s, 'gw-other');
  await idle.send('GET', '/fhir/metadata');
  using busy = await Http1Client.dial(s);
  const answer = busy.post(GOLDEN);
  const go = await entered.promise;
  s.uplink.abort();
  await idle.closed;
  go();
  assert.equal((await answer).status, 200);
  await busy.closed;
  await s[Symbol.asyncDispose]();
});
