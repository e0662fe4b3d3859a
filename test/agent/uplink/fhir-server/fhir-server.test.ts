import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Uplink, UplinkStatus } from '../../../../agent/uplink/contract.ts';
import { createFhirServerUplink, type FhirServerUplinkOptions } from '../../../../agent/uplink/fhir-server/fhir-server.ts';
import { systemClock } from '../../../../shared/clock.ts';
import type { ErrorCode } from '../../../../shared/errors.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { verifies } from '../../../requirements.ts';
import { type Answer, type BatchResponse, capability, type Fault, FhirTestServer, outcome } from '../../../support/fhir-server.ts';
import { MemoryOutbox, recordOf, until } from '../../../support/uplink.ts';

const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));
after(() => assert.deepEqual(rejections, []));

interface Agent extends AsyncDisposable {
  uplink: Uplink;
  outbox: MemoryOutbox;
  metrics: Metrics;
}

async function startAgent(url: string, options: Partial<FhirServerUplinkOptions> = {}): Promise<Agent> {
  const outbox = (options.outbox as MemoryOutbox | undefined) ?? new MemoryOutbox();
  const metrics = new Metrics();
  const uplink = createFhirServerUplink({
    ...{ agent: 'gw-1', url, files: {}, outbox, metrics, log: silentLogger, clock: systemClock },
    retry: { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 },
    ...options,
  });
  await uplink.start(new AbortController().signal);
  return { uplink, outbox, metrics, [Symbol.asyncDispose]: () => uplink[Symbol.asyncDispose]() };
}

async function status({ uplink }: Agent, wanted: (status: UplinkStatus) => boolean): Promise<UplinkStatus> {
  let at = uplink.status();
  await until(() => {
    at = uplink.status();
    return wanted(at);
  });
  return at;
}

/** The uplink says this code at some time, whatever its state. */
const says = (agent: Agent, code: ErrorCode): Promise<UplinkStatus> => status(agent, (at) => at.code === code);

/** Values of the heart rates that the server holds, sorted. */
function values(server: FhirTestServer): number[] {
  return server.resources.map(({ valueQuantity }) => (valueQuantity as { value: number }).value).sort((a, b) => a - b);
}

test('what stands in the outbox is created on the server, each resource with an identifier of its own', async () => {
  verifies('FHIR-SERVER-ONCE');
  await using server = await FhirTestServer.listen();
  await using agent = await startAgent(server.url);
  await agent.outbox.append([recordOf(71, 72), recordOf(73)]);
  await agent.outbox.empty();
  assert.deepEqual(values(server), [71, 72, 73]);
  const epoch = agent.outbox.epoch;
  const keys = [...server.counts().keys()].map((key) => key.replace(/\.[\w-]{22}$/, '')).sort();
  assert.deepEqual(keys, [`gw-1.${epoch}.1.0`, `gw-1.${epoch}.1.1`, `gw-1.${epoch}.2.0`]);
  const [first] = server.resources;
  assert.deepEqual(first?.subject, { identifier: { value: 'P-0001' } });
  const at = await status(agent, ({ state, inFlight }) => state === 'connected' && inFlight === 0);
  assert.equal(at.code, null);
  assert.equal(at.hub?.identity, server.url);
  assert.ok(Math.abs(at.hub?.clockOffsetMs ?? Number.NaN) < 5000, 'the clock of the server is known by its Date');
  assert.ok(at.lastAnswerAt !== null);
  assert.equal(server.requests[0]?.line, 'GET /fhir/metadata');
  const post = server.requests.find(({ line }) => line === 'POST /fhir');
  assert.deepEqual([post?.headers['content-type'], post?.headers.prefer], ['application/fhir+json', 'return=minimal']);
});

test('an answer that is lost at any point costs nothing and doubles nothing', async () => {
  verifies('FHIR-SERVER-ONCE', 'EXACTLY-ONCE');
  const faults: Fault[] = [
    { cut: 'before' },
    { cut: 'after' },
    { answer: () => ({ status: 502, body: '<html>bad gateway</html>' }) },
    { cut: 'after' },
    { answer: (honest) => ({ status: 200, body: JSON.stringify(honest).slice(0, -20) }) },
    { answer: () => ({ status: 504, body: '' }) },
    { silent: true },
    { cut: 'after' },
    { answer: () => ({ status: 200, headers: { 'content-length': '100000' }, body: '{' }) },
  ];
  for (let skipped = 0; skipped < 3; skipped += 1) {
    await using server = await FhirTestServer.listen();
    server.faults.push(...Array.from({ length: skipped }, (): Fault => ({ slow: Promise.resolve() })), ...faults);
    await using agent = await startAgent(server.url, { batchEntries: 2, times: { setupMs: 5000, answerMs: 300 } });
    const wanted = Array.from({ length: 24 }, (_, i) => 60 + i);
    for (const value of wanted) await agent.outbox.append([recordOf(value)]);
    await agent.outbox.empty();
    assert.equal(server.faults.length, 0);
    assert.deepEqual(values(server), wanted);
    assert.ok([...server.counts().values()].every((count) => count === 1));
    assert.equal(agent.outbox.completed.length, 24);
    assert.deepEqual(agent.outbox.refused, []);
  }
});

test('whatever goes wrong with which batches, each reading is there once at the end', async () => {
  verifies('FHIR-SERVER-ONCE', 'EXACTLY-ONCE');
  const partial = (honest: BatchResponse, status: string): Answer => {
    const entry = honest.entry.map((one, i) => (i % 2 === 0 ? { response: { status } } : one));
    return { status: 200, body: { ...honest, entry } };
  };
  const anyFault = fc.constantFrom<Fault>(
    { cut: 'before' },
    { cut: 'after' },
    { refuse: { status: 503, body: '' } },
    { refuse: { status: 401, body: '' } },
    { refuse: { status: 413, body: '' } },
    { answer: () => ({ status: 500, body: '' }) },
    { answer: () => ({ status: 200, body: 'garbage' }) },
    { answer: (honest) => ({ status: 200, body: { ...honest, entry: honest.entry.slice(1) } }) },
    { answer: (honest) => partial(honest, '503') },
    { answer: (honest) => partial(honest, '409 Conflict') },
    { answer: (honest) => partial(honest, '202') },
    { slow: Promise.resolve() },
  );
  const rows = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(rows, fc.array(anyFault, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), async (sizes, faults, batchEntries) => {
      await using server = await FhirTestServer.listen();
      server.faults.push(...faults);
      await using agent = await startAgent(server.url, { batchEntries });
      const wanted: number[] = [];
      for (const size of sizes) {
        const row = Array.from({ length: size }, (_, i) => 30 + wanted.length + i);
        wanted.push(...row);
        await agent.outbox.append([recordOf(...row)]);
      }
      await agent.outbox.empty();
      // A lone entry that is said to be too large, or in conflict twice, is quarantined; the server may hold it or not, but never twice.
      const refused = new Set(agent.outbox.refused.map(({ seq }) => seq));
      const first = sizes.map((_, i) => 30 + sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
      const held = values(server);
      for (const [i, size] of sizes.entries()) {
        if (refused.has(i + 1)) continue;
        for (let k = 0; k < size; k += 1) assert.ok(held.includes((first[i] ?? 0) + k), `row ${i + 1} is completed and not held`);
      }
      assert.equal(new Set(held).size, held.length);
      assert.equal(agent.outbox.completed.length + refused.size, sizes.length);
    }),
    { numRuns: 25 },
  );
});

test('an agent that starts again sends again what it has no answer for, and the server keeps one of each', async () => {
  verifies('FHIR-SERVER-ONCE', 'EXACTLY-ONCE');
  await using server = await FhirTestServer.listen();
  const outbox = new MemoryOutbox();
  await outbox.append([recordOf(71, 72), recordOf(73)]);
  server.fault = () => ({ silent: true });
  const first = await startAgent(server.url, { outbox, drainMs: 1 });
  await until(() => values(server).length === 3);
  await first[Symbol.asyncDispose]();
  assert.equal((await outbox.status()).pending, 2);
  server.fault = undefined;
  await using again = await startAgent(server.url, { outbox });
  await again.outbox.empty();
  assert.deepEqual(values(server), [71, 72, 73]);
});

test('other content under a key that was used before is not taken for what the server holds', async () => {
  verifies('FHIR-SERVER-ONCE');
  await using server = await FhirTestServer.listen();
  const [one, other] = [new MemoryOutbox(), new MemoryOutbox()];
  // A snapshot that was resumed twice: the same epoch, the same numbers, other readings.
  other.epoch = one.epoch;
  await one.append([recordOf(71)]);
  await other.append([recordOf(99)]);
  for (const outbox of [one, other]) {
    await using agent = await startAgent(server.url, { outbox });
    await agent.outbox.empty();
  }
  assert.deepEqual(values(server), [71, 99]);
});

test('what the server refuses is quarantined with a code, and holds up nothing', async () => {
  verifies('FHIR-SERVER-ANSWERS', 'GOOD-PARTS-SURVIVE');
  await using server = await FhirTestServer.listen();
  const statuses: Record<number, number> = { 70: 400, 71: 422, 72: 404 };
  server.refuse = (_identifier, { valueQuantity }) => statuses[(valueQuantity as { value: number }).value];
  await using agent = await startAgent(server.url);
  for (const value of [70, 71, 72, 73]) await agent.outbox.append([recordOf(value)]);
  await agent.outbox.append([recordOf(80, 70)]);
  await agent.outbox.empty();
  assert.deepEqual(
    agent.outbox.refused.sort((a, b) => a.seq - b.seq),
    [1, 2, 3, 5].map((seq) => ({ seq, code: 'FHIR-REFUSED' })),
  );
  assert.deepEqual(values(server), [73, 80]);
  assert.equal(agent.outbox.heldOfRefused.get(5), 1);
  assert.equal(agent.uplink.status().state, 'connected');
});

test('a resource that is there twice already is quarantined by that name', async () => {
  verifies('FHIR-SERVER-ANSWERS');
  await using server = await FhirTestServer.listen();
  await using agent = await startAgent(server.url);
  server.faults.push({ cut: 'after' });
  await agent.outbox.append([recordOf(71)]);
  await until(() => server.resources.length === 1 || agent.outbox.completed.length === 1);
  await agent.outbox.empty();
  const [held] = server.resources;
  assert.ok(held);
  server.add(held);
  const again = new MemoryOutbox();
  again.epoch = agent.outbox.epoch;
  await again.append([recordOf(71)]);
  await using twin = await startAgent(server.url, { outbox: again });
  await twin.outbox.empty();
  assert.deepEqual(twin.outbox.refused, [{ seq: 1, code: 'FHIR-TWICE' }]);
});

test('a conflict is tried once more, since a server may say so of what it has under way, and then quarantined', async () => {
  verifies('FHIR-SERVER-ANSWERS');
  await using server = await FhirTestServer.listen();
  let conflicts = 1;
  server.refuse = (_identifier, { valueQuantity }) => {
    if ((valueQuantity as { value: number }).value === 72) return 409;
    conflicts -= 1;
    return conflicts >= 0 ? 409 : undefined;
  };
  await using agent = await startAgent(server.url);
  await agent.outbox.append([recordOf(71)]);
  await agent.outbox.append([recordOf(72)]);
  await agent.outbox.empty();
  assert.deepEqual(agent.outbox.refused, [{ seq: 2, code: 'FHIR-REFUSED' }]);
  assert.deepEqual(values(server), [71]);
});

test('one entry for which a server refuses the whole batch is found, and the others are stored', async () => {
  verifies('FHIR-SERVER-ANSWERS', 'GOOD-PARTS-SURVIVE');
  await using server = await FhirTestServer.listen();
  const outbox = new MemoryOutbox();
  await outbox.append([71, 72, 73, 74, 75].map((value) => recordOf(value)));
  const bad = `.${outbox.epoch}.3.0.`;
  server.fault = (entries) =>
    entries.some((identifier) => identifier.includes(bad)) ? { refuse: { status: 400, body: outcome('structure') } } : undefined;
  await using agent = await startAgent(server.url, { outbox });
  await agent.outbox.empty();
  assert.deepEqual(agent.outbox.refused, [{ seq: 3, code: 'FHIR-REFUSED' }]);
  assert.deepEqual(values(server), [71, 72, 74, 75]);
});

test('a batch that is too large for the server goes in halves', async () => {
  await using server = await FhirTestServer.listen();
  server.fault = (entries) => (entries.length > 2 ? { refuse: { status: 413, body: '' } } : undefined);
  await using agent = await startAgent(server.url);
  await agent.outbox.append([71, 72, 73, 74, 75, 76, 77].map((value) => recordOf(value)));
  await agent.outbox.empty();
  assert.deepEqual(values(server), [71, 72, 73, 74, 75, 76, 77]);
});

const html = '<html>not here</html>';
const PASSING: readonly [string, Fault, ErrorCode][] = [
  ['503', { refuse: { status: 503, body: outcome('transient') } }, 'FHIR-BUSY'],
  ['429', { refuse: { status: 429, body: '' } }, 'FHIR-BUSY'],
  ['500', { refuse: { status: 500, body: html } }, 'FHIR-BUSY'],
  ['401', { refuse: { status: 401, body: outcome('login') } }, 'FHIR-SIGN-IN'],
  ['403', { refuse: { status: 403, body: outcome('forbidden') } }, 'FHIR-DENIED'],
  ['a redirect', { refuse: { status: 302, headers: { location: 'https://elsewhere.example/' }, body: '' } }, 'FHIR-SERVER'],
  ['404', { refuse: { status: 404, body: html } }, 'FHIR-SERVER'],
  ['400 of a proxy', { refuse: { status: 400, body: html } }, 'UPLINK-ANSWER'],
  ['no JSON', { answer: () => ({ status: 200, body: html }) }, 'UPLINK-ANSWER'],
  ['an empty answer', { answer: () => ({ status: 200, body: '' }) }, 'UPLINK-ANSWER'],
  ['deep nesting', { answer: () => ({ status: 200, body: '['.repeat(100_000) }) }, 'UPLINK-ANSWER'],
  ['too long an answer', { answer: () => ({ status: 200, body: `"${'x'.repeat(17 * 1024 * 1024)}"` }) }, 'UPLINK-ANSWER'],
  ['an answer too few', { answer: ({ entry, ...rest }) => ({ status: 200, body: { ...rest, entry: entry.slice(1) } }) }, 'UPLINK-ANSWER'],
  [
    'an answer too many',
    { answer: ({ entry, ...rest }) => ({ status: 200, body: { ...rest, entry: [...entry, entry[0]] } }) },
    'UPLINK-ANSWER',
  ],
  [
    'entries without status',
    { answer: ({ entry, ...rest }) => ({ status: 200, body: { ...rest, entry: entry.map(() => ({})) } }) },
    'UPLINK-ANSWER',
  ],
  ['202', { answer: (honest) => ({ status: 202, body: honest }) }, 'UPLINK-ANSWER'],
  ['503 for each entry', { answer: each('503') }, 'FHIR-BUSY'],
  ['401 for each entry', { answer: each('401 Unauthorized') }, 'FHIR-SIGN-IN'],
  ['403 for each entry', { answer: each('403') }, 'FHIR-DENIED'],
  ['a status of no meaning for each entry', { answer: each('302') }, 'UPLINK-ANSWER'],
  ['silence', { silent: true }, 'UPLINK-SILENT'],
  ['a cut', { cut: 'after' }, 'FHIR-UNREACHABLE'],
];

function each(entryStatus: string): Extract<Fault, { answer: unknown }>['answer'] {
  return ({ entry, ...rest }) => ({ status: 200, body: { ...rest, entry: entry.map(() => ({ response: { status: entryStatus } })) } });
}

for (const [name, fault, code] of PASSING) {
  test(`${name}: everything is kept, the status says ${code}, and it comes through later`, async () => {
    verifies('FHIR-SERVER-ANSWERS');
    await using server = await FhirTestServer.listen();
    server.fault = () => fault;
    await using agent = await startAgent(server.url, { times: { setupMs: 5000, answerMs: code === 'UPLINK-SILENT' ? 50 : 5000 } });
    await agent.outbox.append([recordOf(71, 72), recordOf(73)]);
    await says(agent, code);
    assert.deepEqual([agent.outbox.completed, agent.outbox.refused], [[], []]);
    server.fault = undefined;
    await agent.outbox.empty();
    assert.deepEqual(values(server), [71, 72, 73]);
    assert.deepEqual(agent.outbox.refused, []);
    assert.equal((await status(agent, (at) => at.code === null)).state, 'connected');
  });
}

test('an entry that the server cannot take now is sent again, without those that it took', async () => {
  verifies('FHIR-SERVER-ANSWERS');
  await using server = await FhirTestServer.listen();
  let refusals = 2;
  server.refuse = (_identifier, { valueQuantity }) => {
    if ((valueQuantity as { value: number }).value !== 72 || refusals === 0) return undefined;
    refusals -= 1;
    return 503;
  };
  await using agent = await startAgent(server.url);
  await agent.outbox.append([recordOf(71), recordOf(72), recordOf(73)]);
  await agent.outbox.empty();
  assert.deepEqual(values(server), [71, 72, 73]);
  assert.equal(refusals, 0);
  assert.deepEqual(
    server.batches.map((batch) => batch.length),
    [3, 1, 1],
  );
});

test('a server that takes nothing of a batch gets no more of a backlog until it is tried again', async () => {
  verifies('FHIR-SERVER-ANSWERS');
  await using server = await FhirTestServer.listen();
  server.fault = () => ({ answer: each('503') });
  const retry = { minMs: 600_000, maxMs: 600_000, slowMinMs: 1, slowMaxMs: 5 };
  const outbox = new MemoryOutbox();
  await outbox.append(Array.from({ length: 50 }, (_, i) => recordOf(50 + i)));
  await using agent = await startAgent(server.url, { outbox, batchEntries: 1, retry });
  await says(agent, 'FHIR-BUSY');
  for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  assert.ok(server.batches.length <= 2, `${server.batches.length} batches`);
  assert.equal((await outbox.status()).pending, 50);
});

test('a server that is busy is asked again when it said, and not before', async () => {
  verifies('FHIR-SERVER-RETRY-AFTER');
  await using server = await FhirTestServer.listen();
  server.faults.push({ refuse: { status: 503, headers: { 'retry-after': '3600' }, body: outcome('throttled') } });
  const agent = await startAgent(server.url, { drainMs: 1 });
  await agent.outbox.append([recordOf(71)]);
  await says(agent, 'FHIR-BUSY');
  await agent.outbox.append([recordOf(72)]);
  // Long enough for a hundred attempts, if there were any.
  const before = server.requests.length;
  await until(() => agent.uplink.status().inFlight > 0);
  for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
  assert.equal(server.requests.length, before);
  await agent[Symbol.asyncDispose]();
  assert.equal(agent.uplink.status().state, 'stopped', 'it stops although it waits');
  await using later = await startAgent(server.url, { outbox: agent.outbox });
  await later.outbox.empty();
  assert.deepEqual(values(server), [71, 72]);
});

test('after the time that it asked for it is asked again', async () => {
  verifies('FHIR-SERVER-RETRY-AFTER');
  await using server = await FhirTestServer.listen();
  server.faults.push({ refuse: { status: 429, headers: { 'retry-after': '1' }, body: '' } });
  await using agent = await startAgent(server.url);
  await agent.outbox.append([recordOf(71)]);
  await says(agent, 'FHIR-BUSY');
  await agent.outbox.empty();
  assert.deepEqual(values(server), [71]);
});

test('one that is too busy to say what it can do is left in peace as well', async () => {
  verifies('FHIR-SERVER-RETRY-AFTER');
  await using server = await FhirTestServer.listen();
  const good = server.metadata;
  server.metadata = { status: 429, headers: { 'retry-after': '3600' }, body: outcome('throttled') };
  const agent = await startAgent(server.url);
  await status(agent, ({ state, code }) => state === 'connecting' && code === 'FHIR-BUSY');
  for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
  assert.equal(server.requests.length, 1);
  await agent[Symbol.asyncDispose]();
  server.metadata = good;
  await using later = await startAgent(server.url, { outbox: agent.outbox });
  await status(later, ({ state }) => state === 'connected');
});

test('a server that lacks something gets nothing, whatever is pending, until it has it', async () => {
  verifies('FHIR-SERVER-CAPABLE');
  await using server = await FhirTestServer.listen();
  await using agent = await startAgent(server.url);
  const good = server.metadata;
  const cases: [typeof good, ErrorCode][] = [
    [{ status: 200, body: capability({ fhirVersion: '5.0.0' }) }, 'FHIR-SERVER'],
    [{ status: 200, body: capability({ rest: [] }) }, 'FHIR-ABILITY'],
    [{ status: 200, body: html }, 'FHIR-SERVER'],
    [{ status: 404, body: html }, 'FHIR-SERVER'],
    [{ status: 307, headers: { location: '/elsewhere/metadata' }, body: '' }, 'FHIR-SERVER'],
    [{ status: 503, body: '' }, 'FHIR-BUSY'],
    [{ status: 401, body: outcome('login') }, 'FHIR-SIGN-IN'],
    [{ status: 403, body: '' }, 'FHIR-DENIED'],
  ];
  await status(agent, ({ state }) => state === 'connected');
  for (const [metadata, code] of cases) {
    server.metadata = metadata;
    server.faults.push({ cut: 'before' });
    const sent = server.batches.length;
    await agent.outbox.append([recordOf(71)]);
    await status(agent, (at) => at.state === 'waiting' && at.code === code);
    assert.equal(server.batches.length, sent + 1, 'nothing but the batch that was cut');
    server.metadata = good;
    await agent.outbox.empty();
  }
  assert.equal(server.resources.length, cases.length);
});

test('a server that finds another resource whatever is asked for is not believed', async () => {
  verifies('FHIR-SERVER-ANSWERS', 'FHIR-SERVER-CAPABLE');
  await using server = await FhirTestServer.listen();
  await using agent = await startAgent(server.url);
  await agent.outbox.append([recordOf(71)]);
  await agent.outbox.empty();
  server.ignoresConditions = true;
  await agent.outbox.append([recordOf(72)]);
  await says(agent, 'FHIR-ABILITY');
  assert.equal((await agent.outbox.status()).pending, 1);
});

test('a server that is not there, and one that comes back at the same address', async () => {
  verifies('FHIR-SERVER-ANSWERS');
  const first = await FhirTestServer.listen();
  const { url, port } = first;
  await using agent = await startAgent(url);
  await agent.outbox.append([recordOf(71)]);
  await agent.outbox.empty();
  await first[Symbol.asyncDispose]();
  await agent.outbox.append([recordOf(72)]);
  const at = await status(agent, ({ state, code }) => state === 'waiting' && code === 'FHIR-UNREACHABLE');
  assert.ok(at.lastConnectedAt !== null);
  await using second = await FhirTestServer.listen({ port });
  await agent.outbox.empty();
  assert.deepEqual(values(second), [72]);
});

test('connections are kept: a hundred batches need no hundred of them', async () => {
  await using server = await FhirTestServer.listen();
  await using agent = await startAgent(server.url, { batchEntries: 1 });
  await agent.outbox.append(Array.from({ length: 100 }, (_, i) => recordOf(50 + i)));
  await agent.outbox.empty();
  assert.equal(server.batches.length, 100);
  assert.ok(server.connections <= 4, `${server.connections} connections`);
});
