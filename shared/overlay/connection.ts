import { Duplex } from 'node:stream';
import { VitalmeshError } from '../errors.ts';

type Sent = (error?: Error | null) => void;

/** What carries the bytes of one connection to its other end, in order. */
export interface Transport {
  /** Sends the chunks; calls `sent` once when more may follow. The chunks are not changed by anybody until then. */
  send(chunks: readonly Buffer[], sent: Sent): void;
  /** Says that no more will be sent in this direction. */
  sendEnd(sent: Sent): void;
  /** The reader has room again. */
  resume(): void;
  /** Lets go of the connection, whatever is still under way. The other end must learn of it. */
  close(): void;
}

/**
 * One end of an overlay connection, the same for every overlay: in order, with back-pressure, `end()` half-closes. A connection
 * that is cut off before its end fails with OVERLAY-CLOSED. When the other end closes *behind* its end, what it sent is still read
 * to the last byte and ends cleanly; only if this end had more to say does it then fail.
 */
export class OverlayConnection extends Duplex {
  readonly #transport: Transport;
  #endReceived = false;
  #lost = false;
  #finish: Sent | undefined;

  constructor(transport: Transport) {
    super({ allowHalfOpen: true });
    this.#transport = transport;
  }

  /** Bytes from the other end; false when the transport should wait for `resume`. */
  deliver(chunk: Buffer): boolean {
    if (this.destroyed) return false;
    if (this.#endReceived) {
      this.destroy(new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'data behind the end' }));
      return false;
    }
    return this.push(chunk);
  }

  /** The other end has said that it sends no more. */
  deliverEnd(): void {
    if (this.destroyed || this.#endReceived) return;
    this.#endReceived = true;
    this.push(null);
  }

  /** The other end, or the way to it, is gone. To be called when everything that came from there was delivered. */
  lost(cause?: Error): void {
    if (this.#lost || this.destroyed) return;
    this.#lost = true;
    if (!this.#endReceived) this.destroy(closed(cause));
    else if (this.readableEnded || this.readableLength === 0) this.#settle(cause);
    else this.once('end', () => this.#settle(cause));
  }

  /** Everything was read. An owner who ends now had nothing to say; one who does not would wait for ever. */
  #settle(cause: Error | undefined): void {
    setImmediate(() => {
      if (this.#finish) this.#finish();
      else if (!this.writableFinished) this.destroy(closed(cause));
    });
  }

  override _read(): void {
    this.#transport.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Sent): void {
    this.#send([chunk], done);
  }

  override _writev(items: { chunk: Buffer }[], done: Sent): void {
    this.#send(
      items.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Sent): void {
    if (this.#lost) {
      done();
      return;
    }
    this.#finish = done;
    this.#transport.sendEnd((error) => this.#sent(error, done));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#transport.close();
    done(error);
  }

  #send(chunks: readonly Buffer[], done: Sent): void {
    // What cannot be sent any more stays unsent, so that `#settle` sees it; failing at once would lose what is still to be read.
    if (!this.#lost) this.#transport.send(chunks, (error) => this.#sent(error, done));
  }

  #sent(error: Error | null | undefined, done: Sent): void {
    if (this.#lost) return;
    if (error) {
      this.lost(error);
      return;
    }
    this.#finish = undefined;
    done();
  }
}

function closed(cause: Error | undefined): VitalmeshError {
  return new VitalmeshError('OVERLAY-CLOSED', { cause });
}
