import type { OutgoingFrame } from '../wire/encode.ts';
import { byteValue, type Frame, u32 } from '../wire/frame.ts';
import { CONN_TYPE, CONTENT, HEADER } from '../wire/ids.ts';

/** Headers that come back in the answer whatever they hold (openziti.md §4). */
const REFLECTED = { first: 128, last: 255 };

/** The answer that a channel itself owes to a frame nobody is registered for; undefined when none is due. */
export function answerTo(frame: Frame): OutgoingFrame | undefined {
  switch (frame.type) {
    case CONTENT.latency:
    case CONTENT.ping:
      return alive(frame);
    case CONTENT.dial:
      return unknownDial(frame);
    case CONTENT.connInspectRequest:
      return unknownInspected(frame);
    default:
      return undefined;
  }
}

function alive({ sequence, headers }: Frame): OutgoingFrame {
  const reflected = [...headers].filter(([id]) => id >= REFLECTED.first && id <= REFLECTED.last);
  return { type: CONTENT.result, headers: [[HEADER.replyFor, sequence], [HEADER.resultSuccess, true], ...reflected] };
}

/** A dial for a bind that has just ended: without an answer the dialer would wait for its time limit (openziti-wire.md §0.6). */
function unknownDial({ sequence, headers }: Frame): OutgoingFrame | undefined {
  const connId = u32(headers, HEADER.connId);
  if (connId === undefined) return undefined;
  return {
    type: CONTENT.dialFailed,
    headers: [
      [HEADER.connId, connId],
      [HEADER.replyFor, sequence],
    ],
    body: Buffer.from('the service is no longer hosted here'),
  };
}

function unknownInspected({ sequence, headers }: Frame): OutgoingFrame | undefined {
  const connId = u32(headers, HEADER.connId);
  if (connId === undefined) return undefined;
  return {
    type: CONTENT.connInspectResponse,
    headers: [
      [HEADER.connId, connId],
      [HEADER.replyFor, sequence],
      [HEADER.connType, byteValue(CONN_TYPE.invalid)],
    ],
    body: Buffer.from('{"closed":true}'),
  };
}
