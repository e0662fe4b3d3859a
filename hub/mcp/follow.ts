import { VitalmeshError } from '../../shared/errors.ts';
import { panelOfPart } from '../../shared/vitals.ts';
import type { Principal } from '../access/access.ts';
import type { Door } from '../access/door.ts';
import type { Group } from '../clinical/group.ts';
import type { Change } from '../feed.ts';
import { followOf } from './surface/resources.ts';
import { parseUri } from './uris.ts';

export type ChangeKind = Change['kind'];

/**
 * Of which changes a subscriber of a resource is told. `patient`, `device`: by the name under which the reader knows it. `hears`: of which kinds; of those that are of vital signs, of `vital` alone
 * where one is given.
 */
export type Follow =
  | { of: 'list' }
  | { of: 'patient'; patient: string; hears: readonly ChangeKind[]; vital?: string }
  | { of: 'group'; group: Group; hears: readonly ChangeKind[] }
  | { of: 'device'; device: string; hears: readonly ChangeKind[] }
  | { of: 'nothing' };

/** What is subscribed to together: patients and devices by the names that the reader has for them, and groups; none of them for the list of patients alone. */
export interface Wanted {
  patients: readonly string[];
  groups: readonly Group[];
  devices: readonly string[];
  /** Vital signs that are followed by themselves. */
  vitals: readonly string[];
}

/** What changes how a device stands, or with whom: values come with every one that it measures, and are none of it. */
export const OF_DEVICES: readonly ChangeKind[] = ['stale', 'sources', 'patients', 'corrected'];

/** What must not wait: that what was shown is not so any more, that nothing comes, or that a device alarms. */
const URGENT: readonly ChangeKind[] = ['stale', 'corrected', 'sources', 'due', 'alert', 'erased'];

export function isUrgent(kind: ChangeKind): boolean {
  return URGENT.includes(kind);
}

/** What a URI means to whoever subscribes to it. Throws NOT-FOUND for no resource, MCP-NOT-FOLLOWED for one that nobody is told of, MCP-URI. */
export function followed(uri: string): Exclude<Follow, { of: 'nothing' }> {
  const ref = parseUri(uri);
  if (!ref) throw new VitalmeshError('NOT-FOUND');
  const follow = followOf(ref);
  if (follow.of === 'nothing') throw new VitalmeshError('MCP-NOT-FOLLOWED');
  return follow;
}

/** The same; undefined for what cannot be subscribed to. */
export function followable(uri: string): Exclude<Follow, { of: 'nothing' }> | undefined {
  try {
    return followed(uri);
  } catch {
    return undefined;
  }
}

/** Of what the right is asked when these are subscribed to, each once. Throws as `followed`. */
export function wantedOf(uris: readonly string[]): Wanted {
  const follows = uris.map(followed);
  const groups = new Map(follows.flatMap((follow) => (follow.of === 'group' ? [[groupTopic(follow.group), follow.group] as const] : [])));
  return {
    patients: [...new Set(follows.flatMap((follow) => (follow.of === 'patient' ? [follow.patient] : [])))],
    groups: [...groups.values()],
    devices: [...new Set(follows.flatMap((follow) => (follow.of === 'device' ? [follow.device] : [])))],
    vitals: [...new Set(follows.flatMap((follow) => (follow.of === 'patient' && follow.vital !== undefined ? [follow.vital] : [])))],
  };
}

/** Where changes of what a reader follows are looked for; undefined when its name for a patient or a device is nobody's any more. */
export function topicOf(follow: Follow, principal: Principal, door: Pick<Door, 'patientBehind' | 'deviceBehind'>): string | undefined {
  if (follow.of === 'list') return LIST;
  if (follow.of === 'group') return groupTopic(follow.group);
  if (follow.of === 'nothing') return undefined;
  if (follow.of === 'device') {
    const device = door.deviceBehind(principal, follow.device);
    return device === undefined ? undefined : deviceTopic(device);
  }
  const patient = door.patientBehind(principal, follow.patient);
  return patient === undefined ? undefined : patientTopic(patient);
}

/**
 * What is counted when a resource is subscribed to, or read by whoever has: its kind, its vital sign and what it is of, by the hub's own ids. So it is one however it is spelled: by
 * another name of one patient, for another window. Undefined for what cannot be subscribed to, and for what this caller may not see.
 */
export function countedAs(
  uri: string,
  principal: Principal,
  door: Pick<Door, 'patientBehind' | 'deviceBehind' | 'maySeeAnyOf'>,
): string | undefined {
  const follow = followable(uri);
  if (!follow || (follow.of === 'group' && !door.maySeeAnyOf(principal, follow.group))) return undefined;
  const topic = topicOf(follow, principal, door);
  const vital = follow.of === 'patient' ? (follow.vital ?? '') : '';
  return topic === undefined ? undefined : `${parseUri(uri)?.kind} ${vital} ${topic}`;
}

/** The list of patients. */
export const LIST = 'list';

/** `patient`: its own id. */
export function patientTopic(patient: string): string {
  return `patient ${patient}`;
}

/** `device`: its own id. */
export function deviceTopic(device: string): string {
  return `device ${device}`;
}

/** Names may hold blanks: a kind of topic is one word, and what is behind it is one name. */
export function groupTopic(group: Group): string {
  return 'ward' in group ? `ward ${group.ward}` : `panel ${group.panel}`;
}

/** The groups that a change touches: where its patient is, and where they were. */
export function groupsTouched(here: NonNullable<Change['was']>, was: NonNullable<Change['was']> = {}): string[] {
  const of = ({ ward, panels = [], possible = [] }: NonNullable<Change['was']>) => [
    ...[ward, ...possible.map((bed) => bed.ward)].flatMap((name) => (name === undefined ? [] : [groupTopic({ ward: name })])),
    ...panels.map((panel) => groupTopic({ panel })),
  ];
  return [...new Set([...of(here), ...of(was)])];
}

/** The devices that a change touches: those that it names, else all of its patient, and none where it is of no device. */
export function devicesTouched({ kind, tenant, patient, devices }: Change, door: Pick<Door, 'devicesOf'>): readonly string[] {
  if (!OF_DEVICES.includes(kind)) return [];
  return devices ?? door.devicesOf(tenant, patient);
}

/** Whether whoever follows is told of a change of what it follows. */
export function hears(follow: Follow, { kind, vitals }: Pick<Change, 'kind' | 'vitals'>): boolean {
  if (follow.of === 'list') return true;
  if (follow.of === 'nothing' || !follow.hears.includes(kind)) return false;
  if (follow.of !== 'patient' || follow.vital === undefined || vitals.length === 0) return true;
  // A part is stored as its panel.
  return vitals.includes(follow.vital) || vitals.includes(panelOfPart(follow.vital)?.key ?? '');
}
