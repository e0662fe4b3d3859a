import { cpus } from 'node:os';
import { type Figure, formatFigure } from './figure.ts';
import { benchHost } from './host.ts';

/** Fewer and shorter rounds, where a benchmark has them: to see that it works, not what it measures. */
interface How {
  quick: boolean;
}

/** `npm run bench [-- NAME...] [--json] [--quick]`: measures ours beside the named peers in one run, medians of several rounds. */
const BENCHES: Record<string, (how: How) => Promise<Figure[]>> = {
  hl7: async () => (await import('./hl7.ts')).benchHl7(),
  outbox: async () => (await import('./outbox.ts')).benchOutbox(),
  ingest: async () => (await import('./ingest.ts')).benchIngest(),
  clinical: async () => (await import('./clinical.ts')).benchClinical(),
  store: async () => (await import('./store.ts')).benchStore(),
  access: async () => (await import('./access.ts')).benchAccess(),
  recovery: async () => (await import('./recovery.ts')).benchRecovery(),
  latency: async () => (await import('./latency.ts')).benchLatency(),
  memory: async () => (await import('./memory.ts')).benchMemory(),
  mcp: async (how) => (await import('./mcp.ts')).benchMcp(how),
  'mcp-updates': async (how) => (await import('./mcp-updates.ts')).benchMcpUpdates(how),
  'mcp-end-to-end': async (how) => (await import('./mcp-end-to-end.ts')).benchMcpEndToEnd(how),
  'mcp-memory': async (how) => (await import('./mcp-memory.ts')).benchMcpMemory(how),
  overlay: async () => (await import('./overlay.ts')).benchOverlay(),
  'overlay-idle': async () => (await import('./overlay-idle.ts')).benchOverlayIdle(),
  'overlay-fleet': async () => (await import('./overlay-fleet.ts')).benchOverlayFleet(),
};
/** Asked for by this name, these are measured too. */
const INCLUDED: Record<string, readonly string[]> = { overlay: ['overlay-fleet'], mcp: ['mcp-updates', 'mcp-end-to-end', 'mcp-memory'] };

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(`npm run bench [-- NAME...] [--json] [--quick]\nBenchmarks, all unless named: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(0);
}
const json = args.includes('--json');
const how = { quick: args.includes('--quick') };
const names = args.filter((arg) => !arg.startsWith('-'));
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark '${unknown[0]}'. Known: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}

process.stderr.write(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}\n`);
const host = benchHost();
const hostSpeed = host.ratio?.value ?? Number.NaN;
const all: Record<string, Figure[]> = { host: [host] };
if (!json) process.stdout.write(`${formatFigure(host, hostSpeed)}\n`);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (names.length > 0 && !names.some((asked) => asked === name || INCLUDED[asked]?.includes(name))) continue;
  process.stderr.write(`measuring ${name} ...\n`);
  const figures = await bench(how);
  all[name] = figures;
  if (!json) process.stdout.write(`${name}\n${figures.map((figure) => formatFigure(figure, hostSpeed)).join('\n')}\n`);
}
if (json) process.stdout.write(`${JSON.stringify(all)}\n`);
process.exit();
