import { HOUR_MS, minuteOf } from '../../../hub/store/roll.ts';
import type { Row, Sent } from './model.ts';

/** A minute or an hour of one device that was rolled up, with all that went into it: nothing is summed before it is asked for. */
interface RolledCell {
  of: Pick<Sent, 'patient' | 'vital' | 'device' | 'test'>;
  hour: boolean;
  start: number;
  rows: Row[];
  /** One of its values was taken back or replaced since. */
  doubtful: boolean;
}

const hourOf = (time: number): number => Math.floor(time / HOUR_MS) * HOUR_MS;
const startOf = (time: number, hour: boolean): number => (hour ? hourOf(time) : minuteOf(time));

/** What the retention leaves of readings, as a list. */
export class RolledModel {
  #cells: RolledCell[] = [];

  get hasHours(): boolean {
    return this.#cells.some(({ hour }) => hour);
  }

  get cells(): number {
    return this.#cells.length;
  }

  rows(): Row[] {
    return this.#cells.flatMap(({ rows }) => rows);
  }

  /** What takes another back is no measurement. */
  add(row: Row): void {
    if (!row.withdrawn) this.#cell(row, false, row.sortTime).rows.push(row);
  }

  /** Minutes that begin before this become hours; gives how many. */
  thin(before: number): number {
    const minutes = this.#cells.filter(({ hour, start }) => !hour && start < before);
    this.#cells = this.#cells.filter((cell) => !minutes.includes(cell));
    for (const { of, start, rows, doubtful } of minutes) {
      const into = this.#cell(of, true, start);
      into.rows.push(...rows);
      into.doubtful ||= doubtful;
    }
    return minutes.length;
  }

  dropHours(): void {
    this.#cells = this.#cells.filter(({ hour }) => !hour);
  }

  /** Of this time of its device something was taken back (`any`), or its preliminary value replaced, and nothing of it is kept. */
  doubt(sent: Sent, which: 'any' | 'preliminary'): void {
    const isOf = (row: Row): boolean => row.preliminary && row.standing && minuteOf(row.effective) === minuteOf(sent.effective);
    for (const cell of this.#cells) {
      const lies = isAlike(cell.of, sent) && cell.start === startOf(sent.effective, cell.hour);
      if (lies && cell.rows.some(({ standing }) => standing) && (which === 'any' || cell.rows.some(isOf))) cell.doubtful = true;
    }
  }

  /** Whether a bucket of these values says that one of them is none any more. */
  isDoubtful(of: RolledCell['of'], from: number, to: number): boolean {
    return this.#cells.some((cell) => cell.doubtful && isAlike(cell.of, of) && cell.start >= from && cell.start < to);
  }

  #cell({ patient, vital, device, test }: RolledCell['of'], hour: boolean, time: number): RolledCell {
    const [of, start] = [{ patient, vital, device, test }, startOf(time, hour)];
    const known = this.#cells.find((cell) => isAlike(cell.of, of) && cell.hour === hour && cell.start === start);
    if (known) return known;
    const cell = { of, hour, start, rows: [], doubtful: false };
    this.#cells.push(cell);
    return cell;
  }
}

function isAlike(a: RolledCell['of'], b: RolledCell['of']): boolean {
  return a.patient === b.patient && a.vital === b.vital && a.device === b.device && a.test === b.test;
}
