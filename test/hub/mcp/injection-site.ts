import assert from 'node:assert/strict';
import { resourcesOf } from '../../../agent/resources.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { Policy } from '../../../hub/access/policy.ts';
import { expectedSchema } from '../../../hub/clinical/due/schema.ts';
import { BUILT_IN, rangesFor } from '../../../hub/clinical/limits/limits.ts';
import { limitsSchema } from '../../../hub/clinical/limits/schema.ts';
import { clinicalReads } from '../../../hub/clinical/reads.ts';
import type { Source } from '../../../hub/clinical/sources/source.ts';
import { supportSchema } from '../../../hub/clinical/support/schema.ts';
import { NO_SURROUNDINGS } from '../../../hub/clinical/surroundings.ts';
import { serveMcpLines } from '../../../hub/mcp/line/line-service.ts';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { overlayCallers } from '../../support/callers.ts';
import { sampleBundle, TEST_EPOCH, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';
import type { Askable } from './every-surface.ts';
import { INJECTIONS, type Injection, tokensIn } from './injection-corpus.ts';
import { LINE_SERVICE, SERVICE } from './support.ts';

const BEDS = Array.from({ length: 12 }, (_, i) => `ICU-${String(i + 1).padStart(2, '0')}`);
const patientIn = (bed: string): string => `pat-${bed.toLowerCase()}`;
const patients = BEDS.map(patientIn);

const REGISTRY = `
tenants: { clinic: { kind: sandbox } }
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ${BEDS.map((bed) => `${bed}: ${patientIn(bed)}`).join(', ')} } }
  - identity: gw-fhir
    tenant: clinic
    patient: pat-fhir-01
    subjects: { "urn:oid:1.2.3|4711": pat-fhir-01 }
clients:
  - { identity: ai-monitor, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-nurse, tenant: clinic, kind: person, role: clinician, wards: [icu], panels: [heart] }
  - { identity: ai-technician, tenant: clinic, kind: software, role: technician, patients: all }
wards: { icu: { tenant: clinic, beds: [${BEDS.join(', ')}] } }
panels: { heart: { tenant: clinic, patients: [pat-fhir-01, ${patients.slice(0, 3).join(', ')}] } }
`;

/** So much as is asked here within a minute, nobody does. */
const OFTEN = { callsPerMinute: 100_000, readsPerMinute: 100_000, callsPerDay: 1_000_000, othersPerHour: 1000, othersPerDay: 1000 };
const POLICY: Policy = {
  ...DEFAULT_POLICY,
  roles: [...DEFAULT_POLICY.roles, 'technician'],
  rules: [
    ...DEFAULT_POLICY.rules,
    { id: 'technicians', effect: 'permit', roles: ['technician'], actions: ['session.open', 'status.read'] },
  ],
  limits: { person: OFTEN, software: OFTEN },
};

const SUPPORT = supportSchema.parse({
  version: 'support-1',
  news2: { applies: { wards: ['icu'] } },
  baseline: { applies: { wards: ['icu'] }, days: 7, vitals: ['hr'] },
});
const EXPECTED = expectedSchema.parse({ version: 'due-1', wards: { icu: { temp: [{ window: '06:00-07:00' }] } } });
const LIMITS = limitsSchema.parse({ version: 'limits-1', ranges: { wards: { icu: { hr: { low: 50, high: 60 } } } } });

export interface InjectionSite extends AsyncDisposable {
  hub: TestHub;
  askable: Askable;
  as(identity: string): Overlay;
  /** Tokens of which at least one part was stored, and not refused. */
  stored: ReadonlySet<string>;
}

/** A hospital in which every entry of the corpus was written wherever a device, a gateway, a person or another system has room for text; served over both wires. */
export async function injectionSite(): Promise<InjectionSite> {
  await using stack = new AsyncDisposableStack();
  const clock = new TestClock(TEST_NOW);
  const sources: Source[] = INJECTIONS.map(({ text }, i) => ({
    kind: 'device',
    id: text.slice(0, 128),
    state: i % 2 === 0 ? 'silent' : 'live',
    since: TEST_NOW - 60_000,
  }));
  const surroundings = {
    ...NO_SURROUNDINGS,
    limits: () => ({ of: BUILT_IN, version: LIMITS.version }),
    ranges: (place: Parameters<typeof rangesFor>[1]) => rangesFor(LIMITS, place),
    beside: (_: string, patient: string) => ({
      sources: sources.filter((_, i) => patients[i % patients.length] === patient),
      demo: INJECTIONS.filter((_, i) => patients[i % patients.length] === patient).map(({ text }) => ({
        ...{ device: text.slice(0, 128), since: TEST_NOW - 9000, lastAt: TEST_NOW - 8000 },
      })),
      sandbox: true,
    }),
  };
  const fleet = () => ({
    gateways: [],
    devices: sources.map((source, i) => ({ ...source, patient: patients[i % patients.length] ?? '' })),
  });
  const policy = () => POLICY;
  const hub = stack.use(testHub({ clock, registry: REGISTRY, policy, surroundings: surroundings as never, fleet: fleet as never }));
  const stored = await plant(hub);
  const { door, feed, metrics, registry } = hub;
  const clinical = clinicalReads({
    ...{ door, registry, feed, policy, clock, zone: 'UTC' },
    clinical: { support: { current: { revision: 'test', rules: SUPPORT } }, expected: { current: { revision: 'test', rules: EXPECTED } } },
  });
  const network = createMemoryNetwork();
  const overlay = stack.use(network.overlay({ id: 'hub', name: 'hub' }));
  const running = { now: () => clock.now(), monotonicMs: () => performance.now() };
  const wire = { overlay, log: silentLogger, metrics, limits: { coalesceMs: 5, groupCoalesceMs: 5, opensBurst: 1000 } };
  const service = stack.use(
    serveMcp({ ...wire, service: SERVICE, door, clinical, feed, callers: overlayCallers(registry, metrics), policy, clock: running }),
  );
  await service.start(new AbortController().signal);
  const lines = stack.use(serveMcpLines({ ...wire, service: LINE_SERVICE, endpoint: service, host: SERVICE }));
  await lines.start(new AbortController().signal);
  const observations = INJECTIONS.flatMap((_, i) => [0, 8].map((more) => `gw-icu.${TEST_EPOCH}.${(seqOf(i) + more).toString(36)}.0`));
  const dispose = stack.move();
  return {
    ...{ hub, stored },
    askable: {
      ...{ patients: [...patients, 'pat-fhir-01'], wards: ['icu'], panels: ['heart'], beds: BEDS.slice(0, 2) },
      ...{ vitals: ['hr', 'spo2', 'nibp'], devices: sources.map(({ id }) => id ?? ''), observations },
    },
    as: (identity) => dispose.use(network.overlay({ id: identity, name: identity })),
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}

const seqOf = (i: number): number => 1 + i * 100;

/** Sends every entry by every way in; gives the tokens that were stored in anything. */
async function plant({ ingest }: TestHub): Promise<Set<string>> {
  const stored = new Set<string>();
  const note = (sent: unknown, outcomes: readonly { status: number }[]): void => {
    if (outcomes.some(({ status }) => status === 201)) for (const token of tokensIn(JSON.stringify(sent))) stored.add(token);
  };
  for (const [i, injection] of INJECTIONS.entries()) {
    const bed = BEDS[i % BEDS.length] ?? assert.fail();
    let seq = seqOf(i);
    for (const record of recordsOf(injection, bed)) {
      const resources = resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq });
      seq += 1;
      const { outcomes } = await ingest.batch('gw-icu', sampleBundle(resources));
      note(resources, outcomes);
    }
    // A gateway that is not ours writes wherever it likes.
    for (const observation of [observationOf(injection, bed, seq), alertOf(injection, bed, seq + 1)]) {
      const { outcomes } = await ingest.batch('gw-icu', sampleBundle([observation]));
      note(observation, outcomes);
    }
    const foreign = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [{ resource: foreignOf(injection), request: { method: 'POST', url: 'Observation' } }],
    };
    const answer = await ingest.foreign('gw-fhir', JSON.parse(JSON.stringify(foreign)));
    if ('outcomes' in answer) note(foreign, answer.outcomes as readonly { status: number }[]);
  }
  return stored;
}

const now = { receivedAt: TEST_NOW - 1000, test: false, source: 'icu', profile: 'hl7-pcd01' } as const;

/** As an agent makes them out of what a device sent, with the whole text wherever it has room. */
function recordsOf({ text }: Injection, bed: string): ReadingRecord[] {
  const [whole, short] = [text.slice(0, 128), text.slice(0, 64)];
  const device = { id: whole, idType: 'serial', vendor: whole, model: whole } as const;
  const plain = { id: 'monitor-1', idType: 'serial' } as const;
  const patient = { value: whole, authority: whole };
  const alert = { phase: 'start', state: 'active', priority: 'high', type: 'physiological' } as const;
  return [
    { ...now, device, subject: { bed }, class: 'continuous', readings: [{ vital: 'hr', value: 72, limits: short }] },
    { ...now, device: plain, subject: { bed }, class: 'continuous', readings: [{ vital: 'spo2', value: 97, limits: short }] },
    {
      ...{ ...now, device: plain, subject: { bed, visit: whole }, class: 'alert' as const, readings: [] },
      alerts: [{ ...alert, text: whole, instance: whole, code: { system: whole, code: whole }, source: { vital: 'hr' } }],
    },
    { ...now, device, subject: { bed }, class: 'alert', readings: [], alerts: [{ ...alert, text: whole, instance: short }] },
    // Of a bed, and of a patient, whose name is the order.
    { ...now, device: plain, subject: { bed: whole }, class: 'continuous', readings: [{ vital: 'hr', value: 71 }] },
    { ...now, device: plain, subject: { bed, patient, visit: whole }, class: 'continuous', readings: [{ vital: 'rr', value: 14 }] },
    {
      ...{ ...now, device, subject: { bed }, class: 'gap' as const, readings: [] },
      gap: { reason: 'space', lost: 'continuous', from: TEST_NOW - 9000, to: TEST_NOW - 8000, rows: 1, values: 1, vitals: ['hr'] },
    },
    {
      ...now,
      device,
      subject: { bed },
      class: 'device',
      readings: [],
      tree: { mdc: 69_965, parts: [{ path: '1', level: 'vmd', mdc: 69_854 }] },
    },
  ];
}

const QUANTITY = { system: 'http://unitsofmeasure.org', code: '/min' };

function observationOf({ text }: Injection, bed: string, seq: number): Record<string, unknown> {
  const whole = text.slice(0, 128);
  const record: ReadingRecord = {
    ...now,
    device: { id: whole, idType: 'serial' },
    subject: { bed },
    class: 'continuous',
    readings: [{ vital: 'hr', value: 73 }],
  };
  const [made] = resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq });
  const plain = JSON.parse(JSON.stringify(made)) as {
    code: { coding: Record<string, unknown>[] };
    category: { coding: Record<string, unknown>[] }[];
    valueQuantity: Record<string, unknown>;
    extension?: unknown[];
    device: object;
  };
  return {
    ...plain,
    code: { coding: plain.code.coding.map((one) => ({ ...one, display: whole })), text: whole },
    category: plain.category.map((one) => ({ coding: one.coding.map((coding) => ({ ...coding, display: whole })), text: whole })),
    valueQuantity: { ...plain.valueQuantity, unit: text.slice(0, 64) },
    device: { ...plain.device, display: whole },
    referenceRange: [{ text: whole }],
    extension: [
      ...(plain.extension ?? []).filter((one) => !(one as { url: string }).url.endsWith('profile')),
      { url: 'https://vitalmesh.org/fhir/StructureDefinition/decoding-profile', valueCode: text.slice(0, 64) },
    ],
  };
}

function alertOf({ text }: Injection, bed: string, seq: number): Record<string, unknown> {
  const alert = { phase: 'start', state: 'active', priority: 'high', type: 'physiological', text: 'x' } as const;
  const record: ReadingRecord = {
    ...now,
    device: { id: 'monitor-2', idType: 'serial' },
    subject: { bed },
    class: 'alert',
    readings: [],
    alerts: [alert],
  };
  const [made] = resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq });
  return { ...(JSON.parse(JSON.stringify(made)) as object), valueString: text.slice(0, 128) };
}

function foreignOf({ text, token }: Injection): Record<string, unknown> {
  return {
    resourceType: 'Observation',
    identifier: [{ system: 'urn:ours', value: token }],
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: text }], text },
    subject: { identifier: { system: 'urn:oid:1.2.3', value: '4711' }, display: text },
    performer: [{ display: text }],
    effectiveDateTime: '2026-11-21T09:59:59+00:00',
    valueQuantity: { value: 72, unit: text, ...QUANTITY },
    device: { identifier: { value: text.slice(0, 128) }, display: text },
    note: [{ text, authorString: text }],
    text: { status: 'generated', div: `<div>${text}</div>` },
    interpretation: [{ text }],
    bodySite: { text },
    method: { text },
  };
}
