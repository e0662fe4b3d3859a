import type { Duplex } from 'node:stream';
import { VitalmeshError } from '../../../errors.ts';
import { encodeFrame } from '../wire/encode.ts';
import { byte, type Frame, flag, i32, u32 } from '../wire/frame.ts';
import { CONTENT, contentName, HEADER } from '../wire/ids.ts';
import { type FrameLimits, FrameReader } from '../wire/reader.ts';
import { quotable } from './router-text.ts';
import { socketLoss } from './tls.ts';

/** The sequence of every hello; the channel's own begin at 1. */
const HELLO_SEQUENCE = -1;
/** Header 13, `2`: the router does not want this client, and trying again is of no use (openziti.md §4). */
const REJECT_CLASS = 13;
const NOT_PERMITTED = 2;

export interface HelloOptions {
  identityId: string;
  sessionToken: string;
  limits: { hello: FrameLimits; frame: FrameLimits };
  signal: AbortSignal;
}

/** What a hello leaves behind: the reader, with the stream at a place that it alone knows, and the frames that came with the answer. */
export interface Greeting {
  routerId: string;
  routerVersion: string;
  supportsBindSuccess: boolean;
  reader: FrameReader;
  early: readonly Frame[];
}

/**
 * Says hello and reads the router's answer; the socket is paused afterwards. Success says that somebody speaks the protocol, no
 * more: the session is checked later, and a bad one ends in a close without a word, at once or seconds later (openziti-wire.md §4).
 * Throws OVERLAY-SIGN-IN (refused for good, or the certificate is), OVERLAY-UNREACHABLE (refused for now, or closed), OVERLAY-PROTOCOL, or
 * the signal's reason. The socket is the caller's to destroy.
 */
export function greet(socket: Duplex, { identityId, sessionToken, limits, signal }: HelloOptions): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const reader = new FrameReader(limits.hello);
    const stop = (): void => {
      socket.pause();
      socket.off('data', onData);
      socket.off('end', onClose);
      socket.off('close', onClose);
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      stop();
      reject(signal.reason);
    };
    const onClose = (): void => {
      stop();
      reject(socketLoss(socket, ' before it answered the hello'));
    };
    const onData = (chunk: Buffer): void => {
      try {
        const frames: Frame[] = [];
        for (const frame of reader.push(chunk)) {
          if (frames.length === 0) demandSuccess(frame);
          reader.limits = limits.frame;
          frames.push(frame);
        }
        const [answer, ...early] = frames;
        if (answer === undefined) return;
        stop();
        resolve({ ...routerOf(answer), reader, early });
      } catch (error) {
        stop();
        reject(error);
      }
    };
    if (socket.destroyed) {
      onClose();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('data', onData);
    socket.on('end', onClose);
    socket.on('close', onClose);
    socket.write(hello(identityId, sessionToken));
    socket.resume();
  });
}

function hello(identityId: string, sessionToken: string): Buffer {
  const headers = [[HEADER.sessionToken, sessionToken]] as const;
  return encodeFrame({ type: CONTENT.hello, headers, body: Buffer.from(identityId) }, HELLO_SEQUENCE);
}

function demandSuccess({ type, headers, body }: Frame): void {
  if (type !== CONTENT.result || i32(headers, HEADER.replyFor) !== HELLO_SEQUENCE) {
    throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: `the router answered the hello with ${contentName(type)}` });
  }
  if (flag(headers, HEADER.resultSuccess)) return;
  const rejectClass = u32(headers, REJECT_CLASS) ?? byte(headers, REJECT_CLASS);
  const detail = `the router refused the hello: ${quotable(body) || 'no reason given'}`;
  throw new VitalmeshError(rejectClass === NOT_PERMITTED ? 'OVERLAY-SIGN-IN' : 'OVERLAY-UNREACHABLE', { detail });
}

function routerOf({ headers }: Frame): Pick<Greeting, 'routerId' | 'routerVersion' | 'supportsBindSuccess'> {
  return {
    routerId: quotable(headers.get(HEADER.id)),
    routerVersion: quotable(headers.get(HEADER.helloVersion)),
    supportsBindSuccess: flag(headers, HEADER.supportsBindSuccess),
  };
}
