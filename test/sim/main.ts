import { parseArgs } from 'node:util';
import { runSimulate } from '../../agent/simulate/command.ts';
import { processIo } from '../../shared/command-line.ts';
import { processSignal } from '../../shared/lifecycle.ts';

/**
 * A device of the demo: the home hub, or what `vitalmesh-agent simulate --json` simulates, without the rest of the agent's program. Runs
 * until SIGTERM, or until whoever started it is gone: `node test/sim/main.ts home-hub --residents 0001,0002 | transfer --to … | PROFILE …`. `--silent 0002@4`:
 * the oximeter of that resident says nothing any more after so many seconds; `--visited 0001`: somebody else stands
 * on the scale of that one.
 */
async function main(argv: readonly string[]): Promise<number> {
  const signal = AbortSignal.any([processSignal(), startedByNobody()]);
  if (argv[0] === 'transfer') return await transfer(argv.slice(1), signal);
  if (argv[0] !== 'home-hub') return await runSimulate([...argv, '--json'], processIo, signal);
  const { values } = parseArgs({
    args: argv.slice(1),
    options: {
      residents: { type: 'string', default: '0001' },
      seed: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
      every: { type: 'string', default: '1000' },
      silent: { type: 'string', default: '' },
      visited: { type: 'string', default: '' },
    },
  });
  // Only here is there a broker in it.
  const { runHomeHub } = await import('./home-hub.ts');
  const [whose, afterS] = values.silent.split('@');
  const residents = values.residents.split(',').map((number, i) => ({
    ...{ number, seed: Number(values.seed) + i },
    ...(number === whose && { silentAfterMs: Number(afterS) * 1000 }),
    ...(number === values.visited && { visited: true }),
  }));
  await runHomeHub({ residents, port: Number(values.port), intervalMs: Number(values.every) }, signal);
  return 0;
}

async function transfer(args: readonly string[], signal: AbortSignal): Promise<number> {
  const text = { type: 'string', default: '' } as const;
  const { values } = parseArgs({ args: [...args], options: { to: text, patient: text, from: text, bed: text, 'moved-at': text } });
  const { runTransfer } = await import('./transfer.ts');
  const { to, patient, from, bed, 'moved-at': movedAt } = values;
  const { hostname: host, port } = new URL(`tcp://${to.replace(/^\w+:\/\//, '')}`);
  await runTransfer({ to: { host, port: Number(port) }, patient, from, bed, movedAt: Number(movedAt) }, signal);
  return 0;
}

function startedByNobody(): AbortSignal {
  const gone = new AbortController();
  process.stdin.resume().on('end', () => gone.abort());
  return gone.signal;
}

const code = await main(process.argv.slice(2));
process.stdout.write('', () => process.exit(code));
