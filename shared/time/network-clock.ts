import { type Clock, formatInstant, type Instant, systemClock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { Seldom } from '../seldom.ts';
import { type Boot, processBoot } from './boot.ts';
import type { ClockRun, KnownTime } from './clock-run.ts';
import { type ClockStatus, shown } from './clock-status.ts';
import { Unconfirmed } from './unconfirmed.ts';

/**
 * Where the time comes from: the machine's own clock; a *floor*, the latest time that surely lies behind us, while that clock is not to be
 * believed; or the network.
 */
export type ClockTrust = 'machine' | 'floor' | 'network';

/** From when to when a certificate, or every one of a chain, is valid. */
export interface Validity {
  notBefore: Instant;
  notAfter: Instant;
}

/** By which time certificates are judged. */
export interface CertificateTime {
  now: Instant;
  /** So much later a certificate may begin, because `now` may lie so far behind; 0 where the time is known. */
  mayBeginLaterMs: number;
}

/** Times that surely lie behind us. */
export interface Floors {
  /** When the software was made or the own certificate began, whichever was later. */
  certain: Instant;
  /** The time as it was last known and kept. It is wrong if the clock of then was. */
  kept?: Instant | undefined;
}

export interface ClockChange {
  trust: ClockTrust;
  before: ClockTrust;
  /** How far `now()` moved. */
  byMs: number;
}

export interface NetworkClockOptions {
  floors: Floors;
  log: Logger;
  machine?: Clock;
  /** The machine's present start, by which time is counted; that of the process unless told. */
  boot?: Boot;
  /** Whether the machine says that its clock is kept right by somebody; undefined where it does not say, and unless told. */
  isSynchronized?(): boolean | undefined;
}

/** Two answers of the network differ by their ways; what is more than that is a machine that slept, whose counting stood still. */
const SLEPT_MS = 1000;
/** As far as two clocks may differ that show the same time; the measure by which readings are ordered, too (ARCHITECTURE.md, three instants). */
const NEAR_MS = 2 * 60_000;
const YEAR_MS = 365.25 * 24 * 60 * 60 * 1000;
/**
 * The bound of the exception on certificates. The own certificate, whose beginning is a floor, must still be good for a connection to be of any
 * use; identities are issued for a year by default, seldom for more than five. It also is how long a gateway may lie on a shelf before it enrols.
 */
const MAY_BEGIN_LATER_MS = 5 * YEAR_MS;
/** Several sign-ins, or requests for the services, of every controller that is in use. */
const TURN_BACK_MS = 60 * 60 * 1000;
const LOG_EVERY_MS = 60 * 60 * 1000;

/**
 * The wall clock of a machine that may have no battery: the machine's own, unless it shows a time that surely lies behind us. Then time is
 * counted from the floor, until the network tells it (`take`), and from there on; the machine's is used again as soon as it agrees with that.
 * Counted time goes back only when the network proves a *kept* floor wrong, or has long told an earlier time than it did before.
 */
export class NetworkClock implements Clock {
  readonly #machine: Clock;
  readonly #log: Logger;
  readonly #seldom: Seldom;
  readonly #boot: Boot;
  readonly #isSynchronized: () => boolean | undefined;
  readonly #unconfirmed: Unconfirmed;
  readonly #certain: Counted;
  readonly #listeners = new Set<(change: ClockChange) => void>();
  /** From where time is counted; while the machine's clock is believed, what it must not fall behind. */
  #base: Counted;
  /** What the network said last. */
  #told: Counted | undefined;
  #trust: ClockTrust = 'machine';
  /** A certificate began here, after what the machine's clock said then: an earlier time of it is not believed. */
  #surelyAfter: Instant = Number.NEGATIVE_INFINITY;
  /** What was stamped before this was stamped with a floor. */
  #knownSince: Instant = Number.NEGATIVE_INFINITY;
  /** When the network last told the time that is counted, by the clock that never jumps. */
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #exceptions = 0;

  constructor({ floors, log, machine = systemClock, boot = processBoot(machine), isSynchronized }: NetworkClockOptions) {
    this.#machine = machine;
    this.#log = log;
    this.#seldom = new Seldom(machine, LOG_EVERY_MS);
    this.#boot = boot;
    this.#isSynchronized = isSynchronized ?? (() => undefined);
    this.#unconfirmed = new Unconfirmed(boot);
    const atMs = boot.sinceMs();
    this.#certain = { at: floors.certain, atMs };
    this.#base = { at: Math.max(floors.certain, floors.kept ?? floors.certain), atMs };
    this.#look();
    if (this.#trust === 'machine') this.#unconfirmed.begin(machine.now(), false);
  }

  now(): Instant {
    return this.#look();
  }

  monotonicMs(): number {
    return this.#machine.monotonicMs();
  }

  get trust(): ClockTrust {
    this.#look();
    return this.#trust;
  }

  /** Undefined while the machine's own clock is used. */
  status(): ClockStatus | undefined {
    const { trust } = this;
    return trust === 'machine' ? undefined : { trust, machine: this.#machine.now(), exceptions: this.#exceptions };
  }

  /** By which time to judge a certificate now. */
  certificateTime(): CertificateTime {
    const now = this.#look();
    return { now, mayBeginLaterMs: this.#trust === 'floor' ? MAY_BEGIN_LATER_MS : 0 };
  }

  /**
   * Judges a chain with `verify`, by which time it is told; whatever that throws is thrown. A chain that is good in all but that it begins after
   * the machine's clock proves that clock to be behind, plausible as it may be: many a machine without a battery goes on from when it was shut
   * down. Then the machine is one that does not know the time, unless the network told it, and said that the chain has not begun.
   */
  judge<T extends Validity>(verify: (time: CertificateTime) => T): T {
    try {
      return verify(this.certificateTime());
    } catch (thrown) {
      if (this.trust !== 'machine') throw thrown;
      const { notBefore } = verify({ now: this.now(), mayBeginLaterMs: MAY_BEGIN_LATER_MS });
      if (!this.#isBehind(notBefore)) throw thrown;
      return verify(this.certificateTime());
    }
  }

  /**
   * The same for somebody whom many call: one caller's chain, which may be dated by a controller that runs ahead, does not move the time of
   * all. Where it has not begun by the machine's clock, it is judged by a later time that the network told.
   */
  judgeCaller<T>(verify: (time: CertificateTime) => T): T {
    try {
      return verify(this.certificateTime());
    } catch (thrown) {
      const told = this.#told && this.#countedFrom(this.#told);
      if (this.trust !== 'machine' || told === undefined || told <= this.now()) throw thrown;
      return verify({ now: told, mayBeginLaterMs: 0 });
    }
  }

  /** A connection was made whose certificates hold from when to when; one that begins after now was excepted, which is counted and logged. */
  judged(peer: string, { notBefore }: Validity): void {
    const aheadMs = notBefore - this.#look();
    if (aheadMs <= 0) return;
    this.#exceptions += 1;
    if (!this.#seldom.due(peer)) return;
    const fields = { peer, beginsAfterFloorS: Math.ceil(aheadMs / 1000), certificateFrom: formatInstant(notBefore) };
    this.#log.warn(fields, 'the time is not known yet; a certificate that begins later was accepted');
  }

  /**
   * The time as the network told it just now, over a connection whose certificates are valid `within`; false when it is not believed: it lies
   * outside of that, or before what is certain. While the machine's clock is believed it is only remembered.
   */
  take(at: Instant, within: Validity | undefined): boolean {
    const trust = this.trust;
    const isCredible = at >= this.#countedFrom(this.#certain) - NEAR_MS && (!within || (at >= within.notBefore && at <= within.notAfter));
    if (!isCredible) {
      if (trust !== 'machine' && this.#seldom.due('refused')) this.#log.warn({ told: shown(at) }, 'the network told a time that cannot be');
      return false;
    }
    if (trust !== 'machine' && !within) return false;
    this.#told = { at, atMs: this.#boot.sinceMs() };
    if (trust === 'machine') {
      this.#compare(this.#told);
      return true;
    }
    if (trust === 'network') {
      this.#follow(this.#told);
      return true;
    }
    if (at < this.#surelyAfter) this.#surelyAfter = Number.NEGATIVE_INFINITY;
    const counted = this.#countedFrom(this.#base);
    const keptWasWrong = at < counted - NEAR_MS;
    if (keptWasWrong) this.#log.warn({ kept: shown(counted), told: shown(at) }, 'the time that was kept lies ahead, and is ignored');
    this.#base = { at: keptWasWrong ? at : Math.max(at, counted), atMs: this.#boot.sinceMs() };
    this.#enter(this.#agrees(at) ? 'machine' : 'network', counted);
    return true;
  }

  /** The run of the clock that gave this time, and that nobody has confirmed yet; undefined where the time was known, or nobody can say. */
  runOf(at: Instant): ClockRun | undefined {
    this.#look();
    const { run } = this.#unconfirmed;
    return run && at >= run.from ? run : undefined;
  }

  /** The time as it is known now, if it is. */
  known(): KnownTime | undefined {
    const now = this.#look();
    return this.#trust === 'floor' ? undefined : this.#unconfirmed.known(now, this.#unconfirmed.run === undefined);
  }

  /** Called when it comes to be known how far off a run of the clock was. */
  onKnown(listener: (known: KnownTime) => void): Disposable {
    return this.#unconfirmed.onKnown(listener);
  }

  /** Whether what was stamped with this time by this clock was stamped while the time was not known. */
  isDoubtful(at: Instant): boolean {
    return this.trust === 'floor' || at < this.#knownSince || at > this.#look() + NEAR_MS;
  }

  /**
   * A time to keep as the next start's floor; undefined where the network has not told one. The machine's alone would not do: one that ran
   * months ahead would have the next start refuse certificates that only then have ended.
   */
  toKeep(): Instant | undefined {
    const now = this.#look();
    if (!this.#told || this.#trust === 'floor') return undefined;
    return Math.min(now, this.#countedFrom(this.#told) + NEAR_MS);
  }

  /** Called when the time comes from somewhere else than before. */
  onChange(listener: (change: ClockChange) => void): Disposable {
    const entry = (change: ClockChange): void => listener(change);
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /** The time now, after a look at what the machine's clock says: it may have been set. */
  #look(): Instant {
    const machine = this.#machine.now();
    if (this.#trust === 'machine') {
      // The base is not moved on meanwhile: a machine that ran ahead and is set back is right, not wrong.
      if (machine >= this.#base.at - NEAR_MS) return this.#watch(machine);
      this.#base = this.#told ? { at: Math.max(this.#countedFrom(this.#told), this.#base.at), atMs: this.#boot.sinceMs() } : this.#base;
      return this.#enter(this.#told ? 'network' : 'floor', undefined);
    }
    const counted = this.#countedFrom(this.#base);
    const isPlausible = this.#trust === 'floor' ? machine >= Math.max(counted - NEAR_MS, this.#surelyAfter) : this.#agrees(counted);
    return isPlausible ? this.#enter('machine', counted) : counted;
  }

  /** The machine's clock is believed: it may have been set meanwhile, or said to be right. */
  #watch(machine: Instant): Instant {
    const byMs = this.#unconfirmed.setBy(machine, NEAR_MS);
    if (byMs !== 0) {
      this.#log.warn({ byMs, now: shown(machine) }, 'the clock of this machine was set');
      this.#unconfirmed.wasWrong();
      this.#unconfirmed.end(machine, false);
      this.#unconfirmed.begin(machine, false);
      for (const listener of [...this.#listeners]) listener({ trust: 'machine', before: 'machine', byMs });
    }
    if (this.#unconfirmed.run && this.#isSynchronized() === true) this.#unconfirmed.end(machine, true);
    return machine;
  }

  /**
   * The machine's clock is believed, and the network tells the time, over a connection that was judged by that clock. Only a machine that says
   * itself that nobody keeps it right is not believed any more; from then on connections are judged by the time that was told.
   */
  #compare(told: Counted): void {
    const machine = this.#machine.now();
    if (isNear(machine, told.at)) this.#unconfirmed.end(machine, true);
    else if (this.#isSynchronized() === false) {
      this.#unconfirmed.wasWrong();
      this.#base = told;
      this.#knownSince = told.at;
      this.#enter('network', machine);
    } else this.#unconfirmed.settle(machine);
  }

  /**
   * The network's time goes on, by what it says now. A single earlier answer does not turn it back: controllers may differ. But where nobody
   * says the later time any more, it was that of a controller whose clock was wrong, and has been set.
   */
  #follow(told: Counted): void {
    const counted = this.#countedFrom(this.#base);
    if (told.at > counted + SLEPT_MS) this.#base = told;
    if (told.at >= counted - NEAR_MS) this.#confirmedMs = told.atMs;
    else if (told.atMs - this.#confirmedMs >= TURN_BACK_MS) {
      this.#log.warn({ before: shown(counted), told: shown(told.at) }, 'the time that the network told lay ahead, and is no longer told');
      this.#base = told;
      this.#confirmedMs = told.atMs;
      this.#knownSince = Math.min(this.#knownSince, told.at);
      this.#enter(this.#agrees(told.at) ? 'machine' : 'network', counted);
    }
  }

  /** Whether the machine's clock is behind, as a good chain begins at this time. If so, it is not used from now on. */
  #isBehind(begins: Instant): boolean {
    const machine = this.#look();
    const told = this.#told && this.#countedFrom(this.#told);
    if (this.#trust !== 'machine' || begins <= machine || (told !== undefined && told < begins)) return false;
    this.#surelyAfter = begins;
    this.#base = { at: told ?? Math.max(machine, this.#countedFrom(this.#base)), atMs: this.#boot.sinceMs() };
    this.#knownSince = this.#base.at;
    this.#unconfirmed.wasWrong();
    this.#enter(told === undefined ? 'floor' : 'network', machine);
    return true;
  }

  #agrees(at: Instant): boolean {
    const machine = this.#machine.now();
    return isNear(machine, at) && machine >= this.#surelyAfter;
  }

  /** `was`: what `now()` was; undefined when the machine's clock was believed until now, and nobody can say. */
  #enter(trust: ClockTrust, was: Instant | undefined): Instant {
    const before = this.#trust;
    this.#trust = trust;
    if (trust === 'network' && before !== 'network') this.#confirmedMs = this.#boot.sinceMs();
    const now = trust === 'machine' ? this.#machine.now() : this.#countedFrom(this.#base);
    if (before === 'floor') this.#knownSince = now;
    this.#noteRun(trust, now);
    const fields = { trust, now: shown(now), machine: shown(this.#machine.now()) };
    if (trust === before) this.#log.debug(fields, 'the time was set by the network');
    else if (trust === 'floor')
      this.#log.warn(fields, 'the clock of this machine is wrong; the time is not known until the network tells it');
    else if (trust === 'network') this.#log.warn(fields, 'the clock of this machine is wrong; the time is that of the network');
    else this.#log.info(fields, 'the clock of this machine is used again');
    for (const listener of [...this.#listeners]) listener({ trust, before, byMs: was === undefined ? 0 : now - was });
    return now;
  }

  /** A floor is a run that is held. What ends it, or a machine's own, says how far off it was; a machine that was set right has not been confirmed by that. */
  #noteRun(trust: ClockTrust, now: Instant): void {
    const isTold = trust === 'network' || (this.#told !== undefined && isNear(now, this.#countedFrom(this.#told)));
    this.#unconfirmed.lookAway();
    if (trust === 'floor') this.#unconfirmed.begin(now, true);
    else {
      this.#unconfirmed.end(now, isTold);
      if (!isTold) this.#unconfirmed.begin(now, false);
    }
  }

  /** An integer, as every `Instant`. */
  #countedFrom({ at, atMs }: Counted): Instant {
    return at + Math.floor(this.#boot.sinceMs() - atMs);
  }
}

/** A time, and when that was by the clock that never jumps. */
interface Counted {
  at: Instant;
  atMs: number;
}

function isNear(one: Instant, other: Instant): boolean {
  return Math.abs(one - other) <= NEAR_MS;
}
