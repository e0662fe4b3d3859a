import type { Instant } from '../../shared/clock.ts';
import type { AssignedId } from '../../shared/movement.ts';
import { readSaid, type ToldMovement } from './said.ts';
import { type Occupancies, type Occupancy, occupancies, occupancyAt } from './stays/occupancy.ts';
import { type Identification, recordOf, type Statement } from './stays/statement.ts';

/** What the movements say of one bed at one time. */
export interface BedAt {
  bed: string;
  /** `occupied` by the one of `patients`; `unconfirmed`: by that one, or nobody; `conflict`: by one of several; `unknown`: nothing was said of it. */
  state: Occupancy['state'] | 'empty' | 'unknown';
  /** As the hospital numbers them, by the number that survived merges. */
  patients: readonly AssignedId[];
  /** UTC ms from which it has been so; null for a bed in which nobody lay before. */
  since: Instant | null;
  /** UTC ms until which it was so; null where nothing later is known. */
  until: Instant | null;
}

/** What movements add up to. */
export interface Movements {
  known: Occupancies;
  /** How many were counted, and how many were left out because they are tests. */
  counted: number;
  tests: number;
}

/** Reads movements as they were stored, in whatever order. What is marked as a test moves nobody but in a sandbox. */
export async function readMovements(events: AsyncIterable<ToldMovement>, isSandbox: boolean): Promise<Movements> {
  const statements: Statement[] = [];
  const identifications: Identification[] = [];
  let [counted, tests] = [0, 0];
  for await (const event of events) {
    if (event.test && !isSandbox) {
      tests += 1;
      continue;
    }
    const read = readSaid(event, isSandbox);
    if (!read) continue;
    counted += 1;
    statements.push(...read.statements);
    identifications.push(...read.identifications);
  }
  return { known: occupancies(statements, identifications), counted, tests };
}

/** Every bed of which anything was ever said, in order of name, or the named one; as of a time. Pure. */
export function bedsAt(known: Occupancies, at: Instant, bed?: string): BedAt[] {
  const named = bed === undefined ? [...known.keys()].sort() : [bed];
  return named.map((name) => bedAt(name, known.get(name), at));
}

function bedAt(bed: string, course: readonly Occupancy[] | undefined, at: Instant): BedAt {
  if (course === undefined) return { bed, state: 'unknown', patients: [], since: null, until: null };
  const now = occupancyAt(course, at);
  if (now) return { bed, state: now.state, patients: now.persons.map(recordOf), since: now.from, until: now.to };
  const before = course.findLast(({ to }) => to !== null && to <= at);
  const after = course.find(({ from }) => from > at);
  return { bed, state: 'empty', patients: [], since: before?.to ?? null, until: after?.from ?? null };
}
