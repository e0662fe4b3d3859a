import { ERRORS, VitalmeshError } from '../../shared/errors.ts';
import { isObject, lineMessage } from '../../shared/mcp-line/messages.ts';

/** A line for the client, or for the hub, without its end. */
type Line = string;

/** By what a notification of 2026-07-28 says of which stream it is. */
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
/** Ids of questions that the bridge asks itself; no client's begins like this. */
const OWN = 'vitalmesh-bridge-';
/** As the hub says what it refuses; which it is stands in `data.code`. */
const REFUSED = -32010;
/** As the hub says MCP-ID. */
const INVALID_REQUEST = -32600;
const LOST = {
  code: REFUSED,
  message: ERRORS['OVERLAY-CLOSED'].message,
  data: { code: 'OVERLAY-CLOSED', advice: 'Ask again: the bridge connects by itself.', retryable: true },
};

/** Subscriptions that the bridge asks for again at the same time: the hub has 64 places for questions, and the client's need some. */
const MOST_OWN = 16;

/** As JSON-RPC has it. */
type RpcError = Readonly<Record<string, unknown>>;

interface Asked {
  method: string;
  uri: string | undefined;
  /** Of `initialize`, which is said again. */
  opening: Line | undefined;
}

/** A stream of 2026-07-28. */
interface Listening {
  line: Line;
  /** The client has heard that it is open: of what the hub confirms after that it hears nothing. */
  isConfirmed: boolean;
}

/**
 * What a bridge must know of the conversation between one client and the hub to take it up again on a new connection, so that the client notices no more than a pause. Of 2025-11-25 it repeats how the
 * session was opened and what was subscribed to; of 2026-07-28 the subscriptions that are open. Questions that were under way are answered with an error that says to ask again, for nobody
 * knows whether the hub has heard them; all of them only read. An id that is under way is refused here: what the hub says of an id then is said of one question. Pure: it is told lines, and says what to do with them.
 */
export class Conversation {
  /** Of 2025-11-25: how the client opened it, once the hub has agreed. */
  #initialize: Line | undefined;
  #initialized: Line | undefined;
  /** Of 2025-11-25: what the hub has taken subscriptions of. */
  readonly #subscribed = new Set<string>();
  /** Questions of the client that the hub has not answered, with what they ask. */
  readonly #asked = new Map<string | number, Asked>();
  /** Of 2026-07-28: the streams that are open, by the question that opened them. */
  readonly #listening = new Map<string | number, Listening>();
  #ownIds = 0;
  /** What the bridge has asked itself: the resource that it follows again; undefined of the opening. */
  readonly #own = new Map<string, string | undefined>();
  /** What is followed and was not asked for again on this connection yet. */
  #toFollow: string[] = [];
  /** What the hub answered when it was asked to open the session again, or to go on with what was followed later than now, if that was an error. */
  #refused: RpcError | undefined;

  /**
   * A line of the client, which goes to the hub as it is; what is no message is for the hub to refuse, in its own words. Where the client is told something (MCP-ID: a question with this id is under way), the line
   * does not go to the hub.
   */
  fromClient(line: Line): Line | undefined {
    const message = lineMessage(parsed(line));
    if (!message) return undefined;
    const { method, id, params } = message;
    if (method !== undefined && id !== undefined && this.#isUnderWay(id)) return answer(id, idError());
    if (method === 'notifications/initialized') this.#initialized = line;
    else if (method === 'notifications/cancelled') this.#forget(params.requestId);
    if (method === undefined || id === undefined) return undefined;
    const uri = typeof params.uri === 'string' ? params.uri : undefined;
    if (method === 'subscriptions/listen') this.#listening.set(id, { line, isConfirmed: false });
    else this.#asked.set(id, { method, uri, opening: method === 'initialize' ? line : undefined });
    return undefined;
  }

  /** A line of the hub: what the client is told of it, if anything. */
  fromHub(line: Line): Line | undefined {
    const parsedLine = parsed(line);
    const message = lineMessage(parsedLine);
    if (!message) return undefined;
    const { id, isAnswer } = message;
    if (!isAnswer || id === undefined) return this.#isConfirmedAgain(parsedLine) ? undefined : line;
    if (typeof id === 'string' && this.#own.has(id)) return this.#ofOwn(id, parsedLine);
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    this.#listening.delete(id);
    if (asked && isObject(parsedLine) && 'result' in parsedLine) this.#agreed(asked);
    return line;
  }

  /** The connection is gone, or with `why` the conversation is over: what the client is told of what it waits for. */
  lost(why?: VitalmeshError): Line[] {
    const error = why ? errorOf(why) : (this.#refused ?? LOST);
    this.#own.clear();
    this.#toFollow = [];
    this.#refused = undefined;
    // An opening is said again on the next connection, unless there has been one that the hub agreed to.
    const isKept = ({ opening }: Asked): boolean => why === undefined && opening !== undefined && this.#initialize === undefined;
    const unanswered = [...this.#asked].filter(([, asked]) => !isKept(asked));
    for (const [id] of unanswered) this.#asked.delete(id);
    return unanswered.map(([id]) => answer(id, error));
  }

  /** A new connection: what the hub is told before anything else. An opening that the hub has not answered yet is simply said again. */
  again(): Line[] {
    const asked = [...this.#asked.values()].flatMap(({ opening }) => opening ?? []);
    const opening = this.#initialize === undefined ? asked : [this.#asOwn(this.#initialize)];
    const confirmed = this.#initialized === undefined ? [] : [this.#initialized];
    const listening = [...this.#listening.values()].map(({ line }) => line);
    this.#toFollow = [...this.#subscribed];
    return [...opening, ...confirmed, ...this.more(), ...listening];
  }

  /** What the hub is asked next of what was followed: as many as have room, so that none of them is refused for coming with all the others. */
  more(): Line[] {
    const lines: Line[] = [];
    while (this.#own.size < MOST_OWN && this.#toFollow.length > 0) {
      const uri = this.#toFollow.shift() ?? '';
      if (!this.#subscribed.has(uri)) continue;
      lines.push(this.#asOwn(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'resources/subscribe', params: { uri } }), uri));
    }
    return lines;
  }

  /**
   * The hub has been away for too long for silence to pass for calm: what the client is told. It is sent to read all that it follows, and hears why it cannot; a stream that it was never told of is refused.
   */
  silent(why: VitalmeshError): Line[] {
    const unopened = [...this.#listening].filter(([, { isConfirmed }]) => !isConfirmed).map(([id]) => id);
    for (const id of unopened) this.#listening.delete(id);
    const ofSession = [...this.#subscribed].map((uri) => updated({ uri }));
    const ofStreams = [...this.#listening].flatMap(([id, { line }]) =>
      listenedTo(line).map((uri) => updated({ uri, _meta: { [SUBSCRIPTION_ID]: id } })),
    );
    return [...unopened.map((id) => answer(id, errorOf(why))), ...ofSession, ...ofStreams];
  }

  /** Questions of the client that are not answered; open subscriptions are none. */
  get unanswered(): number {
    return this.#asked.size;
  }

  /** Code of the error with which the hub refused to take the session up again on this connection, which then is good for nothing. */
  get refused(): unknown {
    if (!this.#refused) return undefined;
    return isObject(this.#refused.data) ? this.#refused.data.code : this.#refused.code;
  }

  /** What the client is told of a line that could not be passed on; undefined where it asks nothing. */
  static unreached(line: Line, error: VitalmeshError): Line | undefined {
    const { id, isAnswer } = lineMessage(parsed(line)) ?? {};
    return id === undefined || isAnswer ? undefined : answer(id, errorOf(error));
  }

  /** The same of a line that is no good; under no id where none can be read. */
  static refused(line: Line, error: VitalmeshError): Line | undefined {
    const message = lineMessage(parsed(line));
    return message ? Conversation.unreached(line, error) : answer(null, errorOf(error));
  }

  #isUnderWay(id: string | number): boolean {
    return this.#asked.has(id) || this.#listening.has(id) || (typeof id === 'string' && this.#own.has(id));
  }

  /** What the hub has agreed to, and is asked again on another connection. */
  #agreed({ method, uri, opening }: Asked): void {
    if (opening !== undefined) this.#initialize = opening;
    if (uri === undefined) return;
    if (method === 'resources/subscribe') this.#subscribed.add(uri);
    if (method === 'resources/unsubscribe') this.#subscribed.delete(uri);
  }

  /** The answer to what the bridge asked. Whoever followed what it may not follow any more is sent to read it, and hears why. */
  #ofOwn(id: string, message: unknown): Line | undefined {
    const uri = this.#own.get(id);
    this.#own.delete(id);
    if (!isObject(message) || !isObject(message.error)) return undefined;
    // What may be asked again later is followed still: its reader could read it, and would take the silence for calm.
    if (uri === undefined || isRetryable(message.error)) {
      this.#refused = message.error;
      return undefined;
    }
    this.#subscribed.delete(uri);
    return updated({ uri });
  }

  #asOwn(line: Line, uri?: string): Line {
    this.#ownIds += 1;
    const id = `${OWN}${this.#ownIds}`;
    this.#own.set(id, uri);
    return JSON.stringify({ ...(JSON.parse(line) as object), id });
  }

  #forget(id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return;
    this.#asked.delete(id);
    this.#listening.delete(id);
  }

  /** The confirmation of a stream that the client has had already: of one that was opened again. */
  #isConfirmedAgain(message: unknown): boolean {
    if (!isObject(message) || message.method !== 'notifications/subscriptions/acknowledged') return false;
    const params = isObject(message.params) ? message.params : {};
    const meta = isObject(params._meta) ? params._meta : {};
    const id = meta[SUBSCRIPTION_ID];
    const listening = typeof id === 'string' || typeof id === 'number' ? this.#listening.get(id) : undefined;
    if (!listening) return false;
    const { isConfirmed } = listening;
    listening.isConfirmed = true;
    return isConfirmed;
  }
}

function answer(id: string | number | null, error: RpcError): Line {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

function updated(params: Readonly<Record<string, unknown>>): Line {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params });
}

/** What a `subscriptions/listen` asks to be told of. */
function listenedTo(line: Line): string[] {
  const notifications = lineMessage(parsed(line))?.params.notifications;
  const uris = isObject(notifications) ? notifications.resourceSubscriptions : undefined;
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : [];
}

function errorOf({ code, message, advice, retryable }: VitalmeshError): RpcError {
  return { code: REFUSED, message, data: { code, advice, retryable } };
}

function isRetryable({ data }: RpcError): boolean {
  return isObject(data) && data.retryable === true;
}

function idError(): RpcError {
  return { ...errorOf(new VitalmeshError('MCP-ID', { detail: 'a question with this id is under way' })), code: INVALID_REQUEST };
}

function parsed(line: Line): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
