import type { Instant } from '../../shared/clock.ts';
import { type DecodeContext, type Decoded, discardedPart, type MqttProfile } from '../decoding.ts';
import { line } from '../framing/line.ts';
import { parseJson } from './json.ts';
import type { Mapping } from './mapping.ts';
import { decodePayload } from './payload.ts';

/** A profile out of a mapping. Its stream form is NDJSON: each line a payload, or `{"topic": …, "payload": …}` as captures keep it. */
export function mappingProfile(mapping: Mapping): MqttProfile {
  const decode = (topic: string, payload: Uint8Array, receivedAt: Instant, context: DecodeContext): Decoded =>
    decodePayload(mapping, topic, payload, receivedAt, context);
  return {
    name: mapping.name,
    kind: 'mqtt',
    vendor: mapping.vendor,
    models: mapping.models,
    protocol: mapping.protocol,
    source: mapping.source,
    topicFilter: mapping.match.replace(/\{[a-z]+\}/g, '+'),
    timed: mapping.time !== undefined,
    decodePayload: decode,
    decoder(context) {
      const framer = line({ maxBytes: context.maxFrameBytes })(context.maxFrameBytes);
      const decoded = (events: ReturnType<typeof framer.push>, receivedAt: Instant): Decoded[] =>
        events.map((event) => {
          if ('discarded' in event) return { records: [], rejected: [discardedPart(event.discarded)] };
          const { topic, payload } = captured(event.frame);
          return decode(topic, payload, receivedAt, context);
        });
      return {
        push: (chunk, receivedAt) => decoded(framer.push(chunk), receivedAt),
        end: (receivedAt) => decoded(framer.end(), receivedAt),
      };
    },
  };
}

/** A captured message taken out of its line; any other line is a payload itself. */
function captured(frame: Uint8Array): { topic: string; payload: Uint8Array } {
  const bare = { topic: '', payload: frame };
  const text = Buffer.from(frame).toString('utf8');
  if (!text.includes('"topic"') || !text.includes('"payload"')) return bare;
  const json = parseJson(frame);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return bare;
  const { topic, payload } = json;
  if (typeof topic !== 'string' || payload === undefined) return bare;
  return { topic, payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)) };
}
