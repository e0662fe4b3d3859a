import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FramingEvent } from '../../../agent/framing/framing.ts';
import { hl7Unframed } from '../../../agent/framing/hl7-lines.ts';
import { mllpContents, mllpFrame } from '../../../agent/framing/mllp.ts';
import { verifies } from '../../requirements.ts';

const MAX = 120;
const FIRST = 'MSH|^~\\&|A|B\rPID|||P-0001\rOBX|1|NM|150456||97\r';
const SECOND = 'MSH|^~\\&|A|B\nOBX|1|NM|150456||98\n';

const told = (events: readonly FramingEvent[]): string[] =>
  events.map((event) =>
    'frame' in event
      ? Buffer.from(event.frame).toString('latin1')
      : `${event.discarded.reason} ${event.discarded.bytes}${event.discarded.head ? ' head' : ''}`,
  );

/** What comes of a stream that is cut at these places. */
function read(stream: string, cuts: readonly number[]): string[] {
  const framer = hl7Unframed(MAX);
  const events: string[] = [];
  let from = 0;
  for (const to of [...cuts, stream.length]) {
    events.push(...told(framer.push(Buffer.from(stream.slice(from, to), 'latin1'))));
    from = to;
  }
  return [...events, ...told(framer.end())];
}

test('however a stream without blocks is cut, its messages are the same', () => {
  verifies('FRAMING-PURE', 'UNFRAMED-BY-CONFIGURATION');
  const big = `MSH|^~\\&|A|B\r${'NTE|1||xxxxxxxxxx\r'.repeat(10)}`;
  const stream = `noise\r${FIRST}${SECOND}${big}${FIRST}OBX|2|NM|150456||9`;
  const expected = ['noise\r', FIRST, SECOND, `oversized ${big.length} head`, `truncated ${FIRST.length + 18}`];
  for (let cut = 0; cut <= stream.length; cut += 1) assert.deepEqual(read(stream, [cut]), expected, `cut at ${cut}`);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 30 }), (cuts) => {
      assert.deepEqual(
        read(
          stream,
          cuts.sort((a, b) => a - b),
        ),
        expected,
      );
    }),
    { numRuns: 200 },
  );
});

test('a pause ends a message only behind a whole line', () => {
  verifies('UNFRAMED-BY-CONFIGURATION');
  for (let cut = 1; cut < FIRST.length; cut += 1) {
    const framer = hl7Unframed(MAX);
    const before = [...framer.push(Buffer.from(FIRST.slice(0, cut))), ...framer.quiet()];
    const isWhole = FIRST[cut - 1] === '\r';
    assert.deepEqual(told(before), isWhole ? [FIRST.slice(0, cut)] : [], `paused at ${cut}`);
    assert.equal(framer.held, isWhole ? 0 : cut);
    const rest = [...framer.push(Buffer.from(FIRST.slice(cut))), ...framer.quiet()];
    assert.deepEqual(told(rest), [isWhole ? FIRST.slice(cut) : FIRST]);
  }
});

test('memory is bounded, and the sender of an oversized message can be told', () => {
  verifies('FRAMING-PURE');
  const framer = hl7Unframed(MAX);
  const line = Buffer.from('NTE|1||xxxxxxxxxx\r');
  const events = told(framer.push(Buffer.from('MSH|^~\\&|A|B\r')));
  for (let i = 0; i < 1000; i += 1) {
    events.push(...told(framer.push(line)));
    assert.ok(framer.held <= MAX + 2 * line.length);
  }
  events.push(...told(framer.quiet()));
  assert.deepEqual(
    events.map((event) => event.replace(/\d+/, 'n')).filter((event) => event !== 'oversized n'),
    ['oversized n head'],
  );
  assert.deepEqual(told([...framer.push(Buffer.from(FIRST)), ...framer.quiet()]), [FIRST]);
});

test('an answer loses its blocks and nothing else', () => {
  const [one, two] = [Buffer.from('MSH|a\rMSA|AA\r'), Buffer.from('MSH|b\r')];
  assert.equal(Buffer.from(mllpContents(mllpFrame(one))).toString(), one.toString());
  assert.equal(Buffer.from(mllpContents(Buffer.concat([mllpFrame(one), mllpFrame(two)]))).toString(), 'MSH|a\rMSA|AA\rMSH|b\r');
  assert.equal(mllpContents(new Uint8Array(0)).length, 0);
});
