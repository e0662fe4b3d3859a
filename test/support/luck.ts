/** `short pauses`: what is drawn by lot, such as the pauses between attempts (full jitter), comes out as in the luckiest quarter of all draws. */
export type Luck = 'any' | 'short pauses';

const VARIABLE = 'VITALMESH_TEST_LUCK';

/** The environment of a child with this luck. */
export function withLuck(luck: Luck): NodeJS.ProcessEnv {
  return { ...process.env, [VARIABLE]: luck };
}

/** Gives this process the luck that its parent wants. */
export function followLuck(): void {
  if (process.env[VARIABLE] !== ('short pauses' satisfies Luck)) return;
  const { random } = Math;
  Math.random = () => random() / 4;
}
