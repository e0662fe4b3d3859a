import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';

/** One thing said over a connection; `ends` when its sender says no more. */
export interface Utterance {
  from: 'us' | 'them';
  bytes: Buffer;
  ends: boolean;
}

/**
 * Does over a connection what was recorded of an application, in its order: writes what `us` said, reads exactly what `them` said.
 * Throws for other bytes, and with the connection's own error when it fails.
 */
export async function converse(connection: Duplex, utterances: readonly Utterance[]): Promise<void> {
  const reader = new ExactReader(connection);
  for (const { from, bytes, ends } of utterances) {
    if (from === 'us') {
      if (bytes.length > 0) connection.write(bytes);
      if (ends) connection.end();
    } else {
      const read = await reader.take(bytes.length);
      assert.ok(read.equals(bytes), `${bytes.length} bytes as they were recorded`);
      if (ends) await reader.end();
    }
  }
}

/** How the connection ends: undefined for a clean end of both directions, or its error. Reads and drops what still comes. */
export function ending(connection: Duplex): Promise<Error | undefined> {
  return new Promise((resolve) => {
    if (connection.closed) {
      resolve(connection.errored ?? undefined);
      return;
    }
    connection.once('error', resolve);
    connection.once('close', () => resolve(undefined));
    connection.resume();
  });
}

class ExactReader {
  readonly #connection: Duplex;

  constructor(connection: Duplex) {
    this.#connection = connection;
  }

  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      const part: Buffer | null = this.#connection.read(Math.min(missing, this.#connection.readableLength)) ?? null;
      if (part) {
        parts.push(part);
        missing -= part.length;
      } else await this.#change(`${missing} more bytes`);
    }
    return Buffer.concat(parts);
  }

  async end(): Promise<void> {
    while (!this.#connection.readableEnded) {
      assert.equal(this.#connection.read(), null, 'nothing behind the last byte that was recorded');
      if (!this.#connection.readableEnded) await this.#change('the end');
    }
  }

  #change(what: string): Promise<void> {
    const connection = this.#connection;
    return new Promise((resolve, reject) => {
      const events = ['readable', 'end', 'error', 'close'] as const;
      const settle = (): void => {
        for (const event of events) connection.off(event, settle);
        if (connection.errored) reject(connection.errored);
        else if (connection.destroyed || (connection.readableEnded && what !== 'the end')) reject(new Error(`it ended before ${what}`));
        else resolve();
      };
      if (connection.errored || connection.destroyed) {
        settle();
        return;
      }
      for (const event of events) connection.on(event, settle);
    });
  }
}
