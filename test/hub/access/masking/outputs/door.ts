import type { Principal } from '../../../../../hub/access/access.ts';
import type { CallContext, Door } from '../../../../../hub/access/door.ts';
import { parseInstant } from '../../../../../shared/clock.ts';
import { EVENT_KINDS } from '../../../../../shared/event.ts';
import { gathered } from '../../../../support/hub.ts';
import type { PlantedSite } from '../planted-site.ts';
import { failure, LIMITED, type Output } from './output.ts';

const MCP: CallContext = { channel: 'mcp-2026' };
const AT_MACHINE: CallContext = { channel: 'operator' };

type DoorCall = (door: Door, who: Principal) => Promise<unknown>;

async function everybody(door: Door, who: Principal, call: (name: string) => Promise<unknown>): Promise<unknown[]> {
  return await Promise.all((await door.listPatients(who, MCP)).map(({ patient }) => call(patient)));
}

/** Each method of the door, as somebody who is masked calls it. */
export const SAID_AT_THE_DOOR: Readonly<Record<string, DoorCall>> = {
  listPatients: (door, who) => door.listPatients(who, MCP),
  latest: (door, who) => everybody(door, who, (name) => door.latest(who, name, MCP)),
  trend: (door, who) =>
    everybody(door, who, async (name) => {
      const { asOf, vitals } = await door.latest(who, name, MCP);
      const to = (parseInstant(asOf)?.at ?? 0) + 1000;
      return await Promise.all(vitals.map(({ vital }) => door.trend(who, name, { vital, from: to - 3_600_000, to, points: 12 }, MCP)));
    }),
  alerts: (door, who) => everybody(door, who, (name) => door.alerts(who, name, MCP)),
  gaps: (door, who) => everybody(door, who, (name) => door.gaps(who, name, MCP)),
  doubtful: (door, who) => everybody(door, who, (name) => door.doubtful(who, { patient: name, most: 9 }, MCP)),
  observation: (door, who) =>
    everybody(door, who, async (name) => {
      const { vitals } = await door.latest(who, name, MCP);
      return await Promise.all(vitals.map(({ observation }) => door.observation(who, observation, MCP)));
    }),
  history: (door, who) =>
    everybody(door, who, async (name) => {
      const { vitals } = await door.latest(who, name, MCP);
      return await Promise.all(
        vitals.map(async ({ vital, device, at }) => {
          const versions = await door.history(who, name, { vital, device, effective: parseInstant(at)?.at ?? 0 }, MCP);
          if (versions.length === 0) throw new Error('nothing was found by what was shown');
          return versions;
        }),
      );
    }),
  openSubscription: (door, who) => everybody(door, who, (name) => door.openSubscription(who, [name], MCP)),
  closeSubscription: (door, who) => everybody(door, who, (name) => door.closeSubscription(who, [{ patient: name, delivered: 1 }], MCP)),
  health: (door, who) => door.health(who, MCP),
  fleet: (door, who) => failure(door.fleet(who, MCP)),
  counts: (door, who) => failure(door.counts(who, MCP)),
  requireScope: (door, who) => failure(door.requireScope(who, 'vitals.read', MCP)),
  placeNotKnown: async (door, who) => ({ placeNotKnown: door.placeNotKnown(who) }),
  turnAway: (door) => door.turnAway([{ tenant: 'clinic', principal: 'ai-stranger', role: 'none' }], 'corpus', MCP),
};

/** Of the door's methods, those that say nothing to a caller: what the hub asks for itself. */
export const ASKED_BY_THE_HUB = [
  ...['maySee', 'maySeeAnyOf', 'maySeeDevice', 'groupsOf', 'devicePatients', 'devicesOf', 'may'],
  ...['patientBehind', 'deviceBehind', 'maskOf'],
] as const;

/** Of those who are masked: who reads, and who takes data away. */
const DEIDENTIFIED = { reader: 'ai-research', extractor: 'ai-extract' };
const LIMITED_ONES = { reader: 'ai-quality', extractor: 'ai-extract-2' };

export function doorOutputs(): Output[] {
  const principal = ({ hub }: PlantedSite, identity: string): Principal => {
    const found = hub.registry.principal(identity);
    if (!found) throw new Error(`${identity} is not listed`);
    return found;
  };
  return [DEIDENTIFIED, LIMITED_ONES].flatMap(({ reader, extractor }): Output[] => {
    const may = reader === 'ai-quality' ? { may: LIMITED } : {};
    const resources = async (site: PlantedSite, kinds: readonly (typeof EVENT_KINDS)[number][]) => {
      const who = principal(site, extractor);
      if (kinds.length === 0) return gathered(await site.hub.door.export(who, {}, AT_MACHINE));
      return await Promise.all(kinds.map(async (kind) => gathered(await site.hub.door.exportEvents(who, { kind }, AT_MACHINE))));
    };
    return [
      ...Object.entries(SAID_AT_THE_DOOR).map(
        ([name, call]): Output => ({
          name: `door ${reader}: ${name}`,
          ...may,
          run: async (site) => JSON.stringify((await call(site.hub.door, principal(site, reader))) ?? null),
        }),
      ),
      { name: `door ${reader}: export`, ...may, run: async (site) => JSON.stringify(await resources(site, [])) },
      { name: `door ${reader}: exportEvents`, ...may, run: async (site) => JSON.stringify(await resources(site, EVENT_KINDS)) },
    ];
  });
}
