import type { Hl7Message } from './message.ts';

/** How far a message is read: moved on by its reader, and where everything that reads along finds its place. */
export class MessageCursor {
  readonly message: Hl7Message;
  /** Number of the first segment that is read for itself; those before it only say what the others are of. */
  readonly onlyFrom: number;
  /** Number of the segment that is read. */
  index = 0;
  /** How many OBR came, with this one. */
  obr = 0;
  /** How many OBX came, with this one. */
  obx = 0;
  /** OBX-4 of the last wave, whose attributes may follow; '' where there is none, or it has none. */
  wavePath = '';

  /** `only`: so many of the last segments are read for themselves; all of them unless given. */
  constructor(message: Hl7Message, only: number | undefined) {
    this.message = message;
    this.onlyFrom = only === undefined ? 0 : message.segments - only;
  }

  /** Whether the row that is read only says what another one is of: it stands before what is read for itself, or is about that one row. */
  get isContext(): boolean {
    return this.index < this.onlyFrom || (this.index > this.onlyFrom && this.message.name(this.onlyFrom) === 'OBX');
  }

  /** To the last segment before `to`; OBR and OBX on the way count. */
  passUpTo(to: number): void {
    for (; this.index < to; this.index += 1) {
      const name = this.message.name(this.index);
      if (name === 'OBX') this.obx += 1;
      else if (name === 'OBR') this.obr += 1;
    }
    this.index -= 1;
  }
}
