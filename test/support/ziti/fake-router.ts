import { encodeFrame, type OutgoingFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import { type Frame, type HeaderValue, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { FrameReader } from '../../../shared/overlay/ziti/wire/reader.ts';
import { FakeChannel } from './fake-channel.ts';

interface End {
  channel: FakeChannel;
  connId: number;
  peer?: End;
}

export interface FakeRouterOptions {
  /** Turns of the event loop that the next frame is under way; 0 unless told. Frames to one channel keep their order. */
  delay?: () => number;
  /** Removes the dialer's marker, so that it looks like a foreign one; and its flow control with it. */
  unmarks?: boolean;
  /** Takes the place of 1034 and 1035. */
  dialer?: { id: string; name: string };
}

/** A lossless router with one service: who binds last hosts it. Carries bytes as a real one does (openziti-wire.md §6, §7). */
export class FakeRouter {
  readonly #options: FakeRouterOptions;
  #host: { channel: FakeChannel; connId: number; token: Buffer; key: Buffer | undefined } | undefined;
  readonly #ends = new Map<FakeChannel, Map<number, End>>();
  readonly #dials = new Map<string, { dialer: End; request: Frame }>();
  readonly #lines = new Map<FakeChannel, Promise<void>>();
  #nextConnId = 0x8000_0000;
  #sequence = 0;
  readonly #delivered = new Map<FakeChannel, number>();

  constructor(options: FakeRouterOptions = {}) {
    this.#options = options;
  }

  channel(): FakeChannel {
    const reader = new FrameReader();
    const channel: FakeChannel = new FakeChannel({
      onSent: (bytes) => {
        for (const frame of reader.push(bytes)) this.#take(channel, frame);
      },
      onProbe: (answer) => this.#later(channel, answer),
    });
    this.#ends.set(channel, new Map());
    return channel;
  }

  /** Body bytes of all Data frames handed to the channel so far. */
  deliveredTo(channel: FakeChannel): number {
    return this.#delivered.get(channel) ?? 0;
  }

  #take(channel: FakeChannel, frame: Frame): void {
    const connId = u32(frame.headers, HEADER.connId) ?? 0;
    if (frame.type === CONTENT.bind) this.#bind(channel, connId, frame);
    else if (frame.type === CONTENT.connect) this.#connect({ channel, connId }, frame);
    else if (frame.type === CONTENT.dialSuccess) this.#connected(channel, frame);
    else if (frame.type === CONTENT.dialFailed) this.#refused(channel, frame);
    else if (frame.type === CONTENT.data) this.#relay(channel, connId, frame);
    else if (frame.type === CONTENT.stateClosed) this.#close(channel, connId);
    else if (frame.type === CONTENT.unbind) this.#host = undefined;
  }

  #bind(channel: FakeChannel, connId: number, { sequence, headers, body }: Frame): void {
    this.#host = { channel, connId, token: body, key: headers.get(HEADER.publicKey) };
    this.#send(channel, CONTENT.stateConnected, [
      [HEADER.connId, connId],
      [HEADER.replyFor, sequence],
    ]);
    this.#send(channel, CONTENT.bindSuccess, [[HEADER.connId, connId]]);
  }

  #connect(dialer: End, request: Frame): void {
    const host = this.#host;
    if (!host) {
      this.#answerConnect(dialer, request, CONTENT.stateClosed, [], 'service x has no terminators');
      return;
    }
    const connId = this.#nextConnId;
    this.#nextConnId += 1;
    const end: End = { channel: host.channel, connId, peer: dialer };
    dialer.peer = end;
    this.#ends.get(host.channel)?.set(connId, end);
    this.#ends.get(dialer.channel)?.set(dialer.connId, dialer);
    const copied = [HEADER.publicKey, HEADER.callerId, HEADER.connectionMarker].flatMap((id) => {
      const value = request.headers.get(id);
      const isHidden = this.#options.unmarks && id === HEADER.connectionMarker;
      return value && !isHidden ? [[id, value] as const] : [];
    });
    const { dialer: identity } = this.#options;
    const sequence = this.#send(
      host.channel,
      CONTENT.dial,
      [
        [HEADER.connId, host.connId],
        [HEADER.routerProvidedConnId, connId],
        ...copied,
        ...(identity
          ? ([
              [HEADER.dialerIdentityId, identity.id],
              [HEADER.dialerIdentityName, identity.name],
            ] as const)
          : []),
      ],
      host.token,
    );
    this.#dials.set(`${sequence}`, { dialer, request });
  }

  #connected(channel: FakeChannel, answer: Frame): void {
    const dial = this.#takeDial(answer);
    const key = this.#host?.key;
    if (dial) this.#answerConnect(dial.dialer, dial.request, CONTENT.stateConnected, key ? [[HEADER.publicKey, key]] : []);
    else channel.lose(new Error('an answer to no dial'));
  }

  #refused(channel: FakeChannel, answer: Frame): void {
    const dial = this.#takeDial(answer);
    const reason = `exceeded maximum [2] retries creating circuit [c/1] (error creating route, error: (${answer.body}))`;
    if (dial) this.#answerConnect(dial.dialer, dial.request, CONTENT.stateClosed, [], reason);
    else channel.lose(new Error('an answer to no dial'));
  }

  #takeDial(answer: Frame): { dialer: End; request: Frame } | undefined {
    const key = `${u32(answer.headers, HEADER.replyFor)}`;
    const dial = this.#dials.get(key);
    this.#dials.delete(key);
    return dial;
  }

  #answerConnect(dialer: End, request: Frame, type: number, headers: (readonly [number, HeaderValue])[], body = ''): void {
    const own = [
      [HEADER.connId, dialer.connId],
      [HEADER.replyFor, request.sequence],
    ] as const;
    this.#send(dialer.channel, type, [...own, ...headers], Buffer.from(body));
  }

  #relay(channel: FakeChannel, connId: number, { headers, body }: Frame): void {
    const peer = this.#ends.get(channel)?.get(connId)?.peer;
    if (!peer) return;
    const flags = headers.get(HEADER.flags);
    this.#send(peer.channel, CONTENT.data, [[HEADER.connId, peer.connId], ...(flags ? ([[HEADER.flags, flags]] as const) : [])], body);
  }

  #close(channel: FakeChannel, connId: number): void {
    const ends = this.#ends.get(channel);
    const peer = ends?.get(connId)?.peer;
    ends?.delete(connId);
    if (!peer || !this.#ends.get(peer.channel)?.delete(peer.connId)) return;
    this.#send(peer.channel, CONTENT.stateClosed, [[HEADER.connId, peer.connId]], Buffer.from('close called'));
  }

  #send(channel: FakeChannel, type: number, headers: OutgoingFrame['headers'], body: Buffer = Buffer.alloc(0)): number {
    this.#sequence += 1;
    const bytes = encodeFrame({ type, headers, body }, this.#sequence);
    this.#later(channel, () => {
      if (type === CONTENT.data) this.#delivered.set(channel, (this.#delivered.get(channel) ?? 0) + body.length);
      channel.receive(bytes);
    });
    return this.#sequence;
  }

  /** Behind all that is under way to this channel. */
  #later(channel: FakeChannel, act: () => void): void {
    const line = this.#lines.get(channel) ?? Promise.resolve();
    const turns = this.#options.delay?.() ?? 0;
    this.#lines.set(
      channel,
      line.then(async () => {
        for (let i = 0; i <= turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
        act();
      }),
    );
  }
}
