import type { ErrorCode } from '../../shared/errors.ts';
import type { ReadNote } from '../../shared/signed-note.ts';

/** What stands against the evidence from an entry on until an operator answers for it. */
export interface Doubt {
  code: DoubtCode;
  /** Number of the last entry when it arose. */
  since: number;
}

/** What the hub cannot find out again by itself at its next start, so that its notes have to say it. */
export const DOUBTS = ['AUDIT-NOTE-LOST'] as const satisfies readonly ErrorCode[];
export type DoubtCode = (typeof DOUBTS)[number];

const LINE = /^vitalmesh-doubt (\S+) (\d{1,15})$/;

/** Lines of a signed note: whoever takes a doubt away has to cut the evidence back to before it, which is a doubt again. */
export function linesOf(doubts: readonly Doubt[]): readonly string[] {
  return doubts.map(({ code, since }) => `vitalmesh-doubt ${code} ${since}`);
}

/** What a note says, as far as its signature is good. */
export function doubtsIn({ text }: Pick<ReadNote, 'text'>): readonly Doubt[] {
  return text.split('\n').flatMap((line) => {
    const [, name, since] = LINE.exec(line) ?? [];
    const code = DOUBTS.find((one) => one === name);
    return code === undefined ? [] : [{ code, since: Number(since) }];
  });
}

/** All of them, each since it first arose. */
export function united(...lists: readonly (readonly Doubt[])[]): readonly Doubt[] {
  const earliest = new Map<DoubtCode, Doubt>();
  for (const doubt of lists.flat()) {
    const known = earliest.get(doubt.code);
    if (known === undefined || doubt.since < known.since) earliest.set(doubt.code, doubt);
  }
  return [...earliest.values()];
}
