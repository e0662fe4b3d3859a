/** What a figure has to reach: its ratio where it has one, else its value. */
export interface Bar {
  least?: number;
  most?: number;
}

/** One measured number of a benchmark. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** Against a peer measured in the same run. */
  ratio?: { to: string; value: number };
  bar?: Bar;
  /** How fast this host is at such work, beside the machine on which the bar was set; what `benchHost` says unless told. */
  host?: number;
}

/** The middle one of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The value that a share `p` (0 to 1) of all does not exceed (nearest rank). */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

/** Units of figures that are as high on a slow host. */
const SIZES = new Set(['MB', 'bytes']);

/**
 * One line, aligned: name, value with unit, the ratio to the peer, and the bar with whether it was reached. Beside an absolute bar stands how
 * fast this host is, which changes nothing of whether it was.
 */
export function formatFigure({ name, value, unit, ratio, bar, host }: Figure, hostSpeed: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const shown = value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return `  ${name.padEnd(52)} ${shown.padStart(10)} ${unit.padEnd(8)}${ratio ? ` ${ratio.value.toFixed(2)} x ${ratio.to}` : ''}${bar ? formatBar(bar, ratio?.value ?? value, ratio || SIZES.has(unit) ? undefined : (host ?? hostSpeed)) : ''}`;
}

function formatBar({ least, most }: Bar, value: number, host: number | undefined): string {
  const reached = value >= (least ?? Number.NEGATIVE_INFINITY) && value <= (most ?? Number.POSITIVE_INFINITY);
  const bar = [least !== undefined && `>= ${least.toLocaleString('en-US')}`, most !== undefined && `<= ${most.toLocaleString('en-US')}`];
  const speed = host === undefined ? '' : `; this host: ${host.toFixed(2)} x`;
  return ` (bar ${bar.filter(Boolean).join(', ')}: ${reached ? 'reached' : 'MISSED'}${speed})`;
}
