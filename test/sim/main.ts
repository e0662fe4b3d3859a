import { parseArgs } from 'node:util';
import { tell } from './device.ts';

/** Runs one simulated device until SIGTERM, or until whoever started it is gone: `node test/sim/main.ts icu-monitor|serial-oximeter|home-hub …`. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      to: { type: 'string', default: '127.0.0.1:2575' },
      bed: { type: 'string', default: 'BED-1' },
      seed: { type: 'string', default: '1' },
      format: { type: 'string', default: 'nonin-df8' },
      serial: { type: 'string', default: '0000056661' },
      residents: { type: 'string', default: '0001' },
      port: { type: 'string', default: '0' },
      'interval-ms': { type: 'string', default: '1000' },
      deteriorates: { type: 'boolean', default: false },
    },
  });
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  process.on('SIGINT', () => stop.abort());
  process.stdin.resume().on('end', () => stop.abort());

  const seed = Number(values.seed);
  const intervalMs = Number(values['interval-ms']);
  const [kind] = positionals;
  const [host = '', port = ''] = values.to.split(':');
  // Each device loads only what it needs: a monitor has no broker in it.
  switch (kind) {
    case 'icu-monitor': {
      const { runIcuMonitor } = await import('./icu-monitor.ts');
      tell({ event: 'ready', endpoint: values.to });
      const counts = await runIcuMonitor(
        { host, port: Number(port), bed: values.bed, seed, intervalMs, deteriorates: values.deteriorates },
        stop.signal,
      );
      return tell({ event: 'done', ...counts });
    }
    case 'serial-oximeter': {
      const { runSerialOximeter } = await import('./serial-oximeter.ts');
      const format = values.format === 'masimo-ascii1' ? 'masimo-ascii1' : 'nonin-df8';
      return tell({
        event: 'done',
        ...(await runSerialOximeter({ format, seed, serial: values.serial, port: Number(values.port), intervalMs }, stop.signal)),
      });
    }
    case 'home-hub': {
      const { runHomeHub } = await import('./home-hub.ts');
      const residents = values.residents.split(',').map((number, i) => ({ number, seed: seed + i }));
      return tell({ event: 'done', ...(await runHomeHub({ residents, port: Number(values.port), intervalMs }, stop.signal)) });
    }
    default:
      process.stderr.write('usage: node test/sim/main.ts icu-monitor|serial-oximeter|home-hub [options]\n');
      process.exitCode = 2;
  }
}

await main();
process.exit();
