import { VitalmeshError } from '../../shared/errors.ts';
import type { Principal } from '../access/access.ts';
import type { CallContext, Door, PatientSummary } from '../access/door.ts';
import { noticeOf } from '../access/views.ts';
import type { Registry } from '../registry/registry.ts';
import { type DueOptions, DueReadings, type DueView } from './due/due.ts';
import { type Worklist, worklist } from './due/worklist.ts';
import type { Group } from './group.ts';
import type { Clinical } from './open-clinical.ts';
import type { Course } from './overview/course.ts';
import type { ListedPlace } from './overview/find.ts';
import { type EvaluatedPatient, listOutside, type OutsideAsked } from './overview/list-outside.ts';
import { listedPlace } from './overview/listed-place.ts';
import { type OverviewView, overview } from './overview/overview.ts';
import { Support, type SupportView } from './support/support.ts';

/** What is reckoned of patients over the one door: each of it sees what the reader may see, under the names that the reader knows. Errors: those of `Door.latest`. */
export interface ClinicalReads {
  due(principal: Principal, patient: string, context: CallContext): Promise<DueView>;
  support(principal: Principal, patient: string, context: CallContext): Promise<SupportView>;
  /** What is open of a group. Throws as `overview` does. */
  worklist(principal: Principal, group: Group, context: CallContext, course?: Course): Promise<Worklist>;
  /** Everything about one patient at a glance. Throws besides whatever `course.signal` was aborted with. */
  overview(principal: Principal, patient: string, context: CallContext, course: Course): Promise<OverviewView>;
  /** What is current of one patient or a group against limits. Throws as `overview` does. */
  outside(principal: Principal, asked: Omit<OutsideAsked, 'isSandbox'>, context: CallContext, course: Course): Promise<EvaluatedPatient[]>;
  /** Where else somebody is whom the door has listed. */
  listedPlace(principal: Principal, row: Pick<PatientSummary, 'patient' | 'masked'>): ListedPlace;
  /** What stands under a list of a principal's patients. */
  listNotice(principal: Principal): string;
}

export interface ClinicalReadsOptions extends Omit<DueOptions, 'rules' | 'door' | 'registry'> {
  door: Door;
  registry: Pick<Registry, 'patient' | 'isSandbox' | 'gateways' | 'bedSince'>;
  clinical: Pick<Clinical, 'support' | 'expected'>;
}

export function clinicalReads({ door, registry, clinical, ...rest }: ClinicalReadsOptions): ClinicalReads {
  const support = new Support({ door, registry, rules: clinical.support });
  const due = new DueReadings({ ...rest, door, registry, rules: clinical.expected });
  return {
    due: (principal, patient, context) => due.of(principal, patient, context),
    support: (principal, patient, context) => support.of(principal, patient, context),
    worklist: (principal, group, context, course) =>
      worklist(principal, group, context, { door, registry, due, clock: rest.clock, ...(course && { course }) }),
    overview: (principal, patient, context, course) =>
      overview(principal, patient, context, course, { door, registry, due, support, zone: rest.zone }),
    outside: (principal, asked, context, course) =>
      listOutside(door, principal, { ...asked, isSandbox: registry.isSandbox(principal.tenant) }, context, course),
    listedPlace: (principal, row) => listedPlace(registry, principal, row),
    listNotice: ({ tenant }) => noticeOf(registry.isSandbox(tenant)),
  };
}

/** Where nothing is reckoned: there is nobody of whom anything could be told. */
export const NO_CLINICAL_READS: ClinicalReads = {
  due: nobody,
  support: nobody,
  worklist: nobody,
  overview: nobody,
  outside: nobody,
  listedPlace: () => ({ panels: [] }),
  listNotice: () => noticeOf(false),
};

async function nobody(): Promise<never> {
  throw new VitalmeshError('NOT-FOUND');
}
