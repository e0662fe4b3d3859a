import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Principal } from '../../../../hub/access/access.ts';
import { AccessLimit } from '../../../../hub/access/budgets/access-limit.ts';
import { Budgets } from '../../../../hub/access/budgets/budgets.ts';
import type { PolicyLimits } from '../../../../hub/access/budgets/limits.ts';
import { spend } from '../../../../hub/access/budgets/spending.ts';
import { dayOf } from '../../../../hub/access/budgets/usage.ts';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import { DEFAULT_LIMITS } from '../../../../hub/mcp/limits.ts';
import { Metering } from '../../../../hub/mcp/metering.ts';
import { latestUri } from '../../../../hub/mcp/uris.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { verifies } from '../../../requirements.ts';
import { TestClock } from '../../../support/hub.ts';

const BEDS = 600;
const WARD = 24;
const HOMES = 2000;
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const bedded = (i: number): string => `pat-bed-${String(i).padStart(4, '0')}`;
const housed = (i: number): string => `pat-home-${String(i).padStart(4, '0')}`;
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A hospital of 600 beds and 2,000 homes, a ward of 24 and one nurse's panel of all homes. */
const REGISTRY = parseRegistry(`
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ${range(BEDS)
    .map((i) => `B-${i}: ${bedded(i)}`)
    .join(', ')} } }
  - { identity: gw-homes, tenant: clinic, devices: { ${range(HOMES)
    .map((i) => `d-${i}: ${housed(i)}`)
    .join(', ')} } }
clients:
  - { identity: charge-nurse, tenant: clinic, kind: person, role: clinician, wards: [icu] }
  - { identity: rpm-nurse, tenant: clinic, kind: person, role: clinician, panels: [homes] }
  - { identity: everywhere, tenant: clinic, kind: person, role: clinician, patients: all, wards: [icu] }
  - { identity: program, tenant: clinic, kind: software, role: monitor, patients: all }
wards:
  icu: { tenant: clinic, beds: [${range(WARD)
    .map((i) => `B-${i}`)
    .join(', ')}] }
panels:
  homes: { tenant: clinic, patients: [${range(HOMES).map(housed).join(', ')}] }
`);
const EVERYBODY = REGISTRY.patients('clinic').map(({ patient }) => patient);

/** One caller of a hub with nothing behind it but its limits, on a clock of its own. */
class Site {
  readonly clock = new TestClock(Date.UTC(2026, 10, 23, 6));
  readonly #calls = new Map<number, number>();
  readonly #others = new Map<string, number>();
  readonly #followed = new Set<string>();
  readonly #who: Principal;
  readonly #policy: Policy;
  readonly #budgets: Budgets;
  readonly #metering: Metering;

  constructor(id: string, limits: PolicyLimits = {}) {
    this.#who = REGISTRY.principal(id) ?? assert.fail(id);
    this.#policy = { ...DEFAULT_POLICY, limits };
    this.#budgets = new Budgets({
      usage: async (_, __, { day, at }) => ({
        calls: [...this.#calls].filter(([of]) => of >= day),
        others: [...this.#others].filter(([, since]) => since > at - DAY),
      }),
    });
    this.#metering = new Metering({
      door: { patientBehind: (_, name) => name, deviceBehind: (_, name) => name, maySeeAnyOf: () => true },
      refusals: { add: async () => true },
      fanout: { follows: (_, uri) => this.#followed.has(uri) },
      policy: () => this.#policy,
      clock: this.clock,
      log: silentLogger,
      notifyMs: DEFAULT_LIMITS.coalesceMs,
    });
  }

  /** How long it has to wait; 0 where it was let through. */
  async ask(method: string, patients: readonly string[]): Promise<number> {
    const [patient = ''] = patients;
    const uri = latestUri(patient);
    const params = method === 'tools/call' ? { name: 'get_latest_vitals', arguments: { patient } } : { uri };
    const context = { channel: 'mcp-2026' as const, followed: method === 'resources/read' && this.#followed.has(uri) };
    try {
      await this.#metering.spend(this.#who, { jsonrpc: '2.0', id: 1, method, params }, context);
      const call = {
        ...{ principal: this.#who, action: 'vitals.read' as const, context, policy: this.#policy, at: this.clock.now() },
        ...{ startedMs: this.clock.monotonicMs(), clock: this.clock },
      };
      this.#keep(await spend(call, { patients }, { budgets: this.#budgets, registry: REGISTRY }), patients);
    } catch (thrown) {
      assert.ok(thrown instanceof AccessLimit);
      return thrown.retryAfterMs;
    }
    if (method === 'subscriptions/listen') for (const one of patients) this.#followed.add(latestUri(one));
    return 0;
  }

  #keep(counted: Awaited<ReturnType<typeof spend>>, patients: readonly string[]): void {
    const today = dayOf(this.clock.now());
    for (const patient of patients.length === 0 ? [null] : patients) {
      const { usage } = counted(patient);
      if (usage?.calls) this.#calls.set(today, (this.#calls.get(today) ?? 0) + 1);
      if (usage?.other && patient !== null) this.#others.set(patient, this.clock.now());
    }
  }

  sweep(): void {
    this.#metering.sweep();
  }
}

async function listenTo(site: Site, patients: readonly string[]): Promise<number> {
  let waited = 0;
  for (let i = 0; i < patients.length; i += DEFAULT_LIMITS.urisPerStream)
    waited += await site.ask('subscriptions/listen', patients.slice(i, i + DEFAULT_LIMITS.urisPerStream));
  return waited;
}

test('a charge nurse’s agent with 24 beds that change every five seconds, looked over by tools besides, is refused nothing in 12 hours', async () => {
  verifies('LIMITS-WORKABLE');
  const site = new Site('charge-nurse');
  const ward = range(WARD).map(bedded);
  let refused = await listenTo(site, ward);
  let asked = 0;
  for (let ms = 0; ms < 12 * HOUR; ms += 5 * SECOND) {
    for (const patient of ward) {
      refused += await site.ask('resources/read', [patient]);
      asked += 1;
    }
    // A round over all beds every three minutes, in the pace of a model, and the list before it.
    const inRound = (ms % (3 * MINUTE)) / (5 * SECOND);
    if (inRound < WARD) refused += await site.ask('tools/call', [ward[inRound] ?? '']);
    if (inRound === WARD) refused += await site.ask('tools/call', []);
    if (ms % MINUTE === 0) site.sweep();
    site.clock.advance(5 * SECOND);
  }
  assert.deepEqual([refused, asked], [0, 12 * 720 * WARD]);
});

test('an RPM nurse’s agent with 2,000 homes that each send every ten minutes is refused nothing in 24 hours', async () => {
  verifies('LIMITS-WORKABLE');
  const site = new Site('rpm-nurse');
  const homes = range(HOMES).map(housed);
  let refused = await listenTo(site, homes);
  // What it is told of at first: everybody.
  for (const home of homes) refused += await site.ask('resources/read', [home]);
  for (let ms = 0; ms < DAY; ms += SECOND) {
    for (const i of [0, 1, 2]) {
      const home = homes[((ms / SECOND) * 3 + i) % HOMES] ?? '';
      refused += await site.ask('resources/read', [home]);
    }
    // Six in a row are looked at more closely every minute of an eight-hour shift.
    if (ms < 8 * HOUR && (ms / SECOND) % 10 === 0) refused += await site.ask('tools/call', [homes[(ms / SECOND) % HOMES] ?? '']);
    if (ms % MINUTE === 0) site.sweep();
    site.clock.advance(SECOND);
  }
  // A stream that broke off is opened anew, and everything read again, within a few seconds.
  refused += await listenTo(site, homes);
  for (const home of homes) refused += await site.ask('resources/read', [home]);
  assert.equal(refused, 0);
});

const THIEVES: readonly [how: string, method: (round: number) => string, at: number][] = [
  ['by tools', () => 'tools/call', 1],
  ['by resources', () => 'resources/read', 1],
  ['by subscriptions', () => 'subscriptions/listen', 1],
  ['by subscriptions of many at once', () => 'subscriptions/listen', 7],
  ['by all of them in turn', (round) => ['tools/call', 'subscriptions/listen', 'resources/read'][round % 3] ?? '', 1],
];
const LIMITS: readonly [string, PolicyLimits, number][] = [
  ['the usual limits', {}, 60],
  [
    'limits that somebody set far too wide',
    { roles: { monitor: { callsPerMinute: 1e6, readsPerMinute: 1e6, othersPerHour: 1e6, othersPerDay: 1e6 } } },
    (BEDS + HOMES) / 10 - 1,
  ],
];

for (const [which, limits, most] of LIMITS) {
  for (const [how, method, at] of THIEVES) {
    test(`a thief with the rights to all patients does not get through a tenth of the hospital in a day ${how}, under ${which}`, async () => {
      verifies('LIMITS-OTHERS');
      const site = new Site('program', limits);
      const seen = new Set<string>();
      const end = site.clock.now() + DAY;
      for (let next = 0, round = 0; next < EVERYBODY.length && site.clock.now() < end; round += 1) {
        const wanted = EVERYBODY.slice(next, next + at);
        const waitMs = await site.ask(method(round), wanted);
        if (waitMs === 0) {
          for (const patient of wanted) seen.add(patient);
          next += at;
        } else site.clock.advance(waitMs);
      }
      assert.ok(seen.size <= most, `${seen.size}`);
      assert.ok(seen.size > most - 10, 'the day’s work of whoever fills in is possible');
      assert.ok(seen.size < EVERYBODY.length / 10);
    });
  }
}

test('somebody who may see all has a ward of one’s own all the same: that is read without end, and the others are not', async () => {
  verifies('LIMITS-OTHERS', 'LIMITS-WORKABLE');
  const site = new Site('everywhere');
  for (const patient of range(WARD).map(bedded)) assert.equal(await site.ask('resources/read', [patient]), 0);
  let through = 0;
  for (const patient of range(30).map(housed)) if ((await site.ask('resources/read', [patient])) === 0) through += 1;
  assert.equal(through, 12);
  for (const patient of range(WARD).map(bedded)) assert.equal(await site.ask('resources/read', [patient]), 0);
});
