import { readFileSync } from 'node:fs';
import type { Uplink } from '../../agent/uplink/contract.ts';
import { createUplink } from '../../agent/uplink.ts';
import { systemClock } from '../../shared/clock.ts';
import { type Identity, parseIdentity } from '../../shared/identity/identity.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { openZitiOverlay } from '../../shared/overlay/ziti/ziti.ts';
import { INGEST } from '../support/fabric-site.ts';
import { MemoryOutbox } from '../support/uplink.ts';
import type { IssuedFleet } from '../support/ziti/fleet.ts';
import { spot } from '../support/ziti-uplink.ts';
import { serveTasks } from './overlay-child.ts';

export interface GatewaysStart {
  /** What `furnish` wrote. */
  file: string;
  /** Which of them, the last one not included. */
  from: number;
  to: number;
  controller: string;
  hubId: string;
  /** All have started after this time. */
  withinMs: number;
  /** Between two readings of one gateway. */
  everyMs: number;
}

/** How the gateways of this process stand. */
export interface GatewaysState {
  connected: number;
  /** Readings taken, and those of which the hub has not said that it holds them. */
  taken: number;
  pending: number;
  refused: number;
}

interface Gateway {
  outbox: MemoryOutbox;
  uplink: Uplink | undefined;
}

const gateways: Gateway[] = [];
let taken = 0;

/** Starts gateways one after the other as the time goes: real overlays and uplinks at their usual pace, each with an outbox in memory. */
async function start({ file, from, to, controller, hubId, withinMs, everyMs }: GatewaysStart): Promise<void> {
  const fleet = JSON.parse(readFileSync(file, 'utf8')) as IssuedFleet;
  const own = fleet.gateways.slice(from, to).map((identity) => ({ ...parseIdentity(identity), controllers: [controller] }));
  const sinceMs = performance.now();
  for (const [index, identity] of own.entries()) {
    await pause(Math.max(0, sinceMs + (index * withinMs) / own.length - performance.now()));
    const gateway: Gateway = { outbox: new MemoryOutbox(), uplink: undefined };
    gateways.push(gateway);
    void run(gateway, identity, hubId);
    setTimeout(() => setInterval(() => measure(gateway), everyMs), Math.random() * everyMs);
  }
}

async function run(gateway: Gateway, identity: Identity, hubId: string): Promise<void> {
  const { outbox } = gateway;
  const overlay = await openZitiOverlay({ identity, log: silentLogger });
  gateway.uplink = createUplink({
    outbox,
    overlay,
    service: INGEST,
    identity,
    hubIdentity: [hubId],
    log: silentLogger,
    metrics: new Metrics(),
    clock: systemClock,
  });
  await gateway.uplink.start(new AbortController().signal);
}

function measure({ outbox }: Gateway): void {
  taken += 1;
  void outbox.append([spot(40 + (taken % 100))]);
}

function state(): GatewaysState {
  const total = (of: (gateway: Gateway) => number): number => gateways.reduce((sum, gateway) => sum + of(gateway), 0);
  return {
    connected: total(({ uplink }) => Number(uplink?.status().state === 'connected')),
    taken,
    pending: total(({ outbox }) => outbox.size),
    refused: total(({ outbox }) => outbox.refused.length),
  };
}

serveTasks({
  start,
  state: async () => state(),
  /** One more reading of each. */
  measure: async () => {
    for (const gateway of gateways) measure(gateway);
  },
});
