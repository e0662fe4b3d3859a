import type { Change } from '../../hub/feed.ts';
import { nobodyIn } from '../../hub/store/placing/placing.ts';
import type { Instant } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import type { MovementEvent, MovementParty } from '../../shared/movement.ts';
import { movementResource } from '../../shared/movement-resource.ts';
import { batchEntry, bundleText } from '../../shared/uplink/kinds.ts';
import { type SampleOptions, sampleObservation, TEST_EPOCH, TEST_NOW, type TestHub } from './hub.ts';

/** A clinic whose three ICU beds follow movements, with the gateway that tells of them, another with one bed of each kind, and a home. */
export const FOLLOWING_REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: followed, ICU-02: followed, ICU-03: followed } }
  - { identity: gw-mixed, tenant: clinic, beds: { ICU-03: followed, OR-1: pat-or-0001 } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01 }
  - { identity: gw-adt, tenant: clinic, movements: { silentAfter: 12h } }
clients:
  - { identity: ai-monitor, tenant: clinic, kind: software, role: monitor, patients: all }
`;

export const HOSPITAL = 'HOSP';
const MIN = 60_000;

/** Minutes after `TEST_NOW`. */
export function minute(minutes: number): Instant {
  return TEST_NOW + minutes * MIN;
}

export interface ToldParty extends Omit<MovementParty, 'patient'> {
  /** Number of the hospital's own, or with whose it is. */
  who: string | { value: string; authority: string };
  /** As `who`: whose number ceases to be. */
  was?: string;
}

/** A batch Bundle of one movement, as its gateway sends it. */
export function movementBundle(
  seq: number,
  at: Instant,
  event: MovementEvent,
  parties: readonly ToldParty[],
  agent = 'gw-adt',
  test = false,
): unknown {
  const number = (who: ToldParty['who']) => (typeof who === 'string' ? { value: who, authority: HOSPITAL } : who);
  const movement = {
    ...{ event, effective: at, offsetMin: 0 },
    parties: parties.map(({ who, was, ...party }) => ({
      ...party,
      patient: number(who),
      ...(was !== undefined && { prior: { ...party.prior, patient: number(was) } }),
    })),
  };
  const id = `${agent}.${TEST_EPOCH}.${seq.toString(36)}.0`;
  const resource = movementResource(movement, {
    id,
    source: 'adt',
    profile: 'adt',
    receivedAt: Math.max(TEST_NOW, at),
    offsetMin: 0,
    test,
  });
  return JSON.parse(bundleText([JSON.stringify(batchEntry(resource))], TEST_NOW));
}

export async function tell(h: TestHub, seq: number, minutes: number, event: MovementEvent, ...parties: ToldParty[]): Promise<void> {
  await sent(h, 'gw-adt', movementBundle(seq, minute(minutes), event, parties));
}

/** A batch Bundle of one reading of heart rate, measured some minutes after `TEST_NOW`. */
export function readingBundle(seq: number, minutes: number, options: SampleOptions & { who?: string } = {}): unknown {
  const { who, ...sample } = options;
  const at = minute(minutes);
  const patient = who === undefined ? {} : { patient: { value: who, authority: HOSPITAL } };
  const observation: Observation = sampleObservation({ seq, effective: at, receivedAt: at, ...patient, ...sample });
  return JSON.parse(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry: [batchEntry(observation)] }));
}

export async function measure(h: TestHub, seq: number, minutes: number, options: SampleOptions & { who?: string } = {}): Promise<void> {
  await sent(h, options.agent ?? 'gw-icu', readingBundle(seq, minutes, options));
}

async function sent(h: TestHub, gateway: string, bundle: unknown): Promise<void> {
  const { outcomes } = await h.ingest.batch(gateway, bundle);
  for (const { status, code } of outcomes) if (status !== 201) throw new Error(`${status} ${code}`);
  await h.corrections.settled();
}

/** Public id of a number of the hospital. */
export async function idOf(h: TestHub, value: string, authority = HOSPITAL): Promise<string> {
  const [id = ''] = await h.store.placing.personsOf('clinic', [{ value, authority }]);
  return id;
}

/** Values of whom the store has rows: of each of `people` by number, and of the beds. */
export async function held(
  h: TestHub,
  people: readonly string[],
  beds: readonly string[] = [],
): Promise<Record<string, (number | null)[]>> {
  const found: Record<string, (number | null)[]> = {};
  const names = [
    ...(await Promise.all(people.map(async (who) => [who, await idOf(h, who)] as const))),
    ...beds.map((bed) => [bed, nobodyIn(bed)] as const),
  ];
  for (const [name, patient] of names) {
    const values: (number | null)[] = [];
    const rows = await h.store.observations('clinic', { patient }, (count) => ({ ...READ, count }));
    for await (const row of rows) values.push(row.value);
    if (values.length > 0) found[name] = values.sort((a, b) => (a ?? 0) - (b ?? 0));
  }
  return found;
}

/** An entry of evidence, for whoever reads. */
export const READ = {
  at: TEST_NOW,
  tenant: 'clinic',
  principal: 'local:1000',
  role: 'operator',
  action: 'observations.export',
  patient: null,
  outcome: 'allowed',
  reason: 'granted',
  channel: 'operator',
} as const;

/** What the feed tells from now on. */
export function listening({ feed }: TestHub): Change[] {
  const told: Change[] = [];
  feed.subscribe((change) => told.push(change));
  return told;
}
