import type { X509Certificate } from 'node:crypto';
import type { Clock, Instant } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Seldom } from '../../../shared/seldom.ts';
import type { Ca } from '../ca.ts';
import type { RouterEntry } from '../contract.ts';
import type { TokenKey } from '../jwt.ts';
import type { ApiSession } from '../state/sessions.ts';
import type { FabricState } from '../state/state.ts';
import type { Answer } from './answers.ts';
import type { OidcParts } from './oidc/parts.ts';

/** Who is connected to the routers, and what is hosted there. */
export interface Hosting {
  isConnected(identityId: string): boolean;
  terminators(): readonly HostedTerminator[];
  /** Takes a terminator out of the list: nobody is told, and circuits go on (openziti-network.md §4). False when there is none. */
  removeTerminator(id: string): boolean;
}

/** A place where a service is hosted. */
export interface HostedTerminator {
  id: string;
  serviceId: string;
  routerId: string;
  instanceId: string | undefined;
  cost: number;
  precedence: 'default' | 'required' | 'failed';
  createdAt: Instant;
}

/** What every endpoint works with. */
export interface ControllerParts {
  state: FabricState;
  ca: Ca;
  tokens: TokenKey;
  /** The CA's certificates, parsed. */
  trusted: readonly X509Certificate[];
  /** The controller's own certificate, leaf first, PEM. */
  certPem: string;
  /** `https://host:port`, as clients reach it and as its tokens name it. */
  origin(): string;
  /** Where clients are told that they reach it, in place of `origin`. */
  addresses?: readonly string[] | undefined;
  routers(): readonly RouterEntry[];
  /** What goes on at the routers; undefined where none runs. */
  hosting?: Hosting;
  /** Undefined when sign-in by OIDC is left out. */
  oidc: OidcParts | undefined;
  clock: Clock;
  /** How long the certificates of identities are good; as the CA has it (a year) unless told. */
  certificateLifeMs?: number | undefined;
  /** When a sign-in that was refused is worth a line in the log. */
  refusals: Seldom;
  log: Logger;
}

/** One request, as far as an endpoint needs it. */
export interface Call {
  parts: ControllerParts;
  method: string;
  /** As it came, with its base. */
  path: string;
  /** Path segments that the route leaves open, in order. */
  params: readonly string[];
  query: URLSearchParams;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Media type of the body, lower-case, without parameters; empty when none was given. */
  contentType: string;
  body: Buffer;
  /** The client certificate of the TLS connection; proven to be the peer's, not yet to be anybody's. */
  certificate: X509Certificate | undefined;
  /** The caller's address, for `ipAddress`. */
  address: string;
}

/** A call of somebody who is signed in. */
export interface SessionCall extends Call {
  session: ApiSession;
  /** The token of this session, as the caller sent it. */
  token: string;
}

interface EndpointBody {
  /** Media types of the body; without any, a body is not read. */
  takes?: readonly string[];
  /** The body may not be empty; what errors call it. */
  needs?: string;
}

/** What a verb of a path does, for everybody or for who is signed in. */
export type Endpoint = EndpointBody &
  ({ open(call: Call): Answer | Promise<Answer> } | { signedIn(call: SessionCall): Answer | Promise<Answer> });
