import { asVitalmeshError, VitalmeshError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { limited } from '../limit.ts';
import type { RouterStatus } from '../router-status.ts';
import type { ApiSession, Controller, EdgeRouter } from './controller/contract.ts';
import { type BackoffTimes, Pace } from './pace.ts';
import type { Route } from './route.ts';
import { RouterHistories } from './router-history.ts';
import { type OpenRouterChannel, RouterLink } from './router-link.ts';
import { firstAborted, idle, orAborted } from './waits.ts';

export interface RoutersOptions {
  controller: Pick<Controller, 'signIn' | 'edgeRouters'>;
  openChannel: OpenRouterChannel;
  log: Logger;
  requestTimeoutMs: number;
  backoff: BackoffTimes;
  /** Routers to which a channel is kept, of those that the identity may use. */
  maxRouters: number;
  /** How often the list of routers is read again while all is well, with jitter. */
  refreshEveryMs: number;
  /** A channel has opened; what this returns is waited for before the link counts as made. */
  onOpened: (opened: Route) => Promise<void>;
  /** A channel has ended; `channels` no longer holds it. */
  onClosed: () => void;
  /** Another channel has taken the place of this one. What this returns is waited for before it may end. */
  onReplaced?: (replaced: Route) => Promise<void>;
  /** Runs whenever the list of routers was read because it was time. Must not reject. */
  onRefresh: () => Promise<void>;
}

/** The edge routers that an identity may use, and the channels kept to some of them until `dispose`. */
export class Routers {
  /** Resolves when everything was tried once: the controller, and the routers that it named. */
  readonly firstAttempt: Promise<void>;
  readonly #options: RoutersOptions;
  readonly #closed = new AbortController();
  readonly #links = new Map<string, RouterLink>();
  readonly #histories: RouterHistories;
  /** For the reading of the list, whoever wants it. */
  readonly #pace: Pace;
  /** All that are open, in the order in which they opened, also those that are retired and still carry something. */
  readonly #open = new Set<Route>();
  readonly #stopping = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  #listing: Promise<void> | undefined;
  /** Of the next channel that opens or ends. */
  #change = Promise.withResolvers<void>();
  /** The API session as it came with its latest token. */
  #latest: ApiSession | undefined;
  /** Aborted when the last link is gone, or when it begins or ends that a router is missed: the list is due at another time. */
  #shifted = new AbortController();
  /** Fewer links than wanted, while a router is offline that would do. */
  #misses = false;
  /** How long from now the list is looked at again for a router that is missed. */
  #lookAgainMs: number;
  /** What an operator was told last and what still is so. */
  #warned: string | undefined;
  /** The controller's last word, when that was a refusal of this identity, or to serve now. */
  #refusal: VitalmeshError | undefined;

  constructor(options: RoutersOptions) {
    this.#options = options;
    this.#histories = new RouterHistories(options.backoff);
    this.#pace = new Pace(options.backoff);
    this.#lookAgainMs = options.backoff.minMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstAttempt = promise;
    this.#running = this.#run(resolve);
  }

  /**
   * Why nothing can go out when there is no channel: OVERLAY-SIGN-IN when the controller refuses this identity, OVERLAY-BUSY when it says that
   * it cannot serve now, else OVERLAY-UNREACHABLE.
   */
  get absence(): VitalmeshError {
    return this.#refusal ?? new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'no channel to an edge router' });
  }

  /** The routers to which a channel is kept or tried, by name. */
  get statuses(): RouterStatus[] {
    return [...this.#links.values()].map(({ status }) => status).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The channels over which something new may go. */
  get channels(): Route[] {
    return [...this.#open].filter((route) => route.usable);
  }

  /** The least busy channel to one of these routers that there is no reason against; one of second choice only when there is no other. */
  choose(routers: readonly EdgeRouter[], reasonAgainst: (route: Route) => unknown = () => undefined): Route | undefined {
    const names = new Set(routers.map(({ name }) => name));
    return this.channels
      .filter((route) => names.has(route.router.name) && reasonAgainst(route) === undefined)
      .sort(
        (a, b) => Number(a.isSecondChoice) - Number(b.isSecondChoice) || a.channel.bytesQueued - b.channel.bytesQueued || a.load - b.load,
      )[0];
  }

  /**
   * As `choose`; when no channel goes to any of these routers and none is being made, makes one to the first of them, and while all are of
   * an old API session, whose routers take nothing of the present one, waits for the next. Throws the reason against them when there is one
   * against each, OVERLAY-UNREACHABLE when there is none to be had now. The dial counts as under way until `dialling` is disposed, so that those of one moment are spread too.
   */
  async reach(
    routers: readonly EdgeRouter[],
    signal: AbortSignal,
    reasonAgainst: (route: Route) => VitalmeshError | undefined,
  ): Promise<{ route: Route; dialling: Disposable }> {
    const [first] = routers;
    const tried = routers.some((router) => this.#links.has(keyOf(router)));
    if (first && !tried && !this.#closed.signal.aborted) await orAborted(this.#link(first).firstAttempt, signal);
    for (;;) {
      const route = this.choose(routers, reasonAgainst);
      if (!route) throw this.#reasonAgainstAll(routers, reasonAgainst);
      if (!route.isOutdated) return { route, dialling: route.dialling() };
      await orAborted(this.#change.promise, signal);
    }
  }

  #reasonAgainstAll(routers: readonly EdgeRouter[], reasonAgainst: (route: Route) => VitalmeshError | undefined): VitalmeshError {
    const first = this.choose(routers);
    const reason = first && reasonAgainst(first);
    return reason ?? new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'no channel to an edge router of the service' });
  }

  /** There is a new API session: channels of it take the place of those of the old one. */
  renew(): void {
    for (const link of this.#links.values()) link.renew();
  }

  /** The present API session has got another token: its channels, also those that only end what they carry, are shown it. */
  renewToken(session: ApiSession): void {
    this.#latest = session;
    for (const route of this.#open) void this.#showToken(route, session);
  }

  /** Resolves when no channel of this session is open. */
  async withoutSession(sessionId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const open = [...this.#open].find(({ session, channel }) => session.id === sessionId && !channel.closed.aborted);
      if (!open || signal.aborted) return;
      await firstAborted(open.channel.closed, signal);
    }
  }

  /**
   * Ends all channels. What was written before, closes of circuits among it, has been read by the routers then, unless one does not
   * answer within `flushMs`.
   */
  async dispose(flushMs: number): Promise<void> {
    this.#closed.abort();
    const flushed = AbortSignal.timeout(flushMs);
    await Promise.all([...this.#open].map(({ channel }) => channel.probe(flushed).catch(() => undefined)));
    for (const link of this.#links.values()) this.#drop(link);
    await Promise.all([...this.#open].map(({ channel }) => channel[Symbol.asyncDispose]()));
    await Promise.all([this.#running, ...this.#stopping]);
  }

  async #run(firstAttemptDone: () => void): Promise<void> {
    const { onRefresh } = this.#options;
    while (!this.#closed.signal.aborted) {
      await this.#refresh();
      const links = [...this.#links.values()];
      void Promise.all(links.map((link) => link.firstAttempt)).then(firstAttemptDone);
      if (links.length === 0) continue;
      await this.#due();
      if (!this.#closed.signal.aborted && this.#links.size > 0) await onRefresh();
    }
    firstAttemptDone();
  }

  /** Resolves when the list is to be read again: at once when no link is left, sooner than usual while a router is missed. */
  async #due(): Promise<void> {
    do {
      this.#shifted = new AbortController();
      await idle(this.#idleMs() * (0.75 + Math.random() / 2), this.#closed.signal, this.#shifted.signal);
    } while (this.#shifted.signal.aborted && this.#links.size > 0 && !this.#closed.signal.aborted);
  }

  /** A router that is missed is looked for less and less often, so that it is found within about as long as it was away. */
  #idleMs(): number {
    const { refreshEveryMs } = this.#options;
    if (!this.#misses) return refreshEveryMs;
    const idleMs = Math.min(this.#lookAgainMs, refreshEveryMs);
    this.#lookAgainMs = idleMs * 2;
    return idleMs;
  }

  /** Reads the list of routers, at the pace of the back-off, and keeps links to those that are wanted. Whoever asks meanwhile shares the answer. */
  #refresh(): Promise<void> {
    this.#listing ??= this.#listAtPace().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #listAtPace(): Promise<void> {
    if (this.#pace.wasLeftAlone) this.#pace.reset();
    await this.#pace.rested(this.#closed.signal);
    if (this.#closed.signal.aborted) return;
    await this.#list();
    this.#pace.spend();
  }

  /** Failures are logged, once in a row. */
  async #list(): Promise<void> {
    const { controller, requestTimeoutMs } = this.#options;
    try {
      const routers = await limited({ timeoutMs: requestTimeoutMs }, this.#closed.signal, (signal) => controller.edgeRouters(signal));
      this.#refusal = undefined;
      this.#select(routers);
      if (this.#links.size > 0) this.#warned = undefined;
      else this.#warn('none', { listed: routers.length }, 'no edge router is online for this identity');
    } catch (err) {
      const error = asVitalmeshError(err);
      this.#refusal = error.code === 'OVERLAY-SIGN-IN' || error.code === 'OVERLAY-BUSY' ? error : undefined;
      if (!this.#closed.signal.aborted) this.#warn(error.code, { err: error }, 'the edge routers cannot be asked for');
    }
  }

  /** An operator is told once; the attempts go on for as long as it lasts. */
  #warn(kind: string, fields: object, message: string): void {
    this.#options.log[this.#warned === kind ? 'debug' : 'warn'](fields, message);
    this.#warned = kind;
  }

  /** Links that hold a channel stay as long as their router is listed. Beside them others are kept up to the number wanted. */
  #select(routers: readonly EdgeRouter[]): void {
    const listed = new Map(routers.map((router) => [keyOf(router), router]));
    const kept = new Set<string>();
    for (const [key, link] of this.#links) if (link.connected && listed.has(key)) kept.add(key);
    // Those under way, then those that did not fail, then those whose failure is longest ago, so that each gets its turn.
    const rank = ([key]: [string, EdgeRouter]): number => this.#histories.failedAt(key) || (this.#links.has(key) ? -2 : -1);
    for (const [key, router] of shuffled([...listed]).sort((a, b) => rank(a) - rank(b))) {
      if (kept.size >= this.#options.maxRouters) break;
      if (router.online) kept.add(key);
    }
    for (const [key, link] of this.#links) if (!kept.has(key)) this.#drop(link);
    for (const key of kept) {
      const router = listed.get(key);
      if (router) this.#link(router);
    }
    const misses = this.#links.size < this.#options.maxRouters && routers.some((router) => !router.online && !kept.has(keyOf(router)));
    if (!misses) this.#lookAgainMs = this.#options.backoff.minMs;
    if (this.#links.size === 0 || misses !== this.#misses) this.#shifted.abort();
    this.#misses = misses;
  }

  #link(router: EdgeRouter): RouterLink {
    const { onOpened, onClosed } = this.#options;
    const existing = this.#links.get(keyOf(router));
    if (existing) return existing;
    const link = new RouterLink({
      ...this.#options,
      router,
      history: this.#histories.for(keyOf(router)),
      onOpened: (opened) => {
        this.#open.add(opened);
        this.#tellChange();
        // Its hello may have been under way with the token of before.
        if (this.#latest) void this.#showToken(opened, this.#latest);
        return onOpened(opened);
      },
      onClosed: (closed) => {
        this.#open.delete(closed);
        this.#tellChange();
        onClosed();
      },
      onFailure: () => this.#refresh(),
    });
    this.#links.set(keyOf(router), link);
    return link;
  }

  /** A router that does not take the token cuts the channel, one that does not answer will when the token it knows has run out. */
  async #showToken(route: Route, session: ApiSession): Promise<void> {
    const { requestTimeoutMs, log } = this.#options;
    try {
      await limited({ timeoutMs: requestTimeoutMs }, this.#closed.signal, (signal) => route.showToken(session, signal));
    } catch (err) {
      if (this.#closed.signal.aborted || route.retired.aborted) return;
      log.warn(
        { err: asVitalmeshError(err), router: route.router.name },
        'a new token was not taken; another channel takes the place of this one',
      );
      this.#links.get(keyOf(route.router))?.renew();
    }
  }

  #tellChange(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #drop(link: RouterLink): void {
    this.#links.delete(keyOf(link.router));
    const stopping = link.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }
}

function keyOf({ name, host, port }: EdgeRouter): string {
  return `${name} ${host} ${port}`;
}

/** A fleet whose members all took the first routers of the list would leave the others idle. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
