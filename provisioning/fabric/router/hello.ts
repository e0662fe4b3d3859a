import { arch, platform } from 'node:os';
import type { TLSSocket } from 'node:tls';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Frame } from '../../../shared/overlay/ziti/wire/frame.ts';
import { text } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { FRAME_LIMITS, HELLO_LIMITS } from '../../../shared/overlay/ziti/wire/reader.ts';
import type { FabricApiSession, Grants } from '../contract.ts';
import { newId, shuffled } from './answers.ts';
import { RouterChannel } from './channel.ts';
import { FrameStream } from './frame-stream.ts';
import type { RouterLimits, RouterStats } from './limits.ts';

/** In the form of the real router's: version, revision, build, system, processor. */
const VERSION = `v2.0.3|vitalmesh|embedded|${platform()}|${arch()}`;
/** Answers to a hello stand outside the count. */
const HELLO_SEQUENCE = -1;

/** Who holds the key of the certificate that the peer presented. */
export interface PeerCertificate {
  identityId: string;
  /** SHA-256, lower-case hex. */
  fingerprint: string;
}

export interface HelloOptions {
  socket: TLSSocket;
  peer: PeerCertificate;
  routerId: string;
  grants: Grants;
  limits: RouterLimits;
  stats: RouterStats;
  /** Takes over a channel that has proved its session. */
  open: (channel: RouterChannel) => ChannelListener;
  /** The connection ended before or after; called once. */
  ended: (reason: unknown) => void;
}

export interface ChannelListener {
  frame(frame: Frame): void;
  lost(): void;
}

/**
 * Receives a hello and answers it. The answer is success whatever the token is; only then it is looked at, and a bad one gets no
 * word but the end of the connection (openziti-wire.md §0.1): at once when it is missing or another identity's, late when unknown.
 */
export function receiveHello({ socket, peer, routerId, grants, limits, stats, open, ended }: HelloOptions): FrameStream {
  const stream: FrameStream = new FrameStream(socket, HELLO_LIMITS, limits, {
    frame(frame) {
      clearTimeout(timer);
      if (frame.type !== CONTENT.hello) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'no hello' });
      stream.sendNumbered({ type: CONTENT.result, headers: resultHeaders(frame.sequence, routerId) }, HELLO_SEQUENCE);
      const token = text(frame.headers, HEADER.sessionToken);
      const session = token ? grants.apiSession(token) : undefined;
      if (typeof session === 'object' && mayUse(session, peer)) begin(session);
      else if (session || !token) stream.close();
      else {
        stream.hold();
        timer = setTimeout(() => stream.close(), limits.unknownTokenMs);
      }
    },
    ended(reason) {
      clearTimeout(timer);
      ended(reason);
    },
  });
  let timer = setTimeout(() => stream.destroy(new VitalmeshError('OVERLAY-TIMEOUT', { detail: 'no hello' })), limits.helloMs);

  const begin = (session: FabricApiSession): void => {
    const channel = new RouterChannel(stream, session, limits, stats);
    const listener = open(channel);
    stream.handOver(
      {
        frame: (frame) => listener.frame(frame),
        ended(reason) {
          listener.lost();
          ended(reason);
        },
      },
      FRAME_LIMITS,
    );
  };
  return stream;
}

function resultHeaders(sequence: number, routerId: string) {
  return shuffled([
    [HEADER.connectionId, newId(4)],
    [HEADER.replyFor, sequence],
    [HEADER.resultSuccess, true],
    [HEADER.helloVersion, VERSION],
    [HEADER.id, routerId],
    [HEADER.supportsBindSuccess, true],
    [HEADER.supportsPostureChecks, true],
  ]);
}

/** Any certificate of the session's identity is good, and the one that it signed in with (openziti-network.md §2.7). */
function mayUse({ identityId, fingerprints }: FabricApiSession, peer: PeerCertificate): boolean {
  return identityId === peer.identityId || fingerprints.includes(peer.fingerprint);
}
