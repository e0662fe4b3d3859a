import { type Frame, i32, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { FOREIGN_API_SESSION, REFUSED, stateClosed, UNKNOWN_TOKEN } from './answers.ts';
import { HostBind } from './bind.ts';
import type { RouterChannel } from './channel.ts';
import { type DialContext, Dialing } from './dial.ts';

/** Serves one frame of a client past its hello. What is not known is ignored, as the real router does (openziti-wire.md §5). */
export function serveFrame(channel: RouterChannel, frame: Frame, context: DialContext): void {
  const connId = u32(frame.headers, HEADER.connId);
  switch (frame.type) {
    case CONTENT.data:
      if (connId !== undefined) channel.sinks.get(connId)?.data(frame);
      return;
    case CONTENT.stateClosed:
      if (connId !== undefined) channel.sinks.get(connId)?.stateClosed();
      return;
    case CONTENT.ping:
    case CONTENT.latency:
      channel.reply(frame.sequence, { type: CONTENT.result, headers: [[HEADER.resultSuccess, true], ...reflected(frame)] });
      return;
    case CONTENT.connect:
      connect(channel, frame, connId, context);
      return;
    case CONTENT.bind:
      bind(channel, frame, connId, context);
      return;
    case CONTENT.dialSuccess:
    case CONTENT.dialFailed:
      channel.answered(frame, i32(frame.headers, HEADER.replyFor));
      return;
    case CONTENT.unbind:
      unbind(channel, frame, connId, context);
      return;
    case CONTENT.updateBind:
      boundAt(channel, connId)?.update(frame);
      return;
    case CONTENT.updateToken:
      updateToken(channel, frame, context);
      return;
  }
}

function connect(channel: RouterChannel, request: Frame, connId: number | undefined, context: DialContext): void {
  const { grants } = context;
  const fault = connIdFault(channel, connId);
  if (connId === undefined || fault) {
    channel.refuse(request, fault ?? REFUSED.noConnId);
    return;
  }
  const opened = grants.openSession(request.body.toString('latin1'), channel.session.id, 'Dial');
  if ('refusal' in opened) {
    if (opened.unsolicited !== undefined) channel.send(stateClosed(connId, opened.unsolicited));
    channel.refuse(request, opened.refusal);
    return;
  }
  if (!grants.allows(channel.session.identityId, opened.service.id, 'Dial')) channel.refuse(request, REFUSED.noPolicies);
  else if (opened.service.encryptionRequired && !request.headers.get(HEADER.publicKey)?.length)
    channel.refuse(request, REFUSED.noPublicKey);
  else new Dialing(channel, request, connId, opened, context);
}

function bind(channel: RouterChannel, request: Frame, connId: number | undefined, context: DialContext): void {
  const { grants, terminators, routerId } = context;
  const fault = connIdFault(channel, connId);
  if (fault) {
    channel.refuse(request, fault);
    return;
  }
  const opened = grants.openSession(request.body.toString('latin1'), channel.session.id, 'Bind');
  if ('refusal' in opened) channel.refuse(request, opened.refusal);
  else if (!grants.allows(channel.session.identityId, opened.service.id, 'Bind')) channel.refuse(request, REFUSED.noPolicies);
  else if (terminators.boundBy(channel.session.identityId) >= channel.limits.binds) channel.refuse(request, REFUSED.tooManyBinds);
  else new HostBind(channel, request, { ...opened, routerId }, context);
}

function unbind(channel: RouterChannel, request: Frame, connId: number | undefined, { grants }: DialContext): void {
  const bound = boundAt(channel, connId);
  if (bound) {
    bound.unbind();
    return;
  }
  const opened = grants.openSession(request.body.toString('latin1'), channel.session.id, 'Bind');
  if ('refusal' in opened) channel.refuse(request, opened.refusal);
}

/** A channel shows a new token of its own session; another session needs another channel (openziti-wire.md §0.4). */
function updateToken(channel: RouterChannel, request: Frame, { grants }: DialContext): void {
  const session = grants.apiSession(request.body.toString('latin1'));
  if (typeof session === 'object' && session.id === channel.session.id) {
    channel.renew(session);
    channel.reply(request.sequence, { type: CONTENT.updateTokenSuccess, headers: [] });
    return;
  }
  const { text, message, code, retryHint } = session === undefined ? UNKNOWN_TOKEN : FOREIGN_API_SESSION;
  channel.reply(request.sequence, {
    type: CONTENT.updateTokenFailure,
    headers: [
      [HEADER.errorCode, code],
      [HEADER.structuredError, JSON.stringify({ message, code, cause: null, retryHint })],
    ],
    body: Buffer.from(text),
  });
  channel.stream.close();
}

function connIdFault(channel: RouterChannel, connId: number | undefined): string | undefined {
  if (connId === undefined) return REFUSED.noConnId;
  if (channel.sinks.has(connId)) return REFUSED.connIdInUse(connId);
  if (channel.sinks.size >= channel.limits.connections) return REFUSED.tooManyConnections;
  return undefined;
}

function boundAt(channel: RouterChannel, connId: number | undefined): HostBind | undefined {
  const sink = connId === undefined ? undefined : channel.sinks.get(connId);
  return sink instanceof HostBind ? sink : undefined;
}

/** Headers 128 to 255 of a request come back with its answer. */
function reflected({ headers }: Frame): [number, Buffer][] {
  return [...headers].filter(([id]) => id >= HEADER.reflected && id <= 255);
}
