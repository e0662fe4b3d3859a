import { panelOfPart } from '../../shared/vitals.ts';

/**
 * Counts the measurements of each panel in a message, so that pressures of two lines, or of two rounds, never become one blood pressure:
 * a channel (OBX-4 without its last number) has its own, and a part that comes again begins the next. A part that was refused has come,
 * too: what follows it belongs to another measurement, and the pressure beside it stays alone.
 */
export class Measurements {
  /** By channel; most messages have no panel in them. */
  #open: Map<string, { number: number; parts: Set<string> }> | undefined;
  readonly #counts: { [panel: string]: number } = {};

  /** Which measurement of its panel a part belongs to, counted from 0; undefined for what is no part of a panel. */
  of(vital: string, path: string): number | undefined {
    const panel = panelOfPart(vital);
    if (!panel) return undefined;
    const channel = `${panel.key} ${path.slice(0, Math.max(0, path.lastIndexOf('.')))}`;
    this.#open ??= new Map();
    const open = this.#open.get(channel);
    if (open && !open.parts.has(vital)) {
      open.parts.add(vital);
      return open.number;
    }
    const number = this.#counts[panel.key] ?? 0;
    this.#counts[panel.key] = number + 1;
    this.#open.set(channel, { number, parts: new Set([vital]) });
    return number;
  }
}
