import type { Grants } from '../contract.ts';
import { BIND_ACCESS_LOST, BIND_SESSION_ENDED, CLOSE_CALLED } from './answers.ts';
import { HostBind } from './bind.ts';
import type { RouterChannel } from './channel.ts';
import type { Circuit } from './circuit.ts';
import type { Terminators } from './terminators.ts';

const DIAL_ACCESS_LOST = 'dial access lost';

/**
 * Ends what is no longer granted: channels whose session or identity is gone, binds and circuits whose policy, service or session
 * is. Each party reads what the real router tells it (openziti-network.md §4).
 */
export function enforce(grants: Grants, channels: ReadonlySet<RouterChannel>, terminators: Terminators): void {
  const rights = rightsOf(grants);
  for (const channel of [...channels]) {
    const session = grants.apiSessionById(channel.session.id);
    if (!session) {
      channel.stream.destroy();
      continue;
    }
    channel.session = session;
    for (const sink of [...channel.sinks.values()]) if (sink instanceof HostBind) enforceBind(sink, rights);
  }
  for (const circuit of [...terminators.circuits]) {
    if (channels.has(circuit.host.channel) && !mayHost(circuit, rights)) circuit.cut(textForDialer(circuit, rights), BIND_ACCESS_LOST.text);
    else if (channels.has(circuit.dialer.channel)) enforceDial(circuit, rights);
  }
}

interface Rights {
  allows: Grants['allows'];
  sessionExists: (id: string | undefined) => boolean;
}

/** Many circuits share an identity and a service; each is asked for once. */
function rightsOf(grants: Grants): Rights {
  const [allowed, sessions] = [new Map<string, boolean>(), new Map<string, boolean>()];
  return {
    allows: (...asked) => remembered(allowed, asked.join('\0'), () => grants.service(asked[1]) !== undefined && grants.allows(...asked)),
    sessionExists: (id) => id === undefined || remembered(sessions, id, () => grants.sessionExists(id)),
  };
}

function remembered(known: Map<string, boolean>, key: string, ask: () => boolean): boolean {
  const answer = known.get(key) ?? ask();
  known.set(key, answer);
  return answer;
}

function enforceBind(bind: HostBind, rights: Rights): void {
  if (!rights.allows(bind.identityId, bind.serviceId, 'Bind')) bind.end(BIND_ACCESS_LOST);
  else if (!rights.sessionExists(bind.sessionId)) bind.end(BIND_SESSION_ENDED);
}

/** By the right of the host, whether or not the bind that took the circuit is still there: a newer one may stand in its place. */
function mayHost({ terminator, serviceId }: Circuit, rights: Rights): boolean {
  return rights.allows(terminator.identityId, serviceId, 'Bind');
}

/** What the dialer reads when its host may host no more; with OIDC its own right comes first, as it goes with a deleted service. */
function textForDialer({ dialer, serviceId }: Circuit, rights: Rights): string {
  const { kind, identityId } = dialer.channel.session;
  return kind === 'oidc' && !rights.allows(identityId, serviceId, 'Dial') ? DIAL_ACCESS_LOST : CLOSE_CALLED;
}

function enforceDial(circuit: Circuit, rights: Rights): void {
  const { identityId } = circuit.dialer.channel.session;
  if (!rights.allows(identityId, circuit.serviceId, 'Dial')) circuit.cut(DIAL_ACCESS_LOST, CLOSE_CALLED);
  else if (!rights.sessionExists(circuit.sessionId)) circuit.cut('session closed', CLOSE_CALLED);
}
