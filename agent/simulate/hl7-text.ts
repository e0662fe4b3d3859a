import type { Instant } from '../../shared/clock.ts';

/** `20261121T100000.123` without its marks: year to millisecond, in UTC. */
function digits(at: Instant): string {
  return new Date(at).toISOString().replace(/[-:TZ]/g, '');
}

/** HL7 DTM in UTC without a zone, to the second: `20261121100000` (HL7 v2.6 ch. 2A.21). */
export function seconds(at: Instant): string {
  return digits(at).slice(0, 14);
}

/** HL7 DTM in UTC without a zone, to the millisecond: `20261121100000.123`. */
export function milliseconds(at: Instant): string {
  return digits(at).slice(0, 18);
}

/** HL7 DTM to the second as a clock that is `offsetMin` east of UTC shows it, with that zone: `20261121153000+0530`. */
export function secondsInZone(at: Instant, offsetMin: number): string {
  const size = Math.abs(offsetMin);
  const zone = `${String(Math.floor(size / 60)).padStart(2, '0')}${String(size % 60).padStart(2, '0')}`;
  return `${seconds(at + offsetMin * 60_000)}${offsetMin < 0 ? '-' : '+'}${zone}`;
}

/** Segments as a message: each ends with CR. */
export function segments(...lines: readonly string[]): string {
  return `${lines.join('\r')}\r`;
}

/** The EUI-64 of a simulated device of a manufacturer (24 bits in hexadecimal), by its seed. */
export function eui64(manufacturer: string, seed: number): string {
  return `${manufacturer}FFFE${seed.toString(16).toUpperCase().padStart(6, '0').slice(-6)}`;
}
