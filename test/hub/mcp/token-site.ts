import { createCallers } from '../../../hub/access/callers.ts';
import { IssuerKeys } from '../../../hub/access/tokens/issuer-keys.ts';
import { TokenVerifier } from '../../../hub/access/tokens/verifier.ts';
import { type McpService, serveMcp } from '../../../hub/mcp/server.ts';
import { bindingsFrom } from '../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { TestClock, type TestHub, testHub } from '../../support/hub.ts';
import { RESOURCE, type TestIssuer, testIssuer } from '../../support/tokens.ts';
import { SERVICE } from './support.ts';

/** A ward whose nurse and doctor need identity and token, a program with a token alone, and one with its identity alone. */
export const REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02 } }
  - { identity: gw-other, tenant: other, patient: pat-other-01 }
clients:
  - { identity: ai-nurse, token: { issuer: hospital, subject: nurse-1 }, tenant: clinic, kind: person, role: clinician, patients: [pat-icu-01] }
  - { identity: ai-doctor, token: { issuer: hospital, subject: doctor-1 }, tenant: clinic, kind: person, role: clinician, patients: all }
  - { token: { issuer: hospital, subject: early-warning }, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-monitor, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-other, token: { issuer: hospital, subject: other-1 }, tenant: other, kind: person, role: clinician, patients: all }
`;

export interface TokenSite extends AsyncDisposable {
  hub: TestHub;
  clock: TestClock;
  idp: TestIssuer;
  service: McpService;
  logged: string[];
  /** Takes the issuer's keys away, before they were ever got. */
  loseKeys(): void;
  /** The overlay of somebody who dials; its name is what the identity calls itself. */
  as(identity: string, name?: string): Overlay;
  /** Puts another registry in force, as a reload does. */
  reload(text: string): void;
}

/** A hub that takes tokens of one issuer, with the real door and store, on an overlay in memory. */
export async function tokenSite(): Promise<TokenSite> {
  const clock = new TestClock();
  const hub = testHub({ clock, registry: REGISTRY });
  const idp = await testIssuer({ now: () => clock.now() });
  let hasKeys = true;
  const load = async () => {
    if (!hasKeys) throw new VitalmeshError('ACCESS-ISSUER-KEYS');
    return idp.jwks;
  };
  const keys = new IssuerKeys({ load, clock, onFailure: () => undefined });
  const verifier = new TokenVerifier([{ issuer: idp.issuer, keys }], clock);
  const { door, feed, registry, metrics } = hub;
  const network = createMemoryNetwork();
  const overlay = network.overlay({ id: 'hub', name: 'hub' });
  const overlays = [overlay];
  const logged: string[] = [];
  const note = (...args: unknown[]): void =>
    void logged.push(JSON.stringify(args, (_, value) => (value instanceof Error ? { ...value, message: value.message } : value)));
  const service = serveMcp({
    overlay,
    service: SERVICE,
    door,
    feed,
    callers: createCallers({ registry, verifier, metrics, modes: { person: 'both' }, takesTokens: true }),
    resource: { resource: RESOURCE, issuers: [idp.issuer.issuer] },
    clock: { now: () => clock.now(), monotonicMs: () => performance.now() },
    log: { ...silentLogger, info: note, warn: note, error: note } as unknown as Logger,
    metrics,
    limits: { sweepMs: 5, coalesceMs: 5, opensBurst: 1000 },
  });
  await service.start(new AbortController().signal);
  return {
    hub,
    clock,
    idp,
    service,
    logged,
    loseKeys: () => {
      hasKeys = false;
    },
    as: (id, name = id) => {
      const place = network.overlay({ id, name });
      overlays.push(place);
      return place;
    },
    reload: (text) => {
      const next = parseRegistry(text);
      registry.replace(next, bindingsFrom([], next.bindings(), 0));
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      for (const place of overlays) await place[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}
