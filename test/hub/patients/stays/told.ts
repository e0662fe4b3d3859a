import { type Occupancies, occupancies } from '../../../../hub/patients/stays/occupancy.ts';
import { type Identification, readStatements, type Statement } from '../../../../hub/patients/stays/statement.ts';
import type { MovementEvent, MovementParty } from '../../../../shared/movement.ts';

const DAY = Date.UTC(2026, 10, 22);
export const HOSPITAL = 'HOSP';

/** `10:30` of one day. */
export function clock(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return DAY + (hours * 60 + minutes) * 60_000;
}

export type Told = [time: string, event: MovementEvent, ...parties: (Omit<MovementParty, 'patient'> & { who: string; was?: string })[]];

export function heard(told: readonly Told[]): { statements: Statement[]; identifications: Identification[] } {
  const read = told.map(([time, event, ...parties], i) =>
    readStatements(
      {
        event,
        parties: parties.map(({ who, was, ...party }) => ({
          ...party,
          patient: { authority: HOSPITAL, value: who },
          ...(was !== undefined && { prior: { ...party.prior, patient: { authority: HOSPITAL, value: was } } }),
        })),
      },
      { at: clock(time), heard: DAY, key: `m${String(i).padStart(4, '0')}` },
    ),
  );
  return { statements: read.flatMap((one) => one.statements), identifications: read.flatMap((one) => one.identifications) };
}

/** What follows from what was said, in the order in which it was heard. */
export function told(...said: Told[]): Occupancies {
  const { statements, identifications } = heard(said);
  return occupancies(statements, identifications);
}

/** As a nurse would write it: `10:00–12:00 ann`, with ? where it is not confirmed and all of them where they contradict each other. */
export function shown(of: Occupancies, bed: string): string[] {
  const time = (at: number | null): string => (at === null ? '' : new Date(at).toISOString().slice(11, 16));
  return (of.get(bed) ?? []).map(({ from, to, state, persons }) => {
    const names = persons.map((person) => (JSON.parse(person) as string[])[1]).join('+');
    return `${time(from)}–${time(to)} ${names}${state === 'unconfirmed' ? '?' : ''}`;
  });
}
