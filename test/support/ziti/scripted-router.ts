import assert from 'node:assert/strict';
import { encodeFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import { byte, type Frame, i32, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, contentName, FLAG, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import type { RawPeer } from '../raw-router.ts';
import { ClientFrames } from './client-frames.ts';
import { ScriptedCrypto } from './scripted-crypto.ts';
import { isFin, type RecordedFrame, type Recording } from './transcript.ts';

/** What one direction of a connection has brought so far and the recording has not asked for yet. */
interface Incoming {
  bytes: Buffer;
  ended: boolean;
}

/** Frames that a recorded client sent and another one need not. */
const OF_ITS_OWN = new Set<number>([CONTENT.latency, CONTENT.ping, CONTENT.heartbeat, CONTENT.updateToken]);

/**
 * Plays the router's part of a recorded channel to a client of ours. What the recorded client sent is awaited from ours, in the recorded
 * order of each kind and connection, and compared by meaning; what the router sent is sent then, with sequences, connection ids and keys put in
 * their place. Bytes of a connection may be cut into frames in another way, and are encrypted anew by libsodium.
 */
export class ScriptedRouter {
  readonly #peer: RawPeer;
  readonly #recording: Recording;
  readonly #client: ClientFrames;
  /** Recorded sequence and connection id of the client, and what ours has in its place. */
  readonly #sequences = new Map<number, number>();
  readonly #connIds = new Map<number, number>();
  /** The client's public keys by the connection that it dials or binds with, and this end of what is encrypted with them. */
  readonly #publicKeys = new Map<number, Buffer>();
  readonly #crypto = new Map<number, ScriptedCrypto>();
  readonly #incoming = new Map<number, Incoming>();
  /** Connection ids that are closed or unbound: another StateClosed for them changes nothing. */
  readonly #closed = new Set<number>();

  constructor(peer: RawPeer, recording: Recording) {
    this.#peer = peer;
    this.#recording = recording;
    this.#client = new ClientFrames(peer);
  }

  /** Plays everything. Throws for what the client does otherwise. */
  async play(): Promise<void> {
    for (const recorded of this.#recording.frames) {
      if (recorded.from === 'client') await this.#expect(recorded);
      else await this.#send(recorded);
    }
    if (this.#recording.closedByRouter) this.#peer.socket.end();
  }

  /** What the client sent beyond the recording, by name, when it has closed the channel. */
  async unrecorded(): Promise<string[]> {
    const frames = await this.#client.rest();
    return frames.filter(({ type, headers }) => !this.#isMoot(type, u32(headers, HEADER.connId))).map(({ type }) => contentName(type));
  }

  async #expect(recorded: RecordedFrame): Promise<void> {
    const { frame } = recorded;
    const connId = this.#connIdOf(frame);
    if (OF_ITS_OWN.has(frame.type) || this.#isMoot(frame.type, connId)) return;
    if (frame.type === CONTENT.data && connId !== undefined) {
      await this.#expectData(recorded, connId);
      return;
    }
    const sent = await this.#take(frame.type, connId);
    this.#sequences.set(frame.sequence, sent.sequence);
    this.#compare(frame, sent);
  }

  #isMoot(type: number, connId: number | undefined): boolean {
    return type === CONTENT.stateClosed && connId !== undefined && this.#closed.has(connId);
  }

  /** As ours has it; undefined when the frame has none, or introduces it. */
  #connIdOf({ type, headers }: Frame): number | undefined {
    const connId = u32(headers, HEADER.connId);
    if (connId === undefined || type === CONTENT.connect || type === CONTENT.bind) return undefined;
    return this.#connIds.get(connId) ?? connId;
  }

  #take(type: number, connId: number | undefined): Promise<Frame> {
    return this.#client.take(
      (frame) => frame.type === type && (connId === undefined || u32(frame.headers, HEADER.connId) === connId),
      `${contentName(type)}${connId === undefined ? '' : ` for connection ${connId}`}`,
    );
  }

  #compare(recorded: Frame, sent: Frame): void {
    const same = (...headers: number[]): void => {
      for (const id of headers) assert.deepEqual(sent.headers.get(id), recorded.headers.get(id), `${contentName(sent.type)}, header ${id}`);
    };
    const sentConnId = u32(sent.headers, HEADER.connId);
    switch (recorded.type) {
      case CONTENT.hello:
        same(HEADER.sessionToken);
        // By hand it was a single letter; routers do not read it.
        if (recorded.body.length > 1) assert.deepEqual(sent.body, recorded.body, "the identity's id");
        return;
      case CONTENT.connect:
      case CONTENT.bind: {
        assert.ok(sentConnId !== undefined && sentConnId < 0x8000_0000, 'the client gives out ids of its own half');
        this.#connIds.set(u32(recorded.headers, HEADER.connId) ?? 0, sentConnId);
        assert.deepEqual(sent.body, recorded.body, 'the token');
        assert.notEqual(byte(sent.headers, HEADER.useXgressToSdk), 1);
        if (recorded.headers.has(HEADER.callerId)) same(HEADER.callerId);
        if (recorded.type === CONTENT.bind)
          same(HEADER.listenerId, HEADER.routerProvidedConnId, HEADER.supportsInspect, HEADER.supportsBindSuccess);
        this.#compareKeys(recorded, sent, sentConnId);
        return;
      }
      case CONTENT.dialSuccess:
        assert.deepEqual(sent.body, recorded.body, 'the connection id that the router gave out');
        same(HEADER.replyFor);
        return;
      case CONTENT.dialFailed:
        same(HEADER.replyFor);
        return;
      case CONTENT.connInspectResponse:
        same(HEADER.replyFor, HEADER.connType);
        return;
      case CONTENT.unbind:
        assert.deepEqual(sent.body, recorded.body, 'the token');
        if (sentConnId !== undefined) this.#closed.add(sentConnId);
        return;
      case CONTENT.stateClosed:
        if (sentConnId !== undefined) this.#closed.add(sentConnId);
        return;
      default:
        assert.fail(`the recorded client sent ${contentName(recorded.type)}, which nothing is known about`);
    }
  }

  #compareKeys(recorded: Frame, sent: Frame, connId: number): void {
    const key = sent.headers.get(HEADER.publicKey);
    assert.equal(key?.length, recorded.headers.get(HEADER.publicKey)?.length, 'a public key');
    if (!key) return;
    assert.equal(byte(sent.headers, HEADER.cryptoMethod) ?? 0, 0, 'libsodium');
    this.#publicKeys.set(connId, key);
  }

  async #expectData({ frame: recorded, plain, isStreamHeader }: RecordedFrame, connId: number): Promise<void> {
    const incoming = this.#incoming.get(connId) ?? { bytes: Buffer.alloc(0), ended: false };
    this.#incoming.set(connId, incoming);
    if (isStreamHeader) {
      assert.equal(this.#read(incoming, connId, await this.#take(CONTENT.data, connId)), 'header', 'the stream header comes first');
      return;
    }
    while (incoming.bytes.length < plain.length) this.#read(incoming, connId, await this.#take(CONTENT.data, connId));
    assert.deepEqual(incoming.bytes.subarray(0, plain.length), plain, `bytes of connection ${connId}`);
    incoming.bytes = incoming.bytes.subarray(plain.length);
    if (!isFin(recorded)) return;
    while (!incoming.ended) this.#read(incoming, connId, await this.#take(CONTENT.data, connId));
    assert.equal(incoming.bytes.length, 0, 'bytes before the end that were not recorded');
  }

  #read(incoming: Incoming, connId: number, sent: Frame): 'header' | 'bytes' {
    assert.ok(!incoming.ended, 'nothing comes behind the end');
    incoming.ended = isFin(sent);
    // Neither grants nor multipart messages, which a recorded peer would not know what to do with.
    assert.equal((u32(sent.headers, HEADER.flags) ?? 0) & ~FLAG.fin, 0, 'flags other than the end');
    const plain = sent.body.length === 0 ? sent.body : this.#openBody(connId, sent.body);
    if (!plain) return 'header';
    incoming.bytes = Buffer.concat([incoming.bytes, plain]);
    return 'bytes';
  }

  #openBody(connId: number, body: Buffer): Buffer | undefined {
    const crypto = this.#crypto.get(connId);
    return crypto ? crypto.open(body) : body;
  }

  async #send(recorded: RecordedFrame): Promise<void> {
    const { frame } = recorded;
    const replyFor = i32(frame.headers, HEADER.replyFor);
    // The answer to something that only the recorded client asked.
    if (replyFor !== undefined && !this.#sequences.has(replyFor)) return;
    const connId = this.#connIdOf(frame);
    const headers = new Map(frame.headers);
    if (replyFor !== undefined) headers.set(HEADER.replyFor, int32(this.#sequences.get(replyFor) ?? 0));
    if (connId !== undefined) headers.set(HEADER.connId, int32(connId));
    const publicKey = this.#agree(frame, connId);
    if (publicKey) headers.set(HEADER.publicKey, publicKey);
    const body = this.#bodyOf(recorded, connId);
    if (frame.type === CONTENT.stateClosed && connId !== undefined) this.#closed.add(connId);
    await this.#peer.send(encodeFrame({ type: frame.type, headers: [...headers], body }, frame.sequence));
  }

  /** Where the router hands on the other end's public key, this end puts its own in its place. */
  #agree({ type, headers }: Frame, connId: number | undefined): Buffer | undefined {
    if (!headers.has(HEADER.publicKey) || connId === undefined) return undefined;
    const peerPublic = this.#publicKeys.get(connId);
    assert.ok(peerPublic, 'the client has shown a key');
    const crypto = new ScriptedCrypto();
    if (type === CONTENT.stateConnected) {
      crypto.agree('server', peerPublic);
      this.#crypto.set(connId, crypto);
    } else {
      crypto.agree('client', peerPublic);
      this.#crypto.set(u32(headers, HEADER.routerProvidedConnId) ?? 0, crypto);
    }
    return Buffer.from(crypto.publicKey);
  }

  #bodyOf({ frame, plain, isStreamHeader }: RecordedFrame, connId: number | undefined): Buffer {
    const crypto = connId === undefined ? undefined : this.#crypto.get(connId);
    if (frame.type !== CONTENT.data || !crypto || frame.body.length === 0) return frame.body;
    return isStreamHeader ? crypto.header() : crypto.seal(plain);
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}
