import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode } from '../../shared/errors.ts';
import { decodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import { checkRecord } from '../../shared/reading-check.ts';
import { inDoubt } from '../boots/retime.ts';
import type { DecodeContext, Decoded, Hl7Profile, Profile, Rejected } from '../decoding.ts';
import { Connection } from '../hl7/connection.ts';
import { messageKey } from '../hl7/message-key.ts';
import { partOrigin } from '../intake.ts';
import type { Found, Origin, QuarantinedContent } from './outbox.ts';

/** A source as the configuration has it now. */
export interface ConfiguredSource {
  name: string;
  profile: Profile;
  context: DecodeContext;
}

/** What is in an entry of quarantine, or why it stays there. */
export type Reread = { found: Found } | { stays: ErrorCode };

/**
 * What an entry of quarantine amounts to now. A row is what it was. Bytes are read only where they are a whole HL7 message, or a part of one
 * with what gives it its meaning, which says itself when it was sent and of what: by the profile and the list of devices that the source has now, and with the patient, bed and
 * zone that it had when they came, which may be somebody else's now. They keep their time of receipt. Pure; `now` is the gateway's clock.
 */
export function reread(entry: QuarantinedContent, sources: ReadonlyMap<string, ConfiguredSource>, now: Instant): Reread {
  return entry.class === null ? rereadBytes(entry, sources, now) : rereadRow(entry);
}

function rereadRow({ body, held }: QuarantinedContent): Reread {
  let record: ReadingRecord;
  try {
    record = decodeRecord(body);
  } catch (thrown) {
    return { stays: asVitalmeshError(thrown).code };
  }
  const wrong = checkRecord(record);
  if (wrong !== undefined) return { stays: wrong };
  // Under a new key the hub would not know again what it has of it.
  const isUnsent = held === undefined ? isSingle(record) : held === 0;
  return isUnsent ? { found: { records: [record] } } : { stays: 'OUTBOX-PARTLY-SENT' };
}

/** Of one content there is no part that the hub could have. */
function isSingle({ readings, alerts = [], waves = [], movement, tree }: ReadingRecord): boolean {
  return !tree && readings.length + alerts.length + waves.length + (movement ? 1 : 0) === 1;
}

function rereadBytes(entry: QuarantinedContent, sources: ReadonlyMap<string, ConfiguredSource>, now: Instant): Reread {
  const { origin, part, body, bytes, at, source: name } = entry;
  if (origin?.kind !== 'hl7' || (part !== 'message' && !origin.row) || body.length !== bytes) return { stays: 'OUTBOX-NOT-WHOLE' };
  const source = sources.get(name);
  if (source?.profile.kind !== 'hl7') return { stays: 'OUTBOX-SOURCE-GONE' };
  const context = contextOf(origin, source);
  let decoded: Decoded;
  try {
    decoded = origin.row ? readPart(body, at, source.profile, context, origin.last) : read(body, at, source.profile, context);
  } catch (thrown) {
    return { stays: asVitalmeshError(thrown).code };
  }
  const { records, rejected } = decoded;
  if (records.length === 0) return { stays: rejected[0]?.code ?? entry.code };
  if (entry.code === 'DECODE-DEVICE-UNKNOWN' && !isOfOneDevice(decoded)) return { stays: 'OUTBOX-PARTLY-SENT' };
  const wrong = records.map(checkRecord).find((code) => code !== undefined);
  if (wrong !== undefined) return { stays: wrong };
  // A clock that ran ahead then must not make this the newest of all.
  const isDoubtful = origin.doubtful || at > now;
  const rest = rejected.flatMap((one) => restOf(one, origin));
  // The message of a part was stored with the rest of it.
  const message = origin.row
    ? undefined
    : messageKey(body, { profile: source.profile.name, source: name, zone: context.zone, receivedAt: at });
  return { found: { records: isDoubtful ? records.map(inDoubt) : records, ...(message && { message }), rest } };
}

/** What came before it on its connection is not known any more, so that it can be of nobody but whom it names itself. */
function read(message: Uint8Array, at: Instant, profile: Hl7Profile, context: DecodeContext): Decoded {
  const connection = new Connection();
  connection.lose();
  return profile.read(message, at, context, connection);
}

function restOf({ code, part, bytes, raw, again }: Rejected, origin: Origin): NonNullable<Found['rest']> {
  if (again) return [{ code, part, bytes: again.raw.length, raw: again.raw, origin: partOrigin(origin, again) }];
  return raw ? [{ code, part, bytes, raw }] : [];
}

/** Whose it is was decided when its message came: it says so itself, or `context` does. */
function readPart(part: Uint8Array, at: Instant, profile: Hl7Profile, context: DecodeContext, last = 1): Decoded {
  const { patient, bed } = context;
  const connection = new Connection();
  connection.say({ ...(patient && { patient }), ...(bed !== undefined && { bed }) });
  return profile.read(part, at, context, connection, last);
}

/** What came while the source was being tried out, or comes while it is, is test data. */
function contextOf(origin: Origin, { context: { devices, test } }: ConfiguredSource): DecodeContext {
  const { devices: _, ...then } = origin.context;
  return { ...then, ...(devices && { devices }), test: then.test || test };
}

/**
 * A message with a device that was not listed is kept whole, and those of its devices that were listed were stored. Where it is all of
 * one device, nothing was.
 */
function isOfOneDevice({ records, rejected }: Decoded): boolean {
  const devices = new Set(records.map(({ device }) => device.id));
  return devices.size === 1 && !rejected.some(({ code }) => code === 'DECODE-DEVICE-UNKNOWN');
}
