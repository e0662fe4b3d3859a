import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifies } from '../requirements.ts';
import { type AgentProcess, type Enrolled, type HubProcess, INGEST } from '../support/fabric-site.ts';
import { assertAllStoredOnce } from '../support/ziti/counts.ts';
import { Management } from '../support/ziti/management.ts';
import { type WiredAgent, WireSite } from '../support/ziti/wire-site.ts';

/** The rows of openziti-network.md §4 that change something under a hub and an agent at work, both processes; the device never stops. */
describe('what is changed in the network under load', { timeout: 400_000 }, () => {
  let site: WireSite;
  let management: Management;
  let hubIdentity: Enrolled;
  let gateway: Enrolled;
  let hub: HubProcess;
  let agent: WiredAgent;
  let process: AgentProcess;

  before(async () => {
    // Sessions of OIDC are not listed, and cannot be ended there (§1.14).
    site = await WireSite.open({ signIn: 'certificate', everyMs: 20 });
    management = await Management.signIn(site.home, site.network);
    hubIdentity = await site.enrol('hub', 'hubs');
    gateway = await site.enrol('gateway-1', 'gateways');
    hub = await site.hub(hubIdentity, [gateway]);
    agent = await site.wiredAgent(gateway, hubIdentity);
    process = agent.process;
    await flows();
  });

  after(() => site[Symbol.asyncDispose]());

  /** The hub hosts, the agent is connected, and what the device sends from now on arrives. */
  const flows = async (): Promise<void> => {
    await process.until(({ overlay, uplink }) => overlay === 'ready' && uplink.state === 'connected');
    const { counts } = await hub.until(({ uplink, gateways }) => uplink.bound && gateways.length === 1);
    await hub.until((status) => status.counts.observations > counts.observations + 20);
  };
  /** Of the agent's present connection at the hub. */
  const since = async (): Promise<number | undefined> => (await hub.status()).gateways[0]?.since;

  /** The change cuts the agent's connection, and another one takes its place. */
  const cuts = async (change: () => Promise<unknown>): Promise<void> => {
    const before = await since();
    await change();
    await hub.until(({ gateways }) => gateways.length === 1 && gateways[0]?.since !== before);
    await flows();
  };

  /** The change leaves the agent's connection alone. */
  const spares = async (change: () => Promise<unknown>): Promise<void> => {
    const before = await since();
    await change();
    await flows();
    assert.equal(await since(), before);
  };

  const endSessions =
    (kind: 'sessions' | 'api-sessions', { id }: Enrolled) =>
    async (): Promise<void> => {
      assert.ok((await management.endSessions(kind, id)) > 0);
    };

  test('the session of a dial is deleted: another one is asked for', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    await cuts(endSessions('sessions', gateway));
  });

  test('the sessions of the binds are deleted: the circuit goes on, and the hub hosts again', async () => {
    verifies('OVERLAY-REBIND');
    await spares(endSessions('sessions', hubIdentity));
    await cuts(endSessions('sessions', gateway));
  });

  for (const who of ['gateway', 'hub'] as const) {
    test(`the api session of the ${who} is deleted: it signs in again`, async () => {
      verifies('OVERLAY-SESSION-RENEWED');
      await cuts(endSessions('api-sessions', who === 'hub' ? hubIdentity : gateway));
    });
  }

  test('encryption of the service is switched off and on: what runs goes on, and who comes later gets in', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    for (const required of [false, true]) {
      await spares(() => management.setEncryption(INGEST, required));
      // Whoever signs in anew reads the services anew.
      await cuts(endSessions('api-sessions', gateway));
      await cuts(endSessions('api-sessions', hubIdentity));
    }
  });

  for (const [who, codes] of [
    ['gateway', ['OVERLAY-NO-SERVICE', 'OVERLAY-DENIED']],
    ['hub', ['OVERLAY-NO-TERMINATOR']],
  ] as const) {
    test(`the role attributes of the ${who} are taken and given back`, async () => {
      verifies('FABRIC-ROUTER-REVOKED', 'OVERLAY-REBIND');
      const { id } = who === 'hub' ? hubIdentity : gateway;
      await management.setAttributes(id, []);
      await process.until(({ uplink, outbox }) => uplink.code !== null && codes.some((code) => code === uplink.code) && outbox.pending > 5);
      await hub.until(({ gateways, uplink }) => gateways.length === 0 && uplink.bound === (who === 'gateway'));
      await management.setAttributes(id, [who === 'hub' ? 'hubs' : 'gateways']);
      await flows();
    });
  }

  test('the service is deleted, and made again under its name', async () => {
    verifies('OVERLAY-REBIND', 'OVERLAY-SERVICE-SESSIONS');
    const { admin } = site;
    await admin.deleteService(INGEST);
    await process.until(({ uplink }) => uplink.code === 'OVERLAY-NO-SERVICE');
    await hub.until(({ gateways, uplink }) => gateways.length === 0 && !uplink.bound);
    await admin.createService({ name: INGEST });
    for (const { name } of await admin.listPolicies()) if (name.endsWith(INGEST)) await admin.deletePolicy(name);
    await site.allow('Dial', 'gateways', INGEST);
    await site.allow('Bind', 'hubs', INGEST);
    await flows();
  });

  test('after all of that: nothing is lost, nothing stored twice', async (context) => {
    verifies('EXACTLY-ONCE');
    context.diagnostic(`${await assertAllStoredOnce(hub, [agent.process], [agent.oximeter])} values`);
  });
});
