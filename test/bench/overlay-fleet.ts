import { availableParallelism } from 'node:os';
import type { Figure } from './figure.ts';
import { type Comeback, FleetSite, type Part } from './overlay-fleet-site.ts';

const AWAY_MS = 10_000;
const RESTARTS: readonly [Part, number][] = [
  ['router', 0],
  ['network', AWAY_MS],
  ['hub', AWAY_MS],
];

/** What is measured of a fleet of one size, and what of it is promised; README.md, Sizes. */
export interface FleetPlan {
  gateways: number;
  /** All are started within this time. */
  withinMs: number;
  /** Until all are connected, from the first start on. */
  mostConnectS: number;
  /** Connected, when what connecting took is not yet given back. */
  mostHubMB: number;
  restarts: RestartPlan;
}

interface RestartPlan {
  /** In this order, and how long each is away once every gateway has noticed. */
  parts: readonly [part: Part, downMs: number][];
  mostBackS: number;
  mostHubPeakMB: number;
}

/**
 * At 500, the hub's peak is that of architecture §6, and the others were measured, with half as much again on top: a hub begins with 170 MB,
 * of which 63 are the program's own pages, and takes 160 to 200 kB a gateway. Two cores carry network, hub and all gateways; at 2,500 all
 * bars are what was measured on a machine without other work, with half as much again on top.
 */
export const PLANS: readonly FleetPlan[] = [
  {
    gateways: 500,
    withinMs: 20_000,
    mostConnectS: 80,
    mostHubMB: 320,
    restarts: { parts: RESTARTS, mostBackS: 60, mostHubPeakMB: 512 },
  },
  {
    gateways: 2500,
    withinMs: 60_000,
    mostConnectS: 280,
    mostHubMB: 950,
    restarts: { parts: RESTARTS, mostBackS: 135, mostHubPeakMB: 1260 },
  },
];
/** Between two readings of one gateway: a home gateway sends a few an hour, a bedside monitor one a second or more. */
const READING_EVERY_MS = 30_000;
/**
 * Of all gateways, in any second: a loss is spread over five seconds, so a fifth is expected, and half is allowed for a busy machine, whose
 * timers come late. Without a spread all would come within the first half second.
 */
const MOST_IN_A_SECOND = 0.5;
/** Uplinks follow channels and are not spread again: those whose channel stood before the hub's wait for it, and come with their next try. */
const MOST_UPLINKS_IN_A_SECOND = 0.75;
const MB = 1_000_000;

/** Fleets of gateways on one hub: what it takes to connect them, to hold them, and to have them back. */
export async function benchOverlayFleet(): Promise<Figure[]> {
  process.stderr.write(`network, hub and all gateways share ${availableParallelism()} cores\n`);
  const figures: Figure[] = [];
  for (const plan of PLANS) figures.push(...(await benchFleet(plan)));
  return figures;
}

async function benchFleet({ gateways, withinMs, mostConnectS, mostHubMB, restarts }: FleetPlan): Promise<Figure[]> {
  const named = (name: string, value: number, unit: string, bar?: Figure['bar']): Figure => ({
    name: `${gateways} gateways: ${name}`,
    value,
    unit,
    ...(bar && { bar }),
  });
  await using site = await FleetSite.start(gateways);
  const empty = site.memory;
  const connected = await site.connect({ withinMs, everyMs: READING_EVERY_MS });
  const full = site.memory;
  const figures = [
    named(`started within ${withinMs / 1000} s, all connected`, connected.seconds, 's', { most: mostConnectS }),
    named('CPU of the network to connect one', (1000 * connected.networkCpuS) / gateways, 'ms'),
    named('CPU of the hub to connect one', (1000 * connected.hubCpuS) / gateways, 'ms'),
    named('hub, resident', full.hub / MB, 'MB', { most: mostHubMB }),
    named('hub, resident, each', (full.hub - empty.hub) / gateways / 1000, 'kB'),
    named('network, resident', full.network / MB, 'MB'),
  ];
  figures.push(...(await restarted(site, restarts, named, gateways)));
  const { taken, stored, heldAlready, quarantined } = await site.count();
  return [
    ...figures,
    named('readings taken', taken, ''),
    named('of them not stored, or more than once', Math.abs(taken - stored) + quarantined, '', { most: 0 }),
    named('sent again and recognised', heldAlready, ''),
  ];
}

async function restarted(site: FleetSite, plan: RestartPlan, named: Named, gateways: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  let peakBytes = site.memory.hub;
  for (const [part, downMs] of plan.parts) {
    const back = await site.restart(part, downMs);
    peakBytes = Math.max(peakBytes, site.memory.hub);
    figures.push(
      named(`${part} restarted, all back`, back.seconds, 's', { most: plan.mostBackS }),
      named(`${part} restarted, nine in ten back`, back.mostlySeconds, 's'),
      ...stampede(named, part, back, gateways),
    );
  }
  return [...figures, named('hub, resident, at most, after restarts', peakBytes / MB, 'MB', { most: plan.mostHubPeakMB })];
}

type Named = (name: string, value: number, unit: string, bar?: Figure['bar']) => Figure;

/** How many came at the same time. A hub that was restarted takes uplinks over channels that stand. */
function stampede(named: Named, part: Part, { peaks, uplinksInASecond }: Comeback, gateways: number): Figure[] {
  const most = { most: MOST_IN_A_SECOND * gateways };
  const channels =
    part === 'hub'
      ? []
      : [
          named(`${part} restarted, channels tried in any second`, peaks.handshakes.inASecond, '', most),
          named(`${part} restarted, channels tried`, peaks.handshakes.all, ''),
          named(`${part} restarted, controller asked in any second`, peaks.requests.inASecond, ''),
          named(`${part} restarted, sign-ins in any second`, peaks.signIns.inASecond, '', most),
        ];
  const mostUplinks = { most: MOST_UPLINKS_IN_A_SECOND * gateways };
  return [...channels, named(`${part} restarted, uplinks in any second`, uplinksInASecond, '', mostUplinks)];
}
