import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { mllpFrame } from '../../agent/framing/mllp.ts';
import { formatHl7Time } from '../../agent/hl7/time.ts';
import { createIntake } from '../../agent/intake.ts';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { hl7Stream } from '../../agent/sources/hl7-stream.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS } from '../../agent/sources/mllp-server.ts';
import { createUplink } from '../../agent/uplink.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import { serveUplink } from '../../hub/ingest/session.ts';
import type { StoredEvent } from '../../hub/store/store.ts';
import { readAlert } from '../../shared/alert-observation.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { dial, started, testEnvironment, type Wire } from '../agent/sources/support.ts';
import { verifies } from '../requirements.ts';
import { hl7Pcd01 } from '../support/hl7.ts';
import { gathered, TEST_REGISTRY, type TestHub, testHub } from '../support/hub.ts';
import { testNetwork } from '../support/identities.ts';
import { until } from '../support/uplink.ts';

const SERVICE = 'vitals-ingest';
const CONTEXT = { source: 'icu', zone: 'UTC', test: false, maxFrameBytes: 65_536 };
const REGISTRY = TEST_REGISTRY.replace('ICU-01:', '"ICU^^1":').replace('ICU-03:', '"ICU^^3":');
const ca = await testNetwork();
const hubIdentity = await ca.identity('hub-1');
const gatewayIdentity = await ca.identity('gw-icu');
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-alerts-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** An alert of PCD-04 about the patient of a bed, at this moment. */
function alert(id: string, bed: string, { phase = 'start', priority = 'PH' } = {}): string {
  const now = formatHl7Time(systemClock.now());
  return [
    `MSH|^~\\&|MON^00A037FFFE0000AA^EUI-64|ICU|||${now}||ORU^R40^ORU_R40|${id}|P|2.6`,
    `PV1||I|ICU^^${bed}`,
    `OBR|1||AL-7^MON|196616^MDC_EVT_ALARM^MDC|||${now}`,
    `OBX|1|ST|196674^MDC_EVT_LO_VAL_LT_LIM^MDC|1.1.0.1.1|SpO2 low|||L~${priority}~SP|||R|||${now}`,
    'OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.0.1.2|84|262688^MDC_DIM_PERCENT^MDC',
    `OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.1.0.1.3|${phase}`,
    'OBX|4|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.1.0.1.4|active',
    '',
  ].join('\r');
}

/** Sends messages one by one, each after the answer to the one before; MSA-1 of every answer. */
async function deliver(wire: Wire, ...messages: string[]): Promise<string[]> {
  const answers = (text: string): string[] => [...text.matchAll(/\rMSA\|([A-Z]{2})/g)].map(([, code = '']) => code);
  let received = '';
  for (const [i, message] of messages.entries()) {
    wire.send(mllpFrame(Buffer.from(message)));
    received = await wire.until((text) => answers(text).length > i);
  }
  return answers(received);
}

async function exported({ door }: TestHub, kind: StoredEvent['kind'], tenant = 'clinic'): Promise<StoredEvent[]> {
  return gathered(await door.exportEvents(operatorPrincipal(1000, tenant), { kind }, { channel: 'operator' }));
}

/** A gateway with an MLLP listener, and a hub, joined by a network in memory. */
async function mesh(): Promise<AsyncDisposable & { hub: TestHub; outbox: Outbox; wire: Wire }> {
  const stack = new AsyncDisposableStack();
  const metrics = new Metrics();
  const network = createMemoryNetwork();
  const { signal } = new AbortController();
  const hub = stack.use(testHub({ registry: REGISTRY }));
  const path = join(folder, `${crypto.randomUUID()}.db`);
  const outbox = stack.use(await openOutbox({ path, keyFile: `${path}.key`, clock: systemClock, log: silentLogger, metrics }));
  const common = { service: SERVICE, log: silentLogger, metrics, clock: systemClock };
  const server = serveUplink({
    ...common,
    overlay: stack.use(network.overlay({ id: 'hub-1', name: 'hub' })),
    identity: hubIdentity,
    ingest: hub.ingest,
  });
  stack.use(server);
  await server.start(signal);
  const overlay = stack.use(network.overlay({ id: 'gw-icu', name: 'icu' }));
  const retry = { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 };
  const uplink = stack.use(createUplink({ ...common, overlay, outbox, identity: gatewayIdentity, hubIdentity: ['hub-1'], retry }));
  await uplink.start(signal);
  const intake = createIntake({ outbox, metrics, clock: systemClock });
  const options = { ...MLLP_SERVER_DEFAULTS, name: 'icu', host: '127.0.0.1', port: 0, decoder: () => hl7Stream(hl7Pcd01, CONTEXT) };
  const source = stack.use(await started(createMllpServer(options, { ...testEnvironment(), intake })));
  const wire = await dial(source);
  stack.defer(() => void wire.socket.destroy());
  return { hub, outbox, wire, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const drained = (outbox: Outbox): Promise<void> => until(async () => (await outbox.status()).pending === 0);

test('an alert sent over MLLP is stored once, of the patient who lies in the bed, and given out as it was said', async () => {
  verifies('ALERTS-RELAYED', 'ACK-AFTER-COMMIT', 'SUBJECT-BY-HUB');
  await using m = await mesh();
  assert.deepEqual(await deliver(m.wire, alert('M1', '1'), alert('M2', '1', { phase: 'end', priority: 'PL' })), ['AA', 'AA']);
  await drained(m.outbox);
  const events = await exported(m.hub, 'alert');
  assert.deepEqual(
    events.map(({ kind, patient, gateway, device, test: isTest }) => [kind, patient, gateway, device, isTest]),
    [
      ['alert', 'pat-icu-01', 'gw-icu', '00A037FFFE0000AA', false],
      ['alert', 'pat-icu-01', 'gw-icu', '00A037FFFE0000AA', false],
    ],
  );
  assert.deepEqual(
    events
      .map(({ resource }) => readAlert(resource))
      .map((found) => [found?.phase, found?.priority, found?.text, found?.instance, found?.source]),
    [
      ['start', 'high', 'SpO2 low', 'AL-7', { vital: 'spo2', mdc: 150456 }],
      ['end', 'low', 'SpO2 low', 'AL-7', { vital: 'spo2', mdc: 150456 }],
    ],
  );
  assert.deepEqual(await exported(m.hub, 'alert', 'other'), []);
  const { observations } = await m.hub.door.counts(operatorPrincipal(0, 'clinic'), { channel: 'operator' });
  assert.equal(observations, 0, 'the value beside an alert is no reading');
});

test('of an empty bed, of one that is not bound, and of nobody known: kept on both sides, and shown under nobody', async () => {
  verifies('ALERTS-RELAYED', 'SUBJECT-BY-HUB', 'GOOD-PARTS-SURVIVE');
  await using m = await mesh();
  const nobody = alert('M3', '1').replace(/PV1[^\r]*\r/, '');
  assert.deepEqual(await deliver(m.wire, alert('M1', '3'), alert('M2', '9'), nobody, alert('M4', '1')), ['AA', 'AA', 'AA', 'AA']);
  await drained(m.outbox);
  assert.deepEqual(
    (await exported(m.hub, 'alert')).map(({ patient }) => patient),
    ['pat-icu-01'],
  );
  assert.deepEqual(
    (await m.outbox.quarantined(10)).map(({ code }) => code),
    ['INGEST-NOT-BOUND', 'INGEST-NOT-BOUND', 'INGEST-NOT-BOUND'],
  );
  const { quarantined } = await m.hub.door.counts(operatorPrincipal(0, 'clinic'), { channel: 'operator' });
  assert.equal(quarantined, 3);
});

test('an alert that cannot be read is kept on the gateway, and its sender is told', async () => {
  verifies('ALERTS-RELAYED', 'NO-SILENT-DROP');
  await using m = await mesh();
  const bare = alert('M1', '1').replace('196674^MDC_EVT_LO_VAL_LT_LIM^MDC', '150456^MDC_PULS_OXIM_SAT_O2^MDC');
  m.wire.send(mllpFrame(Buffer.from(bare)));
  const answer = await m.wire.until((text) => text.includes('\rMSA|'));
  assert.match(answer, /\rERR\|[^\r]*DECODE-UNKNOWN-CODE/);
  await drained(m.outbox);
  assert.deepEqual(await exported(m.hub, 'alert'), []);
  assert.deepEqual((await m.outbox.quarantined(10)).map(({ code, part }) => `${code} ${part}`).sort(), [
    'DECODE-FIELD OBX[2]',
    'DECODE-FIELD OBX[3]',
    'DECODE-FIELD OBX[4]',
    'DECODE-UNKNOWN-CODE OBX[1]',
  ]);
});
