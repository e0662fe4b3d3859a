import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import { lostDecisions, lostDecisionsRows } from '../../../../hub/clinical/amend/lost-decisions.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { readingsOperatorCommands } from '../../../../hub/clinical/amend/operator.ts';
import { lostLog } from '../../../../hub/patients/lost-log.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import type { StorePosition } from '../../../../shared/uplink/lineage.ts';
import { verifies } from '../../../requirements.ts';
import { sampleBundle, sampleObservation, TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const OPERATOR = operatorPrincipal(1000, 'clinic');
const CONTEXT = { channel: 'operator' } as const;
const HOUR = 3_600_000;
const HOMES = `
gateways:
  - { identity: gw-home, tenant: clinic, patient: pat-home-01 }
  - { identity: gw-spouse, tenant: clinic, patient: pat-home-02 }
  - { identity: gw-other, tenant: elsewhere, patient: pat-home-03, confirmed: '2099-01-01T00:00:00Z' }
  - { identity: gw-adt, tenant: clinic, movements: true }
clients: []
`;

async function bind(h: TestHub, clock: TestClock): Promise<void> {
  h.registry.rebound(await h.store.rebind(h.registry.bindings(), clock.now()));
}

async function positionOf({ ingest }: TestHub): Promise<StorePosition> {
  const { lineage, position } = await ingest.hello('gw-home', []);
  return { epoch: lineage?.at(-1)?.epoch ?? assert.fail(), position: position ?? assert.fail() };
}

test('that a store that was put back forgot what people decided about readings is said, once in the log, until every gateway is confirmed', async () => {
  verifies('AMEND-LOST-SAID');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-decisions-'));
  const [dir, back, key] = [join(folder, 'first'), join(folder, 'back'), Buffer.alloc(32, 3)];
  const clock = new TestClock();
  const begin = clock.now();
  const told: StorePosition[] = [];
  try {
    {
      await using first = testHub({ clock, registry: HOMES, dir, key });
      await bind(first, clock);
      const weight = sampleObservation({ agent: 'gw-home', device: 'scale-1', vital: 'weight', value: 64, seq: 1, receivedAt: begin });
      await first.ingest.batch('gw-home', sampleBundle([weight]));
      told.push(await positionOf(first));
    }
    cpSync(dir, back, { recursive: true });
    {
      clock.advance(HOUR);
      await using first = testHub({ clock, registry: HOMES, dir, key });
      const amending = openAmending({ ...first, policy: () => DEFAULT_POLICY, clock });
      const id = sampleObservation({ agent: 'gw-home', seq: 1 }).id;
      const asked = { kind: 'void', selection: { observations: [id] }, reason: 'wrong-patient', trial: false } as const;
      await amending.amend(OPERATOR, asked, CONTEXT);
      told.push(await positionOf(first));
    }
    clock.advance(HOUR);
    await using h = testHub({ clock, registry: HOMES, dir: back, key });
    await bind(h, clock);
    const lost = () => lostDecisions(h.registry.gateways(), h.registry.unknown, clock.now());
    assert.deepEqual(lost(), [], 'nothing says yet that it was put back');
    await h.ingest.hello('gw-home', told);
    await bind(h, clock);
    const both = ['gw-home', 'gw-spouse'];
    const found = { from: begin, found: begin + 2 * HOUR };
    assert.deepEqual(lost(), [
      { tenant: 'clinic', ...found, unconfirmed: both },
      // A time that is to come confirms nothing.
      { tenant: 'elsewhere', ...found, unconfirmed: ['gw-other'] },
    ]);
    assert.match(
      lostDecisionsRows(lost())[0]?.join(': ') ?? '',
      /^Readings: clinic, .+ to .+: AMEND-LOST.*To be confirmed: gw-home, gw-spouse$/,
    );

    const warned: unknown[] = [];
    const warn = lostLog({ warn: (...args: unknown[]) => warned.push(args) }, 'AMEND-LOST', lost);
    warn();
    warn();
    assert.equal(warned.length, 2, 'once for each tenant');
    assert.match(JSON.stringify(warned[0]), /AMEND-LOST/);

    const amending = openAmending({ ...h, policy: () => DEFAULT_POLICY, clock });
    const commands = readingsOperatorCommands({ amending, tenants: () => ['clinic'] });
    const list = async (): Promise<unknown[]> => {
      const rows: unknown[] = [];
      for await (const row of commands['readings-list']({}, 'local:1000')) rows.push(row);
      return rows;
    };
    assert.deepEqual(await list(), [{ lost: { tenant: 'clinic', ...found, unconfirmed: both } }]);

    const confirm = async (...rows: readonly string[]): Promise<void> => {
      const confirmed = rows.reduce(
        (text, row) => text.replace(`${row} }`, `${row}, confirmed: '${new Date(found.found).toISOString()}' }`),
        HOMES,
      );
      const next = parseRegistry(confirmed);
      h.registry.replace(next, await h.store.rebind(next.bindings(), clock.now()));
    };
    await confirm('pat-home-01');
    assert.deepEqual(lost()[0]?.unconfirmed, ['gw-spouse']);
    await confirm('pat-home-01', 'pat-home-02');
    assert.deepEqual(
      lost().map(({ tenant }) => tenant),
      ['elsewhere'],
    );
    assert.deepEqual(await list(), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
