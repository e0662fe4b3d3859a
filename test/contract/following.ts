import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import { shown } from '../../hub/patients/hand/shown.ts';
import { NOWHERE } from '../../hub/patients/whereabouts/devices.ts';
import { isNobody, nobodyIn } from '../../hub/store/placing/placing.ts';
import type { Clock } from '../../shared/clock.ts';
import type { AssignedId } from '../../shared/movement.ts';
import { batchEntry, bundleText } from '../../shared/uplink/kinds.ts';
import { arrivalOf, BEDS, type Happening, happenings, Model, NOW, type RowTold, WARDS } from '../hub/patients/whereabouts/scenario.ts';
import { verifies } from '../requirements.ts';
import { READ } from '../support/following.ts';
import { gathered, sampleBundle, sampleObservation, TestClock, type TestHub } from '../support/hub.ts';
import { seedOf } from '../support/seed.ts';

const REGISTRY = `
gateways:
${WARDS.map((ward) => `  - { identity: ${ward}, tenant: clinic, beds: { ${BEDS.map((bed) => `${bed}: followed`).join(', ')} } }`).join('\n')}
  - { identity: gw-adt, tenant: clinic, movements: { silentAfter: 25m } }
  - { identity: gw-hand, tenant: clinic, movements: true }
clients: []
`;

async function arrive(h: TestHub, one: Happening): Promise<void> {
  if (one.kind === 'device') {
    const { gateway, device, bed, at } = one;
    await h.whereabouts.moveDevice({ tenant: 'clinic', gateway, device, bed, at }, []);
    h.corrections.wake();
    return;
  }
  const { gateway, bundle } = one.kind === 'movement' ? movement(one) : { gateway: one.row.gateway, bundle: reading(one.row) };
  const { outcomes } = await h.ingest.batch(gateway, bundle);
  for (const { status } of outcomes) assert.ok(status === 201 || status === 200);
}

function movement({ movement: { gateway, resource } }: Extract<Happening, { kind: 'movement' }>): { gateway: string; bundle: unknown } {
  return { gateway, bundle: JSON.parse(bundleText([JSON.stringify(batchEntry(resource))], NOW)) };
}

function reading({ key, bed, gateway, device, stated, at }: RowTold): unknown {
  return sampleBundle([
    sampleObservation({
      seq: key + 1,
      agent: gateway,
      value: key,
      bed,
      device,
      effective: at,
      receivedAt: at,
      ...(stated && { patient: stated }),
    }),
  ]);
}

/** Whose each reading is, by its value, and what is current of each patient. */
async function stored(h: TestHub, people: readonly string[]): Promise<{ rows: Map<number, string>; latest: string[] }> {
  const rows = new Map<number, string>();
  const latest: string[] = [];
  for (const patient of [...people, ...BEDS.map(nobodyIn), nobodyIn('')]) {
    const evidence = (count: number) => ({ ...READ, count });
    for (const row of await gathered(await h.store.observations('clinic', { patient }, evidence))) {
      assert.equal(rows.has(row.value ?? -1), false, 'a reading is somebody’s once');
      rows.set(row.value ?? -1, patient);
    }
    for (const { device, value } of await h.store.latest('clinic', patient, evidence)) latest.push(`${patient} ${device} ${value}`);
  }
  return { rows, latest: latest.sort() };
}

/** What is current of each patient by whose the readings are. */
function currentOf(told: readonly RowTold[], whose: (row: RowTold) => string): string[] {
  const newest = new Map<string, RowTold>();
  for (const row of told) {
    const key = `${whose(row)} ${row.device}`;
    if (row.at >= (newest.get(key)?.at ?? 0)) newest.set(key, row);
  }
  return [...newest].map(([key, row]) => `${key} ${row.key}`).sort();
}

async function agree(hubs: readonly TestHub[], arrived: readonly Happening[]): Promise<void> {
  for (const { corrections } of hubs) await corrections.settled();
  const [h = assert.fail()] = hubs;
  const ids = new Map<string, string>();
  for await (const { authority, value, patient } of h.store.placing.persons()) ids.set(JSON.stringify([authority, value]), patient);
  const idOf = ({ authority, value }: AssignedId): string => ids.get(JSON.stringify([authority, value])) ?? '';
  const model = new Model(arrived, idOf);
  const told = new Map(arrived.flatMap((one) => (one.kind === 'reading' ? [[one.row.key, one.row] as const] : [])));
  const { rows, latest } = await stored(h, [...ids.values()]);
  const expected = new Map([...told].map(([key, row]) => [key, model.patientOf(row)]));
  assert.deepEqual(new Map([...rows].sort()), new Map([...expected].sort()));
  await agreeShown(h, [...told.values()], { model, rows });
  const current = latest.filter((line) => !isNobody(line));
  assert.deepEqual(
    current,
    currentOf([...told.values()], (row) => model.patientOf(row)).filter((line) => !isNobody(line)),
  );
}

/** What an operator is shown of a bed at the time of each reading is whose it became. */
async function agreeShown(
  h: TestHub,
  told: readonly RowTold[],
  { model, rows }: { model: Model; rows: ReadonlyMap<number, string> },
): Promise<void> {
  const ask = shown({ ...h, policy: () => DEFAULT_POLICY, clock: new TestClock(NOW) });
  for (const row of told) {
    const bed = model.bedOf(row);
    if (bed === NOWHERE) continue;
    const [stay] = await ask(operatorPrincipal(1000, 'clinic'), { bed, at: row.at, numbers: false }, { channel: 'operator' });
    const who = stay?.patients[0]?.patient ?? '';
    const is = rows.get(row.key) ?? '';
    if (row.stated === undefined) assert.equal(is, stay?.state === 'occupied' ? who : nobodyIn(bed), `show --bed ${bed} --at ${row.at}`);
    else assert.ok(isNobody(is) || (is === who && stay?.state !== 'conflict'), `show --bed ${bed} --at ${row.at}`);
  }
}

const scenario = happenings.chain((told) =>
  fc.record({ arrival: arrivalOf(told), at: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 9 }) }),
);

/**
 * Whatever comes, in whatever order and at once, over whichever of some hubs that share a store: whose a reading is and what is current follow from what is known. `open`
 * gives hubs that have just begun, on an empty store. `endOnFailure`: where a try takes seconds, so that the smallest one that fails is not looked for.
 */
export function followingProperty(
  name: string,
  runs: number,
  open: (of: { registry: string; clock: Clock }) => Promise<readonly TestHub[]>,
  { endOnFailure = false }: { endOnFailure?: boolean } = {},
): void {
  test(`${name}: whose a reading is and what is current follow from what is known, whatever came in which order and at once`, async (context) => {
    verifies('PLACING-ORDER-FREE', 'LATE-MOVEMENT-CORRECTS', 'PLACED-IN-THE-COMMIT', 'SHOWN-AS-READ');
    await fc.assert(
      fc.asyncProperty(scenario, async ({ arrival, at }) => {
        await using all = new AsyncDisposableStack();
        const hubs = await open({ registry: REGISTRY, clock: new TestClock(NOW) });
        for (const h of hubs) all.use(h);
        await arriveAll(hubs, arrival, at);
      }),
      { seed: seedOf(context), numRuns: runs, endOnFailure },
    );
  });
}

async function arriveAll(hubs: readonly TestHub[], arrival: readonly Happening[], at: readonly number[]): Promise<void> {
  let arrived = 0;
  const arriveAtOne = (one: Happening, i: number): Promise<void> => arrive(hubs[(arrived + i) % hubs.length] ?? assert.fail(), one);
  for (let i = 0; arrived < arrival.length; i += 1) {
    // Some at once, so that one overtakes the other.
    const together = arrival.slice(arrived, arrived + (at[i % at.length] ?? 1));
    await Promise.all(together.filter(({ kind }) => kind !== 'device').map(arriveAtOne));
    for (const [n, move] of together.filter(({ kind }) => kind === 'device').entries()) await arriveAtOne(move, n);
    arrived += together.length;
    if (i % 3 === 0 || arrived >= arrival.length) await agree(hubs, arrival.slice(0, arrived));
  }
}
