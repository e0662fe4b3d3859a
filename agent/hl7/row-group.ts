import type { RowGroup } from './dialect.ts';
import type { Hl7Message } from './message.ts';
import type { Segment } from './segment.ts';

/** The OBR that rows stand in, opened only where a dialect asks for it. */
export class CurrentGroup implements RowGroup {
  readonly #message: Hl7Message;
  #index = 0;
  #opened: Segment | undefined;

  constructor(message: Hl7Message) {
    this.#message = message;
  }

  begin(index: number): void {
    this.#index = index;
    this.#opened = undefined;
  }

  /** Number of the segment that it began with; 0 where none did. */
  get from(): number {
    return this.#index;
  }

  get header(): Segment {
    return this.#message.header;
  }

  get obr(): Segment | undefined {
    if (this.#index > 0) this.#opened ??= this.#message.segment(this.#index);
    return this.#opened;
  }
}
