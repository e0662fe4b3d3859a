import { type Clock, type Instant, systemClock } from '../clock.ts';
import { asVitalmeshError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { validityOf } from '../identity/identity-status.ts';
import type { Logger } from '../log.ts';
import { type Boot, processBoot, thisBoot } from './boot.ts';
import { BUILT_AT } from './built-at.ts';
import { readKeptTime, writeKeptTime } from './kept-time.ts';
import { NetworkClock } from './network-clock.ts';
import { isVirtualMachine } from './virtual-machine.ts';

export interface KeptClockOptions {
  /** Where the time is kept for the next start; in a folder that may come to be later. */
  path: string;
  /** Whose certificate's beginning is a floor; of a program without an identity there is none. */
  identity: Identity | undefined;
  log: Logger;
  machine?: Clock;
  /** Its present start; unless told, what Linux says of it where `machine` is not told either. */
  boot?: Boot;
  isSynchronized?(): boolean | undefined;
  /** Whether somebody may halt the machine without its knowing; unless told, whether it is a virtual one. Not asked where `boot` is told. */
  mayStandStill?: boolean | undefined;
  /** Time between two writes, an hour unless told: flash memory wears out. */
  everyMs?: number;
}

/** A program's clock. Disposing it keeps the time once more. */
export interface KeptClock extends Disposable {
  clock: NetworkClock;
  /** When it was opened, by what is known of the time now. */
  readonly startedAt: Instant;
}

const EVERY_MS = 60 * 60 * 1000;
/** Without a certificate nothing says how long a kept time can be true: as long as most identities last that are issued for long. */
const NO_IDENTITY_MS = 5 * 365.25 * 24 * 60 * 60 * 1000;

/** The clock of a program: its floor is when the software was made, when its certificate began, or the time that its last run kept. */
export function openKeptClock(options: KeptClockOptions): KeptClock {
  const { path, identity, log, machine = systemClock, everyMs = EVERY_MS, isSynchronized } = options;
  const boot =
    options.boot ??
    (machine === systemClock ? thisBoot(machine, { mayStandStill: options.mayStandStill ?? isVirtualMachine() }) : processBoot(machine));
  const { notBefore, notAfter } = identity ? validityOf(identity) : { notBefore: BUILT_AT, notAfter: BUILT_AT + NO_IDENTITY_MS };
  const certain = Math.max(BUILT_AT, notBefore);
  const clock = new NetworkClock({
    floors: { certain, kept: readKeptTime(path, notAfter, log) },
    log,
    machine,
    boot,
    ...(isSynchronized && { isSynchronized }),
  });
  let startedAt = clock.now();
  const keep = (): void => {
    const at = clock.toKeep();
    if (at === undefined) return;
    try {
      writeKeptTime(path, at);
    } catch (thrown) {
      log.warn({ err: asVitalmeshError(thrown) }, 'the time cannot be kept for the next start');
    }
  };
  const timer = setInterval(keep, everyMs);
  timer.unref();
  // A home gateway is as likely to lose its power as to be stopped, so a time that was hard to get is kept at once.
  const changes = clock.onChange(({ trust, byMs }) => {
    startedAt += byMs;
    if (trust !== 'floor') keep();
  });
  return {
    clock,
    get startedAt() {
      return startedAt;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      changes[Symbol.dispose]();
      keep();
    },
  };
}
