import { formatInstant, type Instant, zoneOffsetMin } from '../../shared/clock.ts';
import type { GapReason, LostClass } from '../../shared/gap.ts';
import { readGap, readGapPart } from '../../shared/gap-observation.ts';
import type { StoredEvent } from '../store/store.ts';
import type { Withheld } from './access.ts';
import type { ShownPatient } from './door.ts';
import type { Masked } from './masking/contract.ts';
import { headOf, type Whose } from './view-head.ts';
import { noticeOf } from './views.ts';

/** Something that was measured and will never arrive. Times ISO 8601. */
export interface GapView {
  from: string;
  to: string;
  reason: GapReason;
  /** Class of what is missing. */
  lost: LostClass;
  /** Null where that is known of a longer stretch alone. */
  values: number | null;
  /** Keys of what is missing; empty where it is not known. */
  vitals: readonly string[];
  device: string;
  gateway: string;
  /** FHIR id of the event. */
  event: string;
  test: boolean;
}

export interface GapsView extends ShownPatient {
  asOf: string;
  /** The newest first. */
  gaps: readonly GapView[];
  /** Whether there are more than shown. */
  truncated: boolean;
  /** What became known before this is not looked at. */
  lookedBackTo: string;
  withheld?: readonly Withheld[];
  notice: string;
  masked?: Masked;
}

/** Stands under everything that shows gaps. */
export const GAPS_NOTICE = 'Gaps are what gateways told of; that none is shown does not mean that nothing is missing.';

/** Most gaps that are shown. */
export const MOST_GAPS = 200;

export interface GapsFrame extends Whose {
  now: Instant;
  /** IANA. */
  zone: string;
  lookedBackTo: Instant;
  withheld: readonly Withheld[];
  sandbox: boolean;
}

/** The gaps of a patient, not masked. Pure. */
export function gapsView(events: readonly StoredEvent[], frame: GapsFrame): GapsView {
  const { now, zone, withheld } = frame;
  const shown = (at: Instant): string => formatInstant(at, zoneOffsetMin(at, zone));
  const sorted = [...events].sort((a, b) => b.sortTime - a.sortTime || (a.id < b.id ? -1 : 1));
  return {
    ...headOf(frame, now, shown),
    gaps: sorted.slice(0, MOST_GAPS).flatMap((event) => gapView(event, shown)),
    truncated: sorted.length > MOST_GAPS,
    lookedBackTo: shown(frame.lookedBackTo),
    ...(withheld.length > 0 && { withheld }),
    notice: `${GAPS_NOTICE} ${noticeOf(frame.sandbox)}`,
  };
}

function gapView({ id, device, gateway, sortTime, test, resource }: StoredEvent, shown: (at: Instant) => string): GapView[] {
  const part = readGapPart(resource);
  if (!part) return [];
  const { values = null, vitals = [] } = readGap(resource) ?? {};
  // Where the device's clock is not to be trusted, it still tells how long it was.
  const until = sortTime + (part.to - part.from);
  return [
    { from: shown(sortTime), to: shown(until), reason: part.reason, lost: part.lost, values, vitals, device, gateway, event: id, test },
  ];
}
