import type { Instant } from '../../../shared/clock.ts';
import type { GatewayEntry } from '../../registry/registry.ts';
import type { Stranger } from './strangers.ts';

/** What the status says of the devices of homes. */
export interface Adoption {
  /** Devices that were heard since the start and are not adopted there; the last seen first. For operators of this machine alone: never for a log. */
  notAdopted: readonly Stranger[];
  /** How often one of them was let go of to make room for others. */
  notAdoptedLeftOut: number;
  /** Gateways of one patient that take what every device measures that they hear, because their row has no list. */
  homesWithoutList: { count: number; of: number };
}

/** How many gateways of homes have no list of their devices. */
export function homesWithoutList(gateways: readonly Pick<GatewayEntry, 'patient' | 'adopted'>[]): Adoption['homesWithoutList'] {
  const homes = gateways.filter(({ patient }) => patient !== undefined);
  return { count: homes.filter(({ adopted }) => adopted === undefined).length, of: homes.length };
}

/** The same in words; undefined where every home has a list. No warning: a list is a choice, and a device that shows itself by no number cannot be on one. */
export function formatHomesWithoutList({ count, of }: Adoption['homesWithoutList']): string | undefined {
  if (count === 0) return undefined;
  return `${count} of ${of} gateways of one patient have no \`adopted\` list: whatever device they hear counts as that patient’s.`;
}

/** Devices that the text shows; all of them stand in `--json`. */
const MOST_SHOWN = 20;

/** Rows of `vitalmesh-hub status`. */
export function adoptionRows({
  notAdopted,
  notAdoptedLeftOut,
  homesWithoutList: homes,
  now,
}: Adoption & { now: Instant }): [string, string][] {
  const without = formatHomesWithoutList(homes);
  const rows: [string, string][] = without === undefined ? [] : [['Homes', without]];
  if (notAdopted.length === 0) return rows;
  rows.push(['Not adopted', 'seen at these gateways; to adopt one that belongs there, put its line under `adopted` in registry.yaml:']);
  for (const one of notAdopted.slice(0, MOST_SHOWN)) {
    const what = one.refused ? 'refused' : 'taken, for this gateway has no list';
    const elsewhere = one.adoptedAt === null ? '' : `; ADOPTED AT ANOTHER HOME (gateway ${one.adoptedAt})`;
    const seen = `${one.count} times since ${ago(now, one.since)}, last ${ago(now, one.lastAt)}`;
    rows.push([`  ${one.gateway}`, `${lineOf(one)}  (${what}, ${seen}${elsewhere})`]);
  }
  if (notAdopted.length > MOST_SHOWN) rows.push(['', `and ${notAdopted.length - MOST_SHOWN} more, see --json`]);
  if (notAdoptedLeftOut > 0)
    rows.push(['', `and others, ${notAdoptedLeftOut} of which were let go of to make room; those that still send come back`]);
  return rows;
}

/** Characters that could make a terminal show something else. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The entry of registry.yaml that adopts it; JSON's quotes are YAML's. */
function lineOf({ id, idType }: Stranger): string {
  const quoted = JSON.stringify(id.replace(UNSHOWN, ''));
  return idType === null ? `- ${quoted}` : `- { id: ${quoted}, idType: ${idType} }`;
}

function ago(now: Instant, at: Instant): string {
  return `${Math.round((now - at) / 1000)} s ago`;
}
