/** Live is what came after the connection was made, backlog what had been waiting then. */
export type LaneName = 'live' | 'backlog';

/** Batches in flight, lane by lane. */
export type Flying = Readonly<Record<LaneName, number>>;

/**
 * Whether another batch of this lane may go. While there is a backlog each lane has at least one place of the window: live data never wait
 * for an outage's backlog, and the backlog gets through however much comes. As long as live data are on their way it has half of the places:
 * with one place for them, what comes next would wait for an answer. With a window of one they go by turns (`laneOrder`).
 */
export function mayDepart(lane: LaneName, windowBatches: number, flying: Flying, hasBacklog: boolean): boolean {
  if (flying.live + flying.backlog >= windowBatches) return false;
  if (windowBatches === 1 || (lane === 'live' && !hasBacklog)) return true;
  const most = lane === 'backlog' && flying.live > 0 ? Math.max(1, windowBatches >> 1) : windowBatches - 1;
  return flying[lane] < most;
}

/**
 * How many entries a batch of this lane may have where `limit` is the most: half of that for the backlog while live data are on their way, because
 * the hub reads, checks and stores a batch in one go, and what is live waits for that.
 */
export function batchShare(lane: LaneName, limit: number, flying: Flying): number {
  return lane === 'backlog' && flying.live > 0 ? Math.max(1, limit >> 1) : limit;
}

/** Which lane is asked first: live, except where the window has one place, which live has just had. */
export function laneOrder(windowBatches: number, last: LaneName | undefined): readonly LaneName[] {
  return windowBatches === 1 && last === 'live' ? ['backlog', 'live'] : ['live', 'backlog'];
}
