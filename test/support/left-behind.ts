import { flushCompileCache } from 'node:module';
import { afterEach, beforeEach } from 'node:test';
import { isMainThread } from 'node:worker_threads';

const TICK_MS = 10_000;
/** As long as a test may take. */
const LIMIT_MS = 180_000;

/**
 * Preloaded (`--import`) into each file of a test run: a process that something keeps alive behind its last test says what that is and fails its file,
 * instead of being waited for without end. One that nothing keeps alive ends at once: the way on which Node closes what is still open (CleanupHandles, 24.21)
 * was seen to turn without end over a socket.
 */
if (isMainThread && process.env.NODE_TEST_CONTEXT !== undefined && process.argv[1]?.endsWith('.test.ts')) {
  let running = 0;
  let idleMs = 0;
  beforeEach(() => {
    running += 1;
  });
  afterEach(() => {
    running -= 1;
  });
  setInterval(() => {
    idleMs = running > 0 ? 0 : idleMs + TICK_MS;
    if (idleMs < LIMIT_MS) return;
    process.stderr.write(
      `${process.argv[1]} has run no test for ${idleMs / 1000} s and does not end: ${process.getActiveResourcesInfo()}\n`,
    );
    process.exit(1);
  }, TICK_MS).unref();
  // Behind whatever else listens for the end.
  process.once('beforeExit', () => {
    process.once('exit', () => {
      flushCompileCache();
      process.exit();
    });
  });
}
