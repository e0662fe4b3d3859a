import { createPrivateKey } from 'node:crypto';
import { type Clock, formatInstant, type Instant, systemClock } from '../../shared/clock.ts';
import { type Command, type CommandGroup, type CommandIo, EXIT, required } from '../../shared/command-line.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import type { HeldIdentity } from '../../shared/identity/held-identity.ts';
import { type Identity, readCertificates } from '../../shared/identity/identity.ts';
import { IdentityFiles } from '../../shared/identity/identity-files.ts';
import { formatTimeLeft, validityOf } from '../../shared/identity/identity-status.ts';
import { silentLogger } from '../../shared/log.ts';
import { openController } from '../../shared/overlay/ziti/controller/controller.ts';
import { type RenewalStep, renewIdentity } from '../../shared/overlay/ziti/renewal/renew.ts';
import { BUILT_AT } from '../../shared/time/built-at.ts';
import { NetworkClock } from '../../shared/time/network-clock.ts';

/** What `vitalmesh identity show --json` prints: what stands in the file, and nothing secret. */
export interface ShownIdentity {
  file: string;
  id: string;
  /** Common name of the certificate; for people, it proves nothing. */
  name: string | null;
  trustDomain: string;
  controllers: readonly string[];
  notBefore: Instant;
  notAfter: Instant;
  /** Whole days; negative once it has ended. */
  daysLeft: number;
  /** `EC secp384r1`, `RSA 4096`. */
  key: string;
  /**
   * `key`: there is a new key, and no certificate for it. `certificate`: there is a new pair, and one of the two signs in. `damaged`: what
   * lies beside the file cannot be read.
   */
  renewalPending: 'none' | 'key' | 'certificate' | 'damaged';
}

const PLAIN = /^[\p{L}\p{N}\p{P}\p{S} ]{1,128}$/u;
const DAY_MS = 24 * 60 * 60 * 1000;

const show: Command = {
  usage: 'FILE [--json]',
  summary: 'Shows whose identity a file holds, how long its certificate is good, and whether a renewal was begun; never the key.',
  options: { json: { type: 'boolean' } },
  positionals: ['FILE'],
  async run(values, io) {
    const shown = shownIdentity(required(values, 'FILE'), systemClock);
    io.stdout.write(values.json ? `${JSON.stringify(shown)}\n` : shownText(shown, systemClock.now()));
    return EXIT.ok;
  },
};

const renew: Command = {
  usage: 'FILE [--json]',
  summary:
    'Renews key and certificate of an identity that no agent or hub uses; those that run do it by themselves. It can be given again after any failure.',
  options: { json: { type: 'boolean' } },
  positionals: ['FILE'],
  async run(values, io) {
    const path = required(values, 'FILE');
    const files = new IdentityFiles(path);
    // First: what is read under the lock stays so.
    using _lock = files.lock();
    const held = files.open(silentLogger);
    const before = validityOf(held.inUse);
    await renewNow(files, held, values.json === true ? undefined : io);
    const { notAfter } = validityOf(held.inUse);
    io.stdout.write(
      values.json
        ? `${JSON.stringify({ id: held.identity.id, file: path, notAfter, notAfterBefore: before.notAfter })}\n`
        : `Renewed: the certificate of ${held.identity.id} is now good until ${formatInstant(notAfter)} (before: ${formatInstant(before.notAfter)}).\n`,
    );
    return EXIT.ok;
  },
};

/** `vitalmesh identity`: the identity file of this machine. */
export const identityCommands: CommandGroup = {
  summary: 'The identity of this machine in its network: what it is, and a new certificate for it.',
  commands: { show, renew },
};

const STEPS: Readonly<Record<RenewalStep, string>> = {
  rehearse: 'Checking that the identity file can be replaced.',
  key: 'Making a new key; it is on disk before anything is asked for.',
  extend: 'Asking the controller for a certificate.',
  write: 'Writing the new pair beside the old one.',
  verify: 'Telling the controller to switch; from its answer on the old certificate signs in no more.',
  'sign-in': 'Signing in with the new certificate.',
  replace: 'Replacing the identity file.',
  done: 'Done.',
};

/** Does the steps, and says on a failure which of the pairs is the one that signs in. */
async function renewNow(files: IdentityFiles, held: HeldIdentity, io: CommandIo | undefined): Promise<void> {
  // What a machine without a clock needs; nothing is kept, as an agent or hub does that.
  const clock = new NetworkClock({ floors: { certain: Math.max(BUILT_AT, validityOf(held.inUse).notBefore) }, log: silentLogger });
  await using controller = openController({ identity: held, signIn: 'auto', clock });
  let reached: RenewalStep = 'rehearse';
  try {
    const onStep = (step: RenewalStep): void => {
      reached = step;
      io?.stdout.write(`${STEPS[step]}\n`);
    };
    await renewIdentity({ files, held, controller, now: () => clock.now(), clock }, { onStep });
    files.dropPrevious();
  } catch (thrown) {
    const { code, detail, cause } = asVitalmeshError(thrown);
    throw new VitalmeshError(code, { cause, detail: [detail, outcomeAt(reached, files)].filter(Boolean).join('; ') });
  }
}

function outcomeAt(reached: RenewalStep, files: IdentityFiles): string {
  if (!files.hasNext) return 'nothing has changed, the present certificate stays the one in use';
  if (reached === 'replace') return 'the new certificate is in force and lies beside the file; give the command again to finish';
  return 'old and new pair are both on disk and one of them signs in; give the command again, or start the agent or hub, to finish';
}

function shownIdentity(path: string, clock: Clock): ShownIdentity {
  const files = new IdentityFiles(path);
  const identity = files.open(silentLogger).inUse;
  const { notBefore, notAfter } = validityOf(identity);
  return {
    file: path,
    id: identity.id,
    name: commonNameOf(identity) === identity.id ? null : commonNameOf(identity),
    trustDomain: identity.trustDomain,
    controllers: identity.controllers,
    notBefore,
    notAfter,
    daysLeft: Math.floor((notAfter - clock.now()) / DAY_MS),
    key: keyKind(identity),
    renewalPending: pendingIn(files, identity),
  };
}

function pendingIn(files: IdentityFiles, identity: Identity): ShownIdentity['renewalPending'] {
  try {
    if (files.next(identity)) return 'certificate';
    return files.nextKey() === undefined ? 'none' : 'key';
  } catch {
    return 'damaged';
  }
}

/** Null when there is none, or one that a terminal should not be given. */
function commonNameOf({ certPem }: Identity): string | null {
  const name: unknown = readCertificates(certPem, 'cert')[0]?.toLegacyObject().subject.CN;
  return typeof name === 'string' && PLAIN.test(name) ? name : null;
}

function keyKind({ keyPem }: Identity): string {
  const { asymmetricKeyType = 'unknown', asymmetricKeyDetails = {} } = createPrivateKey(keyPem);
  const { namedCurve, modulusLength } = asymmetricKeyDetails;
  return [asymmetricKeyType.toUpperCase(), namedCurve ?? modulusLength].filter(Boolean).join(' ');
}

const PENDING: Readonly<Record<ShownIdentity['renewalPending'], string>> = {
  none: 'not begun',
  key: 'begun: there is a new key, no certificate for it yet',
  damaged: 'begun, and what it left beside this file cannot be read',
  certificate:
    'begun: there is a new pair beside this one, and one of the two signs in; the agent, the hub or `identity renew` finishes it',
};

/** A machine whose clock stands before the certificate's first day would count days that nobody has. */
function standing({ notBefore, notAfter }: ShownIdentity, now: Instant): string {
  if (now < notBefore) return "by this machine's clock not good yet; is the clock right?";
  return notAfter < now ? 'EXPIRED' : `${formatTimeLeft(notAfter - now)} left`;
}

function shownText(shown: ShownIdentity, now: Instant): string {
  const { id, name, trustDomain, controllers, notBefore, notAfter, key, renewalPending } = shown;
  const rows: [string, string][] = [
    ['Identity', name === null ? id : `${id} (${name})`],
    ['Trust domain', trustDomain],
    ['Controllers', controllers.join(', ') || 'none'],
    ['Valid', `${formatInstant(notBefore)} to ${formatInstant(notAfter)}, ${standing(shown, now)}`],
    ['Key', key],
    ['Renewal', PENDING[renewalPending]],
  ];
  return rows.map(([label, text]) => `${label.padEnd(13)} ${text}\n`).join('');
}
