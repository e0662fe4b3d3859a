/** One measured number of a benchmark. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** Against a peer measured in the same run. */
  ratio?: { to: string; value: number };
}

/** The middle one of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** One line, aligned: name, value with unit, and the ratio to the peer. */
export function formatFigure({ name, value, unit, ratio }: Figure): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const shown = value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return `  ${name.padEnd(52)} ${shown.padStart(10)} ${unit.padEnd(8)}${ratio ? ` ${ratio.value.toFixed(2)} x ${ratio.to}` : ''}`;
}
