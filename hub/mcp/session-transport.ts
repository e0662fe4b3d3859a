import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { HttpRefusal } from './errors.ts';
import { idOf, isObject } from './request.ts';

type Handle = WebStandardStreamableHTTPServerTransport['handleRequest'];
type Send = WebStandardStreamableHTTPServerTransport['send'];

/** The SDK's transport of one session, which takes no second question with an id that is under way: it would answer the one with what the other asked for. */
export class SessionTransport extends WebStandardStreamableHTTPServerTransport {
  /** Ids of questions that are not answered, whether their clients still wait or not. */
  readonly #underWay = new Set<string | number>();

  /** Throws HttpRefusal (MCP-ID). */
  override async handleRequest(...[request, options]: Parameters<Handle>): Promise<Response> {
    const id = questionId(options?.parsedBody);
    if (id === null) return await super.handleRequest(request, options);
    if (this.#underWay.has(id)) throw new HttpRefusal(400, 'MCP-ID', 'a question with this id is under way');
    this.#underWay.add(id);
    const answer = await super.handleRequest(request, options);
    // What is refused here was never asked.
    if (!answer.ok) this.#underWay.delete(id);
    return answer;
  }

  override send(...[message, options]: Parameters<Send>): Promise<void> {
    if (!('method' in message) && message.id !== undefined) this.#underWay.delete(message.id);
    return super.send(message, options);
  }
}

/** The id of an answer is one of the other side's. */
function questionId(body: unknown): string | number | null {
  return isObject(body) && typeof body.method === 'string' ? idOf(body) : null;
}
