/** Live is what came after the connection was made, backlog what had been waiting then. */
export type LaneName = 'live' | 'backlog';

/** Batches in flight, lane by lane. */
export type Flying = Readonly<Record<LaneName, number>>;

/**
 * Whether another batch of this lane may go. While there is a backlog each lane has at least one place of the window: live data never wait
 * for an outage's backlog, and the backlog gets through however much comes. With a window of one they go by turns (`laneOrder`).
 */
export function mayDepart(lane: LaneName, windowBatches: number, flying: Flying, hasBacklog: boolean): boolean {
  if (flying.live + flying.backlog >= windowBatches) return false;
  if (windowBatches === 1 || (lane === 'live' && !hasBacklog)) return true;
  return flying[lane] < windowBatches - 1;
}

/** Which lane is asked first: live, except where the window has one place, which live has just had. */
export function laneOrder(windowBatches: number, last: LaneName | undefined): readonly LaneName[] {
  return windowBatches === 1 && last === 'live' ? ['backlog', 'live'] : ['live', 'backlog'];
}
