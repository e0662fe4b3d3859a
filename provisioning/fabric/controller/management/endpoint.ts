import { Refused } from '../../operations/refused.ts';
import { type Answer, data, refusal } from '../answers.ts';
import type { Endpoint, SessionCall } from '../call.ts';

/** What an endpoint of the management API does for an administrator. */
type Serve = (call: SessionCall) => Answer | Promise<Answer>;

/** An endpoint for administrators; anybody else is as good as not signed in. */
export function admin(serve: Serve): Endpoint {
  return { signedIn: (call) => asAdmin(call, serve) };
}

/** The same for what changes something: that it was done, and by whom, is in the log. */
export function change(serve: Serve): Endpoint {
  return { signedIn: (call) => asAdmin(call, noted(serve)) };
}

/** A change with a JSON body, which may be empty unless `needs` gives it the name that errors call it by. */
export function changeWithBody(needs: string | undefined, serve: Serve): Endpoint {
  return { takes: ['application/json'], ...(needs !== undefined && { needs }), signedIn: (call) => asAdmin(call, noted(serve)) };
}

function noted(serve: Serve): Serve {
  return async (call) => {
    const answer = await serve(call);
    const { parts, session, method, path } = call;
    if (answer.status < 300) parts.log.info({ admin: session.identityId, method, path: path.slice(0, 200) }, 'changed by an administrator');
    return answer;
  };
}

async function asAdmin(call: SessionCall, serve: Serve): Promise<Answer> {
  if (!call.parts.state.directory.identity(call.session.identityId)?.isAdmin) return refusal(401, 'UNAUTHORIZED');
  try {
    return await serve(call);
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown;
    return refusal(thrown.status, thrown.apiCode, thrown.apiCause);
  }
}

/** 201 with the id. */
export function created(path: string, id: string): Answer {
  return data({ _links: { self: { href: `./${path}/${id}` } }, id }, { status: 201 });
}

/** Changes and deletions answer 200 with an empty object, never 204 (openziti-network.md §1.1). */
export function done(): Answer {
  return data({});
}

/** The first open segment of the path. */
export function idOf({ params }: SessionCall): string {
  return params[0] ?? '';
}
