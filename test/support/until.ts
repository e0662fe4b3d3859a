import { setImmediate as turn } from 'node:timers/promises';

/** No healthy run comes near. */
const GIVE_UP_MS = 90_000;

/** Resolves once `condition` holds, for what nobody announces; fails after a time that no healthy run comes near. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The same without a timer, so that it also goes on while timers are the test's: the time limit of the test is the limit. */
export async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}
