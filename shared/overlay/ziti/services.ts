import { asVitalmeshError, VitalmeshError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { retryOf } from './circuit/reasons.ts';
import type { Controller, ServiceSession, ZitiService } from './controller/contract.ts';
import { orAborted } from './waits.ts';

export type Permission = 'Dial' | 'Bind';

/**
 * What tells that a service, a permission or a session may be other than was last known. OVERLAY-PROTOCOL: the service may have come to
 * require encryption.
 */
const OUTDATED: readonly string[] = ['OVERLAY-SESSION', 'OVERLAY-DENIED', 'OVERLAY-NO-SERVICE', 'OVERLAY-PROTOCOL'];

/** True when asking the controller anew may help. A router's hint counts for more than the code. */
export function mayBeOutdated(error: unknown): boolean {
  const retry = retryOf(error);
  return retry === 'start-over' || (retry === 'default' && OUTDATED.includes(asVitalmeshError(error).code));
}

/** Every so many times the services are listed although the controller says that nothing has changed. */
const MOST_UNLISTED = 4;

/** The services of an identity as its controller listed them last. */
export class ServiceList {
  readonly #controller: Pick<Controller, 'services' | 'servicesMark' | 'createSession'>;
  readonly #closed: AbortSignal;
  readonly #log: Logger;
  #services: ReadonlyMap<string, ZitiService> = new Map();
  #listing: Promise<readonly ZitiService[]> | undefined;
  #apiSessions = 0;
  /** Of the controller, when it was last asked for a change and the services were listed then. */
  #mark: string | undefined;
  #unlisted = 0;
  #changed = new AbortController();

  constructor(controller: Pick<Controller, 'services' | 'servicesMark' | 'createSession'>, log: Logger, closed: AbortSignal) {
    this.#controller = controller;
    this.#log = log;
    this.#closed = closed;
  }

  /** Counts the API sessions: what was made with another one is of no use. */
  get apiSessions(): number {
    return this.#apiSessions;
  }

  /** There is a new API session; service sessions of the old one ended with it. */
  renewed(): void {
    this.#apiSessions += 1;
    this.#tellChange();
  }

  /** Aborted when there is a new API session, or the controller's list has become another one. */
  get changed(): AbortSignal {
    return this.#changed.signal;
  }

  /** As last listed, without asking. */
  known(name: string): ZitiService | undefined {
    return this.#services.get(name);
  }

  /** The list as the controller has it now. Whoever asks meanwhile shares the answer. Errors: those of the controller. */
  list(): Promise<readonly ZitiService[]> {
    this.#listing ??= this.#read().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  /** The same when nobody waits for it: a failure is only logged. */
  async refresh(): Promise<void> {
    try {
      await this.list();
    } catch (err) {
      this.#log.debug({ err: asVitalmeshError(err) }, 'the services cannot be asked for');
    }
  }

  /**
   * Lists them when the controller says that there was a change, or did not list them the last few times: what it counts as a change is its own
   * affair, and a list of many services is no small answer on a metered line. A failure is only logged.
   */
  async refreshWhenChanged(): Promise<void> {
    try {
      // Asked before the list, so that a change in between shows the next time.
      const mark = await this.#controller.servicesMark(this.#closed);
      this.#unlisted += 1;
      if (mark !== undefined && mark === this.#mark && this.#unlisted < MOST_UNLISTED) return;
      await this.list();
      this.#mark = mark;
      this.#unlisted = 0;
    } catch (err) {
      this.#log.debug({ err: asVitalmeshError(err) }, 'the services cannot be asked for');
    }
  }

  /**
   * The service with this permission. The controller is asked when it is not known, or not with the permission, or when `anew`.
   * Throws OVERLAY-NO-SERVICE, OVERLAY-DENIED, those of the controller.
   */
  async find(name: string, permission: Permission, anew: boolean): Promise<ZitiService> {
    const known = this.#services.get(name);
    if (!anew && known?.permissions.includes(permission)) return known;
    await this.list();
    const listed = this.#services.get(name);
    if (!listed) throw new VitalmeshError('OVERLAY-NO-SERVICE', { detail: name });
    if (!listed.permissions.includes(permission)) throw new VitalmeshError('OVERLAY-DENIED', { detail: `${permission} of ${name}` });
    return listed;
  }

  createSession(service: ZitiService, permission: Permission): Promise<ServiceSession> {
    return this.#controller.createSession(service.id, permission, this.#closed);
  }

  async #read(): Promise<readonly ZitiService[]> {
    const services = await this.#controller.services(this.#closed);
    const before = this.#services;
    this.#services = new Map(services.map((service) => [service.name, service]));
    const isSame = this.#services.size === before.size && services.every((service) => sameService(before.get(service.name), service));
    if (!isSame) this.#tellChange();
    return services;
  }

  #tellChange(): void {
    this.#changed.abort();
    this.#changed = new AbortController();
  }
}

function sameService(one: ZitiService | undefined, other: ZitiService): boolean {
  return (
    one?.id === other.id &&
    one.encryptionRequired === other.encryptionRequired &&
    [...one.permissions].sort().join() === [...other.permissions].sort().join()
  );
}

/** A session, and which of the API sessions it was made in. */
interface Held {
  session: ServiceSession;
  apiSession: number;
}

interface Usable extends Held {
  service: ZitiService;
}

/** One way of using one service: keeps a session for it as long as it is good. */
export class ServiceUse {
  readonly name: string;
  readonly #permission: Permission;
  readonly #list: ServiceList;
  #held: Held | undefined;
  #obtaining: Promise<Usable> | undefined;
  #startsOver = false;

  constructor(name: string, permission: Permission, list: ServiceList) {
    this.name = name;
    this.#permission = permission;
    this.#list = list;
  }

  /**
   * Runs `work` with the service and a session. When a session that was kept turns out to be no longer good, or the service to be
   * another one by now, the controller is asked for both and `work` runs once more. `fresh` says that it will not run again, unless there
   * came a new API session meanwhile.
   * Errors: those of `work` and of the controller.
   */
  async run<T>(signal: AbortSignal, work: (service: ZitiService, session: ServiceSession, fresh: boolean) => Promise<T>): Promise<T> {
    const kept = this.#kept();
    if (kept) {
      try {
        return await work(kept.service, kept.session, false);
      } catch (error) {
        if (signal.aborted || !mayBeOutdated(error)) throw error;
        this.drop(kept.session);
      }
    }
    // Somebody else may have replaced it meanwhile.
    const { service, session, apiSession } = (kept && this.#kept()) ?? (await orAborted(this.#obtain(kept !== undefined), signal));
    try {
      return await work(service, session, true);
    } catch (error) {
      const isOvertaken = apiSession !== this.#list.apiSessions && asVitalmeshError(error).code === 'OVERLAY-SESSION';
      if (signal.aborted || !isOvertaken) throw error;
    }
    const next = await orAborted(this.#obtain(false), signal);
    return await work(next.service, next.session, true);
  }

  /** The next use begins with services and session asked for anew. */
  startOver(): void {
    this.drop();
    this.#startsOver = true;
  }

  /** See `ServiceList.changed`. */
  get changed(): AbortSignal {
    return this.#list.changed;
  }

  /** Has the controller asked for the services; whether there was an answer shows in `changed` alone. */
  async lookAgain(): Promise<void> {
    await this.#list.refresh();
  }

  /** Forgets the session, or the one given if it is still that. */
  drop(session = this.#held?.session): void {
    if (this.#held?.session === session) this.#held = undefined;
  }

  #kept(): Usable | undefined {
    const service = this.#list.known(this.name);
    const held = this.#held;
    if (!held || !service?.permissions.includes(this.#permission)) return undefined;
    if (held.session.serviceId !== service.id || held.apiSession !== this.#list.apiSessions) return undefined;
    return { service, ...held };
  }

  #obtain(anew: boolean): Promise<Usable> {
    this.#obtaining ??= this.#create(anew).finally(() => {
      this.#obtaining = undefined;
    });
    return this.#obtaining;
  }

  /** A service that was made again under the same name has another id, so one that the controller does not know is looked up again, once. */
  async #create(anew: boolean): Promise<Usable> {
    const asksAnew = anew || this.#startsOver;
    const service = await this.#list.find(this.name, this.#permission, asksAnew);
    this.#startsOver = false;
    try {
      return await this.#createFor(service);
    } catch (error) {
      if (asksAnew || !mayBeOutdated(error)) throw error;
      return await this.#createFor(await this.#list.find(this.name, this.#permission, true));
    }
  }

  async #createFor(service: ZitiService): Promise<Usable> {
    const apiSession = this.#list.apiSessions;
    const session = await this.#list.createSession(service, this.#permission);
    this.#held = { session, apiSession };
    return { service, session, apiSession };
  }
}
