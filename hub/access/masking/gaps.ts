import { GAP_REASONS, type GapReason, type LostClass } from '../../../shared/gap.ts';
import { ROW_CLASSES } from '../../../shared/reading.ts';
import { GAPS_NOTICE, type GapsView, type GapView } from '../gap-views.ts';
import { NOTICE, SANDBOX_NOTICE } from '../views.ts';
import { isVital, type MaskFrame, NO_ZONE, oneOf, shownOf, timeTextOf, WITHHELD } from './frame.ts';
import { wardOf, withheldOf } from './views.ts';

const CAUSES = Object.keys(GAP_REASONS) as GapReason[];
const LOST = ROW_CLASSES.filter((name): name is LostClass => name !== 'gap');
const NOTICES = [NOTICE, SANDBOX_NOTICE].map((notice) => `${GAPS_NOTICE} ${notice}`);

/** The gaps of a patient by words of tables, under the reader's names. */
export function maskedGaps(frame: MaskFrame, view: GapsView): GapsView {
  const { patient } = view;
  const time = (text: string | undefined) => (text === undefined ? undefined : timeTextOf(frame, text, patient));
  return shownOf<GapsView>({
    patient: frame.names.patient(patient),
    mergedFrom: undefined,
    alsoKnownAs: undefined,
    bed: null,
    ward: wardOf(frame, view.ward),
    admitted: time(view.admitted),
    discharged: time(view.discharged),
    leftBed: time(view.leftBed),
    unplaced: view.unplaced,
    asOf: timeTextOf(frame, view.asOf, patient),
    zone: NO_ZONE,
    gaps: view.gaps.flatMap((gap) => maskedGap(frame, gap, patient)),
    truncated: view.truncated,
    lookedBackTo: timeTextOf(frame, view.lookedBackTo, patient),
    withheld: withheldOf(view.withheld),
    notice: oneOf(NOTICES, view.notice) ?? `${GAPS_NOTICE} ${NOTICE}`,
    masked: frame.profile,
  });
}

function maskedGap(frame: MaskFrame, gap: GapView, patient: string): GapView[] {
  const [reason, lost] = [oneOf(CAUSES, gap.reason), oneOf(LOST, gap.lost)];
  if (reason === undefined || lost === undefined) return [];
  return [
    shownOf<GapView>({
      from: timeTextOf(frame, gap.from, patient),
      to: timeTextOf(frame, gap.to, patient),
      ...{ reason, lost },
      values: gap.values,
      vitals: gap.vitals.filter(isVital),
      device: frame.names.device(patient, gap.device),
      gateway: WITHHELD,
      event: frame.names.observation(gap.event),
      test: gap.test,
    }),
  ];
}
