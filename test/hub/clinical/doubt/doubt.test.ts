import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import { replayed } from '../../../../hub/audit/replay.ts';
import { limitsSchema } from '../../../../hub/clinical/limits/schema.ts';
import type { Change } from '../../../../hub/feed.ts';
import { createIngest } from '../../../../hub/ingest/create-ingest.ts';
import { compactLatest } from '../../../../hub/mcp/views.ts';
import { latestText } from '../../../../hub/mcp/wording.ts';
import { verifies } from '../../../requirements.ts';
import { gathered, sampleBundle, sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const HER = 'pat-home-01';
const operator = operatorPrincipal(1000, 'clinic');
const context = { channel: 'operator' } as const;

/** A home with a scale, the first weight three days ago; each row of `weigh` is a batch, hours ago. */
async function home(
  run: (at: { hub: TestHub; told: Change[]; weigh(kg: number, hoursAgo: number): Promise<string> }) => Promise<void>,
  policy?: Policy,
) {
  const clock = new TestClock();
  await using hub = testHub({ clock, ...(policy && { policy: () => policy }) });
  const told: Change[] = [];
  hub.feed.subscribe((change) => told.push(change));
  let seq = 0;
  const weigh = async (kg: number, hoursAgo: number): Promise<string> => {
    seq += 1;
    const at = TEST_NOW - hoursAgo * HOUR;
    const sent = sampleObservation({ agent: 'gw-home', device: 'WS-0001', vital: 'weight', value: kg, seq, effective: at, receivedAt: at });
    const { outcomes } = await hub.ingest.batch('gw-home', sampleBundle([sent]));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      [201],
    );
    return sent.id;
  };
  await weigh(82, 72);
  told.length = 0;
  await run({ hub, told, weigh });
}

const latest = (hub: TestHub) => hub.door.latest(operator, HER, context);

test('a weight that jumps stands beside the current one, in every answer, until it is repeated; followers hear of both', () =>
  home(async ({ hub, told, weigh }) => {
    verifies('IDENTITY-DOUBTFUL');
    const id = await weigh(64, 25);
    const view = await latest(hub);
    const [row] = view.vitals;
    assert.equal(view.vitals.length, 1);
    assert.deepEqual([row?.lastKnown?.value ?? row?.value, row?.flags], [82, []]);
    const { at, ...doubtful } = row?.doubtful ?? assert.fail();
    assert.deepEqual(doubtful, { value: 64, components: [], device: 'WS-0001', observation: id });
    assert.equal(Date.parse(at), TEST_NOW - 25 * HOUR);
    const compact = compactLatest(view);
    assert.deepEqual(compact.vitals[0]?.doubtful, { value: 64, at, device: 'WS-0001', observation: id });
    assert.match(latestText(compact), /DOUBTFUL, not counted: 64 kg, measured .*may be somebody else/);
    assert.deepEqual(view.sources.filter(({ kind }) => kind === 'device').length, 1);
    assert.deepEqual(
      told.map(({ kind, patient, vitals }) => [kind, patient, vitals]),
      [['stored', HER, ['weight']]],
    );
    const query = { vital: 'weight', from: TEST_NOW - 4 * DAY, to: TEST_NOW, points: 1 } as const;
    const { series } = await hub.door.trend(operator, HER, query, context);
    assert.deepEqual(
      series.flatMap(({ buckets }) => buckets.map(({ n, last, excluded }) => [n, last, excluded.doubtful])),
      [[1, 82, 1]],
    );
    told.length = 0;
    await weigh(64.4, 1);
    const [now] = (await latest(hub)).vitals;
    assert.deepEqual([now?.value, now?.doubtful], [64.4, undefined]);
    assert.deepEqual(
      told.map(({ kind }) => kind),
      ['stored'],
    );
  }));

test('at a gateway of several patients, or of a device of somebody else, nothing is doubted', () =>
  home(async ({ hub }) => {
    verifies('IDENTITY-DOUBTFUL');
    const weigh = async (agent: string, device: string, kg: number, seq: number): Promise<void> => {
      const sent = sampleObservation({ agent, device, vital: 'weight', value: kg, seq, receivedAt: TEST_NOW - 9 * HOUR + seq * HOUR });
      await hub.ingest.batch(agent, sampleBundle([sent]));
    };
    // A device of the home's gateway that its row binds to somebody else, and a scale in the unit.
    for (const [kg, seq] of [
      [82, 1],
      [40, 2],
    ] as const) {
      await weigh('gw-home', 'scale-2', kg, 100 + seq);
      await weigh('gw-icu', 'scale-3', kg, seq);
    }
    const values = async (patient: string) =>
      (await hub.door.latest(operator, patient, context)).vitals.map(({ value, lastKnown, doubtful }) => [
        lastKnown?.value ?? value,
        doubtful,
      ]);
    assert.deepEqual(await values('pat-home-02'), [[40, undefined]]);
    assert.deepEqual(await values('pat-icu-01'), [[40, undefined]]);
  }));

test('a site may switch the doubt off: by its file of limits, of one vital sign, for what comes from then on', () =>
  home(async ({ hub }) => {
    verifies('IDENTITY-DOUBTFUL');
    const file = limitsSchema.parse({ version: '1', doubt: { weight: 'off' } });
    assert.deepEqual(file.doubt, { weight: 'off' });
    for (const wrong of [{ hr: 'off' }, { weight: 'on' }, ['weight']])
      assert.equal(limitsSchema.safeParse({ version: '1', doubt: wrong }).success, false, JSON.stringify(wrong));
    const ingest = createIngest({ ...hub, clock: new TestClock(), isDoubted: (vital) => !Object.hasOwn(file.doubt, vital) });
    const sent = sampleObservation({
      agent: 'gw-home',
      device: 'WS-0001',
      vital: 'weight',
      value: 64,
      seq: 50,
      receivedAt: TEST_NOW - HOUR,
    });
    await ingest.batch('gw-home', sampleBundle([sent]));
    const [row] = (await latest(hub)).vitals;
    assert.deepEqual([row?.value, row?.doubtful], [64, undefined]);
  }));

test('whoever is masked hears of a doubtful one under the names and days that it was given', () => {
  verifies('IDENTITY-DOUBTFUL', 'MASK-TIMES', 'MASK-PSEUDONYMS');
  const policy: Policy = {
    ...DEFAULT_POLICY,
    version: 'masked',
    rules: DEFAULT_POLICY.rules.map((rule) => ({ ...rule, mask: 'deidentified' as const })),
  };
  return home(async ({ hub, weigh }) => {
    const id = await weigh(64, 25);
    const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
    const [summary] = (await hub.door.listPatients(monitor, context)).filter(({ vitals }) => vitals.includes('weight'));
    const view = await hub.door.latest(monitor, summary?.patient ?? assert.fail(), context);
    const { value, at, device, observation } = view.vitals[0]?.doubtful ?? assert.fail();
    assert.equal(value, 64);
    assert.notEqual(device, 'WS-0001');
    assert.notEqual(observation, id);
    assert.equal(device, view.vitals[0]?.device, 'the same device has the same name');
    assert.notEqual(Date.parse(at), TEST_NOW - 25 * HOUR);
    assert.equal((Date.parse(at) - (TEST_NOW - 25 * HOUR)) % DAY, 0);
  }, policy);
});

test('what was shown as doubtful is made again as it was shown, also once it is sure', () =>
  home(async ({ hub, weigh }) => {
    verifies('AUDIT-REPLAY', 'IDENTITY-DOUBTFUL');
    await weigh(64, 25);
    await latest(hub);
    await weigh(64.4, 1);
    await latest(hub);
    const reads = (await gathered(hub.store.evidence('clinic', {}))).filter(({ event }) => event.action === 'vitals.read');
    const records = (async function* () {
      yield* reads;
    })();
    const steps = await gathered(replayed(records, { ...hub, zone: 'UTC' }, { principal: operator, context }));
    assert.deepEqual(
      steps.map(({ rebuilt, shown }) => [rebuilt, shown.length]),
      [
        ['same', 2],
        ['same', 1],
      ],
    );
  }));

test('what nobody can weigh is marked at the hub and doubtful, whatever its sender says of it, and hides neither the current one nor another doubtful one', () =>
  home(async ({ hub, weigh }) => {
    verifies('IDENTITY-IMPOSSIBLE');
    const id = await weigh(64, 25);
    await weigh(8200, 24);
    const [row] = (await latest(hub)).vitals;
    assert.deepEqual([row?.lastKnown?.value ?? row?.value, row?.doubtful?.observation], [82, id]);
  }));
