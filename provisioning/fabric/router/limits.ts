const MIB = 1024 * 1024;

/** Bounds of a router. Those that a client can notice are the ones of the real router 2.0.3; the others keep a process small. */
export interface RouterLimits {
  /** TLS handshake, and then the hello. */
  handshakeMs: number;
  helloMs: number;
  /** How long a channel with an unknown session token is left in silence before it is closed (openziti-wire.md §0.1). */
  unknownTokenMs: number;
  /** How long a channel lives on after its token has run out (openziti-network.md §5.2). */
  tokenGraceMs: number;
  /** For a host to answer a Dial; the circuit is tried `dialAttempts` times (openziti-wire.md §0.6). */
  hostAnswerMs: number;
  dialAttempts: number;
  /** How long a Connect waits for a controller that is away (openziti-network.md §3.12). */
  controllerAnswerMs: number;
  /** From the controller's start until its routers have found it; from then until it knows their links, and until it takes terminators (§3.13, §3.14). */
  controllerFoundMs: number;
  linkReportMs: number;
  bindReportMs: number;
  /** From finding it until the binds that stood before are confirmed a second time (§3.13). */
  bindsAgainMs: number;
  /** How long nothing goes over a circuit before the controller is asked whether it still exists (§3.15). */
  idleCircuitMs: number;
  /** Bytes of one circuit's direction that wait for their egress; what is beyond is dropped and sent again (openziti-wire.md §10.1). */
  windowBytes: number;
  /** First wait before a dropped payload is sent again, its growth, and the longest. */
  resendMs: number;
  resendGrowth: number;
  resendMaxMs: number;
  /** Bytes of all circuits that wait for one channel; beyond it payloads are dropped as beyond a window. */
  channelBytes: number;
  /** Bytes of all circuits of the router that wait; beyond it a payload is dropped unless it is the only one that waits for its channel. */
  routerBytes: number;
  /** Bytes handed to a socket and not yet taken by the kernel, beyond which bulk waits. Small, so that what is urgent waits little. */
  socketBytes: number;
  /** The same, beyond which a channel that asks without reading answers is read no further. */
  answerBytes: number;
  /** Bytes not taken by a host's socket, beyond which it is offered no more dials. */
  offerBytes: number;
  /** Connection ids in use on one channel. */
  connections: number;
  /** Binds of one identity, on all its channels to all routers of the network. */
  binds: number;
  /** Channels open at the same time, those at their hello included. */
  channels: number;
}

export const ROUTER_LIMITS: RouterLimits = {
  handshakeMs: 5000,
  helloMs: 5000,
  unknownTokenMs: 5100,
  tokenGraceMs: 2000,
  hostAnswerMs: 5000,
  dialAttempts: 2,
  controllerAnswerMs: 30_000,
  controllerFoundMs: 4000,
  linkReportMs: 300,
  bindReportMs: 1000,
  bindsAgainMs: 7500,
  idleCircuitMs: 60_000,
  windowBytes: 4 * MIB,
  resendMs: 200,
  resendGrowth: 1.5,
  resendMaxMs: 10_000,
  channelBytes: 256 * MIB,
  routerBytes: 512 * MIB,
  socketBytes: 128 * 1024,
  answerBytes: MIB,
  offerBytes: 8 * MIB,
  connections: 16_384,
  binds: 1024,
  channels: 8192,
};

/** What a router has done, and holds. */
export interface RouterStats {
  channels: number;
  /** Of the whole network, as far as it shares the router's terminators. */
  circuits: number;
  terminators: number;
  /** Data frames passed on. */
  payloads: number;
  /** Payloads found beyond a window; each time one is sent again in vain counts. */
  drops: number;
  /** Bytes of payloads that wait for their turn to go out. */
  waitingBytes: number;
}
