/** This process stands still for so long, as one that is stopped and goes on: then timers come late, and only then what its sockets hold. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
