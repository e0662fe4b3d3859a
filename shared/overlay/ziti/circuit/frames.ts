import type { KeyPair } from '../crypto/contract.ts';
import { allocateFrame, type OutgoingFrame, type OutgoingHeaders } from '../wire/encode.ts';
import { byteValue, type Frame, u32 } from '../wire/frame.ts';
import { CONTENT, FLAG, HEADER } from '../wire/ids.ts';
import { FLOW } from './contract.ts';

const NOTHING = Buffer.alloc(0);
/** The only method there is, as value of header 1009. */
const LIBSODIUM = byteValue(0);

/** Value of header 1010 that grants so many units. */
function grantFlags(units: number): number {
  return ((units << 16) | FLOW.GRANT) >>> 0;
}

/** Units granted by these flags; undefined when they grant nothing. */
export function grantedUnits(flags: number): number | undefined {
  return (flags & FLOW.GRANT) === 0 ? undefined : flags >>> 16;
}

/** What a Connect or a Bind says of encryption: the own public key, or nothing (openziti-wire.md §6, §7). */
export function keyHeaders(keyPair: KeyPair | undefined): OutgoingHeaders {
  if (!keyPair) return [];
  return [
    [HEADER.publicKey, keyPair.publicKey],
    [HEADER.cryptoMethod, LIBSODIUM],
  ];
}

/** A Data frame that carries a grant, a stream header, or both; `units` 0 grants nothing. */
export function controlFrame(connId: number, units: number, streamHeader: Buffer = NOTHING): OutgoingFrame {
  const headers: OutgoingHeaders = [[HEADER.connId, connId], ...(units === 0 ? [] : ([[HEADER.flags, grantFlags(units)]] as const))];
  return { type: CONTENT.data, headers, body: streamHeader };
}

/** A grant of nothing: routers carry it as they do all traffic, and the other end hears that this one lives. */
export function heartbeatFrame(connId: number): OutgoingFrame {
  const headers: OutgoingHeaders = [
    [HEADER.connId, connId],
    [HEADER.flags, grantFlags(0)],
  ];
  return { type: CONTENT.data, headers };
}

export function isHeartbeat({ type, headers, body }: Frame): boolean {
  return type === CONTENT.data && body.length === 0 && u32(headers, HEADER.flags) === FLOW.GRANT;
}

/** A Data frame whose body of `length` bytes is still to be filled. */
export function dataFrame(connId: number, length: number, sequence: number): { buffer: Buffer; bodyOffset: number } {
  return allocateFrame(CONTENT.data, [[HEADER.connId, connId]], length, sequence);
}

/** The end of a direction: empty, and never encrypted (openziti-wire.md §6). */
export function endFrame(connId: number, sequence: number): Buffer {
  const headers: OutgoingHeaders = [
    [HEADER.connId, connId],
    [HEADER.flags, FLAG.fin],
  ];
  return allocateFrame(CONTENT.data, headers, 0, sequence).buffer;
}

export function closeFrame(connId: number): OutgoingFrame {
  return { type: CONTENT.stateClosed, headers: [[HEADER.connId, connId]] };
}

/** What a ConnInspectRequest wants to know; a bind that is not answered for loses its terminator (openziti.md §5). */
export function inspectAnswer(request: Frame, connId: number, connType: number): OutgoingFrame {
  return {
    type: CONTENT.connInspectResponse,
    headers: [
      [HEADER.connId, connId],
      [HEADER.replyFor, request.sequence],
      [HEADER.connType, byteValue(connType)],
    ],
    body: Buffer.from(JSON.stringify({ id: connId, closed: false })),
  };
}
