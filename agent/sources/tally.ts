import type { ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { Seldom } from '../../shared/seldom.ts';
import type { Rejected } from '../decoding.ts';
import { UnknownCodes } from '../unknown-codes.ts';
import type { CutReason } from './mllp-connection.ts';
import { SOURCE_METRICS, type SourceEnvironment, type SourceStatus } from './source.ts';

/** Counters a source keeps beyond SOURCE_METRICS; the label begins with the source's name. */
export const TALLY_METRICS = {
  /** Parts that could not be stored: the device was told, or had no way to be told. */
  unstored: 'source_unstored_total',
  /** Records lost because the device cannot send them again. */
  lost: 'source_lost_records_total',
  /** Messages that were sent again although they were on disk: acknowledged, and not stored twice. */
  repeated: 'source_repeated_total',
  /** Messages that were stored although their name was an earlier one's: their content is another. */
  storedAgain: 'source_stored_again_total',
  /** Times the source was opened again. */
  reopened: 'source_reopened_total',
  /** Connections cut or refused, by reason. */
  cut: 'source_cut_total',
} as const;

/** One line an hour for each reason: senders try again without end. */
const CUT_LOG_EVERY_MS = 3_600_000;

/** What one source has counted and in which state it is. Writes a log line when the state changes, never one an attempt. */
export class SourceTally {
  readonly name: string;
  readonly #type: string;
  readonly #environment: Pick<SourceEnvironment, 'clock' | 'log' | 'metrics' | 'taps'>;
  readonly #codesSeen = new Set<ErrorCode>();
  readonly #cutSeen: Seldom;
  readonly #unknown = new UnknownCodes();
  #state: SourceStatus['state'] = 'starting';
  #code: ErrorCode | null = null;
  #storing = true;
  #down = false;
  #endpoint: string;
  #links = 0;
  #records = 0;
  #readings = 0;
  #rejected = 0;
  #storedAgain = 0;
  #lastRecordAt: number | null = null;

  constructor(name: string, type: string, endpoint: string, environment: Pick<SourceEnvironment, 'clock' | 'log' | 'metrics' | 'taps'>) {
    this.name = name;
    this.#type = type;
    this.#endpoint = endpoint;
    this.#environment = environment;
    this.#cutSeen = new Seldom(environment.clock, CUT_LOG_EVERY_MS);
  }

  /** A number for a connection or an opening of the line, by which what came over it can be told from the rest. */
  link(): number {
    this.#links += 1;
    return this.#links;
  }

  /** Counts bytes that came in, and shows them to a capture where there is one; without a link they are only counted. */
  received(chunk: Uint8Array, link?: number): void {
    this.#environment.metrics.count(SOURCE_METRICS.bytes, this.name, chunk.length);
    if (link !== undefined) this.#environment.taps?.offer(this.name, link, chunk);
  }

  /** Counts records that are on disk. */
  stored(records: readonly ReadingRecord[]): void {
    if (!this.#storing) {
      this.#storing = true;
      this.#environment.log.info({ source: this.name }, 'readings are stored again');
    }
    if (records.length === 0) return;
    let readings = 0;
    for (const record of records) readings += record.readings.length;
    this.#records += records.length;
    this.#readings += readings;
    this.#lastRecordAt = this.#environment.clock.now();
    this.#environment.metrics.count(SOURCE_METRICS.records, this.name, records.length);
    this.#environment.metrics.count(SOURCE_METRICS.readings, this.name, readings);
  }

  /** Counts a message that was on disk already. */
  repeated(): void {
    this.#environment.metrics.count(TALLY_METRICS.repeated, this.name);
    this.stored([]);
  }

  /** Counts a message that was stored under the name of an earlier one with other content; the first is logged. */
  storedAgain(): void {
    this.#storedAgain += 1;
    const { metrics, log } = this.#environment;
    metrics.count(TALLY_METRICS.storedAgain, this.name);
    if (this.#storedAgain > 1) return;
    const code: ErrorCode = 'HL7-DUPLICATE-ID';
    log.warn({ source: this.name, code }, 'a message has the name of an earlier one; both were stored; more of this kind are only counted');
  }

  /** Counts a part that could not be stored; `lost` are records that nobody will send again. */
  unstored(error: VitalmeshError, lost: number): void {
    this.#environment.metrics.count(TALLY_METRICS.unstored, this.name);
    if (lost > 0) this.#environment.metrics.count(TALLY_METRICS.lost, this.name, lost);
    if (!this.#storing) return;
    this.#storing = false;
    this.#environment.log.error({ source: this.name, err: error }, 'readings cannot be stored');
  }

  /** Counts rejected parts; the first of each code is logged. */
  rejected(parts: readonly Rejected[]): void {
    this.#rejected += parts.length;
    this.#unknown.count(parts);
    this.#environment.metrics.count(SOURCE_METRICS.rejected, this.name, parts.length);
    for (const { code } of parts) {
      if (this.#codesSeen.has(code)) continue;
      this.#codesSeen.add(code);
      this.#environment.log.warn({ source: this.name, code }, 'a part was rejected; more of this kind are only counted');
    }
  }

  connections(open: number): void {
    this.#environment.metrics.set(SOURCE_METRICS.connections, open, this.name);
  }

  /** Counts a connection that was cut or refused; `detail` is a code, and nothing that came from the other side. */
  cut(reason: CutReason | 'tls' | 'not-accepted' | 'too-many' | 'too-many-of-one-address', detail?: string): void {
    const { metrics, log } = this.#environment;
    metrics.count(TALLY_METRICS.cut, `${this.name}/${reason}`);
    if (!this.#cutSeen.due(reason)) return;
    const why = { reason, ...(detail !== undefined && { detail }) };
    log.warn({ source: this.name, ...why }, 'a connection was cut or refused; more for this reason are only counted');
  }

  reopened(): void {
    this.#environment.metrics.count(TALLY_METRICS.reopened, this.name);
  }

  /** The source works. */
  up(endpoint = this.#endpoint): void {
    this.#endpoint = endpoint;
    if (this.#state === 'running' || this.#state === 'stopped') return;
    this.#state = 'running';
    this.#code = null;
    this.#down = false;
    this.#environment.log.info({ source: this.name, endpoint }, 'source is running');
  }

  /** The source does not work and is tried again. */
  down(error: VitalmeshError): void {
    if (this.#state === 'stopped') return;
    this.#state = 'waiting';
    this.#code = error.code;
    if (this.#down) return;
    this.#down = true;
    this.#environment.log.warn({ source: this.name, endpoint: this.#endpoint, err: error }, 'source is not running; it is tried again');
  }

  /** Open, but nothing came yet. That it was lost before stays the reason: to open it again is no sign of life. */
  waiting(): void {
    if (this.#state === 'starting') this.#state = 'waiting';
    if (this.#code !== 'SOURCE-LOST') this.#code = null;
  }

  stopped(): void {
    this.#state = 'stopped';
    this.#code = null;
  }

  status(): SourceStatus {
    const unknownCodes = this.#unknown.counts;
    return {
      name: this.name,
      type: this.#type,
      state: this.#state,
      code: this.#code,
      endpoint: this.#endpoint,
      records: this.#records,
      readings: this.#readings,
      rejected: this.#rejected,
      ...(this.#storedAgain > 0 && { storedAgain: this.#storedAgain }),
      lastRecordAt: this.#lastRecordAt,
      ...(unknownCodes.length > 0 && { unknownCodes }),
    };
  }
}
