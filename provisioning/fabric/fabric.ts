import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import { readCertificates } from '../../shared/identity/identity.ts';
import type { Logger } from '../../shared/log.ts';
import { Seldom } from '../../shared/seldom.ts';
import { checkListenable } from './address.ts';
import { createAdmin, type FabricAdmin } from './admin.ts';
import type { Grants, RouterEntry } from './contract.ts';
import { startController } from './controller/controller.ts';
import { LoginRequests } from './controller/oidc/login-requests.ts';
import { OIDC_LIFETIMES, type OidcLifetimes, type OidcParts } from './controller/oidc/parts.ts';
import { createGrants, grantsAt } from './grants.ts';
import { openHome } from './home.ts';
import type { RouterLimits } from './router/limits.ts';
import { createTerminators, type Router, startRouter } from './router/router.ts';
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
  log: Logger;
  clock?: Clock;
  /** How clients may sign in; by both ways unless told. `certificate` leaves OIDC out, as a network may. */
  signIn?: 'both' | 'certificate';
  /** Of what OIDC issues; 30 minutes and 24 hours unless told. */
  oidc?: Partial<OidcLifetimes>;
  /** Limits of the router. */
  routerLimits?: Partial<RouterLimits>;
  /** How long certificates of identities are good; a year unless told. */
  certificateLifeMs?: number;
}

/** A running embedded network. */
export interface Fabric extends AsyncDisposable {
  /** `https://host:port/edge/client/v1`, as `ztAPI` of an identity file has it. */
  readonly controllerUrl: string;
  /** `tls://host:port` */
  readonly routerUrl: string;
  /** Intermediate and root, PEM. */
  readonly caPem: string;
  readonly admin: FabricAdmin;
  /** What the network's routers go by. */
  readonly grants: Grants;
}

const ROUTER_NAME = 'router-1';
const SWEEP_MS = 60_000;
const REFUSAL_LOG_MS = 60_000;

/**
 * Runs a network of one controller and one edge router in this process, with its own CA, for trial, development and tests on one machine;
 * a hospital runs OpenZiti. What it knows survives a restart; certificates of its servers are made anew at each start, with the same key
 * for the controller. Throws FABRIC-ADDRESS (not a loopback address, or taken), STORAGE-LOCKED (the home is in use), FABRIC-STATE, FABRIC-CA.
 */
export async function startFabric(options: FabricOptions): Promise<Fabric> {
  const { home, log, clock = systemClock } = options;
  const [controllerHost, routerHost] = [loopback(options.controller), loopback(options.router)];
  // A home is made only for a network that can run; one that is there already is locked by whoever listens, and says so better.
  if (!existsSync(join(home, STATE_FILE))) {
    await checkListenable(controllerHost, options.controller.port);
    await checkListenable(routerHost, options.router.port);
  }
  await using stack = new AsyncDisposableStack();
  const { state, ca, tokens, controllerKeyPem } = stack.use(await openHome(home, log, clock));
  const grants = createGrants(state, tokens, log, clock);

  const routerId = state.routerId(ROUTER_NAME);
  const routerKeys = await ca.certifyServer({ commonName: routerId });
  const terminators = createTerminators();
  const router: Router = stack.use(
    await startRouter({
      id: routerId,
      name: ROUTER_NAME,
      host: routerHost,
      port: options.router.port,
      serverCert: routerKeys.certPem,
      serverKey: routerKeys.keyPem,
      caPem: ca.caPem,
      grants: grantsAt(routerId, grants, state, log),
      terminators,
      log,
      ...(options.routerLimits && { limits: options.routerLimits }),
    }),
  );
  const routers: RouterEntry[] = [{ id: routerId, name: ROUTER_NAME, url: router.url, online: true, certPem: routerKeys.certPem }];

  const { certPem } = await ca.certifyServer({ commonName: 'controller', key: { pem: controllerKeyPem } });
  let origin = '';
  const controller = stack.use(
    await startController({
      host: controllerHost,
      port: options.controller.port,
      keyPem: controllerKeyPem,
      parts: {
        state,
        ca,
        tokens,
        trusted: readCertificates(ca.caPem, 'ca'),
        certPem,
        origin: () => origin,
        routers: () => routers,
        hosting: {
          isConnected: (id) => router.isConnected(id),
          terminators: () => terminators.all(),
          removeTerminator: (id) => terminators.remove(id),
        },
        oidc: oidcParts(options, clock),
        clock,
        certificateLifeMs: options.certificateLifeMs,
        refusals: new Seldom(clock, REFUSAL_LOG_MS),
        log,
      },
    }),
  );
  origin = `https://${inUrl(controllerHost)}:${controller.port}`;
  state.controllerOrigin = origin;
  stack.defer(
    sweeping(() => {
      state.directory.enableDue();
      state.sessions.sweep();
      state.oidcSessions.sweep();
    }, log),
  );
  log.info({ controller: origin, router: router.url }, 'embedded network runs');

  const running = stack.move();
  return {
    controllerUrl: `${origin}/edge/client/v1`,
    routerUrl: router.url,
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

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
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
