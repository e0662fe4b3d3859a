import type { Requirement } from './requirement.ts';

/** Of the overlay, identities and the embedded network. */
export const OVERLAY = {
  'IDENTITY-DER': {
    source: 'X.690 §10, RFC 5280 §4',
    behaviour:
      'What a certificate says of its use is read strictly: what could be understood in two ways is refused, and what is read another reader reads alike.',
  },
  'IDENTITY-VALIDITY': {
    source: 'RFC 5280 §4.1.2.5',
    behaviour:
      'A certificate whose validity is no time is refused wherever one of its chain is judged, never taken for one without an end.',
  },
  'IDENTITY-CHAIN': {
    source: 'architecture §4',
    behaviour: 'Expired, foreign, leaf-as-CA and wrongly named certificates are refused on both sides of the inner TLS.',
  },
  'OVERLAY-CONTRACT': { source: 'architecture §2', behaviour: 'Every overlay implementation passes one contract suite.' },
  'OVERLAY-FRAMES': {
    source: 'openziti-wire.md §4',
    behaviour: 'What an overlay peer sends becomes frames however it is cut; what is no frame is refused, within bounded memory.',
  },
  'OVERLAY-ROUTER-VERIFIED': {
    source: 'openziti-wire.md §3',
    behaviour:
      "Nothing is said to a router whose certificate is not of the identity's network or names another host; the error says which.",
  },
  'OVERLAY-FAIR': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'Bulk on one connection of a router channel holds a neighbour up by no more than a frame of each other one; what waits is bounded.',
  },
  'OVERLAY-SLEEP': {
    source: 'openziti-wire.md §0.8',
    behaviour:
      "A machine that slept, or a clock that was set, leaves no dead token or connection in use: both are looked at within seconds, with one renewal at most; the time slept is nobody's silence.",
  },
  'OVERLAY-LIVENESS': {
    source: 'openziti-wire.md §0.8',
    behaviour: 'A router that is silent ends its channel within a time limit; one that is busy, or that this side does not read, does not.',
  },
  'OVERLAY-CLOSE-DELIVERS': {
    source: 'openziti-wire.md §6',
    behaviour: 'What was sent on a router channel before it was closed arrives, even when the process exits right behind.',
  },
  'OVERLAY-BULK': {
    source: 'openziti-wire.md §10.1',
    behaviour: 'What is sent in bulk arrives as it was sent, both ways, encrypted and plain.',
  },
  'OVERLAY-MANY-CONNECTIONS': {
    source: 'openziti-wire.md §10',
    behaviour: 'A thousand connections share a channel, and none gets a byte of another.',
  },
  'OVERLAY-PROVEN-CHANNEL': {
    source: 'openziti-wire.md §0.1',
    behaviour: 'An overlay says that it is ready only when a router has answered behind its hello.',
  },
  'OVERLAY-SESSION-RENEWED': {
    source: 'openziti-wire.md §0.1, §3; openziti-network.md §4',
    behaviour:
      'A session that a router or controller no longer takes is replaced by itself; what is carried goes on as long as its channel does.',
  },
  'IDENTITY-COMMANDS': {
    source: 'openziti-network.md §2',
    behaviour:
      'vitalmesh identity show tells everything of an identity file but its key; renew renews one that no process uses, and says after a failure which pair is good.',
  },
  'RENEWAL-NEVER-LOCKS-OUT': {
    source: 'openziti-network.md §2.8',
    behaviour:
      'While a certificate is renewed a pair that signs in is on disk at every moment: killed behind any step, or with any answer lost, the next start signs in and finishes.',
  },
  'RENEWAL-CHECKED': {
    source: 'openziti-network.md §2.2; openziti-wire.md §0.10',
    behaviour:
      'A renewed certificate is used only if it is for the new key, this identity, and of the CA that was trusted before; nothing is sent when the files could not be replaced.',
  },
  'RENEWAL-MAKE-BEFORE-BREAK': {
    source: 'openziti-network.md §2.5–2.8',
    behaviour:
      'Renewal before expiry, by itself: streams go on, dials go on through it, new handshakes show the new certificate, and old channels and session end with what they carry.',
  },
  'FABRIC-EXTEND': {
    source: 'openziti-network.md §2; rest-cert-extend',
    behaviour:
      'The embedded controller extends and verifies certificates with the statuses, codes and texts of a real one, to whoever shows the one that is replaced; the switch is atomic.',
  },
  'OVERLAY-OIDC-SIGN-IN': {
    source: 'openziti-wire.md §2b; RFC 7636; OpenID Connect Core §3.1',
    behaviour:
      'Where the controller offers it, an identity signs in by OIDC with its certificate; an answer that is not to its own question is refused.',
  },
  'OVERLAY-TOKEN-RENEWED': {
    source: 'openziti-network.md §0.3, §2.6, §5',
    behaviour:
      'A token is renewed before it ends and shown on every open channel; a session that cannot be renewed gives way to a new one with channels of its own.',
  },
  'FABRIC-OIDC': {
    source: 'openziti-wire.md §2b, §5; openziti-network.md §4, §5',
    behaviour:
      "The embedded network's tokens are bound to certificate and session, each code is good once, and with the identity or the time their use ends.",
  },
  'OVERLAY-SICK-ROUTER': {
    source: 'openziti-network.md §0.1, §3.8',
    behaviour: 'With several routers, one that is silent or gone costs a dial at most; the others are used until it answers again.',
  },
  'OVERLAY-CONTROLLER-FAIL-OVER': {
    source: 'openziti.md §3, §8; openziti-network.md §0, §3.12 to §3.14',
    behaviour:
      'Of several controllers one that is away, silent, sick or talks nonsense costs a call one bounded wait at most: the next one serves it, is used until it fails, and what runs over the network goes on.',
  },
  'OVERLAY-CONTROLLER-RETRY-AFTER': {
    source: 'RFC 9110 §10.2.3, RFC 6585 §4',
    behaviour: 'A controller that says when to come back is not asked before, five minutes at most, also when it is the only one.',
  },
  'OVERLAY-CONTROLLERS-LEARNED': {
    source: 'openziti-wire.md §2c, openziti.md §3',
    behaviour:
      'Controllers that the network names are asked when those of the identity file do not serve: eight at most, by https alone, vouched for by the same CA, and nothing of them is written to disk.',
  },
  'OVERLAY-ROUTER-STATUS': {
    source: 'openziti-network.md §0.1',
    behaviour:
      'The status of agent and hub names the controller that served last, how one is signed in, and each router that is used or tried, and why one is not connected.',
  },
  'OVERLAY-PACED': {
    source: 'architecture §4; openziti-network.md §4.3',
    behaviour: 'Whatever controller and routers answer, each of them is tried again at the pace of a growing pause, never in a loop.',
  },
  'OVERLAY-NO-STAMPEDE': {
    source: 'README, Sizes',
    behaviour: 'What a fleet loses in one moment it comes back for spread over seconds, each member once, and asks nobody anything before.',
  },
  'OVERLAY-SERVICE-SESSIONS': {
    source: 'openziti-wire.md §2c, §10.7; openziti.md §8',
    behaviour:
      'Dials of a service share a session, each bind has its own; one that ended, or a service made again under another id, is asked for anew, once.',
  },
  'OVERLAY-REBIND': {
    source: 'openziti-network.md §3, §4.5',
    behaviour:
      'A binding stands on every router given, and comes back by itself after a lost router, an ended session, a permission taken and given again.',
  },
  'OVERLAY-UNCONFIRMED': {
    source: 'openziti-network.md §3.13',
    behaviour:
      'An offer that a router has taken while the controller is away is left to it, said to be unconfirmed, and hosted within seconds of the return, once.',
  },
  'OVERLAY-TERMINATORS-RENEWED': {
    source: 'openziti-network.md §0.6, §3.10',
    behaviour:
      'A terminator that somebody deletes, which no host is told, is made again by itself within minutes; no dial and no connection is lost by that.',
  },
  'OVERLAY-RETRY-HINT': {
    source: 'openziti.md §5 (retryHint), §8; openziti-network.md §4.5',
    behaviour:
      'Dials and binds keep the pace that a router hints: longer when it is too busy, with everything asked for anew, or only when something has changed, and never not at all.',
  },
  'OVERLAY-CIRCUITS': {
    source: 'openziti-wire.md §6, §7, §10.8',
    behaviour:
      'Connections are dialled, hosted and ended in the bytes of OpenZiti; nothing that was sent is lost, and one that is cut is an error, never an end.',
  },
  'OVERLAY-FOREIGN': {
    source: 'architecture §2, OpenZiti C SDK 0.29.3 and Java SDK 0.22.8',
    behaviour:
      "Other implementations enrol in the embedded network, dial our services and host for us, each side with the other's identity file.",
  },
  'OVERLAY-FLOW': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'Bytes in flight are bounded per connection; a reader that does not read costs bounded memory, and after a time limit its own connection only.',
  },
  'OVERLAY-CONTROLLER-AWAY': {
    source: 'openziti-network.md §3.12 to §3.15',
    behaviour:
      'While the controller is away what runs goes on, and what begins waits with limits of its own; afterwards everything is back by itself, with every reading stored once.',
  },
  'OVERLAY-HEARTBEAT': {
    source: 'openziti-network.md §0.2, §3.15',
    behaviour:
      'Between two ends of ours no connection is idle for a minute; one whose other end has fallen silent is cut, and nobody else is ever sent a heartbeat or cut for the lack of one.',
  },
  'OVERLAY-STALL': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'When a router stops reading a channel for the sake of one connection, that one is cut, the others are back within seconds, and who does not read is turned away for a while.',
  },
  'OVERLAY-CALLER': {
    source: 'openziti-wire.md §0.2, §7',
    behaviour: 'A caller is verified only when the network itself names its identity; what it calls itself stays a claim.',
  },
  'OVERLAY-END-TO-END': {
    source: 'openziti-wire.md §8, §10.4',
    behaviour:
      'A message of an encrypted connection that was changed, lost, repeated or moved ends the connection; nothing of it is delivered.',
  },
  'FABRIC-MANAGEMENT-ADMIN': {
    source: 'architecture §2; openziti-network.md §1.8',
    behaviour:
      'The management API is for administrators alone. The first one and its password are made with the network: in a file of mode 0600, as a slow hash in the state, in no output; it cannot be disabled or deleted.',
  },
  'FABRIC-MANAGEMENT-NOTHING-SILENT': {
    source: 'openziti-network.md §0.7, §1.8, §1.10',
    behaviour: 'What of a change cannot be done, or would turn encryption off unasked, refuses the whole change; nothing of it is kept.',
  },
  'FABRIC-MANAGEMENT-BOUNDED': {
    source: 'architecture §2',
    behaviour: 'Any filter, body and path at the management API is answered with a coded refusal, in bounded time and memory.',
  },
  'FABRIC-CONTROLLER-AWAY': {
    source: 'openziti-network.md §3.12 to §3.15, transcripts Q, Q2 and T',
    behaviour:
      'While the controller of the embedded network is away its routers carry what runs, keep Connects waiting, confirm no bind and go by what they knew; after a restart circuits of before end when idle.',
  },
  'FABRIC-SEVERAL-ROUTERS': {
    source: 'openziti-network.md §3.1, §3.5',
    behaviour:
      'The embedded network runs several edge routers; one that is away is shown as offline, and what it hosted is reached by nobody and gone when it is back.',
  },
  'FABRIC-ROUTER-POLICIES': {
    source: 'openziti-network.md §1.11, §1.12',
    behaviour:
      'An identity uses an edge router, and a service is reached by it, only where a policy says so: in what the controller lists and in what the router lets happen. Networks begin with everybody at the public routers.',
  },
  'FABRIC-MANAGEMENT-AS-REAL': {
    source: 'openziti-network.md §1; recordings rest-mgmt-*',
    behaviour:
      'The management API of the embedded controller answers as that of OpenZiti 2.0.3: paths, bodies, codes, filters, order and paging; where the real one loses something without a word it answers 400.',
  },
  'FABRIC-CONTROLLER-AS-REAL': {
    source: 'openziti-wire.md §1, §2; openziti-network.md §1',
    behaviour: 'The embedded controller answers and refuses as the real one does: paths, status codes, bodies, headers.',
  },
  'FABRIC-CONTROLLER-BOUNDED': {
    source: 'architecture §2',
    behaviour: 'Whatever is sent to the embedded controller costs bounded memory and its own connection, for a bounded time.',
  },
  'FABRIC-DEFAULT-DENY': {
    source: 'openziti-wire.md §2c; architecture §3.8',
    behaviour: 'On the embedded network an identity sees, dials and binds what a policy allows it, and nothing else.',
  },
  'FABRIC-ENROLS-ONCE': {
    source: 'openziti-wire.md §1',
    behaviour: 'An enrolment token gives one certificate, once, within its time; a request that is refused does not spend it.',
  },
  'FABRIC-SIGN-IN': {
    source: 'openziti-wire.md §2a',
    behaviour: 'Only the certificate that an enabled identity enrolled signs it in; disabled, replaced, foreign and self-made ones do not.',
  },
  'FABRIC-SURVIVES-RESTART': {
    source: 'README, embedded network',
    behaviour: 'Identities, services, policies and sessions of the embedded network are there after a restart, its secrets never in clear.',
  },
  'FABRIC-ONE-MACHINE': {
    source: 'README, embedded network',
    behaviour: 'The embedded network listens on loopback addresses only, and has one owner at a time.',
  },
  'FABRIC-COMMANDS': {
    source: 'README, Commands',
    behaviour:
      'vitalmesh fabric creates, lists, changes and deletes, through the running network or on its state; tokens go to files of 0600.',
  },
  'FABRIC-ROUTER-AS-REAL': {
    source: 'openziti-wire.md §0, §3 to §7',
    behaviour:
      'The embedded router answers, refuses and stays silent as the real one does, with its texts, so that a wrong client fails here too.',
  },
  'FABRIC-ROUTER-CALLER': {
    source: 'openziti-wire.md §7',
    behaviour: 'A host hears from the embedded router who dials, out of the authenticated session, whatever the dialer wrote.',
  },
  'FABRIC-ROUTER-REVOKED': {
    source: 'openziti-network.md §4',
    behaviour:
      'What is taken away by the controller ends at once on the embedded router: channels, binds, running circuits, each with its text.',
  },
  'FABRIC-ROUTER-WINDOWS': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'A sender that outruns its reader has payloads dropped and its channel stopped, as on the real router; one that bounds what it has under way never does.',
  },
  'FABRIC-ROUTER-BOUNDED': {
    source: 'openziti-wire.md §4; architecture §2',
    behaviour: 'Whatever a client sends to the embedded router costs its own channel at most, within bounded memory.',
  },
  'OVERLAY-REAL-ROUTER': {
    source: 'openziti-wire.md',
    behaviour:
      'Against what a real OpenZiti router was recorded to send, the client comes to the recorded outcome with equivalent messages.',
  },
  'OVERLAY-SIGN-IN': {
    source: 'openziti-wire.md §2a, openziti-network.md §4.3',
    behaviour: 'An identity signs in once for all its calls and again when its session ended, never in a storm; a refused one hears so.',
  },
  'OVERLAY-CONTROLLER-BOUNDED': {
    source: 'openziti-wire.md §2',
    behaviour:
      "Whatever answers in a controller's place: a call ends in time, in bounded memory, with a coded error and no token in any text.",
  },
  'OVERLAY-REAL-CONTROLLER': {
    source: 'openziti-wire.md §2',
    behaviour: 'Recorded answers of a real controller give the recorded outcome, and our requests are what the recorded SDK sent.',
  },
  'ENROLL-PINNED': {
    source: 'openziti-wire.md §1',
    behaviour: 'An enrolment sends nothing to any server but the one whose key signed the token.',
  },
  'ENROLL-KEY-FIRST': {
    source: 'openziti.md §2',
    behaviour: 'The private key is on disk before the token is spent, and a second run after a crash uses it.',
  },
  'ENROLL-CLEAR': {
    source: 'openziti-wire.md §1',
    behaviour:
      'An expired, foreign, tampered or spent token is an error of its own, which never shows the token; no file of an operator is overwritten.',
  },
  'OVERLAY-DARK': {
    source: 'architecture §4; openziti-wire.md §0, §2, §3',
    behaviour:
      'Who has no identity of the network, or no policy for a service, gets no answer from it; the host does not hear of the attempt.',
  },
} as const satisfies Record<string, Requirement>;
