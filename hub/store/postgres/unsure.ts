/**
 * From which position on this process does not know what of its own commits is there: the answer to a COMMIT was lost. Who sent it is refused, and finds it
 * held when it comes again; but nobody was told of it here, and what is held is no news.
 */
export class Unsure {
  #from: number | undefined;
  #noted = (): void => undefined;

  /** A commit that began behind this position may be there, or not. */
  note(position: number): void {
    this.#from = Math.min(position, this.#from ?? position);
    this.#noted();
  }

  /** Called at every `note`. */
  onNoted(call: () => void): void {
    this.#noted = call;
  }

  /** Hands over what is to be looked at; `note` it again if that fails. */
  take(): number | undefined {
    const from = this.#from;
    this.#from = undefined;
    return from;
  }
}
