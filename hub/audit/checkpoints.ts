import { existsSync } from 'node:fs';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { pause, type Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { originOf, type ReadNote, readCheckpoint, signCheckpoint, signedBy } from '../../shared/signed-note.ts';
import type { Store } from '../store/store.ts';
import { DOUBTS, type Doubt, doubtsIn, linesOf, united } from './doubts.ts';
import { readKeptNote, writeKeptNote } from './kept-note.ts';
import type { SigningKey } from './signing-key.ts';

export interface CheckpointsOptions {
  store: Pick<Store, 'storeId' | 'auditHead' | 'auditHash' | 'keepCheckpoint' | 'checkpoints'>;
  key: SigningKey;
  /** Where the newest note is kept outside of the store; `isDue`: there was evidence before this start, so a note must be there. Nowhere unless given. */
  kept?: { path: string; isDue: boolean };
  /** After so many entries. */
  everyEntries: number;
  /** After so long, where there is any entry. */
  everyMs: number;
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
  /** Waits; a test hands in its own. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How often it is looked how far the chain has come. */
const LOOK_EVERY_MS = 2000;

/** What is handed to gateways: the newest note, and the key that it is verified with. */
export interface Told {
  note: string;
  key: string;
}

/** What stands against the evidence, as the hub says it at its start and in its status. */
export interface EvidenceStatus {
  /** The last entry that was signed by this run. */
  signedUpTo: number;
  alarms: readonly ErrorCode[];
}

/** What an operator can answer for. */
export const ACKNOWLEDGEABLE = [...DOUBTS, 'AUDIT-NOT-EXTENDED'] as const;
export type Acknowledgeable = (typeof ACKNOWLEDGEABLE)[number];

type Options = Required<Omit<CheckpointsOptions, 'kept'>> & Pick<CheckpointsOptions, 'kept'>;

/** Signs how far the evidence has come: at the start, every so often, and at the end. Start it before what writes evidence, so that it ends after.
 * What does not go on from what was signed last is not signed: with a signature it could not be told from the truth. */
export class Checkpoints implements Service {
  readonly name = 'audit-checkpoints';
  readonly #options: Options;
  readonly #stop = new AbortController();
  #signed = { seq: 0, atMs: Number.NEGATIVE_INFINITY };
  #told: Told | undefined;
  readonly #alarms = new Set<ErrorCode>();
  /** What each note says to stand against the evidence, until an operator answers for it. */
  #doubts: readonly Doubt[] = [];
  /** What the chain must go on from. */
  #last: { seq: number; hash: Uint8Array; isOwn: boolean } | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: CheckpointsOptions) {
    this.#options = { clock: systemClock, log: silentLogger, wait: pause, ...options };
  }

  /** By which it signs. */
  get key(): SigningKey {
    return this.#options.key;
  }

  /** The newest note; undefined while there is no evidence. */
  get newest(): Told | undefined {
    return this.#told;
  }

  status(): EvidenceStatus {
    return { signedUpTo: this.#signed.seq, alarms: [...this.#alarms] };
  }

  /** Signs what there is. A store that cannot take the note now does not hold up the start. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#recall();
    await this.#look(true);
    this.#running = this.#run(AbortSignal.any([signal, this.#stop.signal]));
  }

  /** Signs what came since. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#look(true);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.wait(LOOK_EVERY_MS, signal);
      if (!signal.aborted) await this.#look(false);
    }
  }

  /** What `acknowledge` would answer for: the code with the last entry that was beyond doubt; undefined for what does not stand. */
  standing(code: Acknowledgeable): number | undefined {
    if (!this.#alarms.has(code)) return undefined;
    // The note of another store says nothing of how far this one had come.
    if (code === 'AUDIT-NOT-EXTENDED') return this.#last?.isOwn ? this.#last.seq : 0;
    return this.#doubts.find((doubt) => doubt.code === code)?.since;
  }

  /** Takes back what stands against the evidence, once it is recorded that an operator answers for it, and signs what there is. */
  async acknowledge(code: Acknowledgeable): Promise<void> {
    this.#alarms.delete(code);
    this.#doubts = this.#doubts.filter((doubt) => doubt.code !== code);
    if (code === 'AUDIT-NOT-EXTENDED') this.#last = undefined;
    await this.#look(true);
  }

  /** Takes up what an earlier run signed last, and what it left to be told. */
  async #recall(): Promise<void> {
    const { store, key, kept } = this.#options;
    if (!key.isListed) this.#alarm('AUDIT-KEY-UNLISTED', key.verifier);
    if (kept === undefined) return;
    const found = this.#keptNote(kept.path);
    if (found !== undefined) {
      const isOwn = found.origin === originOf(store.storeId);
      this.#last = { seq: found.size, hash: isOwn ? found.hash : Buffer.alloc(0), isOwn };
    }
    // Whoever takes the note away, or puts an earlier one in its place, takes what it says along; those of the store say the same.
    const said = found !== undefined && signedBy(found, [key.verifier]) !== 'bad' ? doubtsIn(found) : [];
    this.#doubts = united(said, await this.#storedDoubts());
    const isLost = found === undefined && (kept.isDue || existsSync(kept.path));
    if (isLost && !this.#doubts.some(({ code }) => code === 'AUDIT-NOTE-LOST')) {
      const { seq } = await store.auditHead();
      this.#doubts = [...this.#doubts, { code: 'AUDIT-NOTE-LOST', since: seq }];
    }
    for (const { code, since } of this.#doubts) this.#alarm(code, `${kept.path}, since entry ${since}`);
  }

  #keptNote(path: string): ReadNote | undefined {
    try {
      const text = readKeptNote(path);
      return text === undefined ? undefined : readCheckpoint(text);
    } catch {
      return undefined;
    }
  }

  /** What the stored notes say: the last one that this key signed, which no longer has what was answered for, and the last one of each other key behind it. */
  async #storedDoubts(): Promise<readonly Doubt[]> {
    const { store, key } = this.#options;
    const last = new Map<string, readonly Doubt[]>();
    for await (const { seq, note } of store.checkpoints()) {
      const read = readCheckpoint(note);
      if (read === undefined || read.size !== seq || read.origin !== originOf(store.storeId)) continue;
      const signed = signedBy(read, [key.verifier]);
      if (signed === 'bad') continue;
      if (signed === 'good') last.clear();
      last.set(read.signatures.map(({ keyId }) => keyId).join(), doubtsIn(read));
    }
    return united(...last.values());
  }

  #alarm(code: ErrorCode, detail: string): void {
    if (this.#alarms.has(code)) return;
    this.#alarms.add(code);
    this.#options.metrics.count('audit_alarms');
    this.#options.log.error({ err: new VitalmeshError(code, { detail }) }, 'the evidence of this store is not beyond doubt');
  }

  /** False, and told, for a chain that does not go on from what was signed last. */
  async #isExtended(): Promise<boolean> {
    if (this.#last === undefined) return true;
    // Until an operator has looked: what grows behind it is not to be signed either.
    if (this.#alarms.has('AUDIT-NOT-EXTENDED')) return false;
    const { store, kept } = this.#options;
    const hash = await store.auditHash(this.#last.seq);
    if (hash !== undefined && Buffer.from(hash).equals(this.#last.hash)) return true;
    this.#alarm('AUDIT-NOT-EXTENDED', kept === undefined ? `entry ${this.#last.seq}` : `entry ${this.#last.seq}, ${kept.path}`);
    return false;
  }

  async #look(now: boolean): Promise<void> {
    const { store, key, kept, everyEntries, everyMs, clock, metrics, log } = this.#options;
    try {
      const { seq, hash } = await store.auditHead();
      if (!(await this.#isExtended())) return;
      const grown = seq - this.#signed.seq;
      const nowMs = clock.monotonicMs();
      if (grown <= 0 || !(now || grown >= everyEntries || nowMs - this.#signed.atMs >= everyMs)) return;
      const note = signCheckpoint(
        { origin: originOf(store.storeId), size: seq, hash },
        key.privateKey,
        linesOf(this.#doubts).join('\n') || undefined,
      );
      await store.keepCheckpoint({ seq, note });
      if (kept !== undefined) writeKeptNote(kept.path, note);
      this.#last = { seq, hash, isOwn: true };
      this.#signed = { seq, atMs: nowMs };
      this.#told = { note, key: key.verifier };
      metrics.count('audit_checkpoints');
    } catch (thrown) {
      metrics.count('audit_checkpoints_failed');
      log.warn({ err: asVitalmeshError(thrown) }, 'how far the evidence has come could not be signed');
    }
  }
}
