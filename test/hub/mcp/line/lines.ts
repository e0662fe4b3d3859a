import type { Duplex } from 'node:stream';
import { jsonLines, TOO_LONG } from '../../../../shared/mcp-line/json-lines.ts';
import { type Endpoint, LINE_SERVICE } from '../support.ts';

export type Message = Record<string, unknown> & {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; data: { code: string } };
};

/** Somebody who writes lines, and reads what comes of them. */
export class Lines {
  readonly stream: Duplex;
  readonly #lines: AsyncGenerator<Buffer | typeof TOO_LONG>;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('error', () => stream.destroy());
    this.#lines = jsonLines(stream, 1 << 24);
  }

  say(...messages: unknown[]): void {
    for (const message of messages) this.stream.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
  }

  /** The next line; undefined when there is none any more. */
  async hear(): Promise<Message | undefined> {
    const { value } = await this.#lines.next().catch(() => ({ value: undefined }));
    return value === undefined || value === TOO_LONG ? undefined : (JSON.parse(value.toString('utf8')) as Message);
  }

  /** All up to the answer to this question, or to the end. */
  async hearAnswer(id: unknown): Promise<Message[]> {
    const heard: Message[] = [];
    for (let next = await this.hear(); next; next = await this.hear()) {
      heard.push(next);
      if (next.id === id && next.method === undefined) break;
    }
    return heard;
  }
}

export async function lines(endpoint: Pick<Endpoint, 'as'>, who = 'ai-all'): Promise<Lines> {
  return new Lines(await endpoint.as(who).dial(LINE_SERVICE));
}
