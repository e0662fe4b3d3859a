import { readFileSync } from 'node:fs';

/**
 * Preloaded into a program under test (`--import`): its wall clock runs ahead by as many milliseconds as the file WALL_CLOCK_FILE says, which is
 * read again and again. The clock that never jumps and the timers stay as they are, as when a machine's clock is set.
 */
const file = process.env.WALL_CLOCK_FILE ?? '';
const machine = Date.now;
let aheadMs = 0;
const read = (): void => {
  aheadMs = Number(readFileSync(file, 'utf8'));
};
read();
setInterval(read, 20).unref();
Date.now = () => machine() + aheadMs;
