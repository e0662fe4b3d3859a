const NEWLINES = /\r\n|\r|\n/;

/**
 * The data of each event of a stream (WHATWG HTML §9.2.6, event stream interpretation); comments, and events without data, are left out. Lives as long as the stream; an event that is
 * not complete when it ends is none. Throws what reading throws.
 */
export async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  let data: string[] = [];
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    // A carriage return at the end may be the half of a line's end.
    const isHalf = text.endsWith('\r');
    const lines = `${rest}${isHalf ? text.slice(0, -1) : text}`.split(NEWLINES);
    rest = `${lines.pop() ?? ''}${isHalf ? '\r' : ''}`;
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
      } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    }
  }
}
