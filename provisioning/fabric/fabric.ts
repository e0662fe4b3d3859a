import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import { readCertificates } from '../../shared/identity/identity.ts';
import type { Logger } from '../../shared/log.ts';
import { Seldom } from '../../shared/seldom.ts';
import { checkListenable } from './address.ts';
import { createAdmin, type FabricAdmin } from './admin.ts';
import type { Grants } from './contract.ts';
import { LoginRequests } from './controller/oidc/login-requests.ts';
import { OIDC_LIFETIMES, type OidcLifetimes, type OidcParts } from './controller/oidc/parts.ts';
import { createGrants } from './grants.ts';
import { openHome } from './home.ts';
import { type FabricController, PlacedController } from './placed-controller.ts';
import { ROUTER_LIMITS, type RouterLimits } from './router/limits.ts';
import { createTerminators } from './router/router.ts';
import { RouterLines } from './router-lines.ts';
import { type FabricRouter, PlacedRouter } from './routers.ts';
import { STATE_FILE } from './state/state.ts';

/** Where to listen. */
export interface ListenAddress {
  /** 127.0.0.1, ::1 or localhost. */
  host: string;
  /** 0 takes a free one. */
  port: number;
}

export interface FabricOptions {
  /** Folder of state, CA and keys; made with mode 0700. */
  home: string;
  controller: ListenAddress;
  router: ListenAddress;
  /** What `GET /controllers` names, `https://host:port` each; where the controller listens unless told. */
  controllerAddresses?: readonly string[];
  /** Of further edge routers. */
  moreRouters?: readonly (ListenAddress & { limits?: Partial<RouterLimits> })[];
  log: Logger;
  clock?: Clock;
  /** How clients may sign in; by both ways unless told. `certificate` leaves OIDC out, as a network may. */
  signIn?: 'both' | 'certificate';
  /** Of what OIDC issues; 30 minutes and 24 hours unless told. */
  oidc?: Partial<OidcLifetimes>;
  /** Limits of each router, unless told with its address. */
  routerLimits?: Partial<RouterLimits>;
  /** How long certificates of identities are good; a year unless told. */
  certificateLifeMs?: number;
}

/** A running embedded network. */
export interface Fabric extends AsyncDisposable {
  /** `https://host:port/edge/client/v1`, as `ztAPI` of an identity file has it. */
  readonly controllerUrl: string;
  readonly controller: FabricController;
  /** `tls://host:port` of the first router. */
  readonly routerUrl: string;
  /** In the order of their addresses. */
  readonly routers: readonly FabricRouter[];
  /** Intermediate and root, PEM. */
  readonly caPem: string;
  readonly admin: FabricAdmin;
  /** What the network's routers go by. */
  readonly grants: Grants;
}

const SWEEP_MS = 60_000;
const REFUSAL_LOG_MS = 60_000;

/**
 * Runs a network of one controller and edge routers in this process, with its own CA, for trial, development and tests on one machine; a
 * hospital runs OpenZiti. What it knows survives a restart; certificates of its servers are made anew at each start, with the same key
 * for the controller. Throws FABRIC-ADDRESS (not a loopback address, or taken), STORAGE-LOCKED (the home is in use), FABRIC-STATE, FABRIC-CA.
 */
export async function startFabric(options: FabricOptions): Promise<Fabric> {
  const { home, log, clock = systemClock } = options;
  const controllerHost = loopback(options.controller);
  const { routerLimits } = options;
  const routerPlaces: NonNullable<FabricOptions['moreRouters']> = [options.router, ...(options.moreRouters ?? [])];
  const routerAddresses = routerPlaces.map(({ limits, ...address }) => ({
    host: loopback(address),
    port: address.port,
    limits: { ...routerLimits, ...limits },
  }));
  // A home is made only for a network that can run; one that is there already is locked by whoever listens, and says so better.
  if (!existsSync(join(home, STATE_FILE))) {
    await checkListenable(controllerHost, options.controller.port);
    for (const { host, port } of routerAddresses) await checkListenable(host, port);
  }
  await using stack = new AsyncDisposableStack();
  const { state, ca, tokens, controllerKeyPem } = stack.use(await openHome(home, log, clock));
  const grants = createGrants(state, tokens, log, clock);

  const terminators = createTerminators();
  const routers: PlacedRouter[] = [];
  const lines = stack.use(new RouterLines({ home, state, tokens, log, clock, grants, times: { ...ROUTER_LIMITS, ...routerLimits } }));
  for (const [index, address] of routerAddresses.entries()) {
    const name = `router-${index + 1}`;
    const id = state.routerId(name);
    const { certPem: serverCert, keyPem: serverKey } = await ca.certifyServer({ commonName: id });
    const own = { ...address, id, name, serverCert, serverKey, ...lines.to(id) };
    const shared = { caPem: ca.caPem, terminators, log };
    routers.push(stack.use(await PlacedRouter.start({ ...own, ...shared })));
  }
  stack.use(grants.onChange(() => terminators.forgetAway((id) => grants.service(id) !== undefined)));
  const routerUrl = routers[0]?.url ?? '';

  const { certPem } = await ca.certifyServer({ commonName: 'controller', key: { pem: controllerKeyPem } });
  let origin = '';
  const parts = {
    state,
    ca,
    tokens,
    trusted: readCertificates(ca.caPem, 'ca'),
    certPem,
    origin: () => origin,
    addresses: options.controllerAddresses,
    routers: () => routers.map(({ id, entry }) => ({ ...entry, online: entry.online && lines.hasFound(id) })),
    hosting: {
      isConnected: (id: string) => routers.some((router) => router.isConnected(id)),
      terminators: () => terminators.all(),
      removeTerminator: (id: string) => terminators.remove(id),
    },
    clock,
    certificateLifeMs: options.certificateLifeMs,
    log,
  };
  const controller = stack.use(
    await PlacedController.start({
      options: () => ({
        host: controllerHost,
        port: options.controller.port,
        keyPem: controllerKeyPem,
        // Sign-ins that are under way are known to one run of it alone.
        parts: { ...parts, oidc: oidcParts(options, clock), refusals: new Seldom(clock, REFUSAL_LOG_MS) },
      }),
      onStop: () => lines.lost(),
      onStart() {
        terminators.forgetCircuits();
        lines.restored();
      },
    }),
  );
  origin = controller.url;
  state.controllerOrigin = origin;
  stack.defer(
    sweeping(() => {
      if (!controller.online) return;
      state.directory.enableDue();
      state.sessions.sweep();
      state.oidcSessions.sweep();
    }, log),
  );
  log.info({ controller: origin, routers: routers.map(({ url }) => url) }, 'embedded network runs');

  const running = stack.move();
  return {
    controllerUrl: `${origin}/edge/client/v1`,
    controller,
    routerUrl,
    routers,
    caPem: ca.caPem,
    admin: createAdmin(state, tokens, clock),
    grants,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function oidcParts({ signIn = 'both', oidc }: FabricOptions, clock: Clock): OidcParts | undefined {
  return signIn === 'certificate' ? undefined : { lifetimes: { ...OIDC_LIFETIMES, ...oidc }, logins: new LoginRequests(clock) };
}

/** The address as an IP literal. A name other than localhost could mean another machine tomorrow. */
function loopback({ host, port }: ListenAddress): string {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new VitalmeshError('FABRIC-ADDRESS', { detail: `port ${port}` });
  if (host === '127.0.0.1' || host === 'localhost') return '127.0.0.1';
  if (host === '::1' || host === '[::1]') return '::1';
  throw new VitalmeshError('FABRIC-ADDRESS', { detail: `${host} is no loopback address` });
}

function sweeping(sweep: () => void, log: Logger): () => void {
  const timer = setInterval(() => {
    try {
      sweep();
    } catch (thrown) {
      log.error({ err: asVitalmeshError(thrown) }, 'sessions could not be swept');
    }
  }, SWEEP_MS);
  timer.unref();
  return () => clearInterval(timer);
}
