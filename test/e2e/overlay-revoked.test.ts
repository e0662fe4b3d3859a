import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FabricAdmin } from '../../provisioning/fabric/admin.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { type Identity, loadIdentity } from '../../shared/identity/identity.ts';
import { verifies } from '../requirements.ts';
import { INGEST, registryOf } from '../support/fabric-site.ts';
import { type TestHub, testHub } from '../support/hub.ts';
import { MemoryOutbox, until } from '../support/uplink.ts';
import { type PlannedFabric, plannedFabric } from '../support/ziti/network.ts';
import { drained, type Sending, type Served, sendOverZiti, serveOverZiti, spot, valuesOf } from '../support/ziti-uplink.ts';

const PLAN = {
  services: [INGEST],
  identities: {
    hub: { dial: [], bind: [INGEST] },
    'gw-1': { dial: [INGEST], bind: [] },
    'gw-2': { dial: [INGEST], bind: [] },
  },
};

interface Revocation {
  name: string;
  take(admin: FabricAdmin): Promise<unknown>;
  /** Gives it back. */
  give(admin: FabricAdmin): Promise<unknown>;
  /** What the gateway that is cut off says meanwhile. */
  codes: readonly ErrorCode[];
  /** Whether the other gateway is cut off too. */
  all: boolean;
}

const allow = (admin: FabricAdmin, name: string, type: 'Dial' | 'Bind') =>
  admin.createPolicy({ name: `${name} ${type}`, type, identityRoles: [`@${name}`], serviceRoles: [`@${INGEST}`] });

const REVOCATIONS: readonly Revocation[] = [
  {
    name: 'the identity of a gateway is disabled',
    take: (admin) => admin.disableIdentity('gw-1'),
    give: (admin) => admin.enableIdentity('gw-1'),
    codes: ['OVERLAY-UNREACHABLE'],
    all: false,
  },
  {
    name: 'the Dial policy of a gateway is deleted',
    take: (admin) => admin.deletePolicy('gw-1 Dial'),
    give: (admin) => allow(admin, 'gw-1', 'Dial'),
    codes: ['OVERLAY-NO-SERVICE', 'OVERLAY-DENIED'],
    all: false,
  },
  {
    name: 'the identity of the hub is disabled',
    take: (admin) => admin.disableIdentity('hub'),
    give: (admin) => admin.enableIdentity('hub'),
    codes: ['OVERLAY-NO-TERMINATOR'],
    all: true,
  },
  {
    name: 'the Bind policy of the hub is deleted',
    take: (admin) => admin.deletePolicy('hub Bind'),
    give: (admin) => allow(admin, 'hub', 'Bind'),
    codes: ['OVERLAY-NO-TERMINATOR'],
    all: true,
  },
  {
    name: 'the service is deleted, and made anew under its name',
    take: (admin) => admin.deleteService(INGEST),
    async give(admin) {
      await admin.createService({ name: INGEST });
      for (const { name } of await admin.listPolicies()) await admin.deletePolicy(name);
      await allow(admin, 'hub', 'Bind');
      for (const gateway of ['gw-1', 'gw-2']) await allow(admin, gateway, 'Dial');
    },
    codes: ['OVERLAY-NO-SERVICE'],
    all: true,
  },
];

describe('what is revoked ends at once, running connections included', () => {
  let network: PlannedFabric;
  let admin: FabricAdmin;
  let hub: TestHub;
  let served: Served;
  let gateways: [Gateway, Gateway];
  const everything: number[] = [];

  before(async () => {
    network = await plannedFabric(PLAN, true);
    ({ admin } = network.fabric);
    const identity = (name: string): Identity => loadIdentity(network.identityPath(name));
    const [own, ...others] = [identity('hub'), identity('gw-1'), identity('gw-2')];
    hub = testHub({ registry: registryOf(others.map(({ id }) => id)) });
    served = await serveOverZiti(own, hub);
    gateways = [await Gateway.start(identity('gw-1'), own.id, everything), await Gateway.start(identity('gw-2'), own.id, everything)];
  });

  after(async () => {
    for (const part of [...gateways, served, hub, network]) await part[Symbol.asyncDispose]();
  });

  const connected = (): string[] => served.server.sessions().map(({ gateway }) => gateway);
  /** Since when the gateway's present connection is there. */
  const since = ({ id }: Gateway): number | undefined => served.server.sessions().find(({ gateway }) => gateway === id)?.since;

  for (const { name, take, give, codes, all } of REVOCATIONS) {
    test(`${name}: cut off, kept out, and back by itself when it is given again, with everything once`, async () => {
      verifies('FABRIC-ROUTER-REVOKED', 'OVERLAY-REBIND', 'EXACTLY-ONCE');
      const [one, two] = gateways;
      await Promise.all([one.delivers(10), two.delivers(10)]);
      const twosSince = since(two);
      const stored = await valuesOf(hub);

      await take(admin);
      await until(() => !connected().includes(one.id) && one.state !== 'connected');
      if (all) await until(() => connected().length === 0 && two.state !== 'connected');
      await one.append(5);
      await one.fails(codes);
      if (!all) await two.delivers(5);
      assert.equal((await one.outbox.status()).pending, 5);
      assert.deepEqual(await valuesOf(hub), all ? stored : sorted([...stored, ...two.last(5)]));

      await give(admin);
      await Promise.all([one.delivers(5), two.delivers(5)]);
      assert.deepEqual(await valuesOf(hub), sorted(everything));
      if (!all) assert.equal(since(two), twosSince);
    });
  }

  test('a deleted identity is cut off for good; it keeps what it could not send, and the other one does not notice', async () => {
    verifies('FABRIC-ROUTER-REVOKED');
    const [one, two] = gateways;
    await Promise.all([one.delivers(1), two.delivers(1)]);
    const twosSince = since(two);
    const stored = await valuesOf(hub);
    await admin.deleteIdentity('gw-1');
    await until(() => !connected().includes(one.id) && one.state !== 'connected');
    await one.append(3);
    await one.fails(['OVERLAY-SIGN-IN']);
    // Somebody else under the old name is not who was there before.
    await admin.createIdentity({ name: 'gw-1' });
    await admin.deletePolicy('gw-1 Dial');
    await allow(admin, 'gw-1', 'Dial');
    await one.fails(['OVERLAY-SIGN-IN']);
    await two.delivers(3);
    assert.equal((await one.outbox.status()).pending, 3);
    assert.deepEqual(await valuesOf(hub), sorted([...stored, ...two.last(3)]));
    assert.deepEqual(connected(), [two.id]);
    assert.equal(since(two), twosSince);
  });
});

/** A gateway that sends, and what it has sent. */
class Gateway implements AsyncDisposable {
  readonly id: string;
  readonly outbox: MemoryOutbox;
  readonly #sending: Sending;
  readonly #sent: number[] = [];
  readonly #everything: number[];

  private constructor(id: string, outbox: MemoryOutbox, sending: Sending, everything: number[]) {
    this.id = id;
    this.outbox = outbox;
    this.#sending = sending;
    this.#everything = everything;
  }

  static async start(identity: Identity, hubId: string, everything: number[]): Promise<Gateway> {
    const outbox = new MemoryOutbox();
    return new Gateway(identity.id, outbox, await sendOverZiti(identity, hubId, outbox), everything);
  }

  get state(): string {
    return this.#sending.uplink.status().state;
  }

  /** Puts so many values into the outbox, one a row; no two values of a test are alike. */
  async append(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const value = 1 + this.#everything.length;
      this.#everything.push(value);
      this.#sent.push(value);
      await this.outbox.append([spot(value)]);
    }
  }

  /** The same, and waits until the hub holds all that there is. */
  async delivers(count: number): Promise<void> {
    await this.append(count);
    await drained(this.outbox);
  }

  /** Waits until an attempt has failed with one of these codes. */
  fails(codes: readonly ErrorCode[]): Promise<void> {
    return until(() => {
      const { state, code } = this.#sending.uplink.status();
      return state === 'waiting' && code !== null && codes.includes(code);
    });
  }

  last(count: number): number[] {
    return this.#sent.slice(-count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sending[Symbol.asyncDispose]();
  }
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
