export interface LineAdmissionOptions {
  /** Whether whoever is behind the connection, with this token, would be let in now. Never rejects. */
  admits: (token: string | undefined) => Promise<boolean>;
  /** How long a connection may stay with nobody whom the hub knows behind it. */
  strangerMs: number;
  /** Called when that time is over. */
  onOverdue: () => void;
}

/** Lines that a stranger may say until its connection is not listened to any more: enough to be told why, and to show a token. */
const MOST_LINES = 16;

/**
 * Whether the hub knows who is behind a connection of the line wire. Each request is admitted anew by the endpoint; this bounds what a connection may cost before anybody was, and after nobody is
 * any more: who holds it is asked when it comes, at each line of a stranger, and again whenever the endpoint refused somebody who was known.
 */
export class LineAdmission implements Disposable {
  readonly #options: LineAdmissionOptions;
  #isKnown: boolean | undefined;
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LineAdmissionOptions) {
    this.#options = options;
  }

  /** Found to be a stranger's, when it was last asked. */
  get isStranger(): boolean {
    return this.#isKnown === false;
  }

  /** Whether a stranger has said all that is heard of one. */
  get isOver(): boolean {
    return this.#lines >= MOST_LINES;
  }

  /** Resolves with whether somebody is behind it who is let in; asks only where that is not known to be so. */
  async stands(token: string | undefined): Promise<boolean> {
    if (this.#isKnown) return true;
    this.#isKnown = await this.#options.admits(token);
    if (this.#isKnown) {
      this[Symbol.dispose]();
      this.#lines = 0;
    } else this.#timer ??= setTimeout(() => this.#options.onOverdue(), this.#options.strangerMs);
    return this.#isKnown;
  }

  /** Counts a line of a stranger. */
  count(): void {
    this.#lines += 1;
  }

  /** The endpoint refused a request for who sent it, or for what it may: it is asked again at the next line. */
  doubt(): void {
    this.#isKnown &&= undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
